"""A few sample rows for every table, inserted before and after a change under the constraints of its end."""

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import psycopg2
from psycopg2 import sql
from sqlalchemy import Connection

from seedbed.migrations.proof.samples.sample_tables import (
    TAME_ROWS,
    SampleColumn,
    SampleTable,
    list_attempts,
    list_tame_attempts,
    read_tables,
    sort_by_foreign_keys,
)
from seedbed.migrations.proof.samples.sample_values import ModelRows
from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Constraint, Table
from seedbed.postgres.driver_errors import get_server_message
from seedbed.postgres.quoting import ColumnName, TableName
from seedbed.postgres.version_table import VERSION_TABLE

_DROP = sql.SQL("DROP CONSTRAINT {}")

_ROWS = 4
_CONVERTED_ROWS = 8
"""Rows of a table with columns that get convertible values."""
_TRIES = 60


@contextmanager
def temporary_constraints(connection: Connection, before: Catalog, after: Catalog) -> Iterator[None]:
    """Add the checks, unique and foreign keys and NOT NULL of `after` for the length of a block.

    Constraints that do not fit the tables, since they name something that does not exist yet, are left out.
    """
    drop_statements = [
        drop_sql for add_sql, drop_sql in _constraint_statements(before, after) if _try_constraint(connection, add_sql)
    ]
    connection.connection.commit()
    try:
        yield
    finally:
        cursor: Any = connection.connection.cursor()
        for undo in reversed(drop_statements):
            cursor.execute(undo)
        cursor.close()
        connection.connection.commit()  # SQLAlchemy does not know of a transaction begun by a bare cursor


def _constraint_statements(before: Catalog, after: Catalog) -> Iterator[tuple[sql.Composable, sql.Composable]]:
    """The statements that add and drop each constraint."""
    numbers = count()
    for key, obj in after.objects.items():
        old_obj = before.objects.get(key)
        if isinstance(obj, Constraint) and old_obj != obj and obj.type in "ucf":
            table, constraint_name = (
                _alter_table(obj.schema, obj.table),
                sql.Identifier(f"seedbed_rule_{next(numbers)}"),
            )
            definition = sql.SQL(obj.definition.removesuffix(" NOT VALID"))
            yield (
                table + sql.SQL("ADD CONSTRAINT {} {}").format(constraint_name, definition),
                table + _DROP.format(constraint_name),
            )
        if isinstance(obj, Table) and isinstance(old_obj, Table):
            for column in obj.columns:
                old_column = old_obj.columns_by_name.get(column.name)
                if old_column is not None and column.not_null and not old_column.not_null:
                    alter_column = _alter_table(obj.schema, obj.name) + sql.SQL("ALTER COLUMN {} ").format(
                        sql.Identifier(column.name)
                    )
                    yield alter_column + sql.SQL("SET NOT NULL"), alter_column + sql.SQL("DROP NOT NULL")


def _alter_table(schema: str, name: str) -> sql.Composed:
    return sql.SQL("ALTER TABLE {} ").format(sql.Identifier(schema, name))


def _try_constraint(connection: Connection, statement: sql.Composable) -> bool:
    """Add a constraint; False where the table does not accept it."""
    cursor: Any = connection.connection.cursor()
    try:
        cursor.execute("SAVEPOINT rule")
        cursor.execute(statement)
        cursor.execute("RELEASE SAVEPOINT rule")
    except psycopg2.Error:
        cursor.execute("ROLLBACK TO SAVEPOINT rule")
        return False
    finally:
        cursor.close()
    return True


@dataclass(frozen=True)
class SampleRows:
    """The number of rows by table, and why other tables have none.

    `failing_tables` are those where the reason is not the rows: a trigger or a rule fails on any row. `untested_types`
    are the columns, by type, for which no value is known: they are NULL in every row, or their table has none.
    """

    rows: Mapping[str, int]
    without_rows: Mapping[str, str]
    failing_tables: Mapping[str, str] = field(default_factory=dict)
    untested_types: Mapping[str, Sequence[str]] = field(default_factory=dict)


