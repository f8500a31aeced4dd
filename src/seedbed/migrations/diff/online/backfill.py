"""Backfills of a column in batches, each in its own transaction."""

from dataclasses import replace

from seedbed.migrations.diff.statement import Statement
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Column, Constraint, Table
from seedbed.postgres.quoting import quote_identifier, quote_qualified

_BATCH = 1_000
"""Rows in a batch: a writer that needs one of them waits for some hundredths of a second."""


def fill_in_batches(table: Table, column: Column, expression: str, catalog: Catalog) -> Statement:
    """Fill a column where it is NULL, in the order of the primary key. An interrupted backfill continues where it
    stopped.

    A table without a primary key is filled in one statement, since there is no order to follow.
    """
    statement = fill_remaining_rows(table, column, expression)
    primary_key = _find_primary_key(table, catalog)
    if not primary_key:
        return statement
    table_name, update = quote_qualified(table.schema, table.name), statement.sql
    low, high = (_variables(side, primary_key) for side in ("low", "high"))
    key_columns = ", ".join(map(quote_identifier, primary_key))
    key, first, last = (
        f"({names})" if len(primary_key) > 1 else names for names in (key_columns, _join(low), _join(high))
    )
    descending_keys = ", ".join(f"{quote_identifier(key)} DESC" for key in primary_key)
    quote = "$$" if "$$" not in update else "$backfill$"
    declarations = "".join(
        f"    {side.rpartition('.')[2]} {table_name}.{quote_identifier(key)}%TYPE;\n"
        for variables in (low, high)
        for side, key in zip(variables, primary_key, strict=True)
    )
    batch_query = f"SELECT {key_columns} FROM {table_name} WHERE {key} >= {first} ORDER BY {key_columns} LIMIT {_BATCH}"
    sql = (
        f"DO {quote}\n#variable_conflict use_column\n<<batch>>\nDECLARE\n{declarations}BEGIN\n"
        f"    SELECT {key_columns} INTO {_join(low)} FROM {table_name} ORDER BY {key_columns} LIMIT 1;\n"
        f"    WHILE {low[0]} IS NOT NULL LOOP\n"
        f"        SELECT {key_columns} INTO {_join(high)} FROM (\n            {batch_query}\n"
        f"        ) AS page ORDER BY {descending_keys} LIMIT 1;\n"
        f"        {update} AND {key} >= {first} AND {key} <= {last};\n"
        "        COMMIT;\n"
        f"        SELECT {key_columns} INTO {_join(low)} FROM {table_name}"
        f" WHERE {key} > {last} ORDER BY {key_columns} LIMIT 1;\n"
        f"    END LOOP;\nEND {quote}"
    )
    return replace(statement, sql=sql)


def fill_remaining_rows(table: Table, column: Column, expression: str) -> Statement:
    """Fill a column in the rows that were added during its backfill."""
    table_name, column_name = quote_qualified(table.schema, table.name), quote_identifier(column.name)
    return Statement(
        f"UPDATE {table_name} SET {column_name} = {expression} WHERE {column_name} IS NULL",
        updated_table=(table.schema, table.name),
    )


def _find_primary_key(table: Table, catalog: Catalog) -> tuple[str, ...]:
    for obj in catalog.objects.values():
        if isinstance(obj, Constraint) and obj.type == "p" and (obj.schema, obj.table) == table.key[1:]:
            return obj.columns
    return ()


def _variables(side: str, primary_key: tuple[str, ...]) -> list[str]:
    return [f"batch.{side}" if len(primary_key) == 1 else f"batch.{side}_{i}" for i, _ in enumerate(primary_key, 1)]


def _join(variables: list[str]) -> str:
    return ", ".join(variables)
