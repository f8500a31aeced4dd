"""Steps for tables in use: each is committed on its own, can run again, and blocks nobody."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import replace

from seedbed.migrations.diff.objects import indexes
from seedbed.migrations.diff.objects.column_changes import add_not_valid_not_null
from seedbed.migrations.diff.objects.privileges import change_comments
from seedbed.migrations.diff.statement import Statement, quote_python, render_call, schema_argument
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Column, Constraint, Index, Table
from seedbed.postgres.quoting import ColumnName, quote_identifier, quote_literal, quote_qualified, truncate_identifier

_BATCH = 1_000
"""Rows in a batch: a writer that needs one of them waits for some hundredths of a second."""

_UNIQUE = re.compile(
    r"UNIQUE(?P<nulls> NULLS NOT DISTINCT)? (?P<columns>\([^()]+\)(?: INCLUDE \([^()]+\))?)"
    r"(?P<rest>(?: DEFERRABLE)?(?: INITIALLY DEFERRED)?)"
)


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


def can_attach_index(constraint: Constraint) -> bool:
    """Whether a unique constraint can be added from an index that was built before."""
    return _UNIQUE.fullmatch(constraint.definition) is not None and "WITHOUT OVERLAPS" not in constraint.definition


def plan_online_steps(before: Catalog, after: Catalog, backfills: Mapping[ColumnName, str]) -> list[Statement]:
    """Plan the steps between two catalogs that differ only in what is deferred, in either direction.

    A step that was interrupted or has run is run again: indexes are built IF NOT EXISTS, after an invalid one was
    dropped, constraints are replaced in one statement, and filled rows are skipped.
    """
    return [
        *_drop_constraints(before, after),
        *_alter_columns(before, after, backfills),
        *_create_indexes(before, after),
        *_create_constraints(before, after),
        *_drop_indexes(before, after),
    ]


def _drop_constraints(before: Catalog, after: Catalog) -> Iterable[Statement]:
    removed = [o for key, o in before.objects.items() if key not in after.objects and isinstance(o, Constraint)]
    for constraint in sorted(removed, key=lambda c: (c.type != "f", c.key)):
        yield Statement(f"{_alter_table(constraint)} DROP CONSTRAINT IF EXISTS {quote_identifier(constraint.name)}")


def _alter_columns(before: Catalog, after: Catalog, backfills: Mapping[ColumnName, str]) -> Iterable[Statement]:
    for key, new in after.objects.items():
        old = before.objects.get(key)
        if not isinstance(new, Table) or not isinstance(old, Table):
            continue
        for column in new.columns:
            becomes_required = column.not_null and not old.columns_by_name[column.name].not_null
            backfill = backfills.get((new.schema, new.name, column.name))
            if backfill is not None:
                yield fill_in_batches(new, column, backfill, after)
            if becomes_required:
                remaining_fill = fill_remaining_rows(new, column, backfill) if backfill is not None else None
                yield from _set_not_null(new, column.name, remaining_fill)
            elif (
                constraint := old.columns_by_name[column.name].unvalidated_not_null
            ) and not column.unvalidated_not_null:
                table_name = quote_qualified(new.schema, new.name)
                yield Statement(f"ALTER TABLE {table_name} VALIDATE CONSTRAINT {quote_identifier(constraint)}")
            elif column.unvalidated_not_null and not old.columns_by_name[column.name].unvalidated_not_null:
                yield add_not_valid_not_null(new, column, replaces_valid=True)
            elif old.columns_by_name[column.name].not_null and not column.not_null:
                yield Statement(
                    _alter_column_sql(new, column.name, "DROP NOT NULL"), _set_nullable_call(new, column.name, True)
                )


def _set_not_null(table: Table, column: str, remaining_fill: Statement | None) -> Iterable[Statement]:
    """Set NOT NULL without a scan under its lock: a check is validated first.

    `remaining_fill` fills rows that were added between the backfill and the check.
    """
    table_name, check = (
        quote_qualified(table.schema, table.name),
        quote_identifier(truncate_identifier(f"{table.name}_{column}", "_filled")),
    )
    yield _add_not_valid(table_name, check, f"CHECK ({quote_identifier(column)} IS NOT NULL)")
    if remaining_fill is not None:
        yield remaining_fill
    yield Statement(f"ALTER TABLE {table_name} VALIDATE CONSTRAINT {check}")
    yield Statement(_alter_column_sql(table, column, "SET NOT NULL"), _set_nullable_call(table, column, False))
    yield Statement(f"ALTER TABLE {table_name} DROP CONSTRAINT IF EXISTS {check}")


def _alter_column_sql(table: Table, column: str, change: str) -> str:
    return f"ALTER TABLE {quote_qualified(table.schema, table.name)} ALTER COLUMN {quote_identifier(column)} {change}"


def _set_nullable_call(table: Table, column: str, is_nullable: bool) -> str:
    schema = schema_argument(table.schema)
    return render_call(
        "op.alter_column", quote_python(table.name), quote_python(column), f"nullable={is_nullable}", schema
    )


def _create_indexes(before: Catalog, after: Catalog) -> Iterable[Statement]:
    for key, new in after.objects.items():
        old = before.objects.get(key)
        if not isinstance(new, Index) or old == new:
            continue
        if isinstance(old, Index) and old.definition != new.definition:
            yield from _replace_index(new)
        elif old is None:
            yield indexes.create_concurrently(new)
        yield from change_comments(old, new)


def _replace_index(index: Index) -> Iterable[Statement]:
    """Replace an index under its name; the old one stays until the new one is built."""
    index_name, temporary_name = quote_qualified(index.schema, index.name), truncate_identifier(index.name, "_new")
    yield indexes.create_concurrently(index, temporary_name=temporary_name)
    yield Statement(f"DROP INDEX CONCURRENTLY IF EXISTS {index_name}")
    new_index_name = quote_qualified(index.schema, temporary_name)
    yield Statement(f"ALTER INDEX IF EXISTS {new_index_name} RENAME TO {quote_identifier(index.name)}")


def _create_constraints(before: Catalog, after: Catalog) -> Iterable[Statement]:
    changed = [o for key, o in after.objects.items() if isinstance(o, Constraint) and before.objects.get(key) != o]
    for new in sorted(changed, key=lambda c: ("ucf".index(c.type), c.key)):
        old = before.objects.get(new.key)
        if not isinstance(old, Constraint) or old.definition != new.definition:
            if new.type == "u":
                yield from _add_unique(new)
            else:
                yield from _add_and_validate(new, changed=isinstance(old, Constraint))
        yield from change_comments(old, new)


def _add_and_validate(constraint: Constraint, *, changed: bool) -> Iterable[Statement]:
    """Add a check or foreign key that holds for new rows first, and validate it for all rows afterwards."""
    table_name, constraint_name = (
        quote_qualified(constraint.schema, constraint.table),
        quote_identifier(constraint.name),
    )
    definition = constraint.definition.removesuffix(" NOT VALID")
    if changed:
        yield _add_not_valid(table_name, constraint_name, definition)
    else:
        yield _add_if_missing(constraint, f"{definition} NOT VALID")
    if not constraint.definition.endswith(" NOT VALID"):
        yield Statement(f"{_alter_table(constraint)} VALIDATE CONSTRAINT {constraint_name}")


def _add_not_valid(table: str, constraint_name: str, definition: str) -> Statement:
    """Add a constraint, or replace it in one statement, so that it is never missing."""
    drop_clause = f"ALTER TABLE {table}\n    DROP CONSTRAINT IF EXISTS {constraint_name}"
    return Statement(f"{drop_clause},\n    ADD CONSTRAINT {constraint_name} {definition} NOT VALID")


def _add_unique(constraint: Constraint) -> Iterable[Statement]:
    """Add a unique constraint from an index that is built first."""
    match = _UNIQUE.fullmatch(constraint.definition)
    if match is None:
        raise ValueError(constraint.definition)
    table_name = quote_qualified(constraint.schema, constraint.table)
    constraint_name = quote_identifier(constraint.name)
    column_list = ", ".join(map(quote_identifier, constraint.columns))
    create_index = f"CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS {constraint_name} ON {table_name}"
    alembic_call = None
    if not match["nulls"] and match["columns"] == f"({column_list})":
        alembic_call = indexes.render_create_concurrently(constraint, constraint.name, constraint.columns, unique=True)
    yield Statement(f"{create_index} {match['columns']}{match['nulls'] or ''}", alembic_call)
    yield _add_if_missing(constraint, f"UNIQUE USING INDEX {constraint_name}{match['rest']}")


def _add_if_missing(constraint: Constraint, definition: str) -> Statement:
    """Add a constraint unless it exists; `migrate apply` checks before that one of its name is this one."""
    table = quote_literal(quote_qualified(constraint.schema, constraint.table))
    condition = f"conrelid = {table}::regclass AND conname = {quote_literal(constraint.name)}"
    quote = "$$" if "$$" not in definition else "$constraint$"
    return Statement(
        f"DO {quote} BEGIN\n    IF NOT EXISTS (SELECT FROM pg_constraint WHERE {condition}) THEN\n"
        f"        {_alter_table(constraint)} ADD CONSTRAINT {quote_identifier(constraint.name)} {definition};\n"
        f"    END IF;\nEND {quote}"
    )


def _drop_indexes(before: Catalog, after: Catalog) -> Iterable[Statement]:
    for key, old in before.objects.items():
        if isinstance(old, Index) and key not in after.objects:
            yield indexes.drop_concurrently(old)


def _alter_table(constraint: Constraint) -> str:
    return f"ALTER TABLE {quote_qualified(constraint.schema, constraint.table)}"
