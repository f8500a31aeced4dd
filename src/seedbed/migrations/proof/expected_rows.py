"""The rows that a table must have after a conversion, computed without the revision."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg2
from psycopg2 import sql
from sqlalchemy import Connection

from seedbed.migrations.proof.candidate import Candidate
from seedbed.migrations.proof.conversion_check import ColumnConversion
from seedbed.postgres.quoting import TableName, quote_identifier

Rows = Mapping[TableName, Sequence[Mapping[str, Any]]]


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
