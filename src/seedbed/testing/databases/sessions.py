"""The sessions of tests: transactions nested as savepoints, and asynchronous sessions in the test's event loop."""

import asyncio
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from dataclasses import dataclass
from typing import Any, Literal

import psycopg
from psycopg import pq
from sqlalchemy import Connection, StaticPool
from sqlalchemy.exc import DBAPIError, IllegalStateChangeError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import greenlet_spawn
from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from seedbed.settings import DatabaseUrl

_COUNT_SESSIONS_AND_UNLOCK = (
    "SELECT pg_stat_get_db_numbackends(oid), pg_advisory_unlock_all() FROM pg_database"
    " WHERE datname = current_database()"
)

JOIN_MODE: Literal["create_savepoint"] = "create_savepoint"
"""A session's commit releases a savepoint, and the enclosing transaction rolls back its changes."""

ExecutionOptions = Mapping[str, Any]


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


def read_execution_options(connection: Connection) -> ExecutionOptions:
    """Read the options that a test may set on a connection, such as `stream_results`, and later tests would inherit."""
    return connection.get_execution_options()


def restore_execution_options(connection: Connection, options: ExecutionOptions) -> None:
    """Restore a connection's options. SQLAlchemy's own API only adds options."""
    vars(connection)["_execution_options"] = options


def create_session_on(connection: Connection) -> AsyncSession:
    """Create an asynchronous session on a synchronous connection, in its transaction. It blocks the event loop."""
    source = _SynchronousConnection(connection)
    return AsyncSession(
        None,
        sync_session_class=_LazySession,
        connection_source=source,
        join_transaction_mode=JOIN_MODE,
        expire_on_commit=False,
    )


@dataclass(frozen=True)
class _SynchronousConnection:
    connection: Connection

    def get_connection(self) -> Connection:
        return self.connection


class UnfinishedTask(SavepointLost):
    """A task still uses the connection, and its event loop may never run again.

    The caller terminates the backend `pid`. Closing the socket instead would be unsafe: the event loop has registered
    its file descriptor, which the next connection would reuse.
    """

    def __init__(self, pid: int | None) -> None:
        super().__init__()
        self.pid = pid


class _LazySession(Session):
    """The synchronous half of an asynchronous session. It connects when the test first uses it, in the test's loop."""

    def __init__(self, *, connection_source: "AsyncTestConnection | _SynchronousConnection", **options: Any) -> None:
        super().__init__(**options)
        self._connection_source = connection_source

    def get_bind(self, *_arguments: Any, **_options: Any) -> Connection:
        return self._connection_source.get_connection()


class AsyncTestConnection:
    """A connection of the asynchronous driver that serves the event loops of many tests, one after another.

    It closes in an event loop of its own, because the loops of the tests may have ended. With `in_transactions`, each
    session is in a transaction that is rolled back.
    """

    def __init__(self, url: DatabaseUrl, *, in_transactions: bool) -> None:
        self._url, self._in_transactions = url, in_transactions
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._driver: psycopg.AsyncConnection[Any] | None = None
        self._connection: Connection | None = None
        self._options: ExecutionOptions = {}
        self._has_begun = False
        self.savepoints: SavepointStack | None = None
        self._engine: AsyncEngine = create_async_engine(
            "postgresql+psycopg://", async_creator=self._connect, poolclass=StaticPool, pool_reset_on_return=None
        )

    def create_session(self) -> AsyncSession:
        return AsyncSession(
            None,
            sync_session_class=_LazySession,
            connection_source=self,
            join_transaction_mode=JOIN_MODE,
            expire_on_commit=False,
        )

    def get_connection(self) -> Connection:
        """Return the connection, with a transaction begun if `in_transactions`. Call this only inside a greenlet."""
        if self._connection is None:
            self._connection = self._engine.sync_engine.connect()
            self._options = read_execution_options(self._connection)
        if self._in_transactions and not self._has_begun and self.savepoints is not None:
            self.savepoints.begin()
            self._connection.begin()
            self._has_begun = True
        return self._connection

    def end(self, session: AsyncSession) -> None:
        """Close a session, and roll back its transaction if it has one.

        Raises:
            Ended: the test ended the transaction itself.
            Abandoned: a task of the test still uses the connection, and cannot be waited for.
        """
        if self._connection is not None:
            restore_execution_options(self._connection, self._options)
        if self._is_busy:
            raise self._abandon()
        try:
            with translate_lost_savepoint():
                self._runner.run(session.close())
        except IllegalStateChangeError:  # a task is connecting or beginning a transaction
            raise self._abandon() from None
        if self._has_begun and self.savepoints is not None:
            self._has_begun = False
            self.savepoints.end()
            self._runner.run(self._reset_sqlalchemy())

    def _abandon(self) -> UnfinishedTask:
        self._driver = None
        return UnfinishedTask(self.savepoints.pid if self.savepoints is not None and self.savepoints.is_alive else None)

    @property
    def _is_busy(self) -> bool:
        """Whether a task waits for a result. The connection stays locked until that task's event loop runs again."""
        return self._driver is not None and self._driver.lock.locked()

    @property
    def is_alive(self) -> bool:
        """Whether the connection is still open."""
        return self.savepoints is not None and self.savepoints.is_alive

    def commit(self, session: AsyncSession) -> None:
        """Commit what a failed test did, for inspection."""
        if self._is_busy and self.savepoints is not None:
            self.savepoints.commit(lambda: None)
            self._abandon()
            return
        if self._has_begun and self.savepoints is not None:
            self.savepoints.commit(lambda: self._runner.run(session.rollback()))
        self._runner.run(session.invalidate())

    def close(self) -> None:
        if self._driver is not None:
            self._driver.pgconn.finish()
        self._runner.close()

    async def _reset_sqlalchemy(self) -> None:
        """Reset SQLAlchemy's transaction state after libpq has rolled back. This sends nothing."""
        if self._connection is not None and self._connection.in_transaction():
            await greenlet_spawn(self._connection.rollback)

    async def _connect(self) -> "psycopg.AsyncConnection[Any]":
        arguments: dict[str, Any] = {**self._url.connect_arguments()}
        self._driver = await psycopg.AsyncConnection.connect(**arguments)
        self.savepoints = SavepointStack(self._driver)
        return self._driver
