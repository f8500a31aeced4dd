"""Names as SQL, by the one preparer that knows PostgreSQL's reserved words."""

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql.base import PGDialect

DIALECT = PGDialect(paramstyle="named")  # type: ignore[no-untyped-call]
"""In the style of psycopg2's parameters it would write every % of a name or a text twice."""


def table_name(table: Table) -> str:
    """The table's name with its schema, quoted where it must be."""
    return str(DIALECT.identifier_preparer.format_table(table))


def column_name(name: str) -> str:
    return str(DIALECT.identifier_preparer.quote(name))
