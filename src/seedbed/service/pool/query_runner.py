"""The service's way to its database: a few connections, one retry, and a deadline that answers first."""

import asyncio
import math
import time
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, Any

import psycopg
from fastapi import Depends, Request
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool
from sqlmodel.ext.asyncio.session import AsyncSession

from seedbed.errors import DatabaseUnavailable, QueryTimeout, PoolExhausted, ServiceError
from seedbed.postgres.driver_errors import get_server_message
from seedbed.service.log_format import LOG
from seedbed.service.pool.connection import ConnectionLost, SessionConnection, PooledConnection
from seedbed.service.pool.database_errors import is_unavailable
from seedbed.service.pool.pool import Pool
from seedbed.service.pool.statement import PING, Row, Statement
from seedbed.settings import DatabaseUrl

_CONNECT_SECONDS = 5
_KEEPALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
_RETRIES = 4
"""More than one, since who ends all connections may end those that are made meanwhile, and again."""

_AT_ONCE, _BREATH = 0.1, 0.01
"""Seconds within which an opening fails that is worth another try, and those before it."""


_DOUBTFUL = 0.2
"""Seconds after which a pooler is asked whether it has a server at all."""


class QueryRunner:
    """Every read of the service. Nothing connects before the first.

    A statement is sent again, on a connection made for it, when its own turns out to be dead: a restart of the
    server or a serverless compute that slept leaves dead connections behind, and a read may be repeated. After
    `deadline` seconds a request is answered, and what it was waiting for is cancelled behind it.

    That the database went away, and that it came back, is logged once each.
    """

    def __init__(self, url: DatabaseUrl, *, pool_size: int, deadline: float) -> None:
        self._url = url
        self._deadline = deadline
        self._away_since: float | None = None
        self._heard = -math.inf
        self._pooled = url.is_neon_pooler if url.is_neon else None
        self.pool = Pool(self._open, pool_size)
        self.engine: AsyncEngine = create_async_engine(
            "postgresql+psycopg://",
            async_creator=self._lend,
            poolclass=NullPool,
            hide_parameters=True,
            use_native_hstore=False,
        )

    @property
    def is_away(self) -> bool:
        """Whether the last statement that was tried found no database."""
        return self._away_since is not None

    async def fetch(self, statement: Statement, parameters: Sequence[bytes | None] = ()) -> list[Row]:
        """All rows of a statement that only reads; see `Fetch`.

        Raises:
            DatabaseUnavailable: no connection, or no answer before the deadline.
            QueryTimeout: no answer before the deadline, while others had theirs.
            PoolExhausted: no connection was free within a second.
            psycopg.Error: the database answered, and refused.
        """
        wire, rows = await self._run(statement, parameters)
        self.pool.release(wire)
        return rows

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """A SQLModel session on a connection of the same pool, in a transaction that is rolled back at the end unless
        it was committed. It connects with its first statement, on a connection that has just answered.
        """
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            yield session

    def probe(self) -> None:
        """Have it found out whether the database answers at all."""
        self.pool.probe(self._answered)

    def create_deadline_error(self, since: float) -> ServiceError:
        """What a request is told at its deadline: that it asks for too much, where the database has answered others, or
        a doubt, after `since`, and that the database is away otherwise.
        """
        return QueryTimeout() if self._heard > since else DatabaseUnavailable()

    async def close(self) -> None:
        """Give up what is under way and close every connection."""
        await self.pool.close()

    async def _run(
        self, statement: Statement, parameters: Sequence[bytes | None]
    ) -> tuple[PooledConnection, list[Row]]:
        until = asyncio.get_running_loop().time() + self._deadline
        try:
            found = await self._again(statement, parameters, until)
        except PoolExhausted:
            raise
        except TimeoutError as error:
            late = self.create_deadline_error(until - self._deadline / 2)
            if isinstance(late, DatabaseUnavailable):
                self._went_away(f"no answer within {self._deadline:g} s")
            raise late from error
        except (ConnectionLost, OSError, psycopg.Error) as error:
            said = error.__cause__ if isinstance(error, ConnectionLost) else error
            if isinstance(error, ConnectionLost) or is_unavailable(error):
                self._went_away(get_server_message(said))
                if self._pooled:
                    self.pool.close_busy_connections()
                raise DatabaseUnavailable from error
            self._came_back()
            raise
        self._answered()
        if self._away_since is not None:
            self._came_back()
        return found

    def _answered(self) -> None:
        self._heard = asyncio.get_running_loop().time()

    async def _again(
        self, statement: Statement, parameters: Sequence[bytes | None], until: float
    ) -> tuple[PooledConnection, list[Row]]:
        for _ in range(_RETRIES):
            try:
                return await self._once(statement, parameters, until)
            except ConnectionLost:
                self.pool.invalidate()
        return await self._once(statement, parameters, until)

    async def _once(
        self, statement: Statement, parameters: Sequence[bytes | None], until: float
    ) -> tuple[PooledConnection, list[Row]]:
        wire = await self.pool.acquire(until)
        while not wire.is_alive:  # it died between being given and being used
            wire = await self.pool.acquire(until)
        suspicion = None
        if not wire.can_prepare:
            suspicion = asyncio.get_running_loop().call_later(_DOUBTFUL, self.pool.probe_pooler)
        half = until - self._deadline / 2
        try:
            return wire, await wire.run(statement, parameters, until, probe_at=half, probe=self.probe)
        except ConnectionLost:
            raise
        except psycopg.Error:
            self.pool.release(wire)
            raise
        except BaseException:
            self.pool.abandon(wire)
            raise
        finally:
            if suspicion is not None:
                suspicion.cancel()

    async def _lend(self) -> SessionConnection:
        wire, _ = await self._run(PING, ())
        return wire.lend(lambda: self.pool.release(wire))

    async def _open(self, lost: Callable[[PooledConnection], None]) -> PooledConnection:
        """A connection; where one is ended while it is made, another. What takes its time to fail fails for good."""
        for _ in range(_RETRIES):
            begun = time.monotonic()
            try:
                return await self._opened(lost)
            except (psycopg.OperationalError, OSError):
                if time.monotonic() - begun > _AT_ONCE:
                    raise
                await asyncio.sleep(_BREATH)
        return await self._opened(lost)

    async def _opened(self, lost: Callable[[PooledConnection], None]) -> PooledConnection:
        """A connection. A pooler hands statements to any of its servers, so through one none is prepared: Neon's is
        known by its name, any other by the process id that it invents. That is asked once.
        """
        arguments: dict[str, Any] = {
            "connect_timeout": _CONNECT_SECONDS,
            "application_name": "seedbed serve",
            "tcp_user_timeout": int(self._deadline * 1000),
            **_KEEPALIVE,
            **self._url.connect_arguments(),
        }
        connection = await SessionConnection.connect(autocommit=True, prepare_threshold=None, **arguments)
        try:
            if self._pooled is None:
                self._pooled = await _is_pooled(connection)
            await connection.set_autocommit(False)
        except BaseException:
            await connection.close()
            raise
        return PooledConnection(connection, can_prepare=not self._pooled, on_lost=lost)

    def _went_away(self, reason: str) -> None:
        if self._away_since is None:
            self._away_since = time.monotonic()
            LOG.warning("The database is away", reason=reason)

    def _came_back(self) -> None:
        if self._away_since is not None:
            LOG.info("The database answers again", away_s=round(time.monotonic() - self._away_since, 1))
            self._away_since = None


async def session(request: Request) -> AsyncIterator[AsyncSession]:
    """Give a route a session on the service's own pool. Tests override this dependency."""
    query_runner: QueryRunner = request.app.state.query_runner
    async with query_runner.session() as database_session:
        yield database_session


Session = Annotated[AsyncSession, Depends(session, scope="function")]
"""The type of a route's parameter that is a session in a transaction, for routes that a project writes itself.

The session ends before the response is sent, so a slow client holds no connection. The route answers 503, like every
other, if the database is unavailable or the deadline passes.
"""


async def _is_pooled(connection: SessionConnection) -> bool:
    cursor = await connection.execute("SELECT pg_backend_pid()")
    row = await cursor.fetchone()
    return row is not None and row[0] != connection.info.backend_pid
