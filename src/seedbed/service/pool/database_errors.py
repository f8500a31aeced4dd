"""What an error of the database says: that it is away, that it lacks our tables, or that the request was wrong."""

import psycopg
from sqlalchemy.exc import DBAPIError, InterfaceError

_AWAY = ("08", "57P", "53")
"""SQLSTATEs of a server that is not there or has no room: connection exceptions, shutdown, resources."""

_BEHIND = frozenset({"42P01", "42703", "3F000"})
"""No such table, column or schema."""


def is_unavailable(error: BaseException) -> bool:
    """Whether the database is not there, as opposed to that the request was wrong."""
    if isinstance(error, (OSError, InterfaceError)):
        return True
    if isinstance(error, DBAPIError) and error.connection_invalidated:
        return True
    driver = _driver(error)
    if driver is None:
        return False
    if driver.sqlstate is None:  # libpq's own words: of a connection, mostly, and psycopg has no class for them
        return isinstance(driver, psycopg.OperationalError) or type(driver) is psycopg.DatabaseError
    return driver.sqlstate.startswith(_AWAY)


def is_schema_outdated(error: BaseException) -> bool:
    """Whether the database lacks what the models have."""
    driver = _driver(error)
    return driver is not None and driver.sqlstate in _BEHIND


def is_timeout(error: BaseException) -> bool:
    """Whether the server gave the statement up: its statement_timeout, or a lock that was not to be had."""
    return isinstance(_driver(error), (psycopg.errors.QueryCanceled, psycopg.errors.LockNotAvailable))


def is_data_error(error: BaseException) -> bool:
    """Whether a value of the request fits no column: too large, not in the server's alphabet."""
    return isinstance(_driver(error), psycopg.DataError)


def is_permission_error(error: BaseException) -> bool:
    """Whether the service's role may not read what was asked for."""
    return isinstance(_driver(error), psycopg.errors.InsufficientPrivilege)


def read_server_message(error: BaseException) -> str | None:
    """What the server said of a statement, without the statement."""
    driver = _driver(error)
    return None if driver is None else driver.diag.message_primary


def _driver(error: BaseException) -> psycopg.Error | None:
    found = error.orig if isinstance(error, DBAPIError) else error
    return found if isinstance(found, psycopg.Error) else None
