"""The difference between the rows after a revision and those before it, or those computed without it."""

import json
from collections import Counter
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg2
from psycopg2 import sql
from sqlalchemy import Connection

from seedbed.errors import DraftProofFailure
from seedbed.migrations.diff.statement import Loss
from seedbed.migrations.proof.candidate import Candidate
from seedbed.migrations.proof.conversion_check import ColumnConversion
from seedbed.migrations.proof.row_snapshot import read_rows, read_sequences
from seedbed.postgres.catalog.model import Table
from seedbed.postgres.quoting import ColumnName, TableName, display_name, quote_identifier

Rows = Mapping[TableName, Sequence[Mapping[str, Any]]]
Counts = Mapping[ColumnName, int]


def check_rows_survive(
    step: str,
    rows: Rows,
    counts: Counts,
    connection: Connection,
    candidate: Candidate,
    losses: Sequence[Loss],
    converted: Mapping[TableName, Collection[str]],
) -> list[Loss]:
    """Check that every old row exists, in every column that the revision should not change, and that sequences
    continue.

    Returns the losses of columns that triggers of updated tables rewrote. `rows` have the expected values in columns
    that are `converted`.

    Raises:
        DraftProofFailure: with what is missing.
    """
    current_rows, trigger_losses = read_rows(connection, candidate.version_table), []
    for table, old_rows in rows.items():
        is_lost = any((loss.schema, loss.table) == table and loss.column is None for loss in losses)
        if is_lost or _is_hidden(table, candidate):
            continue
        new_rows = current_rows.get(table, ())
        compared = _comparable_columns(table, candidate, losses, new_rows, old_rows, converted.get(table, ()))
        if table in candidate.triggered_tables:
            rewritten = [name for name in compared if _find_missing_row(old_rows, new_rows, [name])]
            compared = [name for name in compared if name not in rewritten]
            trigger_losses += [
                Loss(*table, name, f"what {table[1]}.{name} was, which a trigger writes anew") for name in rewritten
            ]
        if missing_row := _find_missing_row(old_rows, new_rows, compared):
            raise DraftProofFailure(f"rows kept by the {step}", f"{display_name(*table)} has lost {missing_row}")
    _check_counters(step, counts, read_sequences(connection, candidate.version_table), losses)
    return trigger_losses


def rename_rows(rows: Rows, candidate: Candidate) -> dict[TableName, list[dict[str, Any]]]:
    """Rows under the names that the revision gives to their tables and columns."""
    renamed: dict[TableName, list[dict[str, Any]]] = {}
    for table, table_rows in rows.items():
        new = _new_table_name(table, candidate)
        names = _new_column_names(new, candidate)
        renamed[new] = [{names.get(name, name): value for name, value in row.items()} for row in table_rows]
    return renamed


def rename_columns(columns: Mapping[TableName, Collection[str]], candidate: Candidate) -> dict[TableName, set[str]]:
    """Columns by table, under the names that the revision gives them."""
    renamed = {}
    for table, listed in columns.items():
        new = _new_table_name(table, candidate)
        names = _new_column_names(new, candidate)
        renamed[new] = {names.get(name, name) for name in listed}
    return renamed


def rename_counters(counts: Counts, candidate: Candidate) -> dict[ColumnName, int]:
    """The counters of sequences, under the names that the revision gives to their tables and columns."""
    renamed = {}
    for (schema, table, column), count in counts.items():
        new = _new_table_name((schema, table), candidate)
        renamed[*new, _new_column_names(new, candidate).get(column, column)] = count
    return renamed


def _new_table_name(table: TableName, candidate: Candidate) -> TableName:
    return next((new for new, old in candidate.renamed_tables.items() if old == table), table)


def _new_column_names(table: TableName, candidate: Candidate) -> dict[str, str]:
    return {old: key[2] for key, old in candidate.renamed_columns.items() if key[:2] == table}


def _check_counters(step: str, old_counters: Counts, current_counters: Counts, losses: Sequence[Loss]) -> None:
    lossy = {(loss.schema, loss.table, loss.column) for loss in losses}
    for (schema, table, column), old_count in old_counters.items():
        count = current_counters.get((schema, table, column))
        if count is not None and count < old_count and not lossy & {(schema, table, column), (schema, table, None)}:
            reason = f"{display_name(schema, table)}.{column} counts on from {count}, and was at {old_count}"
            raise DraftProofFailure(f"sequences kept by the {step}", reason)


def _is_hidden(table: TableName, candidate: Candidate) -> bool:
    """Whether row security is forced, so that not even the table's owner sees its rows."""
    tables = (catalog.objects.get(("table", *table)) for catalog in (candidate.before, candidate.after))
    return any(isinstance(table, Table) and table.forced_row_security for table in tables)


