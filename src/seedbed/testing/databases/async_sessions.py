"""Sessions on the asynchronous driver, which connect in the event loop of whoever first uses them."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import psycopg
from sqlalchemy import Connection, StaticPool
from sqlalchemy.exc import IllegalStateChangeError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import greenlet_spawn
from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from seedbed.settings import DatabaseUrl
from seedbed.testing.databases.savepoints import SavepointLost, SavepointStack, translate_lost_savepoint

JOIN_MODE: Literal["create_savepoint"] = "create_savepoint"
"""A session's commits release a savepoint, and what it did goes with the transaction around it."""


ExecutionOptions = Mapping[str, Any]


def read_execution_options(connection: Connection) -> ExecutionOptions:
    """What a test may set on a connection, such as `stream_results`: it would stay for those after it."""
    return connection.get_execution_options()


def restore_execution_options(connection: Connection, options: ExecutionOptions) -> None:
    """Put a connection's options back: SQLAlchemy itself only adds to them."""
    vars(connection)["_execution_options"] = options


def create_session_on(connection: Connection) -> AsyncSession:
    """An asynchronous session on a synchronous connection, and so in its transaction; it waits where it should not."""
    held = _Open(connection)
    return AsyncSession(None, sync_session_class=_Held, held=held, join_transaction_mode=JOIN_MODE, expire_on_commit=False)


@dataclass(frozen=True)
class _Open:
    connection: Connection

    def opened(self) -> Connection:
        return self.connection


class UnfinishedTask(SavepointLost):
    """A task is at work on the connection still, and its event loop may never run again. `pid` is the server's process,
    for whoever ends that: to close the socket here would take it from the loop, which knows it by a number that the
    next connection gets.
    """

    def __init__(self, pid: int | None) -> None:
        super().__init__()
        self.pid = pid


class _Held(Session):
    """The synchronous half of an asynchronous session, which connects when the test's own event loop first asks."""

    def __init__(self, *, held: "AsyncTestConnection | _Open", **options: Any) -> None:
        super().__init__(**options)
        self._held = held

    def get_bind(self, *_arguments: Any, **_options: Any) -> Connection:
        return self._held.opened()


class AsyncTestConnection:
    """A connection of the asynchronous driver. It serves many event loops, one after another, and is put away by one of
    its own: those of the tests may have ended by then.

    `in_transactions` has each session in a transaction that is rolled back.
    """

    def __init__(self, url: DatabaseUrl, *, in_transactions: bool) -> None:
        self._url, self._in_transactions = url, in_transactions
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._driver: psycopg.AsyncConnection[Any] | None = None
        self._connection: Connection | None = None
        self._options: ExecutionOptions = {}
        self._begun = False
        self.savepoints: SavepointStack | None = None
        self._engine: AsyncEngine = create_async_engine(
            "postgresql+psycopg://", async_creator=self._connected, poolclass=StaticPool, pool_reset_on_return=None
        )

    def create_session(self) -> AsyncSession:
        return AsyncSession(
            None, sync_session_class=_Held, held=self, join_transaction_mode=JOIN_MODE, expire_on_commit=False
        )

    def opened(self) -> Connection:
        """The connection, in a transaction where there are to be such; only to be asked for in a greenlet."""
        if self._connection is None:
            self._connection = self._engine.sync_engine.connect()
            self._options = read_execution_options(self._connection)
        if self._in_transactions and not self._begun and self.savepoints is not None:
            self.savepoints.begin()
            self._connection.begin()
            self._begun = True
        return self._connection

    def end(self, session: AsyncSession) -> None:
        """Close a session, and roll back what it did where it is in a transaction.

        Raises:
            Ended: the test ended its transaction itself.
            Abandoned: a task of the test cannot be waited for, and is left with the connection.
        """
        if self._connection is not None:
            restore_execution_options(self._connection, self._options)
        if self._is_busy:
            raise self._abandoned()
        try:
            with translate_lost_savepoint():
                self._runner.run(session.close())
        except IllegalStateChangeError:  # it connects, or begins
            raise self._abandoned() from None
        if self._begun and self.savepoints is not None:
            self._begun = False
            self.savepoints.end()
            self._runner.run(self._forget())

    def _abandoned(self) -> UnfinishedTask:
        self._driver = None
        return UnfinishedTask(self.savepoints.pid if self.savepoints is not None and self.savepoints.is_alive else None)

    @property
    def _is_busy(self) -> bool:
        """Whether somebody waits for an answer on the connection: it is locked until that one's loop goes on."""
        return self._driver is not None and self._driver.lock.locked()

    @property
    def is_alive(self) -> bool:
        """Whether the server still has its connection."""
        return self.savepoints is not None and self.savepoints.is_alive

    def commit(self, session: AsyncSession) -> None:
        """Have what a test did stay."""
        if self._is_busy and self.savepoints is not None:
            self.savepoints.commit(lambda: None)
            self._abandoned()
            return
        if self._begun and self.savepoints is not None:
            self.savepoints.commit(lambda: self._runner.run(session.rollback()))
        self._runner.run(session.invalidate())

    def close(self) -> None:
        if self._driver is not None:
            self._driver.pgconn.finish()
        self._runner.close()

    async def _forget(self) -> None:
        """Have SQLAlchemy know what libpq did: nothing is sent."""
        if self._connection is not None and self._connection.in_transaction():
            await greenlet_spawn(self._connection.rollback)

    async def _connected(self) -> "psycopg.AsyncConnection[Any]":
        arguments: dict[str, Any] = {**self._url.connect_arguments()}
        self._driver = await psycopg.AsyncConnection.connect(**arguments)
        self.savepoints = SavepointStack(self._driver)
        return self._driver
