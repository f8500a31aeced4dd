"""Alembic's version table in a database: SQL that recognizes it by its name or by its shape."""

from glob import escape
from typing import Any

from sqlalchemy import Connection

from seedbed.postgres.quoting import quote_identifier, quote_literal

VERSION_TABLE = "alembic_version"
"""Alembic's default name."""

LOOKS_LIKE_VERSION_TABLE = """
(SELECT count(*) = 1 AND bool_and(v.attname = 'version_num') FROM pg_attribute v
  WHERE v.attrelid = c.oid AND v.attnum > 0 AND NOT v.attisdropped)
"""
"""SQL condition: pg_class `c` may be some project's version table, as `version_num` is its only column."""


def build_version_table_condition(version_table: str) -> str:
    """SQL condition: pg_class `c` is the version table. Without a schema, one in any schema matches."""
    schema, _, name = version_table.rpartition(".")
    in_schema = f" AND c.relnamespace = (SELECT oid FROM pg_namespace WHERE nspname = {quote_literal(schema)})"
    return f"(c.relname = {quote_literal(name)} AND c.relkind IN ('r', 'p'){in_schema if schema else ''})"


def get_version_table_schema(version_table: str) -> str | None:
    """The version table's schema; None where its name has none."""
    return version_table.rpartition(".")[0] or None


def ensure_version_table_schema(connection: Connection, version_table: str) -> None:
    """Create the version table's schema where it is missing: Alembic creates the table before it runs any revision.

    Commits, unless the connection is in a transaction. Runs on the driver's cursor, so SQLAlchemy fires no events.
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
    """The version table as a shell-style pattern of `schema.name`."""
    schema, _, name = version_table.rpartition(".")
    return f"{escape(schema) if schema else '*'}.{escape(name)}"
