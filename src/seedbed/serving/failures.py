"""What an error of the database says: that it is away, that it lacks our tables, or that the request was wrong."""

import psycopg
from sqlalchemy.exc import DBAPIError, InterfaceError

_AWAY = ("08", "57P", "53", "57014")
"""SQLSTATEs of a server that is not there or has no room: connection exceptions, shutdown, resources, a timeout."""

_BEHIND = frozenset({"42P01", "42703", "3F000"})
"""No such table, column or schema."""


def is_away(error: BaseException) -> bool:
    """Whether the database is not there, as opposed to that the request was wrong."""
    if isinstance(error, (OSError, InterfaceError)):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = _state(error)
    if state is None:
        return error.connection_invalidated or isinstance(error.orig, psycopg.OperationalError)
    return error.connection_invalidated or state.startswith(_AWAY)


def is_dead_connection(error: DBAPIError) -> bool:
    """Whether another connection may do better: this one was closed under us, or was never made."""
    return error.connection_invalidated or (_state(error) is None and isinstance(error.orig, psycopg.OperationalError))


def is_behind(error: BaseException) -> bool:
    """Whether the database lacks what the models have."""
    return isinstance(error, DBAPIError) and _state(error) in _BEHIND


def is_of_the_values(error: BaseException) -> bool:
    """Whether a value of the request fits no column: too large, not in the server's alphabet."""
    return isinstance(error, DBAPIError) and isinstance(error.orig, psycopg.DataError)


def _state(error: DBAPIError) -> str | None:
    state = getattr(error.orig, "sqlstate", None)
    return None if state is None else str(state)
