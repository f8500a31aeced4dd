"""Transactions within one another on one connection: a module's, a class's, a test's."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any

import psycopg
from psycopg import pq
from sqlalchemy.exc import DBAPIError

_AFTER = (
    "SELECT pg_stat_get_db_numbackends(oid), pg_advisory_unlock_all() FROM pg_database"
    " WHERE datname = current_database()"
)


class SavepointLost(Exception):
    """The transaction that was begun is no more."""


@contextmanager
def translate_lost_savepoint() -> Iterator[None]:
    """What a session finds when its savepoint is gone."""
    try:
        yield
    except DBAPIError as error:
        raise SavepointLost(str(error.orig)) from error


class SavepointStack:
    """Statements go to libpq as they are, several in one round trip, and wherever the connection is used: neither a
    driver's nor an event loop's state has a part in it. What another thread of the test still has at work on the
    connection is waited for.
    """

    def __init__(self, connection: "psycopg.Connection[Any] | psycopg.AsyncConnection[Any]") -> None:
        self._libpq = connection.pgconn
        self._alone: AbstractContextManager[Any] = (
            connection.lock if isinstance(connection, psycopg.Connection) else nullcontext()
        )
        self.depth = 0

    @property
    def pid(self) -> int:
        return self._libpq.backend_pid

    @property
    def is_alive(self) -> bool:
        return self._libpq.status == pq.ConnStatus.OK

    def begin(self) -> None:
        """Begin one within those that are open.

        Raises:
            Ended: the connection or the transaction around it was ended.
        """
        first = "BEGIN; " if self.depth == 0 else ""
        self._run(f"{first}SAVEPOINT seedbed_{self.depth}")
        self.depth += 1

    def end(self) -> int:
        """Roll back the innermost, with locks that its session would keep; how many sessions the database has now.

        Raises:
            Ended: somebody ended it before.
        """
        self.depth -= 1
        last = "; ROLLBACK" if self.depth == 0 else f"; RELEASE SAVEPOINT seedbed_{self.depth}"
        result = self._run(f"ROLLBACK TO SAVEPOINT seedbed_{self.depth}{last}; {_AFTER}")
        return int(result.get_value(0, 0) or b"0")

    def commit(self, rollback: Callable[[], object]) -> None:
        """Have what was done stay, as far as it can: after a statement that failed, what was committed before."""
        if self._libpq.transaction_status == pq.TransactionStatus.INERROR:
            with suppress(Exception):
                rollback()
        with suppress(psycopg.Error), self._alone:
            self._libpq.exec_(b"COMMIT")

    def _run(self, statements: str) -> pq.abc.PGresult:
        with self._alone:
            if self._libpq.transaction_status == pq.TransactionStatus.IDLE and not statements.startswith("BEGIN"):
                raise SavepointLost
            try:
                result = self._libpq.exec_(statements.encode())
                if result.status == pq.ExecStatus.FATAL_ERROR:
                    said = result.error_message.decode(errors="replace")
                    self._libpq.exec_(b"ROLLBACK")
                    raise SavepointLost(said)
            except psycopg.Error as error:
                raise SavepointLost(str(error)) from error
        return result
