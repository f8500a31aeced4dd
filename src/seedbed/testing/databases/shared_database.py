"""A database that tests use in turn, each in a transaction that is rolled back."""

from typing import Any

from sqlalchemy import Connection
from sqlmodel import Session

from seedbed.testing.databases.async_sessions import NESTED, Asynchronous, Options, options_of, set_options
from seedbed.testing.databases.clones import Clone
from seedbed.testing.databases.savepoints import Scopes, unless_ended


class Shared:
    """One connection to a copy of the template, for all tests of this process that want no more than a transaction.

    A `spoilt` one is used no more, by whatever scope still has it; `spoilt_by` is the test that did it.
    """

    def __init__(self, clone: Clone) -> None:
        self.clone = clone
        self.spoilt = False
        self.spoilt_by = ""
        self.redefined = False
        """Whether definitions were changed, and rolled back: statements that the connection has prepared would not do
        any more, so that it has to be another one."""
        self.strangers: set[int] = set()
        """Sessions that a test left, and that were told of."""
        self._connection: Connection | None = None
        self._scopes: Scopes | None = None
        self._asynchronous: Asynchronous | None = None
        self._options: Options = {}

    @property
    def connection(self) -> Connection:
        """The connection that transactions are on."""
        if self._connection is None:
            self._connection = self.clone.engine.connect()
            driver: Any = self._connection.connection.driver_connection
            self._scopes = Scopes(driver)
            self._options = options_of(self._connection)
        return self._connection

    @property
    def scopes(self) -> Scopes:
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
        self.scopes.begin()
        if not self.connection.in_transaction():
            self.connection.begin()
        return Session(self.connection, join_transaction_mode=NESTED)

    def end(self, session: Session) -> bool:
        """Roll back what was begun last; False where other sessions than these may be on the database.

        Raises:
            Ended: the test ended it itself.
        """
        set_options(self.connection, self._options)
        if self.scopes.depth > 1:
            with unless_ended():
                session.close()
            return self._alone(self.scopes.end())
        try:
            alone = self._alone(self.scopes.end())
        finally:  # what is left to do is SQLAlchemy's own, and sends nothing
            if not self.connection.closed:
                self.connection.rollback()
            session.close()
        if self.redefined:
            self._renew()
        return alone

    def commit(self, session: Session) -> None:
        """Have what a test did stay, for whoever looks into the database."""
        self.scopes.commit(session.rollback)
        session.invalidate()

    def asynchronous(self) -> Asynchronous:
        if self._asynchronous is None:
            self._asynchronous = Asynchronous(self.clone.url, in_transactions=True)
        return self._asynchronous

    def renew_asynchronous(self) -> None:
        """Have the next asynchronous test connect anew."""
        if self._asynchronous is not None:
            self._asynchronous.close()
            self._asynchronous = None

    @property
    def alive(self) -> bool:
        """Whether the server still has its connection."""
        return self.scopes.alive

    def pids(self) -> set[int]:
        """The server's processes that these connections are."""
        known = (self._scopes, self._asynchronous and self._asynchronous.scopes)
        return {scopes.pid for scopes in known if scopes and scopes.alive}

    def close(self) -> None:
        self.renew_asynchronous()
        self._renew()

    def _alone(self, sessions: int) -> bool:
        return sessions <= len(self.pids() | self.strangers)

    def _renew(self) -> None:
        if self._connection is not None:
            if not self._connection.closed:
                self._connection.invalidate()
            self._connection.close()
        self._connection = self._scopes = None
        self.redefined = False
