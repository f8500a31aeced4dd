"""The models made in an empty database, exactly as they say, without any migration."""

import re
from collections.abc import Callable

import psycopg2
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from seedbed.errors import NonSchemaStatement, SchemaBuildFailure
from seedbed.postgres.catalog import find_differences, read_catalog
from seedbed.postgres.catalog.system_rows import read_system_rows
from seedbed.postgres.connection import execute_verbatim
from seedbed.postgres.driver_errors import get_server_message, get_sqlstate
from seedbed.postgres.quoting import quote_identifier
from seedbed.schema.declarations import get_declarations
from seedbed.schema.loader import Schema

_LATER = frozenset({"42P01", "42703", "42704", "42883", "3F000", "42P17"})
"""SQLSTATEs of a statement that needs what another one makes: no such table, column, type, function or schema."""
_DEFINING = frozenset({"CREATE", "ALTER", "DROP", "COMMENT", "GRANT", "REVOKE", "SECURITY", "IMPORT"})
_OF_THE_SERVER = frozenset({"ROLE", "DATABASE", "TABLESPACE", "SYSTEM"})


def create_schema(connection: Connection, schema: Schema, *, create_role: Callable[[str], None] | None = None) -> None:
    """Make everything that the models declare, in one transaction that is committed at the end.

    Statements are tried in turn, each in a savepoint, until all have found what they need; so the order in which
    a schema lists them does not matter. `create_role` is called with a role that a grant or a policy names and the server
    lacks; without it that is an error, since a given server's roles are not ours to make.

    Raises:
        SchemaBuildFailure: with the statement, and what PostgreSQL said of it.
        NonSchemaStatement: a declared statement changes rows or roles, or nothing.
    """
    metadata = schema.metadata
    waiting: list[str | None] = [None, *get_declarations(metadata)]
    roles: set[str] = set()
    for name in sorted({table.schema for table in metadata.tables.values() if table.schema}):
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {quote_identifier(name)}"))
    while waiting:
        left: list[str | None] = []
        failures: list[tuple[str | None, Exception]] = []
        made_before = frozenset(roles)
        for statement in waiting:
            error = _tried(connection, schema, statement)
            if error is None:
                continue
            role = _missing_role(error)
            if role is not None and create_role is not None and role not in roles:
                create_role(role)
                roles.add(role)
                # A session remembers that a role is missing until it opens a table it has no lock on.
                connection.execute(text("SELECT FROM pg_auth_members LIMIT 1"))
            elif get_sqlstate(error) not in _LATER:
                raise SchemaBuildFailure(_named(statement), get_server_message(error)) from error
            left.append(statement)
            failures.append((statement, error))
        if len(left) == len(waiting) and roles == made_before:
            statement, error = failures[0]
            raise SchemaBuildFailure(_named(statement), get_server_message(error)) from error
        waiting = left
    connection.commit()


def _tried(connection: Connection, schema: Schema, statement: str | None) -> Exception | None:
    savepoint = connection.begin_nested()
    try:
        if statement is None:
            schema.metadata.create_all(connection)
        else:
            tag = execute_verbatim(connection, statement)
            if not _describes_schema(tag, statement):
                savepoint.rollback()
                savepoint = connection.begin_nested()
                _check_effect(connection, statement)
    except (DBAPIError, psycopg2.Error) as error:
        savepoint.rollback()
        return error.orig if isinstance(error, DBAPIError) and isinstance(error.orig, psycopg2.Error) else error
    savepoint.commit()
    return None


def _describes_schema(tag: str, statement: str) -> bool:
    """Whether a statement is about objects of one database, by its command tag; CREATE ... AS has that of a SELECT."""
    verb, _, rest = tag.partition(" ")
    if verb == "SELECT":
        return statement[:6].upper() == "CREATE"
    return verb in _DEFINING and rest not in _OF_THE_SERVER


def _check_effect(connection: Connection, statement: str) -> None:
    """Run a statement of which only its effect says whether it describes the schema: a query, a DO block, a CALL.

    Raises:
        NonSchemaStatement: the schema is the same afterwards.
    """
    before = read_catalog(connection), read_system_rows(connection)
    execute_verbatim(connection, statement)
    after = read_catalog(connection), read_system_rows(connection)
    if not find_differences(before[0], after[0]) and before[1] == after[1]:
        raise NonSchemaStatement(_named(statement))


def _missing_role(error: Exception) -> str | None:
    found = re.match(r'role "(.+)" does not exist', str(error)) if get_sqlstate(error) == "42704" else None
    return found[1] if found else None


def _named(statement: str | None) -> str:
    return "the tables" if statement is None else statement.splitlines()[0][:80]
