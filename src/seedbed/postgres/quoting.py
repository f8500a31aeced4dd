"""Names as SQL, by the one preparer that knows PostgreSQL's reserved words."""

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql.base import PGDialect

DIALECT = PGDialect()  # type: ignore[no-untyped-call]


def table_name(table: Table) -> str:
    """The table's name with its schema, quoted where it must be."""
    return str(DIALECT.identifier_preparer.format_table(table))


def column_name(name: str) -> str:
    return str(DIALECT.identifier_preparer.quote(name))
