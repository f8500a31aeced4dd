"""The service's way to the database: one small pool, one retry, and a deadline that answers first."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import psycopg
from sqlalchemy import Executable, RowMapping
from sqlalchemy.exc import DBAPIError, InterfaceError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlmodel.ext.asyncio.session import AsyncSession

from seedbed.errors import DatabaseAway
from seedbed.settings import DatabaseUrl

_CONNECT_SECONDS = 5
_POOL_SECONDS = 1.0
_AWAY = ("08", "57P", "53")
"""SQLSTATE classes of a server that is not there: connection exceptions, shutdown, no resources left."""


class Reader:
    """A pool of asynchronous connections in autocommit, made when the first request needs one.

    A statement is sent once more when its connection turns out to be dead: a restart of the server or a serverless
    compute that slept leaves dead connections in the pool, and a read may be repeated. After `deadline` seconds a
    request is answered, and what it was waiting for is cancelled behind it: psycopg itself waits for a silent link
    long past any timeout.
    """

    def __init__(self, url: DatabaseUrl, *, pool_size: int, deadline: float) -> None:
        self._deadline = deadline
        self._behind: set[asyncio.Task[Any]] = set()
        self.engine: AsyncEngine = create_async_engine(
            "postgresql+psycopg://",
            async_creator=lambda: _opened(url),
            isolation_level="AUTOCOMMIT",
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=_POOL_SECONDS,
            pool_use_lifo=True,
            hide_parameters=True,
        )

    async def fetch(self, statement: Executable, *, deadline: float | None = None) -> Sequence[RowMapping]:
        """All rows of a statement that only reads.

        Raises:
            DatabaseAway: no connection, none free within a second, or no answer before the deadline.
        """
        work = asyncio.ensure_future(self._twice(statement))
        self._behind.add(work)
        work.add_done_callback(self._forget)
        try:
            done, _ = await asyncio.wait({work}, timeout=deadline or self._deadline)
        except asyncio.CancelledError:
            work.cancel()
            raise
        if not done:
            work.cancel()
            raise DatabaseAway
        try:
            return work.result()
        except (OSError, PoolTimeout, DBAPIError) as error:
            if is_away(error):
                raise DatabaseAway from error
            raise

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """A SQLModel session for routes that a project writes itself, closed at the end."""
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            yield session

    async def close(self) -> None:
        await self.engine.dispose()

    async def _twice(self, statement: Executable) -> Sequence[RowMapping]:
        try:
            return await self._once(statement)
        except DBAPIError as error:
            if not error.connection_invalidated:
                raise
            return await self._once(statement)

    async def _once(self, statement: Executable) -> Sequence[RowMapping]:
        async with self.engine.connect() as connection:
            return (await connection.execute(statement)).mappings().all()

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._behind.discard(task)
        if not task.cancelled():
            task.exception()  # seen, so that the loop does not report what was answered already


def is_away(error: BaseException) -> bool:
    """Whether an error says that the database is not there, as opposed to that the request was wrong."""
    if isinstance(error, (OSError, PoolTimeout, InterfaceError)):
        return True
    if not isinstance(error, DBAPIError):
        return False
    state = getattr(error.orig, "sqlstate", None)
    if state is None:
        return error.connection_invalidated or isinstance(error.orig, psycopg.OperationalError)
    return error.connection_invalidated or str(state).startswith(_AWAY)


async def _opened(url: DatabaseUrl) -> psycopg.AsyncConnection[Any]:
    arguments: dict[str, Any] = {
        "connect_timeout": _CONNECT_SECONDS, "application_name": "seedbed serve", **url.connect_arguments()
    }  # fmt: skip
    if url.is_neon_pooler:
        arguments["prepare_threshold"] = None
    return await psycopg.AsyncConnection.connect(**arguments)
