"""A snapshot of every row and sequence of a database, to compare with a later one."""

import json
from typing import Any

from psycopg2 import sql
from sqlalchemy import Connection, text

from seedbed.postgres.quoting import ColumnName, TableName
from seedbed.postgres.version_table import VERSION_TABLE, build_version_table_condition

_OWN_TABLES = """
c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname <> 'seedbed'
  AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
"""


def render_project_tables(version_table: str) -> str:
    """SQL that selects the tables with a project's rows from pg_class `c` and pg_namespace `n`; rows of a partition are
    its parent's.
    """
    return f"{_OWN_TABLES} AND NOT {build_version_table_condition(version_table)}"


_TABLES = """
SELECT n.nspname, c.relname, c.relkind = 'p' FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {own_tables} ORDER BY 1, 2
"""

_SEQUENCES = """
SELECT n.nspname, c.relname, a.attname, s.seqrelid::bigint, coalesce(pg_sequence_last_value(s.seqrelid), 0), s.seqmax
FROM pg_sequence s JOIN pg_depend d ON d.classid = 'pg_class'::regclass AND d.objid = s.seqrelid
JOIN pg_class c ON d.refclassid = 'pg_class'::regclass AND c.oid = d.refobjid
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = d.refobjsubid
WHERE d.deptype IN ('a', 'i') AND s.seqincrement > 0 AND {own_tables}
"""
_AHEAD = 1_000


def read_rows(connection: Connection, version_table: str = VERSION_TABLE) -> dict[TableName, list[dict[str, Any]]]:
    """Read every row of every table as JSON, in an order that depends on the content only."""
    rows = {}
    cursor: Any = connection.connection.cursor()
    try:
        cursor.execute(_TABLES.format(own_tables=render_project_tables(version_table)))
        for schema, name, partitioned in cursor.fetchall():
            only = sql.SQL("" if partitioned else "ONLY ")
            cursor.execute(sql.SQL("SELECT to_jsonb(t)::text FROM {}{} t").format(only, sql.Identifier(schema, name)))
            rows[schema, name] = sorted((json.loads(row) for (row,) in cursor.fetchall()), key=json.dumps)
    finally:
        cursor.close()
    connection.connection.rollback()  # SQLAlchemy does not know of a transaction begun by a bare cursor
    return rows


def read_sequences(connection: Connection, version_table: str = VERSION_TABLE) -> dict[ColumnName, int]:
    """The last value of each column's own sequence, 0 if it is unused, by schema, table and column."""
    rows = connection.execute(text(_SEQUENCES.format(own_tables=render_project_tables(version_table)))).all()
    connection.rollback()
    return {(schema, table, column): last_value for schema, table, column, _, last_value, _ in rows}


def advance_sequences(connection: Connection, version_table: str = VERSION_TABLE) -> dict[ColumnName, int]:
    """Advance the columns' sequences beyond the inserted rows, where they can, and return their last values."""
    cursor: Any = connection.connection.cursor()
    cursor.execute(_SEQUENCES.format(own_tables=render_project_tables(version_table)))
    for *_, sequence, last_value, maximum in cursor.fetchall():
        if maximum > last_value + _AHEAD:
            cursor.execute("SELECT setval(%s::oid::regclass, %s)", (sequence, last_value + _AHEAD))
    cursor.close()
    connection.connection.commit()
    return read_sequences(connection, version_table)
