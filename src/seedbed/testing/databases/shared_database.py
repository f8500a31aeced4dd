"""A database that tests share, one after another, each in a transaction that is rolled back."""

from typing import Any

from sqlalchemy import Connection
from sqlmodel import Session

from seedbed.testing.databases.clones import Clone
from seedbed.testing.databases.sessions import (
    JOIN_MODE,
    AsyncTestConnection,
    ExecutionOptions,
    SavepointStack,
    read_execution_options,
    restore_execution_options,
    translate_lost_savepoint,
)


class SharedDatabase:
    """One connection to a clone of the template, for all tests of this process in mode "transaction".

    A `is_discarded` database is not used any more, even by a class or module that still
    refers to it. `discarded_by` is the test that caused this.
    """

    def __init__(self, clone: Clone) -> None:
        self.clone = clone
        self.is_discarded = False
        self.discarded_by = ""
        self.has_schema_changes = False
        """Whether a test has changed the schema and rolled it back, so that prepared statements are stale and the next
        test needs a new connection."""
        self.reported_pids: set[int] = set()
        """Backends of sessions that a test has left open and that were reported."""
        self._connection: Connection | None = None
        self._savepoints: SavepointStack | None = None
        self._async_connection: AsyncTestConnection | None = None
        self._execution_options: ExecutionOptions = {}

    @property
    def connection(self) -> Connection:
        """The connection of all transactions."""
        if self._connection is None:
            self._connection = self.clone.engine.connect()
            driver: Any = self._connection.connection.driver_connection
            self._savepoints = SavepointStack(driver)
            self._execution_options = read_execution_options(self._connection)
        return self._connection

    @property
    def savepoints(self) -> SavepointStack:
        """The stack of transactions on the connection."""
        _ = self.connection
        if self._savepoints is None:
            raise AssertionError
        return self._savepoints

    def begin(self) -> Session:
        """Begin a transaction inside the open ones, and return a session in it.

        Raises:
            Ended: the connection or an enclosing transaction was ended.
        """
        self.savepoints.begin()
        if not self.connection.in_transaction():
            self.connection.begin()
        return Session(self.connection, join_transaction_mode=JOIN_MODE)

    def end(self, session: Session) -> bool:
        """Roll back the innermost transaction. Return False if there may be foreign sessions on the database.

        Raises:
            Ended: the test ended the transaction itself.
        """
        restore_execution_options(self.connection, self._execution_options)
        if self.savepoints.depth > 1:
            with translate_lost_savepoint():
                session.close()
            return self._has_no_foreign_sessions(self.savepoints.end())
        try:
            has_no_foreign_sessions = self._has_no_foreign_sessions(self.savepoints.end())
        finally:  # SQLAlchemy's own state remains to be reset, which sends nothing
            if not self.connection.closed:
                self.connection.rollback()
            session.close()
        if self.has_schema_changes:
            self._close_connection()
        return has_no_foreign_sessions

    def commit(self, session: Session) -> None:
        """Commit what a failed test did, for inspection."""
        self.savepoints.commit(session.rollback)
        session.invalidate()

    def get_async_connection(self) -> AsyncTestConnection:
        if self._async_connection is None:
            self._async_connection = AsyncTestConnection(self.clone.url, in_transactions=True)
        return self._async_connection

    def discard_async_connection(self) -> None:
        """Close the asynchronous connection, so that the next asynchronous test opens a new one."""
        if self._async_connection is not None:
            self._async_connection.close()
            self._async_connection = None

    @property
    def is_alive(self) -> bool:
        """Whether the connection is still open."""
        return self.savepoints.is_alive

    def backend_pids(self) -> set[int]:
        """Return the process ids of the backends that serve these connections."""
        stacks = (self._savepoints, self._async_connection and self._async_connection.savepoints)
        return {stack.pid for stack in stacks if stack and stack.is_alive}

    def close(self) -> None:
        self.discard_async_connection()
        self._close_connection()

    def _has_no_foreign_sessions(self, sessions: int) -> bool:
        return sessions <= len(self.backend_pids() | self.reported_pids)

    def _close_connection(self) -> None:
        if self._connection is not None:
            if not self._connection.closed:
                self._connection.invalidate()
            self._connection.close()
        self._connection = self._savepoints = None
        self.has_schema_changes = False
