"""Alembic's table in a database: the one that the settings name, or one of its shape where they are not known."""

from glob import escape
from typing import Any

from sqlalchemy import Connection

from seedbed.postgres.quoting import quote_identifier, quote_literal

VERSION_TABLE = "alembic_version"
"""What Alembic calls it unless it is told otherwise."""

LOOKS_LIKE_VERSION_TABLE = """
(SELECT count(*) = 1 AND bool_and(v.attname = 'version_num') FROM pg_attribute v
  WHERE v.attrelid = c.oid AND v.attnum > 0 AND NOT v.attisdropped)
"""
"""Whether pg_class `c` may be some project's: it has a column, `version_num`, and no other."""


def build_version_table_condition(version_table: str) -> str:
    """SQL that says whether pg_class `c` is the version table. Without a schema it is in whichever one Alembic used."""
    schema, _, name = version_table.rpartition(".")
    in_schema = f" AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = {quote_literal(schema)})"
    return f"(c.relname = {quote_literal(name)} AND c.relkind IN ('r', 'p'){in_schema if schema else ''})"


def get_version_table_schema(version_table: str) -> str | None:
    """The version table's schema, where it is named."""
    return version_table.rpartition(".")[0] or None


def ensure_version_table_schema(connection: Connection, version_table: str) -> None:
    """Create the version table's schema: Alembic creates the table before any revision could create its schema.

    It is committed, unless the connection is in a transaction. SQLAlchemy's events do not hear of it.
    """
    schema = get_version_table_schema(version_table)
    if schema is None:
        return
    driver: Any = connection.connection.cursor()
    driver.execute("SELECT FROM pg_namespace WHERE nspname = %s", (schema,))
    if not driver.rowcount:
        driver.execute(f"CREATE SCHEMA IF NOT EXISTS {quote_identifier(schema)}")
    driver.close()
    if not connection.in_transaction():
        connection.connection.commit()


def build_version_table_pattern(version_table: str) -> str:
    """The version table as a pattern of `schema.name`."""
    schema, _, name = version_table.rpartition(".")
    return f"{escape(schema) if schema else '*'}.{escape(name)}"
