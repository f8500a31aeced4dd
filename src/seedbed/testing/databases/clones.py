"""Databases of tests' own, copied in the background before anyone wants them and dropped when nobody waits."""

import threading
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy import Engine, create_engine, make_url

from seedbed.postgres.clone import Session, await_unused, clone
from seedbed.settings import DatabaseUrl
from seedbed.testing.databases.server_access import ServerAccess, drop_database

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a type, whatever its author called it

_AHEAD = 2


@dataclass(eq=False)
class Clone:
    """A database, and a connection to it that was opened when it was made: a first one costs its cold caches, of which
    SQLAlchemy has some too.
    """

    name: str
    url: DatabaseUrl
    warm_connection: psycopg.Connection
    _lent: bool = False

    @property
    def is_connection_lost(self) -> bool:
        """Whether the server has ended the connection."""
        with suppress(psycopg.Error):
            for _ in ("what it said", "its end"):
                self.warm_connection.pgconn.consume_input()
        return self.warm_connection.closed

    def connect(self) -> psycopg.Connection:
        """A connection: the one that is open already, or another."""
        if self._lent or self.warm_connection.closed:
            return _connected(self.url)
        self._lent = True
        return self.warm_connection

    @property
    def full_url(self) -> str:
        """Its URL with the password, for any driver: asyncpg knows no `sslmode`, and without it a client asks the
        server, which has no TLS.
        """
        without_tls = self.url.parameter("sslmode") == "disable"
        return (self.url.without_parameter("sslmode") if without_tls else self.url).reveal()

    @cached_property
    def engine(self) -> Engine:
        """An engine whose pool begins with that connection. Its URL is whole, so that it can be given to anyone."""
        url = make_url(self.full_url).set(drivername="postgresql+psycopg")  # SQLAlchemy 2.0 means psycopg2 otherwise
        return create_engine(url, creator=self.connect)

    def warm_up(self) -> None:
        """Have SQLAlchemy learn of the server what it asks at an engine's first connection."""
        self.engine.connect().close()

    def close(self) -> None:
        if "engine" in vars(self):
            self.engine.dispose()
        if not self._lent:
            self.warm_connection.close()


class ClonePool:
    """Copies of one template, or empty databases without one; some are made ahead, by a thread of its own.

    `left` is told of a test that has left sessions on its database, and which. `stays` says that the server outlives
    the run, so that every database has to be dropped; otherwise they go with it.
    """

    def __init__(
        self,
        server_access: ServerAccess,
        template: str | None,
        new_name: Callable[[], str],
        report_sessions: Callable[[str, list[Session]], None],
        *,
        server_outlives_run: bool,
    ) -> None:
        self._host, self._template, self._named, self._left, self._stays = server_access, template, new_name, report_sessions, server_outlives_run
        self._ready: deque[Clone | Exception] = deque()
        self._done: deque[tuple[str, str]] = deque()
        self._asked, self._waiting, self._closing = 0, 0, False
        self._failed: Exception | None = None
        self._changed = threading.Condition()
        self._thread = self._started()

    def acquire(self) -> Clone:
        """A database that nobody has had before.

        A server that has come back after it was gone is asked anew, and one that recovers from a crash is waited for.

        Raises:
            Exception: whatever kept it from being made.
        """
        with self._changed:
            self._asked += 1
            self._waiting += 1
            try:
                taken = self._next()
            finally:
                self._waiting -= 1
            self._changed.notify_all()
        if isinstance(taken, Clone):
            return taken
        raise taken

    def release(self, clone: Clone, test: str) -> None:
        """Have a database dropped, after a look at whether its test has left sessions on it."""
        clone.close()
        with self._changed:
            self._done.append((clone.name, test))
            self._changed.notify_all()

    def close(self) -> None:
        """End the thread, once it has looked at what was given back."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()

    def _next(self) -> Clone | Exception:
        """What was made ahead, unless the server has ended it since: then its thread learns of that only now too."""
        anew = False
        while True:
            if self._failed is not None:
                self._host.await_recovery()
                self._failed, self._thread, anew = None, self._started(), True
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._ready or self._failed)
            while self._ready:
                taken = self._ready.popleft()
                if isinstance(taken, Exception) or not taken.is_connection_lost:
                    return taken
                self._done.append((taken.name, ""))
                taken.close()
            if self._failed is not None and anew:
                return self._failed

    def _started(self) -> threading.Thread:
        thread = threading.Thread(target=self._work, name=f"seedbed-{self._template or 'empty'}", daemon=True)
        thread.start()
        return thread

    @property
    def _lacks(self) -> bool:
        """Whoever takes a second one will take more; most runs take one, for transactions."""
        return len(self._ready) < max(self._waiting, _AHEAD if self._asked > 1 else 0) and not self._closing

    def _work(self) -> None:
        try:
            with self._host.open_admin_cursor() as cursor:
                while self._turn(cursor):
                    pass
        except Exception as error:
            with self._changed:
                self._forget_ready()
                self._failed = error
                self._changed.notify_all()

    def _turn(self, cursor: "Cursor") -> bool:
        """Make one and drop one, as there is need; False when all is done."""
        with self._changed:
            self._changed.wait_for(lambda: self._lacks or self._done or self._closing)
            making = self._lacks
            done = self._done.popleft() if self._done else None
        if making:
            made = self._made(cursor)
            with self._changed:
                self._ready.append(made)
                self._changed.notify_all()
        elif done is None:
            unused = self._forget_ready()
            for name in unused if self._stays else ():
                drop_database(cursor, name)
            return False
        if done is not None:
            name, test = done
            if found := await_unused(cursor, name):
                self._left(test, found)
            if self._stays or not self._closing:
                drop_database(cursor, name)
        return True

    def _made(self, cursor: "Cursor") -> "Clone | Exception":
        name = self._named()
        try:
            if self._template is None:
                self._host.create_empty_database(cursor, name)
            else:
                clone(cursor, self._template, name, folder=self._host.data_directory)
            url = self._host.owner.with_database(name)
            made = Clone(name, url, _connected(url))
            made.warm_up()
        except Exception as error:
            if cursor.connection.closed:
                raise
            return error
        return made

    def _forget_ready(self) -> list[str]:
        unused = [made for made in self._ready if isinstance(made, Clone)]
        self._ready.clear()
        for made in unused:
            made.close()
        return [made.name for made in unused]


def _connected(url: DatabaseUrl) -> psycopg.Connection:
    arguments: dict[str, Any] = {**url.connect_arguments()}
    return psycopg.connect(**arguments)
