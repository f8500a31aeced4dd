"""Names as SQL, by the one preparer that knows PostgreSQL's reserved words."""

from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.exc import SQLAlchemyError

DIALECT = PGDialect(paramstyle="named")  # type: ignore[no-untyped-call]
"""In the style of psycopg2's parameters it would write every % of a name or a text twice."""


def table_name(table: Table) -> str:
    """The table's name with its schema, quoted where it must be."""
    return str(DIALECT.identifier_preparer.format_table(table))


def column_name(name: str) -> str:
    return str(DIALECT.identifier_preparer.quote(name))


def expression_text(element: Any) -> str:
    """An expression of a model in PostgreSQL's words, with its constants; empty where SQLAlchemy has none for it.

    `str()` asks for no dialect's words, and a construct of the project's own may have only PostgreSQL's.
    """
    if isinstance(element, str):
        return element
    try:
        return str(element.compile(dialect=DIALECT, compile_kwargs={"literal_binds": True}))
    except (SQLAlchemyError, NotImplementedError):
        return ""
