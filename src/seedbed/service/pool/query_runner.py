"""Run the service's queries on a connection pool, with retries on dead connections and a deadline."""

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

from seedbed.errors import DatabaseUnavailable, PoolExhausted, QueryTimeout, ServiceError
from seedbed.postgres.driver_errors import get_server_message
from seedbed.service.log_format import LOG
from seedbed.service.pool.database_errors import is_unavailable
from seedbed.service.pool.libpq_connection import ConnectionLost, PooledConnection, SessionConnection
from seedbed.service.pool.pool import Pool
from seedbed.service.pool.statement import PING, Row, Statement
from seedbed.settings import DatabaseUrl

_CONNECT_SECONDS = 5
_KEEPALIVE = {"keepalives_idle": 30, "keepalives_interval": 10, "keepalives_count": 3}
_RETRIES = 4
"""More than one, because a server that ends all connections may also end those that replace them."""

_RETRY_WITHIN_SECONDS = 0.1
"""Opening a connection is retried only if it failed within this time."""

_RETRY_DELAY_SECONDS = 0.01
_POOLER_PROBE_SECONDS = 0.2
"""How long a statement runs before a pooler is asked whether its server is available."""


class QueryRunner:
    """Runs every query of the service. It connects with the first one.

    A statement whose connection is dead is sent again on a new one. A restart of the server, or a suspended serverless
    compute, leaves dead connections, and a read is safe to repeat. After `deadline` seconds the request fails and its
    statement is cancelled in the background.

    When the database becomes unavailable, and available again, one line is logged.
    """

    def __init__(self, url: DatabaseUrl, *, pool_size: int, deadline: float) -> None:
        self._url = url
        self._deadline = deadline
        self._unavailable_since: float | None = None
        self._last_answer = -math.inf
        self._is_pooled = url.is_neon_pooler if url.is_neon else None
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
        """Whether the last statement found the database unavailable."""
        return self._unavailable_since is not None

    async def fetch(self, statement: Statement, parameters: Sequence[bytes | None] = ()) -> list[Row]:
        """Run a read-only statement and return all rows; see `Fetch`.

        Raises:
            DatabaseUnavailable: no connection, or no answer before the deadline.
            QueryTimeout: no answer before the deadline, while the database answered other statements.
            PoolExhausted: no connection was free within a second.
            psycopg.Error: the database rejected the statement.
        """
        connection, rows = await self._run(statement, parameters)
        self.pool.release(connection)
        return rows

    @asynccontextmanager
    async def session(self) -> AsyncIterator[AsyncSession]:
        """Open a SQLModel session on a connection of the pool. Its transaction is rolled back unless it was committed.

        It acquires a connection for its first statement, and checks that the connection is alive.
        """
        async with AsyncSession(self.engine, expire_on_commit=False) as session:
            yield session

    def probe(self) -> None:
        """Check in the background whether the database answers."""
        self.pool.probe(self._record_answer)

    def create_deadline_error(self, since: float) -> ServiceError:
        """Create the error of a request that reached its deadline.

        The query is too slow if the database has answered another statement, or a probe, after `since`. Otherwise the
        database is unavailable.
        """
        return QueryTimeout() if self._last_answer > since else DatabaseUnavailable()

    async def close(self) -> None:
        """Cancel all running statements and close every connection."""
        await self.pool.close()

    async def _run(
        self, statement: Statement, parameters: Sequence[bytes | None]
    ) -> tuple[PooledConnection, list[Row]]:
        deadline = asyncio.get_running_loop().time() + self._deadline
        try:
            connection_and_rows = await self._run_with_retries(statement, parameters, deadline)
        except PoolExhausted:
            raise
        except TimeoutError as error:
            deadline_error = self.create_deadline_error(deadline - self._deadline / 2)
            if isinstance(deadline_error, DatabaseUnavailable):
                self._record_unavailable(f"no answer within {self._deadline:g} s")
            raise deadline_error from error
        except (ConnectionLost, OSError, psycopg.Error) as error:
            cause = error.__cause__ if isinstance(error, ConnectionLost) else error
            if isinstance(error, ConnectionLost) or is_unavailable(error):
                self._record_unavailable(get_server_message(cause))
                if self._is_pooled:
                    self.pool.close_busy_connections()
                raise DatabaseUnavailable from error
            self._record_available()
            raise
        self._record_answer()
        if self._unavailable_since is not None:
            self._record_available()
        return connection_and_rows

    def _record_answer(self) -> None:
        self._last_answer = asyncio.get_running_loop().time()

    async def _run_with_retries(
        self, statement: Statement, parameters: Sequence[bytes | None], deadline: float
    ) -> tuple[PooledConnection, list[Row]]:
        for _ in range(_RETRIES):
            try:
                return await self._run_once(statement, parameters, deadline)
            except ConnectionLost:
                self.pool.invalidate()
        return await self._run_once(statement, parameters, deadline)

    async def _run_once(
        self, statement: Statement, parameters: Sequence[bytes | None], deadline: float
    ) -> tuple[PooledConnection, list[Row]]:
        connection = await self.pool.acquire(deadline)
        while not connection.is_alive:  # it was lost after the pool had returned it
            connection = await self.pool.acquire(deadline)
        probe_timer = None
        if not connection.can_prepare:
            probe_timer = asyncio.get_running_loop().call_later(_POOLER_PROBE_SECONDS, self.pool.probe_pooler)
        half_time = deadline - self._deadline / 2
        try:
            return connection, await connection.run(
                statement, parameters, deadline, probe_at=half_time, probe=self.probe
            )
        except ConnectionLost:
            raise
        except psycopg.Error:
            self.pool.release(connection)
            raise
        except BaseException:
            self.pool.abandon(connection)
            raise
        finally:
            if probe_timer is not None:
                probe_timer.cancel()

    async def _lend(self) -> SessionConnection:
        connection, _ = await self._run(PING, ())
        return connection.lend(lambda: self.pool.release(connection))

    async def _open(self, on_lost: Callable[[PooledConnection], None]) -> PooledConnection:
        """Open a connection, and try again if that fails quickly. A slow failure is final."""
        for _ in range(_RETRIES):
            started = time.monotonic()
            try:
                return await self._connect(on_lost)
            except (psycopg.OperationalError, OSError):
                if time.monotonic() - started > _RETRY_WITHIN_SECONDS:
                    raise
                await asyncio.sleep(_RETRY_DELAY_SECONDS)
        return await self._connect(on_lost)

    async def _connect(self, on_lost: Callable[[PooledConnection], None]) -> PooledConnection:
        """Open a connection.

        Through a pooler no statement is prepared, because each may reach another server connection. Neon's pooler is
        known by its host name, and any other by its invented backend process id, which is checked once.
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
            if self._is_pooled is None:
                self._is_pooled = await _detect_pooler(connection)
            await connection.set_autocommit(False)
        except BaseException:
            await connection.close()
            raise
        return PooledConnection(connection, can_prepare=not self._is_pooled, on_lost=on_lost)

    def _record_unavailable(self, reason: str) -> None:
        if self._unavailable_since is None:
            self._unavailable_since = time.monotonic()
            LOG.warning("The database is away", reason=reason)

    def _record_available(self) -> None:
        if self._unavailable_since is not None:
            LOG.info("The database answers again", away_s=round(time.monotonic() - self._unavailable_since, 1))
            self._unavailable_since = None


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


async def _detect_pooler(connection: SessionConnection) -> bool:
    cursor = await connection.execute("SELECT pg_backend_pid()")
    row = await cursor.fetchone()
    return row is not None and row[0] != connection.info.backend_pid
