"""A small connection pool that all requests of the service share."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import psycopg

from seedbed.errors import PoolExhausted
from seedbed.service.pool.libpq_connection import ConnectionLost, PooledConnection
from seedbed.service.pool.statement import PING

_WAIT_SECONDS = 1.0
"""How long a request waits for a connection while all of them are busy."""

_CANCEL_SECONDS = 1.0
"""How long a cancelled statement may take to end before its connection is closed, and a probe may take to answer."""

_IDLE_SECONDS = 280
"""Neon and many routers drop an idle connection after five minutes; this is shorter."""

OpenConnection = Callable[[Callable[[PooledConnection], None]], Awaitable[PooledConnection]]


class Pool:
    """A pool of at most `size` connections, opened on demand. The most recently used one is used next.

    A new connection goes to whichever request waits first. If opening one fails and no other connection works, all
    waiting requests fail, so nobody waits for a server that is down.

    The pool belongs to the event loop that uses it. On another loop it starts over without connections.
    """

    def __init__(self, open_connection: OpenConnection, size: int) -> None:
        self._open_connection = open_connection
        self._size = size
        self._generation = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._connections: set[PooledConnection] = set()
        self._reset(None)

    @property
    def size(self) -> int:
        return self._size

    @property
    def open_count(self) -> int:
        return len(self._connections)

    @property
    def busy_count(self) -> int:
        return len(self._connections) - len(self._idle)

    async def acquire(self, deadline: float) -> PooledConnection:
        """Acquire a connection for exclusive use, until it is released or abandoned.

        Raises:
            PoolExhausted: all connections are busy, and none became free within a second.
            TimeoutError: none became free by `deadline`, on the loop's clock.
            psycopg.Error, OSError: the server could not be reached.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._reset(loop)
        now = loop.time()
        while self._idle:
            connection = self._idle.pop()
            if connection.generation == self._generation and now - connection.last_used < _IDLE_SECONDS:
                return connection
            connection.close()
        waiter: asyncio.Future[PooledConnection] = loop.create_future()
        self._waiters.append(waiter)
        self._open_more()
        timers = [loop.call_at(deadline, _expire, waiter)]
        if now + _WAIT_SECONDS < deadline:
            timers.append(loop.call_at(now + _WAIT_SECONDS, self._refuse, waiter))
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.release(waiter.result())
            raise
        finally:
            for timer in timers:
                timer.cancel()

    def release(self, connection: PooledConnection) -> None:
        """Return an idle connection to the pool. A dead or invalidated one is closed, and makes room for another."""
        if not connection.is_alive or connection.generation != self._generation:
            connection.close()
            self._forget(connection)
            return
        connection.last_used = asyncio.get_running_loop().time()
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(connection)
                return
        self._idle.append(connection)

    def abandon(self, connection: PooledConnection) -> None:
        """Return a busy connection. Its statement is cancelled in the background, or else the connection is closed."""
        if not self._is_closing:
            self._run_in_background(self._cancel_and_release(connection))

    def invalidate(self) -> None:
        """Close all connections, busy ones when they are released.

        This follows the discovery of one dead connection, because a restart or failover of the server ends all of them.
        """
        self._generation += 1
        while self._idle:
            self._idle.pop().close()

    def close_busy_connections(self) -> None:
        """Close every connection with a running statement, which is then sent again on another one.

        A pooler whose server is down refuses new clients, but lets earlier ones wait.
        """
        for connection in list(self._connections):
            if connection.is_busy:
                connection.close()

    async def close(self) -> None:
        """Cancel all running statements and close every connection."""
        if asyncio.get_running_loop() is not self._loop:
            self._reset(None)
            return
        self._is_closing = True
        self.invalidate()
        for waiter in self._waiters:
            waiter.cancel()
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_CANCEL_SECONDS)
        alive = [connection for connection in self._connections if connection.is_alive]
        await asyncio.gather(*(self._cancel_and_release(connection) for connection in alive))
        for connection in list(self._connections):
            connection.close()
        self._is_closing = False

    def _reset(self, loop: asyncio.AbstractEventLoop | None) -> None:
        for connection in list(self._connections):
            connection.close()
        self._loop = loop
        self._connections = set()
        self._idle: list[PooledConnection] = []
        self._waiters: deque[asyncio.Future[PooledConnection]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._opening_count = 0
        self._is_closing = False
        self._is_probing_pooler = False
        self._is_probing = False

    def _open_more(self) -> None:
        if self._is_closing:
            return
        waiting_count = sum(not waiter.done() for waiter in self._waiters)
        while self._opening_count < waiting_count and len(self._connections) + self._opening_count < self._size:
            self._opening_count += 1
            self._run_in_background(self._open())

    async def _open(self) -> None:
        loop, generation = self._loop, self._generation
        try:
            connection = await self._open_connection(self._forget)
        except (psycopg.Error, OSError) as error:
            self._opening_count -= 1
            self._fail(error)
        except BaseException:
            self._opening_count -= 1
            raise
        else:
            self._opening_count -= 1
            connection.generation = generation
            if loop is self._loop and connection.is_alive:
                self._connections.add(connection)
            self.release(connection)

    def _fail(self, error: Exception) -> None:
        for connection in list(self._connections):
            connection.check_socket()
        if self._connections:
            return  # they will be released, or die and make room
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_exception(error)

    def _forget(self, connection: PooledConnection) -> None:
        self._connections.discard(connection)
        if connection in self._idle:
            self._idle.remove(connection)
        self._open_more()

    def _refuse(self, waiter: "asyncio.Future[PooledConnection]") -> None:
        if not waiter.done() and self._connections and not self._opening_count:
            waiter.set_exception(PoolExhausted())

    async def _cancel_and_release(self, connection: PooledConnection) -> None:
        try:
            is_reusable = (connection.can_prepare or await self._is_server_available()) and await connection.cancel(
                _CANCEL_SECONDS
            )
        except BaseException:
            connection.close()
            raise
        if not is_reusable:
            connection.close()
        self.release(connection)

    def probe_pooler(self) -> None:
        """Ask a pooler, on a new connection, whether its server is available. If not, close all busy connections.

        Their statements are then sent again and refused at once: PgBouncer refuses new clients, but lets earlier ones
        wait.
        """
        if not self._is_probing_pooler and not self._is_closing:
            self._is_probing_pooler = True
            self._run_in_background(self._run_pooler_probe())

    def probe(self, on_answer: Callable[[], None]) -> None:
        """Check on a new connection whether the server answers, and call `on_answer` if so. Only one probe runs."""
        if not self._is_probing and not self._is_closing:
            self._is_probing = True
            self._run_in_background(self._run_probe(on_answer))

    async def _run_probe(self, on_answer: Callable[[], None]) -> None:
        try:
            if await self._is_server_available():
                on_answer()
        finally:
            self._is_probing = False

    async def _run_pooler_probe(self) -> None:
        try:
            if not await self._is_server_available(until_denied=True):
                self.close_busy_connections()
        finally:
            self._is_probing_pooler = False

    async def _is_server_available(self, *, until_denied: bool = False) -> bool:
        """Whether the server answers. With `until_denied`, True unless a pooler says that its server is unavailable.

        This runs before a cancel request, because PgBouncer 1.18 crashes on one for a server that does not respond (its
        issue 801).
        """
        try:
            async with asyncio.timeout(_CANCEL_SECONDS):
                connection = await self._open_connection(_ignore)
                try:
                    await connection.run(PING, (), asyncio.get_running_loop().time() + _CANCEL_SECONDS)
                finally:
                    connection.close()
        except TimeoutError:
            return until_denied
        except ConnectionLost:
            return False
        except (psycopg.Error, OSError) as error:
            return until_denied and "connect to server" not in str(error) and "server login" not in str(error)
        return True

    def _run_in_background(self, coroutine: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._discard_task)

    def _discard_task(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)


def _ignore(_connection: PooledConnection) -> None:
    pass


def _expire(waiter: "asyncio.Future[PooledConnection]") -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())