def _comparable_columns(
    table: TableName,
    candidate: Candidate,
    losses: Sequence[Loss],
    new_rows: Sequence[Mapping[str, Any]],
    old_rows: Sequence[Mapping[str, Any]],
    converted: Collection[str],
) -> list[str]:
    lossy_columns = {loss.column for loss in losses if (loss.schema, loss.table) == table}
    lossy_columns |= {candidate.renamed_columns.get((*table, column or ""), "") for column in lossy_columns}
    changed_columns = {path[2] for path in candidate.changed_columns if path[:2] == table} - set(converted)
    present_columns = set(new_rows[0]) if new_rows else set(old_rows[0]) if old_rows else set()
    names = set(old_rows[0]) if old_rows else set()
    return sorted(names & present_columns - lossy_columns - changed_columns)


def _find_missing_row(
    old_rows: Sequence[Mapping[str, Any]], new_rows: Sequence[Mapping[str, Any]], names: Sequence[str]
) -> str | None:
    """A row, reduced to some columns, that is missing."""
    missing = Counter(_project(old_rows, names)) - Counter(_project(new_rows, names))
    return next(iter(missing), None)


def _project(rows: Sequence[Mapping[str, Any]], names: Sequence[str]) -> Iterator[str]:
    return (str([row.get(name) for name in names]) for row in rows)


@dataclass(frozen=True)
class ExpectedRows:
    """Rows by table, under the old names, with values of the new types in `converted_columns`."""

    rows: Rows
    converted_columns: Mapping[TableName, frozenset[str]]


def compute_expected_rows(connection: Connection, candidate: Candidate, rows: Rows) -> ExpectedRows:
    """Convert the rows of every table whose columns' types change. The database is left unchanged.

    A table is left out if its rows cannot be converted, since the revision fails on them too. A column whose NULLs are
    backfilled is not converted.
    """
    expected = dict(rows)
    columns: dict[TableName, frozenset[str]] = {}
    for table in rows:
        conversions = {
            _old_column_name(conversion, candidate): conversion
            for conversion in candidate.conversions
            if _applies_to(conversion, table, candidate)
        }
        converted = _convert(connection, table, conversions) if conversions else None
        if converted is not None:
            expected[table], columns[table] = converted, frozenset(conversions)
    return ExpectedRows(expected, columns)


def _applies_to(conversion: ColumnConversion, table: TableName, candidate: Candidate) -> bool:
    new_table = (conversion.schema, conversion.table)
    is_backfilled = conversion.new.not_null and not conversion.old.not_null
    return candidate.renamed_tables.get(new_table, new_table) == table and not is_backfilled


def _old_column_name(conversion: ColumnConversion, candidate: Candidate) -> str:
    key = (conversion.schema, conversion.table, conversion.new.name)
    return candidate.renamed_columns.get(key, conversion.old.name)


def _convert(
    connection: Connection, table: TableName, conversions: Mapping[str, ColumnConversion]
) -> list[dict[str, Any]] | None:
    cursor: Any = connection.connection.cursor()
    try:
        for step in dict.fromkeys(step.sql for conversion in conversions.values() for step in conversion.types):
            cursor.execute(step)
        cursor.execute(
            sql.SQL(
                "CREATE TEMP TABLE seedbed_rows AS SELECT row_number() OVER () AS seedbed_row, t.* FROM {} t"
            ).format(sql.Identifier(*table))
        )
        renames = [
            (quote_identifier(old_name), quote_identifier(conversion.old.name))
            for old_name, conversion in conversions.items()
            if conversion.old.name != old_name
        ]
        for old, new in renames:
            cursor.execute(f"ALTER TABLE seedbed_rows RENAME {old} TO {new}")
        collations = [
            f" COLLATE {conversion.new.collation}" if conversion.new.collation else ""
            for conversion in conversions.values()
        ]
        columns = [
            f"{quote_identifier(old_name)} {conversion.new.type}{collation}"
            for (old_name, conversion), collation in zip(conversions.items(), collations, strict=True)
        ]
        cursor.execute(f"CREATE TEMP TABLE seedbed_converted (seedbed_row int, {', '.join(columns)})")
        values = ", ".join(conversion.up for conversion in conversions.values())
        cursor.execute(f"INSERT INTO seedbed_converted SELECT seedbed_row, {values} FROM seedbed_rows")
        for old, new in renames:
            cursor.execute(f"ALTER TABLE seedbed_rows RENAME {new} TO {old}")
        cursor.execute(
            "SELECT ((to_jsonb(r) || to_jsonb(c)) - 'seedbed_row')::text"
            " FROM seedbed_rows r JOIN seedbed_converted c USING (seedbed_row)"
        )
        return [json.loads(row) for (row,) in cursor.fetchall()]
    except psycopg2.Error:
        return None
    finally:
        cursor.close()
        connection.connection.rollback()
