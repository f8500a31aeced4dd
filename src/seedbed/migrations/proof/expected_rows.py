"""The rows that a table must have after its columns' types changed, computed without the revision."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import psycopg2
from psycopg2 import sql
from sqlalchemy import Connection

from seedbed.migrations.proof.candidate import Candidate
from seedbed.migrations.proof.conversion_check import ColumnConversion
from seedbed.postgres.quoting import quote_identifier

Place = tuple[str, str]
Rows = Mapping[Place, Sequence[Mapping[str, Any]]]


@dataclass(frozen=True)
class ExpectedRows:
    """Rows by their tables, under the names of before, with values of the new types; `columns` are those columns."""

    rows: Rows
    converted_columns: Mapping[Place, frozenset[str]]


def compute_expected_rows(connection: Connection, candidate: Candidate, rows: Rows) -> ExpectedRows:
    """Convert the rows of every table whose columns' types change. The database is left as it was.

    A table is left as it is where its rows cannot be converted, since the revision fails over them too. A column whose
    NULLs are filled is not converted.
    """
    found = dict(rows)
    columns: dict[Place, frozenset[str]] = {}
    for place in rows:
        chosen = {_old_name(one, candidate): one for one in candidate.conversions if _applies_to(one, place, candidate)}
        converted = _convert(connection, place, chosen) if chosen else None
        if converted is not None:
            found[place], columns[place] = converted, frozenset(chosen)
    return ExpectedRows(found, columns)


def _applies_to(conversion: ColumnConversion, place: Place, candidate: Candidate) -> bool:
    here = (conversion.schema, conversion.table)
    filled = conversion.new.not_null and not conversion.old.not_null
    return candidate.renamed_tables.get(here, here) == place and not filled


def _old_name(conversion: ColumnConversion, candidate: Candidate) -> str:
    key = (conversion.schema, conversion.table, conversion.new.name)
    return candidate.renamed_columns.get(key, conversion.old.name)


def _convert(
    connection: Connection, place: Place, chosen: Mapping[str, ColumnConversion]
) -> list[dict[str, Any]] | None:
    driver: Any = connection.connection.cursor()
    try:
        for step in dict.fromkeys(step.sql for one in chosen.values() for step in one.types):
            driver.execute(step)
        driver.execute(
            sql.SQL(
                "CREATE TEMP TABLE seedbed_rows AS SELECT row_number() OVER () AS seedbed_row, t.* FROM {} t"
            ).format(sql.Identifier(*place))
        )
        for old_name, one in chosen.items():
            if one.old.name != old_name:
                driver.execute(
                    f"ALTER TABLE seedbed_rows RENAME {quote_identifier(old_name)} TO {quote_identifier(one.old.name)}"
                )
        collations = [f" COLLATE {one.new.collation}" if one.new.collation else "" for one in chosen.values()]
        columns = [
            f"{quote_identifier(old_name)} {one.new.type}{collation}"
            for (old_name, one), collation in zip(chosen.items(), collations, strict=True)
        ]
        driver.execute(f"CREATE TEMP TABLE seedbed_converted (seedbed_row int, {', '.join(columns)})")
        values = ", ".join(one.up for one in chosen.values())
        driver.execute(f"INSERT INTO seedbed_converted SELECT seedbed_row, {values} FROM seedbed_rows")
        for old_name, one in chosen.items():
            if one.old.name != old_name:
                driver.execute(
                    f"ALTER TABLE seedbed_rows RENAME {quote_identifier(one.old.name)} TO {quote_identifier(old_name)}"
                )
        driver.execute(
            "SELECT ((to_jsonb(r) || to_jsonb(c)) - 'seedbed_row')::text"
            " FROM seedbed_rows r JOIN seedbed_converted c USING (seedbed_row)"
        )
        return [json.loads(row) for (row,) in driver.fetchall()]
    except psycopg2.Error:
        return None
    finally:
        driver.close()
        connection.connection.rollback()