def insert_sample_rows(
    connection: Connection,
    *,
    seed: int = 0,
    tame_values: Mapping[ColumnName, list[str]] | None = None,
    model_rows: ModelRows | None = None,
    version_table: str = VERSION_TABLE,
) -> SampleRows:
    """Insert a few rows into every table that accepts them, and commit.

    Rows have plain values, NULLs and repeated values wherever possible, texts with quotes, percent signs and non-ASCII
    letters, and texts of the maximum length. Values that a CHECK names are tried for its columns. For a table with
    CHECKs, or one that rejects these rows, plain values and constrained ones come from `model_rows`. A table that
    rejects everything stays empty, and is reported. With `tame_values`, nothing is NULL or repeated without need, and
    columns get the given values.
    """
    rows: dict[str, int] = {}
    without_rows: dict[str, str] = {}
    failing_tables: dict[str, str] = {}
    untested_types: dict[str, list[str]] = {}
    tables = sort_by_foreign_keys(read_tables(connection, version_table))
    cursor: Any = connection.connection.cursor()
    for table in tables:
        if tame_values is not None:
            for i, column in enumerate(table.columns):
                if replacements := tame_values.get((*table.key, column.name)):
                    known_values = [value for value in column.values if value in replacements]
                    table.columns[i] = replace(column, values=list(dict.fromkeys([*known_values, *replacements])))
        if model_rows is not None and table.is_checked:
            table.model_rows = model_rows(table.key)
        row_limit = _ROWS if tame_values is None else TAME_ROWS
        if tame_values is not None and any((*table.key, column.name) in tame_values for column in table.columns):
            row_limit = _CONVERTED_ROWS
        inserted, error = _insert_attempts(cursor, table, seed, row_limit, is_tame=tame_values is not None)
        if model_rows is not None and not inserted and not table.is_checked:
            table.model_rows = model_rows(table.key)
            inserted, error = _insert_attempts(cursor, table, seed, row_limit, is_tame=tame_values is not None)
        if inserted:
            rows[table.display_name] = inserted
        else:
            reason = "no row was accepted" if error is None else get_server_message(error)
            without_rows[table.display_name] = reason
            if error is not None and _is_trigger_fault(error):
                failing_tables[table.display_name] = reason
        for column in _find_untested_columns(cursor, table):
            untested_types.setdefault(column.type, []).append(f"{table.display_name}.{column.name}")
    cursor.close()
    connection.commit()
    return SampleRows(rows, without_rows, failing_tables, untested_types)


def truncate_tables(connection: Connection, version_table: str = VERSION_TABLE) -> None:
    """Delete all rows of every table, and commit."""
    cursor: Any = connection.connection.cursor()
    if tables := [table.identifier for table in read_tables(connection, version_table)]:
        cursor.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(sql.SQL(", ").join(tables)))
    cursor.close()
    connection.commit()


def _find_untested_columns(cursor: Any, table: SampleTable) -> list[SampleColumn]:
    """Columns that are NULL in every row, since no value is known for their type."""
    referring = {name for _, own_columns, _ in table.foreign_keys for name in own_columns}
    candidates = [c for c in table.columns if not c.values and not c.is_generated and c.name not in referring]
    if not candidates:
        return []
    counts = sql.SQL(", ").join(sql.SQL("count({})").format(sql.Identifier(column.name)) for column in candidates)
    cursor.execute(sql.SQL("SELECT {} FROM {}").format(counts, table.identifier))
    return [column for column, count in zip(candidates, cursor.fetchone(), strict=True) if not count]


def _is_trigger_fault(error: psycopg2.Error) -> bool:
    """Whether a statement such as one in a trigger failed, for another reason than a missing privilege."""
    code = error.pgcode or ""
    return code.startswith("42") and code != "42501"


