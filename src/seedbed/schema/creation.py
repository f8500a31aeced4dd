"""Create the schema of the models in an empty database, without migrations."""

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

_MISSING_OBJECT_STATES = frozenset({"42P01", "42703", "42704", "42883", "3F000", "42P17"})
"""SQLSTATEs of a statement that needs an object of a later one: a table, column, type, function or schema."""
_SCHEMA_COMMANDS = frozenset({"CREATE", "ALTER", "DROP", "COMMENT", "GRANT", "REVOKE", "SECURITY", "IMPORT"})
_SERVER_OBJECTS = frozenset({"ROLE", "DATABASE", "TABLESPACE", "SYSTEM"})


def create_schema(connection: Connection, schema: Schema, *, create_role: Callable[[str], None] | None = None) -> None:
    """Create everything that the models declare, in one transaction, and commit it.

    Each statement runs in a savepoint, and is tried again until the objects that it needs exist. So the order of the
    declarations does not matter. `create_role` is called for a role that a grant or a policy names and the server
    lacks. Without it a missing role is an error, because the roles of a given server belong to its owner.

    Raises:
        SchemaBuildFailure: with the statement and PostgreSQL's message.
        NonSchemaStatement: a declared statement changes rows or roles, or changes nothing.
    """
    metadata = schema.metadata
    pending: list[str | None] = [None, *get_declarations(metadata)]
    roles: set[str] = set()
    for name in sorted({table.schema for table in metadata.tables.values() if table.schema}):
        connection.execute(text(f"CREATE SCHEMA IF NOT EXISTS {quote_identifier(name)}"))
    while pending:
        failed: list[str | None] = []
        failures: list[tuple[str | None, Exception]] = []
        roles_before = frozenset(roles)
        for statement in pending:
            error = _run_statement(connection, schema, statement)
            if error is None:
                continue
            role = _find_missing_role(error)
            if role is not None and create_role is not None and role not in roles:
                create_role(role)
                roles.add(role)
                # A session remembers that a role is missing until it opens a table it has no lock on.
                connection.execute(text("SELECT FROM pg_auth_members LIMIT 1"))
            elif get_sqlstate(error) not in _MISSING_OBJECT_STATES:
                raise SchemaBuildFailure(_format_statement(statement), get_server_message(error)) from error
            failed.append(statement)
            failures.append((statement, error))
        if len(failed) == len(pending) and roles == roles_before:
            statement, error = failures[0]
            raise SchemaBuildFailure(_format_statement(statement), get_server_message(error)) from error
        pending = failed
    connection.commit()


def _run_statement(connection: Connection, schema: Schema, statement: str | None) -> Exception | None:
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
    """Return whether a statement concerns the objects of one database, by its command tag. CREATE ... AS has a SELECT
    tag.
    """
    verb, _, object_type = tag.partition(" ")
    if verb == "SELECT":
        return statement[:6].upper() == "CREATE"
    return verb in _SCHEMA_COMMANDS and object_type not in _SERVER_OBJECTS


def _check_effect(connection: Connection, statement: str) -> None:
    """Run a query, a DO block or a CALL: only its effect shows whether it describes the schema.

    Raises:
        NonSchemaStatement: the statement did not change the schema.
    """
    state_before = read_catalog(connection), read_system_rows(connection)
    execute_verbatim(connection, statement)
    state_after = read_catalog(connection), read_system_rows(connection)
    if not find_differences(state_before[0], state_after[0]) and state_before[1] == state_after[1]:
        raise NonSchemaStatement(_format_statement(statement))


def _find_missing_role(error: Exception) -> str | None:
    match = re.match(r'role "(.+)" does not exist', str(error)) if get_sqlstate(error) == "42704" else None
    return match[1] if match else None


def _format_statement(statement: str | None) -> str:
    return "the tables" if statement is None else statement.splitlines()[0][:80]
