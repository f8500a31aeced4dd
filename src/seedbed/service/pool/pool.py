"""The few connections that a service keeps, shared by all its requests."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from typing import Any

import psycopg

from seedbed.errors import PoolExhausted
from seedbed.service.pool.connection import ConnectionLost, PooledConnection
from seedbed.service.pool.statement import PING

_WAIT_SECONDS = 1.0
"""How long a request waits while every connection is at work; longer, and it had better be told."""

_PARTING_SECONDS = 1.0
"""How long a statement that was given up may take to end, before its connection is closed."""

_IDLE_SECONDS = 280
"""Below the five minutes after which Neon, and many a router, forget an idle connection."""

OpenConnection = Callable[[Callable[[PooledConnection], None]], Awaitable[PooledConnection]]


class Pool:
    """At most `size` connections, opened when they are needed; the one used last is used next.

    Opening does not belong to the request that needed it: whoever waits gets what is free first. An opening that fails
    fails all who wait, unless some connection still works; so while a server is away nobody waits for it.

    It belongs to the event loop it is used on. On another one it begins again, and forgets its connections.
    """

    def __init__(self, opening: OpenConnection, size: int) -> None:
        self._opening = opening
        self._size = size
        self._epoch = 0
        self._loop: asyncio.AbstractEventLoop | None = None
        self._begin(None)

    @property
    def size(self) -> int:
        return self._size

    @property
    def open_count(self) -> int:
        return len(self._wires)

    @property
    def busy_count(self) -> int:
        return len(self._wires) - len(self._idle)

    async def acquire(self, deadline: float) -> PooledConnection:
        """A connection of the caller's own, until it is given back, abandoned or dead.

        Raises:
            PoolExhausted: all are at work, and none came free within a second.
            TimeoutError: at `deadline`, on the loop's clock.
            psycopg.Error, OSError: the server could not be reached.
        """
        loop = asyncio.get_running_loop()
        if loop is not self._loop:
            self._begin(loop)
        now = loop.time()
        while self._idle:
            wire = self._idle.pop()
            if wire.generation == self._epoch and now - wire.last_used < _IDLE_SECONDS:
                return wire
            wire.close()
        waiter: asyncio.Future[PooledConnection] = loop.create_future()
        self._waiting.append(waiter)
        self._open_more()
        timers = [loop.call_at(deadline, _expire, waiter)]
        if now + _WAIT_SECONDS < deadline:
            timers.append(loop.call_at(now + _WAIT_SECONDS, self._tire, waiter))
        try:
            return await waiter
        except asyncio.CancelledError:
            if waiter.done() and not waiter.cancelled() and waiter.exception() is None:
                self.release(waiter.result())
            raise
        finally:
            for timer in timers:
                timer.cancel()

    def release(self, wire: PooledConnection) -> None:
        """Take a connection back that is at rest; one that is dead or mistrusted makes room for another."""
        if not wire.is_alive or wire.generation != self._epoch:
            wire.close()
            self._forget(wire)
            return
        wire.last_used = asyncio.get_running_loop().time()
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_result(wire)
                return
        self._idle.append(wire)

    def abandon(self, wire: PooledConnection) -> None:
        """Take a connection back that is still at work for nobody: the server is told to stop, or it is closed."""
        if not self._closing:
            self._behind(self._part(wire))

    def invalidate(self) -> None:
        """Close, now or when they are given back, all connections there are: one of them was found dead, and a server
        that restarts or fails over leaves none of them alive.
        """
        self._epoch += 1
        while self._idle:
            self._idle.pop().close()

    def close_busy_connections(self) -> None:
        """Close every connection with a statement under way, which is then sent again on another.

        A pooler whose server has gone tells so to whoever asks next, and lets those wait who asked before.
        """
        for wire in list(self._wires):
            if wire.is_busy:
                wire.close()

    async def close(self) -> None:
        """Give up what is under way, and close every connection."""
        if asyncio.get_running_loop() is not self._loop:
            self._begin(None)
            return
        self._closing = True
        self.invalidate()
        for waiter in self._waiting:
            waiter.cancel()
        tasks = set(self._tasks)
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks, timeout=_PARTING_SECONDS)
        at_work = [wire for wire in self._wires if wire.is_alive]
        await asyncio.gather(*(self._part(wire) for wire in at_work))
        for wire in list(self._wires):
            wire.close()
        self._closing = False

    def _begin(self, loop: asyncio.AbstractEventLoop | None) -> None:
        for wire in list(getattr(self, "_wires", ())):
            wire.close()
        self._loop = loop
        self._wires: set[PooledConnection] = set()
        self._idle: list[PooledConnection] = []
        self._waiting: deque[asyncio.Future[PooledConnection]] = deque()
        self._tasks: set[asyncio.Task[None]] = set()
        self._openings = 0
        self._closing = False
        self._suspects = False
        self._asks = False

    def _open_more(self) -> None:
        if self._closing:
            return
        wanted = sum(not waiter.done() for waiter in self._waiting)
        while self._openings < wanted and len(self._wires) + self._openings < self._size:
            self._openings += 1
            self._behind(self._open())

    async def _open(self) -> None:
        loop, epoch = self._loop, self._epoch
        try:
            wire = await self._opening(self._forget)
        except (psycopg.Error, OSError) as error:
            self._openings -= 1
            self._fail(error)
        except BaseException:
            self._openings -= 1
            raise
        else:
            self._openings -= 1
            wire.generation = epoch
            if loop is self._loop and wire.is_alive:
                self._wires.add(wire)
            self.release(wire)

    def _fail(self, error: Exception) -> None:
        for wire in list(self._wires):
            wire.check_socket()
        if self._wires:
            return  # they will come back, or die and make room
        while self._waiting:
            waiter = self._waiting.popleft()
            if not waiter.done():
                waiter.set_exception(error)

    def _forget(self, wire: PooledConnection) -> None:
        self._wires.discard(wire)
        if wire in self._idle:
            self._idle.remove(wire)
        self._open_more()

    def _tire(self, waiter: "asyncio.Future[PooledConnection]") -> None:
        if not waiter.done() and self._wires and not self._openings:
            waiter.set_exception(PoolExhausted())

    async def _part(self, wire: PooledConnection) -> None:
        try:
            stopped = (wire.can_prepare or await self._is_there()) and await wire.cancel(_PARTING_SECONDS)
        except BaseException:
            wire.close()
            raise
        if not stopped:
            wire.close()
        self.release(wire)

    def probe_pooler(self) -> None:
        """Ask a pooler, on a connection of its own, whether its server is there. If it says no, what waits is sent
        again, so as to be told too: PgBouncer tells so to whoever asks next, and lets those wait who asked before.
        """
        if not self._suspects and not self._closing:
            self._suspects = True
            self._behind(self._ask())

    def probe(self, on_answer: Callable[[], None]) -> None:
        """Have it found out, on a connection of its own, whether the server answers; once at a time."""
        if not self._asks and not self._closing:
            self._asks = True
            self._behind(self._look(on_answer))

    async def _look(self, answered: Callable[[], None]) -> None:
        try:
            if await self._is_there():
                answered()
        finally:
            self._asks = False

    async def _ask(self) -> None:
        try:
            if not await self._is_there(saying=True):
                self.close_busy_connections()
        finally:
            self._suspects = False

    async def _is_there(self, *, saying: bool = False) -> bool:
        """Whether the server behind a pooler answers; with `saying`, whether the pooler does not say that it is away.

        PgBouncer 1.18 ends itself over a cancel request for a server that is silent (its issue 801), so before one is
        sent, this asks.
        """
        try:
            async with asyncio.timeout(_PARTING_SECONDS):
                wire = await self._opening(_forgotten)
                try:
                    await wire.run(PING, (), asyncio.get_running_loop().time() + _PARTING_SECONDS)
                finally:
                    wire.close()
        except TimeoutError:
            return saying
        except ConnectionLost:
            return False
        except (psycopg.Error, OSError) as error:
            return saying and "connect to server" not in str(error) and "server login" not in str(error)
        return True

    def _behind(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._ended)

    def _ended(self, task: "asyncio.Task[None]") -> None:
        self._tasks.discard(task)


def _forgotten(_wire: PooledConnection) -> None:
    pass


def _expire(waiter: "asyncio.Future[PooledConnection]") -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())
