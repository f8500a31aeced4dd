"""Grant a database role SELECT on the public columns, and nothing else."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from psycopg2.extensions import encrypt_password
from sqlalchemy import Connection

from seedbed.errors import InvalidReaderRole
from seedbed.postgres.connection import connect, execute_verbatim
from seedbed.postgres.database import Database
from seedbed.postgres.quoting import quote_identifier, quote_table
from seedbed.schema import Schema
from seedbed.service.pool.statement import Fetch, Statement
from seedbed.service.queries.resources import Resource, build_resources

_TIMEOUT_SECONDS = 5
_NAME_BYTES = 63
_RESERVED = ("public", "none")
_OWNER_QUERY = """
    SELECT o.rolname FROM pg_roles r, pg_roles o
    WHERE r.rolname = %(role)s AND pg_has_role(r.oid, o.oid, 'USAGE') AND o.oid IN (
        SELECT datdba FROM pg_database WHERE datname = current_database()
        UNION SELECT relowner FROM pg_class WHERE oid = ANY (ARRAY(SELECT to_regclass(t) FROM unnest(%(tables)s) t))
    )
    ORDER BY o.rolname <> r.rolname, o.rolname
    LIMIT 1
"""
_EXCESS_RIGHTS = Statement(
    """
    SELECT concat_ws(', ',
        CASE WHEN (SELECT rolsuper FROM pg_roles WHERE rolname = current_user) THEN 'superuser' END,
        CASE WHEN bool_or(has_table_privilege(c.oid, 'INSERT, UPDATE, DELETE, TRUNCATE')) THEN 'writing' END,
        CASE WHEN bool_or(e.private AND has_column_privilege(c.oid, a.attnum, 'SELECT')) THEN 'private columns' END
    )
    FROM json_to_recordset($1::json) AS e("table" text, name text, private boolean)
    JOIN pg_class c ON c.oid = to_regclass(e.table)
    JOIN pg_attribute a ON a.attrelid = c.oid AND a.attname = e.name
    """
)


@dataclass(frozen=True)
class ReaderGrant:
    """What a role may read: its columns by table. `created` says that the role is new."""

    role: str
    created: bool
    columns: dict[str, list[str]]


def grant_reader(
    database: Database, schema: Schema, role: str, *, password: str | None, version_table: str = "alembic_version"
) -> ReaderGrant:
    """Grant a role SELECT on the public columns, and revoke its other privileges on the project's tables.

    A missing role is created, with LOGIN if a password is given. All statements run in one transaction. The function
    is idempotent: run it after each migration that adds a table or a column. On the embedded server the superuser runs
    the statements, because the owner of the databases cannot create roles.

    Raises:
        InvalidReaderRole: the role owns the database or its tables, or it is the role that connects.
        MissingPrivilege: the connected role may not create or grant this.
    """
    if not 0 < len(role.encode()) <= _NAME_BYTES or role in _RESERVED or role.startswith("pg_"):
        raise InvalidReaderRole(
            role, f"PostgreSQL has no role of that name, at most {_NAME_BYTES} bytes and not its own"
        )
    served = build_resources(schema)
    server = database.server
    admin_database = database if server is None else replace(database, direct=server.admin_url(database.name))
    with connect(admin_database) as connection:
        exists = bool(
            connection.exec_driver_sql("SELECT 1 FROM pg_roles WHERE rolname = %s", (role,)).scalar_one_or_none()
        )
        _check_role(connection, role, [quote_table(table) for table in schema.tables])
        for statement in _write_statements(schema, served, database.name, role, exists=exists):
            execute_verbatim(connection, statement)
        if password is not None:
            _set_password(connection, role, password)
        if connection.exec_driver_sql("SELECT to_regclass(%s)", (version_table,)).scalar() is not None:
            execute_verbatim(connection, f"GRANT SELECT ON {version_table} TO {quote_identifier(role)}")
        connection.commit()
    return ReaderGrant(role, not exists, {resource.table.key: resource.column_names for resource in served})


def _check_role(connection: Connection, role: str, tables: list[str]) -> None:
    """Refuse an owner: its privileges cannot be revoked, and its settings would also limit every migration."""
    owner = connection.exec_driver_sql(_OWNER_QUERY, {"role": role, "tables": tables}).scalar_one_or_none()
    if owner is not None:
        raise InvalidReaderRole(role, f"it has the rights of {owner}, who owns the database or its tables")
    if connection.exec_driver_sql("SELECT session_user").scalar_one() == role:
        raise InvalidReaderRole(role, "this command connects as it, and a reader grants nothing")


async def find_excess_rights(fetch: Fetch, served: Sequence[Resource]) -> str:
    """Describe what the service's role may do besides reading public columns. Return "" if it can do nothing else."""
    columns = [
        {"table": resource.table_sql, "name": column.name, "private": column.name not in resource.column_names}
        for resource in served
        for column in resource.table.columns
    ]
    return ((await fetch(_EXCESS_RIGHTS, [json.dumps(columns).encode()]))[0][0] or b"").decode()


def _write_statements(
    schema: Schema, served: Sequence[Resource], database: str, role: str, *, exists: bool
) -> list[str]:
    to = quote_identifier(role)
    schemas = sorted({resource.table.schema or "public" for resource in served})
    by_key = {resource.table.key: resource for resource in served}
    statements = [] if exists else [f"CREATE ROLE {to} NOSUPERUSER NOCREATEDB NOCREATEROLE"]
    statements += [
        f"ALTER ROLE {to} SET default_transaction_read_only = on",
        f"ALTER ROLE {to} SET statement_timeout = '{_TIMEOUT_SECONDS}s'",
        f"ALTER ROLE {to} SET idle_in_transaction_session_timeout = '{_TIMEOUT_SECONDS}s'",
        f"GRANT CONNECT ON DATABASE {quote_identifier(database)} TO {to}",
        *(f"GRANT USAGE ON SCHEMA {quote_identifier(name)} TO {to}" for name in schemas),
    ]
    for table in schema.tables:
        statements.append(f"REVOKE ALL ON {quote_table(table)} FROM {to}")
        resource = by_key.get(table.key)
        if resource is not None:
            names = ", ".join(quote_identifier(name) for name in resource.column_names)
            statements.append(f"GRANT SELECT ({names}) ON {resource.table_sql} TO {to}")
    return statements


def _set_password(connection: Connection, role: str, password: str) -> None:
    """Send the password as a SCRAM hash computed here, because the server may log the statement."""
    driver: Any = connection.connection.dbapi_connection
    hashed = encrypt_password(password, role, driver, "scram-sha-256")
    execute_verbatim(connection, f"ALTER ROLE {quote_identifier(role)} LOGIN PASSWORD '{hashed}'")