def _insert_attempts(
    cursor: Any, table: SampleTable, seed: int, row_limit: int, *, is_tame: bool
) -> tuple[int, psycopg2.Error | None]:
    """Insert rows, all at once or else one by one; return their number and the last error."""
    random_source = random.Random(f"{seed}/{table.display_name}")
    parents = [_read_parent_keys(cursor, parent, parent_columns) for parent, _, parent_columns in table.foreign_keys]
    attempts = list_tame_attempts(table, seed) if is_tame else list_attempts(table, seed, random_source)
    first_attempts = list(itertools.islice(attempts, row_limit))
    if all(parent != table.key for parent, _, _ in table.foreign_keys):
        rows = [_fill_foreign_keys(table, attempt, parents, turn + seed) for turn, attempt in enumerate(first_attempts)]
        if _insert(cursor, table, rows) is None:
            return row_limit, None
    inserted, last_error = 0, None
    for turn, attempt in enumerate(itertools.islice(itertools.chain(first_attempts, attempts), _TRIES)):
        if inserted == row_limit:
            break
        for index, (parent, _, parent_columns) in enumerate(table.foreign_keys):
            if parent == table.key:
                parents[index] = _read_parent_keys(cursor, parent, parent_columns)
        error = _insert(cursor, table, [_fill_foreign_keys(table, attempt, parents, turn + seed)])
        inserted += error is None
        last_error = last_error if error is None else error
    return inserted, last_error


def _read_parent_keys(cursor: Any, parent: TableName, columns: Sequence[str]) -> list[Sequence[str]]:
    names = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in columns)
    cursor.execute(sql.SQL("SELECT {} FROM {} ORDER BY 1 LIMIT 20").format(names, sql.Identifier(*parent)))
    return list(cursor.fetchall())


def _fill_foreign_keys(
    table: SampleTable, values: dict[str, str | None], parents: Sequence[Sequence[Sequence[str]]], turn: int
) -> dict[str, str | None]:
    """A row whose foreign keys reference existing rows, or are NULL; keys that share a column agree in it."""
    values = dict(values)
    key_values: dict[str, str | None] = {}
    nullable = {column.name for column in table.columns if not column.not_null}
    for (_, own_columns, _), parent_keys in zip(table.foreign_keys, parents, strict=True):
        if all(values.get(name) is None for name in own_columns) and nullable.issuperset(own_columns):
            continue
        matching = [
            p for p in parent_keys if all(key_values.get(n, v) == v for n, v in zip(own_columns, p, strict=True))
        ]
        parent_key = matching[turn % len(matching)] if matching else [None] * len(own_columns)
        key_values = {**dict(zip(own_columns, parent_key, strict=True)), **key_values}
    return values | key_values


def _insert(cursor: Any, table: SampleTable, rows: Sequence[Mapping[str, str | None]]) -> psycopg2.Error | None:
    """Insert all rows or none, in one round trip, and return the error if none."""
    statements = [_render_insert(cursor, table, row) for row in rows]
    try:
        cursor.execute("; ".join(["SAVEPOINT seedbed_rows", *statements, "SET CONSTRAINTS ALL IMMEDIATE"]))
    except psycopg2.Error as error:
        cursor.execute("ROLLBACK TO SAVEPOINT seedbed_rows")
        return error
    cursor.execute("RELEASE SAVEPOINT seedbed_rows")
    return None


def _render_insert(cursor: Any, table: SampleTable, values: Mapping[str, str | None]) -> str:
    defaulted = {c.name for c in table.columns if c.has_default and values.get(c.name) is None and c.not_null}
    names = [name for name in values if name not in defaulted]
    types = {column.name: column.type for column in table.columns}
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        table.identifier,
        sql.SQL(", ").join(map(sql.Identifier, names)),
        sql.SQL(", ").join(sql.Literal(values[name]) + sql.SQL("::" + types[name]) for name in names),
    )
    if not names:
        statement = sql.SQL("INSERT INTO {} DEFAULT VALUES").format(table.identifier)
    return str(statement.as_string(cursor))
