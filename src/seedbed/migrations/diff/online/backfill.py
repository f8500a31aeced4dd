"""A column filled in rows that exist, a thousand at a time, each batch committed."""

from dataclasses import replace

from seedbed.migrations.diff.statement import Statement
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Column, Constraint, Table
from seedbed.postgres.quoting import quote_identifier, quote_qualified

_BATCH = 1_000
"""Rows: a writer that wants one of them waits for some hundredths of a second."""


def fill_in_batches(table: Table, column: Column, expression: str, catalog: Catalog) -> Statement:
    """Fill a column where it is NULL, in the order of the primary key; interrupted, it goes on where it was.

    A table without a primary key is filled in one statement, since there is no order to go by.
    """
    at_once = fill_remaining_rows(table, column, expression)
    keys = _key(table, catalog)
    if not keys:
        return at_once
    full, fill = quote_qualified(table.schema, table.name), at_once.sql
    low, high = (_variables(side, keys) for side in ("low", "high"))
    listed = ", ".join(map(quote_identifier, keys))
    key, first, last = (f"({said})" if len(keys) > 1 else said for said in (listed, _said(low), _said(high)))
    backwards = ", ".join(f"{quote_identifier(key)} DESC" for key in keys)
    quote = "$$" if "$$" not in fill else "$backfill$"
    declared = "".join(
        f"    {side.rpartition('.')[2]} {full}.{quote_identifier(key)}%TYPE;\n"
        for variables in (low, high)
        for side, key in zip(variables, keys, strict=True)
    )
    page = f"SELECT {listed} FROM {full} WHERE {key} >= {first} ORDER BY {listed} LIMIT {_BATCH}"
    sql = (
        f"DO {quote}\n#variable_conflict use_column\n<<batch>>\nDECLARE\n{declared}BEGIN\n"
        f"    SELECT {listed} INTO {_said(low)} FROM {full} ORDER BY {listed} LIMIT 1;\n"
        f"    WHILE {low[0]} IS NOT NULL LOOP\n"
        f"        SELECT {listed} INTO {_said(high)} FROM (\n            {page}\n"
        f"        ) AS page ORDER BY {backwards} LIMIT 1;\n"
        f"        {fill} AND {key} >= {first} AND {key} <= {last};\n"
        "        COMMIT;\n"
        f"        SELECT {listed} INTO {_said(low)} FROM {full} WHERE {key} > {last} ORDER BY {listed} LIMIT 1;\n"
        f"    END LOOP;\nEND {quote}"
    )
    return replace(at_once, sql=sql)


def fill_remaining_rows(table: Table, column: Column, expression: str) -> Statement:
    """Fill a column in the few rows that came in since it was filled in batches."""
    full, own = quote_qualified(table.schema, table.name), quote_identifier(column.name)
    return Statement(
        f"UPDATE {full} SET {own} = {expression} WHERE {own} IS NULL", updated_table=(table.schema, table.name)
    )


def _key(table: Table, catalog: Catalog) -> tuple[str, ...]:
    for found in catalog.objects.values():
        if isinstance(found, Constraint) and found.type == "p" and (found.schema, found.table) == table.key[1:]:
            return found.columns
    return ()


def _variables(side: str, keys: tuple[str, ...]) -> list[str]:
    return [f"batch.{side}" if len(keys) == 1 else f"batch.{side}_{i}" for i, _ in enumerate(keys, 1)]


def _said(variables: list[str]) -> str:
    return ", ".join(variables)
