"""Clone databases from a template in the background, ahead of the tests that use them, and drop them afterwards."""

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy import Engine, create_engine, make_url

from seedbed.postgres.clone import ClientSession, clone_database, wait_until_unused
from seedbed.settings import DatabaseUrl
from seedbed.testing.databases.server_access import ServerAccess, drop_database

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812 - psycopg2 names the class in lower case

_READY_AHEAD = 2


@dataclass(eq=False)
class Clone:
    """A database with an open connection whose caches, and SQLAlchemy's, are warm before a test uses it."""

    name: str
    url: DatabaseUrl
    warm_connection: psycopg.Connection
    _is_warm_used: bool = False

    @property
    def is_connection_lost(self) -> bool:
        """Whether the server has closed the connection."""
        with suppress(psycopg.Error):
            for _ in ("the server's last message", "the end of the stream"):
                self.warm_connection.pgconn.consume_input()
        return self.warm_connection.closed

    def connect(self) -> psycopg.Connection:
        """Return the warm connection the first time, then new ones."""
        if self._is_warm_used or self.warm_connection.closed:
            return _connect(self.url)
        self._is_warm_used = True
        return self.warm_connection

    @property
    def full_url(self) -> str:
        """The URL with its password, for any driver.

        asyncpg does not support `sslmode`, so `sslmode=disable` is left out. The client then asks the server, which
        has no TLS.
        """
        without_tls = self.url.parameter("sslmode") == "disable"
        return (self.url.without_parameter("sslmode") if without_tls else self.url).reveal()

    @cached_property
    def engine(self) -> Engine:
        """An engine whose pool starts with the warm connection. Its URL has the password, so other code can use it."""
        url = make_url(self.full_url).set(drivername="postgresql+psycopg")  # SQLAlchemy 2.0 defaults to psycopg2
        return create_engine(url, creator=self.connect)

    def warm_up(self) -> None:
        """Let SQLAlchemy run the queries of an engine's first connection."""
        self.engine.connect().close()

    def close(self) -> None:
        if "engine" in vars(self):
            self.engine.dispose()
        if not self._is_warm_used:
            self.warm_connection.close()


class ClonePool:
    """Clones of one template, or empty databases if `template` is None. A thread creates some of them ahead.

    `report_sessions` is called with a test and the sessions it has left open on its database. With
    `server_outlives_run`, every database is dropped; otherwise the server's end removes them.
    """

    def __init__(
        self,
        server_access: ServerAccess,
        template: str | None,
        new_name: Callable[[], str],
        report_sessions: Callable[[str, list[ClientSession]], None],
        *,
        server_outlives_run: bool,
    ) -> None:
        self._server_access, self._template = server_access, template
        self._new_name, self._report_sessions = new_name, report_sessions
        self._server_outlives_run = server_outlives_run
        self._ready: deque[Clone | Exception] = deque()
        self._released: deque[tuple[str, str]] = deque()
        self._request_count, self._waiting_count, self._is_closing = 0, 0, False
        self._failure: Exception | None = None
        self._changed = threading.Condition()
        self._thread = self._start_thread()

    def acquire(self) -> Clone:
        """Return a database that no test has used.

        If the server was gone, it is tried again; if it recovers from a crash, the call waits for it.

        Raises:
            Exception: the error that prevented the creation of the database.
        """
        with self._changed:
            self._request_count += 1
            self._waiting_count += 1
            try:
                clone_or_error = self._wait_for_next()
            finally:
                self._waiting_count -= 1
            self._changed.notify_all()
        if isinstance(clone_or_error, Clone):
            return clone_or_error
        raise clone_or_error

    def release(self, clone: Clone, test: str) -> None:
        """Drop a database in the background, after a check for sessions that its test has left open."""
        clone.close()
        with self._changed:
            self._released.append((clone.name, test))
            self._changed.notify_all()

    def close(self) -> None:
        """Stop the thread after it has checked the released databases."""
        with self._changed:
            self._is_closing = True
            self._changed.notify_all()
        self._thread.join()

    def _wait_for_next(self) -> Clone | Exception:
        """Wait for a clone with a live connection. If the thread failed, start it once more."""
        has_restarted = False
        while True:
            if self._failure is not None:
                self._server_access.await_recovery()
                self._failure, self._thread, has_restarted = None, self._start_thread(), True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._ready or self._failure)
            while self._ready:
                clone_or_error = self._ready.popleft()
                if isinstance(clone_or_error, Exception) or not clone_or_error.is_connection_lost:
                    return clone_or_error
                self._released.append((clone_or_error.name, ""))
                clone_or_error.close()
            if self._failure is not None and has_restarted:
                return self._failure

    def _start_thread(self) -> threading.Thread:
        thread = threading.Thread(target=self._work, name=f"seedbed-{self._template or 'empty'}", daemon=True)
        thread.start()
        return thread

    @property
    def _needs_more(self) -> bool:
        """Whether to create another clone. Most runs need one, for transactions; one that needs two will need more."""
        return (
            len(self._ready) < max(self._waiting_count, _READY_AHEAD if self._request_count > 1 else 0)
            and not self._is_closing
        )

    def _work(self) -> None:
        try:
            with self._server_access.open_admin_cursor() as cursor:
                while self._run_once(cursor):
                    pass
        except Exception as error:
            with self._changed:
                self._forget_ready()
                self._failure = error
                self._changed.notify_all()

    def _run_once(self, cursor: "Cursor") -> bool:
        """Create one clone and drop one, as needed. Return False when the pool is closing and nothing is left to do."""
        with self._changed:
            self._changed.wait_for(lambda: self._needs_more or self._released or self._is_closing)
            needs_more = self._needs_more
            released = self._released.popleft() if self._released else None
        if needs_more:
            clone_or_error = self._create(cursor)
            with self._changed:
                self._ready.append(clone_or_error)
                self._changed.notify_all()
        elif released is None:
            unused = self._forget_ready()
            for name in unused if self._server_outlives_run else ():
                drop_database(cursor, name)
            return False
        if released is not None:
            name, test = released
            if left_open := wait_until_unused(cursor, name):
                self._report_sessions(test, left_open)
            if self._server_outlives_run or not self._is_closing:
                drop_database(cursor, name)
        return True

    def _create(self, cursor: "Cursor") -> "Clone | Exception":
        name = self._new_name()
        try:
            if self._template is None:
                self._server_access.create_empty_database(cursor, name)
            else:
                clone_database(cursor, self._template, name, data_directory=self._server_access.data_directory)
            url = self._server_access.owner.with_database(name)
            created = Clone(name, url, _connect(url))
            created.warm_up()
        except Exception as error:
            if cursor.connection.closed:
                raise
            return error
        return created

    def _forget_ready(self) -> list[str]:
        unused = [ready for ready in self._ready if isinstance(ready, Clone)]
        self._ready.clear()
        for ready in unused:
            ready.close()
        return [ready.name for ready in unused]


def _connect(url: DatabaseUrl) -> psycopg.Connection:
    arguments: dict[str, Any] = {**url.connect_arguments()}
    return psycopg.connect(**arguments)
