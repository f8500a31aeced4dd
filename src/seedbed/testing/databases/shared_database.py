"""A database that tests use in turn, each in a transaction that is rolled back."""

from typing import Any

from sqlalchemy import Connection
from sqlmodel import Session

from seedbed.testing.databases.async_sessions import JOIN_MODE, AsyncTestConnection, ExecutionOptions, read_execution_options, restore_execution_options
from seedbed.testing.databases.clones import Clone
from seedbed.testing.databases.savepoints import SavepointStack, translate_lost_savepoint


class SharedDatabase:
    """One connection to a copy of the template, for all tests of this process that want no more than a transaction.

    A `is_discarded` one is used no more, by whatever scope still has it; `discarded_by` is the test that did it.
    """

    def __init__(self, clone: Clone) -> None:
        self.clone = clone
        self.is_discarded = False
        self.discarded_by = ""
        self.has_schema_changes = False
        """Whether definitions were changed, and rolled back: statements that the connection has prepared would not do
        any more, so that it has to be another one."""
        self.reported_pids: set[int] = set()
        """Sessions that a test left, and that were told of."""
        self._connection: Connection | None = None
        self._scopes: SavepointStack | None = None
        self._asynchronous: AsyncTestConnection | None = None
        self._options: ExecutionOptions = {}

    @property
    def connection(self) -> Connection:
        """The connection that transactions are on."""
        if self._connection is None:
            self._connection = self.clone.engine.connect()
            driver: Any = self._connection.connection.driver_connection
            self._scopes = SavepointStack(driver)
            self._options = read_execution_options(self._connection)
        return self._connection

    @property
    def savepoints(self) -> SavepointStack:
        """The transactions on it."""
        _ = self.connection
        if self._scopes is None:
            raise AssertionError
        return self._scopes

    def begin(self) -> Session:
        """Begin a transaction within those that are open, and give a session in it.

        Raises:
            Ended: the connection was ended, or the transactions around this one.
        """
        self.savepoints.begin()
        if not self.connection.in_transaction():
            self.connection.begin()
        return Session(self.connection, join_transaction_mode=JOIN_MODE)

    def end(self, session: Session) -> bool:
        """Roll back what was begun last; False where other sessions than these may be on the database.

        Raises:
            Ended: the test ended it itself.
        """
        restore_execution_options(self.connection, self._options)
        if self.savepoints.depth > 1:
            with translate_lost_savepoint():
                session.close()
            return self._alone(self.savepoints.end())
        try:
            alone = self._alone(self.savepoints.end())
        finally:  # what is left to do is SQLAlchemy's own, and sends nothing
            if not self.connection.closed:
                self.connection.rollback()
            session.close()
        if self.has_schema_changes:
            self._renew()
        return alone

    def commit(self, session: Session) -> None:
        """Have what a test did stay, for whoever looks into the database."""
        self.savepoints.commit(session.rollback)
        session.invalidate()

    def get_async_connection(self) -> AsyncTestConnection:
        if self._asynchronous is None:
            self._asynchronous = AsyncTestConnection(self.clone.url, in_transactions=True)
        return self._asynchronous

    def discard_async_connection(self) -> None:
        """Have the next asynchronous test connect anew."""
        if self._asynchronous is not None:
            self._asynchronous.close()
            self._asynchronous = None

    @property
    def is_alive(self) -> bool:
        """Whether the server still has its connection."""
        return self.savepoints.is_alive

    def backend_pids(self) -> set[int]:
        """The server's processes that these connections are."""
        known = (self._scopes, self._asynchronous and self._asynchronous.savepoints)
        return {scopes.pid for scopes in known if scopes and scopes.is_alive}

    def close(self) -> None:
        self.discard_async_connection()
        self._renew()

    def _alone(self, sessions: int) -> bool:
        return sessions <= len(self.backend_pids() | self.reported_pids)

    def _renew(self) -> None:
        if self._connection is not None:
            if not self._connection.closed:
                self._connection.invalidate()
            self._connection.close()
        self._connection = self._scopes = None
        self.has_schema_changes = False
