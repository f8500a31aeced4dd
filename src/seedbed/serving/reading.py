"""The service's way to the database: one small pool, one retry, and a deadline that answers first."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import psycopg
from sqlalchemy import Executable, RowMapping, text
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from seedbed.errors import DatabaseAway, ServiceBusy
from seedbed.postgres.connecting import sentence
from seedbed.serving.failures import is_away, is_dead_connection
from seedbed.serving.journal import LOG
from seedbed.settings import DatabaseUrl

R = TypeVar("R")

_CONNECT_SECONDS = 5
_POOL_SECONDS = 1.0
_PARTING_SECONDS = 1.0
"""How long a request that was given up may take to cancel its statement, before its connection is closed."""

_RECYCLE_SECONDS = 280
"""Below the five minutes after which Neon, and many a router, forget an idle connection."""

_KEEPALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}


class Reader:
    """A pool of asynchronous connections in autocommit, made when the first request needs one.

    A statement is sent once more when its connection turns out to be dead: a restart of the server or a serverless
    compute that slept leaves dead connections in the pool, and a read may be repeated. After `deadline` seconds a
    request is answered, and what it was waiting for is cancelled behind it: psycopg itself waits for a silent link
    long past any timeout.

    That the database went away, and that it came back, is logged once each.
    """

    def __init__(self, url: DatabaseUrl, *, pool_size: int, deadline: float) -> None:
        self._url = url
        self._deadline = deadline
        self._behind: set[asyncio.Task[Any]] = set()
        self._away_since: float | None = None
        self.engine: AsyncEngine = create_async_engine(
            "postgresql+psycopg://",
            async_creator=self._opened,
            isolation_level="AUTOCOMMIT",
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=_POOL_SECONDS,
            pool_recycle=_RECYCLE_SECONDS,
            pool_use_lifo=True,
            hide_parameters=True,
        )

    @property
    def away(self) -> bool:
        """Whether the last statement that was tried found no database."""
        return self._away_since is not None

    async def fetch(self, statement: Executable) -> Sequence[RowMapping]:
        """All rows of a statement that only reads.

        Raises:
            DatabaseAway: no connection, or no answer before the deadline.
            ServiceBusy: no connection was free within a second.
            DBAPIError: the database answered, and refused.
        """
        work = self._in_background(self._twice(statement))
        try:
            done, _ = await asyncio.wait({work}, timeout=self._deadline)
        except asyncio.CancelledError:
            self._in_background(_abandon({work}))
            raise
        if not done:
            self._in_background(_abandon({work}))
            self._went_away(f"no answer within {self._deadline:g} s")
            raise DatabaseAway
        try:
            rows = work.result()
        except PoolTimeout as error:
            raise ServiceBusy from error
        except (OSError, DBAPIError) as error:
            if is_away(error):
                self._went_away(sentence(error))
                raise DatabaseAway from error
            self._came_back()
            raise
        self._came_back()
        return rows

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """A SQLModel session in a transaction of its own, rolled back at the end unless it was committed.

        A session cannot be tried again once it is under way, so the database is asked whether it is there before.

        Raises:
            DatabaseAway, ServiceBusy: it is not, or there is no connection for it.
        """
        await self.fetch(text("SELECT 1"))
        transactional = self.engine.execution_options(isolation_level="READ COMMITTED")
        async with AsyncSession(transactional, expire_on_commit=False) as session:
            yield session

    async def close(self) -> None:
        """Give up what is under way and close every connection."""
        await _abandon(set(self._behind))
        await self.engine.dispose()

    async def _opened(self) -> psycopg.AsyncConnection[Any]:
        """A connection. A pooler hands statements to any of its servers, so through one none is prepared: Neon's is
        known by its name, any other by the process id that it invents.
        """
        arguments: dict[str, Any] = {
            "connect_timeout": _CONNECT_SECONDS,
            "application_name": "seedbed serve",
            "tcp_user_timeout": int(self._deadline * 1000),
            **_KEEPALIVE,
            **self._url.connect_arguments(),
        }
        connection: psycopg.AsyncConnection[Any] = await psycopg.AsyncConnection.connect(**arguments)
        if self._url.is_neon_pooler or (not self._url.is_neon and await _is_pooled(connection)):
            connection.prepare_threshold = None
        return connection

    async def _twice(self, statement: Executable) -> Sequence[RowMapping]:
        try:
            return await self._once(statement)
        except DBAPIError as error:
            if not is_dead_connection(error):
                raise
            return await self._once(statement)

    async def _once(self, statement: Executable) -> Sequence[RowMapping]:
        async with self.engine.connect() as connection:
            return (await connection.execute(statement)).mappings().all()

    def _in_background(self, work: Coroutine[Any, Any, R]) -> asyncio.Task[R]:
        task = asyncio.create_task(work)
        self._behind.add(task)
        task.add_done_callback(self._forget)
        return task

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._behind.discard(task)
        if not task.cancelled():
            task.exception()  # seen, so that the loop does not report what was answered already

    def _went_away(self, reason: str) -> None:
        if self._away_since is None:
            self._away_since = time.monotonic()
            LOG.warning("The database is away: %s", reason)

    def _came_back(self) -> None:
        if self._away_since is not None:
            LOG.info("The database answers again, after %.1f s", time.monotonic() - self._away_since)
            self._away_since = None


async def _abandon(work: set[asyncio.Task[Any]]) -> None:
    """Cancel tasks, once so that the server is told to stop, and once more so that its silence is not waited for."""
    for _ in range(2):
        for task in work:
            task.cancel()
        if work:
            _, work = await asyncio.wait(work, timeout=_PARTING_SECONDS)


async def _is_pooled(connection: psycopg.AsyncConnection[Any]) -> bool:
    try:
        await connection.set_autocommit(True)
        cursor = await connection.execute("SELECT pg_backend_pid()")
        row = await cursor.fetchone()
    except BaseException:
        await connection.close()
        raise
    return row is not None and row[0] != connection.info.backend_pid
