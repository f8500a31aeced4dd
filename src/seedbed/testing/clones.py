"""Databases of tests' own, copied in the background before anyone wants them and dropped when nobody waits."""

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import psycopg
from sqlalchemy import Engine, create_engine

from seedbed.postgres.cloning import Session, await_unused, clone
from seedbed.settings import DatabaseUrl
from seedbed.testing.hosts import Host, drop

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a type, whatever its author called it

_AHEAD = 2


@dataclass(eq=False)
class Clone:
    """A database, and a connection to it that was opened when it was made: a first one costs its cold caches."""

    name: str
    url: DatabaseUrl
    warm: psycopg.Connection | None

    def opened(self) -> psycopg.Connection:
        """A connection: the one that is open already, or another."""
        warm, self.warm = self.warm, None
        return warm if warm is not None and not warm.closed else _connected(self.url)

    @cached_property
    def engine(self) -> Engine:
        """An engine whose pool begins with that connection. Its URL is whole, so that it can be given to anyone."""
        return create_engine(self.url.reveal(), creator=self.opened)

    def close(self) -> None:
        if "engine" in vars(self):
            self.engine.dispose()
        if self.warm is not None:
            self.warm.close()


class Clones:
    """Copies of one template, or empty databases without one; some are made ahead, by a thread of its own.

    What `left` is told of is a test that has left sessions on its database, and which.
    """

    def __init__(
        self, host: Host, template: str | None, named: Callable[[], str], left: Callable[[str, list[Session]], None]
    ) -> None:
        self._host, self._template, self._named, self._left = host, template, named, left
        self._ready: deque[Clone | Exception] = deque()
        self._done: deque[tuple[str, str]] = deque()
        self._asked, self._made_so_far, self._closing = 0, 0, False
        self._failed: Exception | None = None
        self._changed = threading.Condition()
        self._thread = threading.Thread(target=self._work, name=f"seedbed-{template or 'empty'}", daemon=True)
        self._thread.start()

    def take(self) -> Clone:
        """A database that nobody has had before.

        Raises:
            Exception: whatever kept it from being made.
        """
        with self._changed:
            self._asked += 1
            self._changed.notify_all()
            self._changed.wait_for(lambda: self._ready or self._failed)
            taken = self._ready.popleft() if self._ready else self._failed
            self._changed.notify_all()
        if isinstance(taken, Clone):
            return taken
        raise taken or AssertionError

    def give_back(self, clone: Clone, test: str) -> None:
        """Have a database dropped, after a look at whether its test has left sessions on it."""
        clone.close()
        with self._changed:
            self._done.append((clone.name, test))
            self._changed.notify_all()

    def close(self, *, drop_all: bool) -> None:
        """End the thread, once it has looked at what was given back; `drop_all` where the server stays."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        self._thread.join()
        unused = [made for made in self._ready if isinstance(made, Clone)]
        for made in unused:
            made.close()
        if drop_all and unused:
            with self._host.administration() as cursor:
                for made in unused:
                    drop(cursor, made.name)

    @property
    def _lacks(self) -> bool:
        """Whoever takes a second one will take more; most runs take one, for transactions."""
        return self._made_so_far < self._asked or (self._asked > 1 and len(self._ready) < _AHEAD)

    def _work(self) -> None:
        try:
            with self._host.administration() as cursor:
                while True:
                    with self._changed:
                        self._changed.wait_for(lambda: self._lacks or self._done or self._closing)
                        done = self._done.popleft() if self._done else None
                        making = self._lacks and not self._closing
                        if self._closing and done is None:
                            return
                    if making:
                        self._put(self._made(cursor))
                    if done is not None:
                        name, test = done
                        if found := await_unused(cursor, name):
                            self._left(test, found)
                        drop(cursor, name)
        except Exception as error:
            with self._changed:
                self._failed = error
                self._changed.notify_all()

    def _made(self, cursor: "Cursor") -> "Clone | Exception":
        name = self._named()
        try:
            if self._template is None:
                self._host.create_empty(cursor, name)
            else:
                clone(cursor, self._template, name, folder=self._host.folder)
            url = self._host.owner.with_database(name)
            return Clone(name, url, _connected(url))
        except Exception as error:
            return error

    def _put(self, made: "Clone | Exception") -> None:
        with self._changed:
            self._made_so_far += 1
            self._ready.append(made)
            self._changed.notify_all()


def _connected(url: DatabaseUrl) -> psycopg.Connection:
    arguments: dict[str, Any] = {**url.connect_arguments()}
    return psycopg.connect(**arguments)
