"""Errors of psycopg2 and SQLAlchemy: their translation to Seedbed's own, and the server's message in one line."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile

import psycopg2
from sqlalchemy.exc import DBAPIError

from seedbed.errors import AuthenticationFailure, DatabaseNotFound, DatabaseUnreachable, MissingPrivilege, SeedbedError
from seedbed.settings import DatabaseUrl

_LOGIN_SQLSTATES = ("28P01", "28000")
_LOGIN_MESSAGES = ("authentication failed", "no password supplied", "no pg_hba.conf entry", 'FATAL:  role "')
"""libpq gives no SQLSTATE for an error before the session begins."""
_MISSING_DATABASE_SQLSTATE = "3D000"
_DENIED_SQLSTATES = ("42501", "25006")
"""A missing privilege, and a write in a read-only transaction."""
_UNREACHABLE_SQLSTATES = ("08", "57P", "53300")
"""Of class 53, only "too many connections" is about the connection; the rest is about a statement."""
_DATABASE_CREATOR_SOURCES = ("SHADOW_DATABASE_URL", "--seedbed-url")
"""Sources of a URL whose role must be able to create databases."""
_OMITTED_LINES = ("LINE ", "^", "Is the server running", "DETAIL:  Failing row contains")
"""Lines that say nothing, or that hold a whole row, which may be personal data."""


@contextmanager
def translate_errors_at(url: DatabaseUrl, origin: str) -> Iterator[None]:
    """Raise Seedbed's own error for a driver's error about the connection or a privilege; any other passes.

    `origin` is where the URL was set, for the message.
    """
    try:
        yield
    except psycopg2.Error as error:
        translation = _translate(url.address, origin, error)
        if translation is None:
            raise
        raise translation from error
    except DBAPIError as error:
        translation = _translate(url.address, origin, error.orig)
        if translation is None:
            raise
        raise translation from error


def get_sqlstate(error: BaseException | None) -> str | None:
    """The SQLSTATE of a driver's error, wrapped by SQLAlchemy or not; None for any other error."""
    driver_error = error.orig if isinstance(error, DBAPIError) else error
    return driver_error.pgcode if isinstance(driver_error, psycopg2.Error) else None


def get_server_message(error: BaseException | None) -> str:
    """The server's message in one line, without the statement and its parameters."""
    text = str(error.orig if isinstance(error, DBAPIError) else error)
    # CONTEXT quotes statements and rows.
    message = takewhile(lambda line: not line.startswith("CONTEXT:"), text.splitlines())
    lines = [line.strip() for line in message if line.strip()]
    kept = [line for line in lines if not line.startswith(_OMITTED_LINES)]
    return "; ".join(kept[:2]).removesuffix(".")


def find_missing_extension(error: BaseException | None) -> str | None:
    """The name of the extension that CREATE EXTENSION did not find on the server; None for any other error."""
    if not isinstance(error, DBAPIError):
        return None
    match = re.match(r'extension "(.+)" is not available', get_server_message(error))
    return match[1] if match else None


def _translate(address: str, origin: str, error: BaseException | None) -> SeedbedError | None:
    if not isinstance(error, psycopg2.Error):
        return None
    message = get_server_message(error)
    if error.pgcode in _DENIED_SQLSTATES:
        return MissingPrivilege(
            address, message, creator_setting=next(filter(origin.startswith, _DATABASE_CREATOR_SOURCES), None)
        )
    if isinstance(error, psycopg2.InterfaceError) and "closed" in message:
        return DatabaseUnreachable(address, origin, message)
    if not isinstance(error, psycopg2.OperationalError):
        return None
    if error.pgcode in _LOGIN_SQLSTATES or any(words in message for words in _LOGIN_MESSAGES):
        return AuthenticationFailure(address, origin, message)
    if error.pgcode == _MISSING_DATABASE_SQLSTATE or ('database "' in message and message.endswith("does not exist")):
        return DatabaseNotFound(address, origin)
    if error.pgcode is None or error.pgcode.startswith(_UNREACHABLE_SQLSTATES):
        return DatabaseUnreachable(address, origin, message)
    return None
