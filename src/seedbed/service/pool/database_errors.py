"""Classify database errors: unavailable, outdated schema, timeout, invalid value, missing privilege."""

import psycopg
from sqlalchemy.exc import DBAPIError, InterfaceError

_UNAVAILABLE_SQLSTATES = ("08", "57P", "53")
"""Prefixes of SQLSTATEs: connection exceptions, shutdown, insufficient resources."""

_OUTDATED_SCHEMA_SQLSTATES = frozenset({"42P01", "42703", "3F000"})
"""SQLSTATEs of an undefined table, column or schema."""


def is_unavailable(error: BaseException) -> bool:
    """Whether the database is unavailable, as opposed to a wrong request."""
    if isinstance(error, (OSError, InterfaceError)):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    driver_error = _unwrap(error)
    if driver_error is None:
        return False
    if driver_error.sqlstate is None:  # an error of libpq itself, mostly about a connection
        return isinstance(driver_error, psycopg.OperationalError) or type(driver_error) is psycopg.DatabaseError
    return driver_error.sqlstate.startswith(_UNAVAILABLE_SQLSTATES)


def is_schema_outdated(error: BaseException) -> bool:
    """Whether the database lacks a table, column or schema of the models."""
    driver_error = _unwrap(error)
    return driver_error is not None and driver_error.sqlstate in _OUTDATED_SCHEMA_SQLSTATES


def is_timeout(error: BaseException) -> bool:
    """Whether the server cancelled the statement, because of statement_timeout or lock_timeout."""
    return isinstance(_unwrap(error), (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable))


def is_data_error(error: BaseException) -> bool:
    """Whether a value of the request is invalid for its column, such as a number that is too large."""
    return isinstance(_unwrap(error), psycopg.DataError)


def is_permission_error(error: BaseException) -> bool:
    """Whether the service's role lacks a privilege to read."""
    return isinstance(_unwrap(error), psycopg.errors.InsufficientPrivilege)


def read_server_message(error: BaseException) -> str | None:
    """Read the server's primary message, which does not contain the statement."""
    driver_error = _unwrap(error)
    return None if driver_error is None else driver_error.diag.message_primary


def _unwrap(error: BaseException) -> psycopg.Error | None:
    driver_error = error.orig if isinstance(error, DBAPIError) else error
    return driver_error if isinstance(driver_error, psycopg.Error) else None
