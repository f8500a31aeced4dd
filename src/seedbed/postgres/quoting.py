"""Identifiers, literals and expressions quoted as PostgreSQL's SQL."""

from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.exc import SQLAlchemyError

DIALECT = PGDialect(paramstyle="named")  # type: ignore[no-untyped-call]
"""With the parameter style of psycopg2 it would double every % of an identifier or a text."""


def quote_table(table: Table) -> str:
    """The table's name with its schema, each quoted where SQL requires it."""
    return str(DIALECT.identifier_preparer.format_table(table))


def quote_identifier(name: str) -> str:
    """An identifier, quoted where SQL requires it: SQLAlchemy knows PostgreSQL's reserved words."""
    return str(DIALECT.identifier_preparer.quote(name))


def delimit_identifier(identifier: str) -> str:
    """An identifier in double quotes, whether SQL requires them or not."""
    return '"' + identifier.replace('"', '""') + '"'


def quote_literal(text: str | None) -> str:
    """A text as a string literal, and NULL for None; for servers with `standard_conforming_strings` on."""
    return "NULL" if text is None else "'" + text.replace("'", "''") + "'"


def compile_expression(element: Any) -> str:
    """An expression of a model as PostgreSQL's SQL, with literal values; empty where SQLAlchemy cannot compile it.

    `str()` would compile for no dialect in particular, and a construct of the project's own may support only
    PostgreSQL.
    """
    if isinstance(element, str):
        return element
    try:
        return str(element.compile(dialect=DIALECT, compile_kwargs={"literal_binds": True}))
    except (SQLAlchemyError, NotImplementedError):
        return ""
