"""A few sample rows for every table of a database, before and after a change."""

import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg2
from psycopg2 import sql
from sqlalchemy import Connection

from seedbed.migrations.proof.samples.model_rows import ModelRows
from seedbed.migrations.proof.samples.row_attempts import TAME_ROWS, list_attempts, list_tame_attempts
from seedbed.migrations.proof.samples.sample_tables import SampleColumn, SampleTable, read_tables, sort_by_foreign_keys
from seedbed.postgres.driver_errors import get_server_message
from seedbed.postgres.quoting import ColumnName, TableName
from seedbed.postgres.version_table import VERSION_TABLE

_ROWS = 4
_CONVERTED_ROWS = 8
"""Rows of a table with columns that get convertible values."""
_TRIES = 60


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
