"""Connections and engines, and the one place where a driver's error becomes one of ours."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import psycopg2
import psycopg2.extensions
from psycopg2.extensions import TRANSACTION_STATUS_ACTIVE
from sqlalchemy import Connection, create_engine
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from seedbed.errors import DatabaseMissing, LoginRefused, NotPermitted, SeedbedError, Unreachable
from seedbed.interrupts import cancel_when_blocked
from seedbed.settings import DatabaseUrl

if TYPE_CHECKING:
    from seedbed.postgres.database import Database

CONNECT_SECONDS = 10
"""A serverless compute that sleeps takes a few hundred ms to wake, so this is ample and still short for a person."""

_LOGIN = ("28P01", "28000")
_LOGIN_WORDS = ("authentication failed", "no password supplied", "no pg_hba.conf entry", 'FATAL:  role "')
"""libpq gives no code for what happens before a session begins."""
_MISSING = "3D000"
_DENIED = ("42501", "25006")
"""A right that the role lacks, and writing by a role whose transactions only read."""
_AWAY = ("08", "57P", "53300")
"""Of class 53, only too many connections is about the way to the server; the rest is about a statement."""


@contextmanager
def connect(database: "Database", *, application: str = "seedbed", autocommit: bool = False) -> Iterator[Connection]:
    """A connection on the direct address, closed at the end; what was not committed is rolled back.

    Parameters of statements are never part of an error's text: they may be anybody's data.

    Raises:
        Unreachable, LoginRefused, DatabaseMissing: no connection could be made.
        NotPermitted: the role lacks a right.
    """
    engine = create_engine(
        "postgresql+psycopg2://",
        creator=lambda: open_connection(database, application=application),
        poolclass=NullPool,
        hide_parameters=True,
        use_native_hstore=False,
        isolation_level="AUTOCOMMIT" if autocommit else "READ COMMITTED",
    )
    with translated(database), engine.connect() as connection:
        yield connection


def open_connection(database: "Database", *, application: str = "seedbed") -> "psycopg2.extensions.connection":
    """A bare psycopg2 connection on the direct address. Arguments go to libpq one by one, so it never reads a URL."""
    arguments: dict[str, Any] = {
        "connect_timeout": CONNECT_SECONDS, "application_name": application, "client_encoding": "UTF8",
        **database.direct.connect_arguments(),
    }  # fmt: skip
    return cancellable(psycopg2.connect(**arguments))


_open: "WeakSet[psycopg2.extensions.connection]" = WeakSet()


def cancellable(connection: "psycopg2.extensions.connection") -> "psycopg2.extensions.connection":
    """Have the connection's statement cancelled when a signal asks the command to end."""
    _open.add(connection)
    return connection


@cancel_when_blocked
def _cancel_statements() -> None:
    for connection in tuple(_open):
        if not connection.closed and connection.info.transaction_status == TRANSACTION_STATUS_ACTIVE:
            connection.cancel()


@contextmanager
def autocommitting(connection: "psycopg2.extensions.connection") -> Iterator["psycopg2.extensions.cursor"]:
    """A cursor whose statements are committed as they run; the connection is closed with it."""
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            yield cursor
    finally:
        connection.close()


def execute_plain(connection: Connection, statement: str) -> str:
    """Run a statement as it stands, in the connection's transaction: no % or : in it means anything.

    Gives PostgreSQL's command tag.

    Raises:
        psycopg2.Error: the server refused it.
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
def translated(database: "Database") -> Iterator[None]:
    """Turn what psycopg2 says of a connection or a right into a coded error; anything else passes."""
    with translated_at(database.direct, str(database.origin)):
        yield


@contextmanager
def translated_at(url: DatabaseUrl, origin: str) -> Iterator[None]:
    """The same for an address that is no environment's database; `origin` is where it came from."""
    try:
        yield
    except psycopg2.Error as error:
        ours = _translation(url.address, origin, error)
        if ours is None:
            raise
        raise ours from error
    except DBAPIError as error:
        ours = _translation(url.address, origin, error.orig)
        if ours is None:
            raise
        raise ours from error


def sqlstate(error: BaseException | None) -> str | None:
    """PostgreSQL's code of an error, whether SQLAlchemy has wrapped it or not; None of anything else."""
    driver = error.orig if isinstance(error, DBAPIError) else error
    return driver.pgcode if isinstance(driver, psycopg2.Error) else None


_UNSAID = ("LINE ", "^", "Is the server running", "DETAIL:  Failing row contains")
"""Lines that say nothing, or a whole row: it may be anybody's."""


def sentence(error: BaseException | None) -> str:
    """What the server said, in one line, without the statement or its parameters."""
    text = str(error.orig if isinstance(error, DBAPIError) else error)
    said = takewhile(lambda line: not line.startswith("CONTEXT:"), text.splitlines())  # it quotes statements and rows
    lines = [line.strip() for line in said if line.strip()]
    kept = [line for line in lines if not line.startswith(_UNSAID)]
    return "; ".join(kept[:2]).removesuffix(".")


def missing_extension(error: BaseException | None) -> str | None:
    """The extension that a server was asked to make and has not installed."""
    found = re.match(r'extension "(.+)" is not available', sentence(error)) if isinstance(error, DBAPIError) else None
    return found[1] if found else None


_MAKERS = ("SHADOW_DATABASE_URL", "--seedbed-url")
"""Where a URL comes from whose role is there to make databases."""


def _translation(address: str, origin: str, error: BaseException | None) -> SeedbedError | None:
    if not isinstance(error, psycopg2.Error):
        return None
    said = sentence(error)
    if error.pgcode in _DENIED:
        return NotPermitted(address, said, maker=next(filter(origin.startswith, _MAKERS), None))
    if isinstance(error, psycopg2.InterfaceError) and "closed" in said:
        return Unreachable(address, origin, said)
    if not isinstance(error, psycopg2.OperationalError):
        return None
    if error.pgcode in _LOGIN or any(words in said for words in _LOGIN_WORDS):
        return LoginRefused(address, origin, said)
    if error.pgcode == _MISSING or ('database "' in said and said.endswith("does not exist")):
        return DatabaseMissing(address, origin)
    if error.pgcode is None or error.pgcode.startswith(_AWAY):
        return Unreachable(address, origin, said)
    return None
