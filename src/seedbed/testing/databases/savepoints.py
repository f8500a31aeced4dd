"""Nest the transactions of a module, a class and a test as savepoints on one connection."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any

import psycopg
from psycopg import pq
from sqlalchemy.exc import DBAPIError

_COUNT_SESSIONS_AND_UNLOCK = (
    "SELECT pg_stat_get_db_numbackends(oid), pg_advisory_unlock_all() FROM pg_database"
    " WHERE datname = current_database()"
)


class SavepointLost(Exception):
    """The savepoint or its transaction no longer exists."""


@contextmanager
def translate_lost_savepoint() -> Iterator[None]:
    """Raise SavepointLost for the error that SQLAlchemy raises when a session's savepoint no longer exists."""
    try:
        yield
    except DBAPIError as error:
        raise SavepointLost(str(error.orig)) from error


class SavepointStack:
    """A stack of savepoints inside one transaction.

    Statements go directly to libpq, several in one round trip, so they need neither the driver's state nor an event
    loop. A statement of another thread on a synchronous connection is waited for.
    """

    def __init__(self, connection: "psycopg.Connection[Any] | psycopg.AsyncConnection[Any]") -> None:
        self._pgconn = connection.pgconn
        self._lock: AbstractContextManager[Any] = (
            connection.lock if isinstance(connection, psycopg.Connection) else nullcontext()
        )
        self.depth = 0

    @property
    def pid(self) -> int:
        return self._pgconn.backend_pid

    @property
    def is_alive(self) -> bool:
        return self._pgconn.status == pq.ConnStatus.OK

    def begin(self) -> None:
        """Push a savepoint. The first one begins the transaction.

        Raises:
            Ended: the connection or the enclosing transaction was ended.
        """
        first = "BEGIN; " if self.depth == 0 else ""
        self._run(f"{first}SAVEPOINT seedbed_{self.depth}")
        self.depth += 1

    def end(self) -> int:
        """Roll back the innermost savepoint and release advisory locks. Return the number of sessions on the database.

        Raises:
            Ended: the savepoint was ended before.
        """
        self.depth -= 1
        last = "; ROLLBACK" if self.depth == 0 else f"; RELEASE SAVEPOINT seedbed_{self.depth}"
        result = self._run(f"ROLLBACK TO SAVEPOINT seedbed_{self.depth}{last}; {_COUNT_SESSIONS_AND_UNLOCK}")
        return int(result.get_value(0, 0) or b"0")

    def commit(self, rollback: Callable[[], object]) -> None:
        """Commit the transaction. After a failed statement, only what the session had committed before is kept."""
        if self._pgconn.transaction_status == pq.TransactionStatus.INERROR:
            with suppress(Exception):
                rollback()
        with suppress(psycopg.Error), self._lock:
            self._pgconn.exec_(b"COMMIT")

    def _run(self, statements: str) -> pq.abc.PGresult:
        with self._lock:
            if self._pgconn.transaction_status == pq.TransactionStatus.IDLE and not statements.startswith("BEGIN"):
                raise SavepointLost
            try:
                result = self._pgconn.exec_(statements.encode())
                if result.status == pq.ExecStatus.FATAL_ERROR:
                    message = result.error_message.decode(errors="replace")
                    self._pgconn.exec_(b"ROLLBACK")
                    raise SavepointLost(message)
            except psycopg.Error as error:
                raise SavepointLost(str(error)) from error
        return result
