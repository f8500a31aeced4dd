"""Identifiers, literals and expressions quoted as PostgreSQL's SQL."""

from typing import Any

from sqlalchemy import Table
from sqlalchemy.dialects.postgresql.base import PGDialect
from sqlalchemy.exc import SQLAlchemyError

TableName = tuple[str, str]
"""A schema and a table."""

ColumnName = tuple[str, str, str]
"""A schema, a table and a column."""

DIALECT = PGDialect(paramstyle="named")  # type: ignore[no-untyped-call]
"""With the parameter style of psycopg2 it would double every % of an identifier or a text."""
_LONGEST_IDENTIFIER = 63


def quote_table(table: Table) -> str:
    """The table's name with its schema, each quoted where SQL requires it."""
    return str(DIALECT.identifier_preparer.format_table(table))


def quote_identifier(name: str) -> str:
    """An identifier, quoted where SQL requires it: SQLAlchemy knows PostgreSQL's reserved words."""
    return str(DIALECT.identifier_preparer.quote(name))


def quote_qualified(schema: str, name: str) -> str:
    """A name with its schema, quoted where SQL requires it; `public` is left out, as in Alembic."""
    return quote_identifier(name) if schema == "public" else f"{quote_identifier(schema)}.{quote_identifier(name)}"


def truncate_identifier(stem: str, suffix: str) -> str:
    """A name with a suffix, within PostgreSQL's 63 bytes: PostgreSQL truncates a longer name without an error."""
    return stem.encode()[: _LONGEST_IDENTIFIER - len(suffix)].decode(errors="ignore") + suffix


def display_name(schema: str, name: str) -> str:
    """A name as users write it, without quotes: `task`, or `app.task` outside the schema public."""
    return name if schema == "public" else f"{schema}.{name}"


def table_display_name(table: Table) -> str:
    """A model's table as users write it: `task`, or `app.task` outside the schema public."""
    return display_name(table.schema or "public", table.name)


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
