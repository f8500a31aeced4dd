"""A database that tests use in turn, each in a transaction that is rolled back."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any, Literal

import psycopg
from psycopg import pq
from sqlalchemy import Connection, StaticPool
from sqlalchemy.exc import DBAPIError
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.util import greenlet_spawn
from sqlmodel import Session
from sqlmodel.ext.asyncio.session import AsyncSession

from seedbed.settings import DatabaseUrl
from seedbed.testing.clones import Clone

_NESTED: Literal["create_savepoint"] = "create_savepoint"
"""A session's commits release a savepoint, and what it did goes with the transaction around it."""


class Ended(Exception):
    """The transaction that was begun is no more."""


class Scopes:
    """Transactions within one another on one connection: a module's, a class's, a test's.

    Statements go to libpq as they are, several in one round trip, and wherever the connection is used: neither a
    driver's nor an event loop's state has a part in it.
    """

    def __init__(self, connection: "psycopg.Connection[Any] | psycopg.AsyncConnection[Any]") -> None:
        self._libpq = connection.pgconn
        self.depth = 0

    @property
    def pid(self) -> int:
        return self._libpq.backend_pid

    @property
    def alive(self) -> bool:
        return self._libpq.status == pq.ConnStatus.OK

    def begin(self) -> None:
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
        self._libpq.exec_(b"COMMIT")

    def _run(self, statements: str) -> pq.abc.PGresult:
        if self._libpq.transaction_status == pq.TransactionStatus.IDLE and not statements.startswith("BEGIN"):
            raise Ended
        result = self._libpq.exec_(statements.encode())
        if result.status == pq.ExecStatus.FATAL_ERROR:
            self._libpq.exec_(b"ROLLBACK")
            raise Ended(result.error_message.decode(errors="replace"))
        return result


_AFTER = (
    "SELECT pg_stat_get_db_numbackends(oid), pg_advisory_unlock_all() FROM pg_database"
    " WHERE datname = current_database()"
)


@contextmanager
def _unless_ended() -> Iterator[None]:
    """What a session finds when its savepoint is gone."""
    try:
        yield
    except DBAPIError as error:
        raise Ended(str(error.orig)) from error


class Shared:
    """One connection to a copy of the template, for all tests of this process that want no more than a transaction.

    A `spoilt` one is used no more, by whatever scope still has it.
    """

    def __init__(self, clone: Clone) -> None:
        self.clone = clone
        self.spoilt = False
        self._connection: Connection | None = None
        self._scopes: Scopes | None = None
        self._asynchronous: Asynchronous | None = None

    @property
    def connection(self) -> Connection:
        """The connection that transactions are on."""
        if self._connection is None:
            self._connection = self.clone.engine.connect()
            driver: Any = self._connection.connection.driver_connection
            self._scopes = Scopes(driver)
        return self._connection

    @property
    def scopes(self) -> "Scopes":
        """The transactions on it."""
        _ = self.connection
        if self._scopes is None:
            raise AssertionError
        return self._scopes

    def begin(self) -> Session:
        """Begin a transaction within those that are open, and give a session in it."""
        self.scopes.begin()
        if not self.connection.in_transaction():
            self.connection.begin()
        return Session(self.connection, join_transaction_mode=_NESTED)

    def end(self, session: Session) -> bool:
        """Roll back what was begun last; False where other sessions than these may be on the database.

        Raises:
            Ended: the test ended it itself.
        """
        if self.scopes.depth > 1:
            with _unless_ended():
                session.close()
            found = self.scopes.end()
        else:
            try:
                found = self.scopes.end()
            finally:  # what is left to do is SQLAlchemy's own, and sends nothing
                self.connection.rollback()
                session.close()
        return found <= len(self.pids())

    def commit(self, session: Session) -> None:
        """Have what a test did stay, for whoever looks into the database."""
        self.scopes.commit(session.rollback)
        session.invalidate()

    def asynchronous(self) -> "Asynchronous":
        if self._asynchronous is None:
            self._asynchronous = Asynchronous(self.clone.url, in_transactions=True)
        return self._asynchronous

    @property
    def alive(self) -> bool:
        """Whether the server still has its connection."""
        return self.scopes.alive

    def pids(self) -> set[int]:
        """The server's processes that these connections are."""
        known = (self._scopes, self._asynchronous and self._asynchronous.scopes)
        return {scopes.pid for scopes in known if scopes}

    def close(self) -> None:
        if self._asynchronous is not None:
            self._asynchronous.close()
        if self._connection is not None:
            self._connection.invalidate()
            self._connection.close()


def on_connection(connection: Connection) -> AsyncSession:
    """An asynchronous session on a synchronous connection, and so in its transaction; it waits where it should not."""
    held = _Open(connection)
    return AsyncSession(
        None, sync_session_class=_Held, held=held, join_transaction_mode=_NESTED, expire_on_commit=False
    )


@dataclass(frozen=True)
class _Open:
    connection: Connection

    def opened(self) -> Connection:
        return self.connection


class _Held(Session):
    """The synchronous half of an asynchronous session, which connects when the test's own event loop first asks."""

    def __init__(self, *, held: "Asynchronous | _Open", **options: Any) -> None:
        super().__init__(**options)
        self._held = held

    def get_bind(self, *_arguments: Any, **_options: Any) -> Connection:
        return self._held.opened()


class Asynchronous:
    """A connection of the asynchronous driver. It serves many event loops, one after another, and is put away by one of
    its own: those of the tests may have ended by then.

    `in_transactions` has each session in a transaction that is rolled back.
    """

    def __init__(self, url: DatabaseUrl, *, in_transactions: bool) -> None:
        self._url, self._in_transactions = url, in_transactions
        self._runner = asyncio.Runner(loop_factory=asyncio.new_event_loop)
        self._driver: psycopg.AsyncConnection[Any] | None = None
        self._connection: Connection | None = None
        self._begun = False
        self.scopes: Scopes | None = None
        self._engine: AsyncEngine = create_async_engine(
            "postgresql+psycopg://", async_creator=self._connected, poolclass=StaticPool, pool_reset_on_return=None
        )

    def session(self) -> AsyncSession:
        return AsyncSession(
            None, sync_session_class=_Held, held=self, join_transaction_mode=_NESTED, expire_on_commit=False
        )

    def opened(self) -> Connection:
        """The connection, in a transaction where there are to be such; only to be asked for in a greenlet."""
        if self._connection is None:
            self._connection = self._engine.sync_engine.connect()
        if self._in_transactions and not self._begun and self.scopes is not None:
            self.scopes.begin()
            self._connection.begin()
            self._begun = True
        return self._connection

    def end(self, session: AsyncSession) -> None:
        """Close a session, and roll back what it did where it is in a transaction.

        Raises:
            Ended: the test ended its transaction itself.
        """
        with _unless_ended():
            self._runner.run(session.close())
        if self._begun and self.scopes is not None:
            self._begun = False
            self.scopes.end()
            self._runner.run(self._forget())

    def commit(self, session: AsyncSession) -> None:
        """Have what a test did stay."""
        if self._begun and self.scopes is not None:
            self.scopes.commit(lambda: self._runner.run(session.rollback()))
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
        self.scopes = Scopes(self._driver)
        return self._driver
