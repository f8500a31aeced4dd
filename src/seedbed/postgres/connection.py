"""Connections to a database on its direct address."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Protocol
from weakref import WeakSet

import psycopg2
import psycopg2.extensions
from psycopg2.extensions import TRANSACTION_STATUS_ACTIVE
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

from seedbed.interrupts import cancel_when_blocked
from seedbed.postgres.driver_errors import translate_errors_at
from seedbed.settings import DatabaseUrl, Origin

CONNECT_SECONDS = 10
"""A suspended serverless compute takes a few hundred ms to wake, so this is ample and still short for a person."""


class Connectable(Protocol):
    """Anything with a direct address, and the place where that address was set."""

    @property
    def direct(self) -> DatabaseUrl: ...
    @property
    def origin(self) -> Origin: ...


@contextmanager
def connect(database: Connectable, *, application: str = "seedbed", autocommit: bool = False) -> Iterator[Connection]:
    """Connect by SQLAlchemy, and close the connection at the end of the block; uncommitted changes are rolled back.

    Parameters of statements are never part of an error's text, since they may be personal data.

    Raises:
        DatabaseUnreachable, AuthenticationFailure, DatabaseNotFound: no connection could be made.
        MissingPrivilege: the role lacks a privilege.
    """
    engine = create_engine(
        "postgresql+psycopg2://",
        creator=lambda: open_connection(database, application=application),
        poolclass=NullPool,
        hide_parameters=True,
        use_native_hstore=False,
        isolation_level="AUTOCOMMIT" if autocommit else "READ COMMITTED",
    )
    with translate_errors(database), engine.connect() as connection:
        yield connection


def open_connection(database: Connectable, *, application: str = "seedbed") -> "psycopg2.extensions.connection":
    """Open a psycopg2 connection. Arguments go to libpq one by one, so it never reads a URL."""
    arguments: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS, "application_name": application, "client_encoding": "UTF8",
        **database.direct.connect_arguments(),
    }  # fmt: skip
    return cancel_on_interrupt(psycopg2.connect(**arguments))


_open_connections: "WeakSet[psycopg2.extensions.connection]" = WeakSet()


def cancel_on_interrupt(connection: "psycopg2.extensions.connection") -> "psycopg2.extensions.connection":
    """Have the connection's running statement cancelled when a signal asks the command to end."""
    _open_connections.add(connection)
    return connection


@cancel_when_blocked
def _cancel_statements() -> None:
    for connection in tuple(_open_connections):
        if not connection.closed and connection.info.transaction_status == TRANSACTION_STATUS_ACTIVE:
            connection.cancel()


@contextmanager
def autocommit_cursor(connection: "psycopg2.extensions.connection") -> Iterator["psycopg2.extensions.cursor"]:
    """A cursor whose statements are committed one by one; the connection is closed at the end of the block."""
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def execute_verbatim(connection: Connection, statement: str) -> str:
    """Run a statement in the connection's transaction without parameter substitution: % and : mean nothing in it.

    Returns PostgreSQL's command tag.

    Raises:
        psycopg2.Error: the server refused the statement.
    """
    if not connection.in_transaction():
        connection.begin()
    driver: Any = connection.connection.cursor()
    try:
        driver.execute(statement)
        return str(driver.statusmessage or "")
    finally:
        driver.close()


@contextmanager
def translate_errors(database: Connectable) -> Iterator[None]:
    """Raise Seedbed's own error for a driver's error about the connection or a privilege; any other passes."""
    with translate_errors_at(database.direct, str(database.origin)):
        yield
