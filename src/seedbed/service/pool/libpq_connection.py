"""Run statements on one connection to PostgreSQL, directly through libpq."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result

from seedbed.service.pool.statement import Row, Statement

_PREPARE_AT = 2
"""A connection prepares a statement when it runs it for the second time, because many run only once."""

_MAX_PREPARED = 200


class ConnectionLost(Exception):
    """The connection ended before the rows arrived. Its cause is the error that ended it."""


class SessionConnection(psycopg.AsyncConnection[Any]):
    """A connection of psycopg that returns to the pool when a session closes it."""

    on_close: "Callable[[], None] | None" = None

    async def close(self) -> None:
        if self.on_close is None:
            await super().close()
        else:
            self.on_close()


class PooledConnection:
    """A connection that the pool owns.

    psycopg opens it, cancels statements and closes it. Statements run through psycopg's wrapper of libpq, because a
    cursor would double the cost of a request. The socket is watched between statements too, so a connection that the
    server closes leaves the pool before a request finds it dead.
    """

    def __init__(
        self, connection: SessionConnection, *, can_prepare: bool, on_lost: "Callable[[PooledConnection], None]"
    ) -> None:
        self.connection = connection
        self.is_alive = True
        self.last_used = 0.0
        self.generation = 0
        self._loop = asyncio.get_running_loop()
        self._pg = connection.pgconn
        self._pg.nonblocking = 1
        self._socket = self._pg.socket
        self.can_prepare = can_prepare
        self._on_lost = on_lost
        self._use_counts: dict[Statement, int] = {}
        self._prepared_names: dict[Statement, bytes] = {}
        self._waiter: asyncio.Future[list[Row]] | None = None
        self._is_cancelling = False
        self._result: pq.abc.PGresult | None = None
        self._pending_execution: tuple[Statement, Sequence[bytes | None]] | None = None
        self._attach()

    @property
    def is_busy(self) -> bool:
        """Whether a request waits for a statement's result."""
        return self._waiter is not None and not self._waiter.done() and not self._is_cancelling

    async def run(
        self,
        statement: Statement,
        parameters: Sequence[bytes | None],
        deadline: float,
        *,
        probe_at: float | None = None,
        probe: Callable[[], None] | None = None,
    ) -> list[Row]:
        """Run a statement and return all rows. If it is still running at `probe_at`, call `probe`.

        Raises:
            TimeoutError: the statement is still running at `deadline`, on the loop's clock: see `cancel`.
            ConnectionLost: the connection ended; its cause says why.
            psycopg.Error: the server rejected the statement.
        """
        waiter: asyncio.Future[list[Row]] = self._loop.create_future()
        self._waiter = waiter
        if probe is None or probe_at is None:
            self._timer = self._loop.call_at(deadline, _expire, waiter)
        else:
            self._timer = self._loop.call_at(probe_at, self._probe, probe, deadline, waiter)
        try:
            self._send(statement, parameters)
            return await waiter
        finally:
            self._timer.cancel()

    def _probe(self, probe: Callable[[], None], deadline: float, waiter: "asyncio.Future[list[Row]]") -> None:
        """Start the deadline's timer and probe. Two timers at once would cost each statement 3 us more."""
        self._timer = self._loop.call_at(deadline, _expire, waiter)
        probe()

    async def cancel(self, seconds: float) -> bool:
        """Cancel the running statement. Return whether the connection can be used again; if not, close it."""
        if not self.is_alive:
            return False
        self._pending_execution = None
        if self._waiter is None:
            return True
        self._waiter.cancel()
        cancelled: asyncio.Future[list[Row]] = self._loop.create_future()
        self._waiter, self._is_cancelling = cancelled, True
        cancelled.add_done_callback(_retrieve_exception)
        try:
            await self.connection.cancel_safe(timeout=seconds)
        except (psycopg.Error, OSError):
            return False
        await asyncio.wait({cancelled}, timeout=seconds)
        self._is_cancelling = False
        return cancelled.done() and self.is_alive

    def lend(self, release: Callable[[], None]) -> SessionConnection:
        """Lend psycopg's connection to a session. When the session closes it, `release` is called."""
        self._detach()

        def take_back() -> None:
            self.connection.on_close = None
            if self._pg.status == pq.ConnStatus.OK and self._pg.transaction_status == pq.TransactionStatus.IDLE:
                self._attach()
            else:
                self.close()
            release()

        self.connection.on_close = take_back
        return self.connection

    def check_socket(self) -> None:
        """Read the socket now, to notice a connection that the server has closed."""
        if self._attached:
            self._on_readable()

    def close(self) -> None:
        """Close at once, without waiting for a running statement."""
        self._fail(psycopg.OperationalError("the connection was closed here"))

    def _is_open(self) -> bool:
        return bool(self._pg.status == pq.ConnStatus.OK)

    def _attach(self) -> None:
        self._attached = True
        self._loop.add_reader(self._socket, self._on_readable)

    def _detach(self) -> None:
        if self._attached and not self._loop.is_closed():
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
        self._attached = False

    def _send(self, statement: Statement, parameters: Sequence[bytes | None]) -> None:
        name = self._prepared_names.get(statement)
        try:
            if name is not None:
                self._pg.send_query_prepared(name, parameters)
            elif self._should_prepare(statement):
                self._pending_execution = statement, parameters
                self._pg.send_prepare(b"seedbed_%d" % len(self._prepared_names), statement.encoded)
            else:
                self._pg.send_query_params(statement.encoded, parameters)
            self._flush()
        except psycopg.OperationalError as error:
            self._fail(error)

    def _should_prepare(self, statement: Statement) -> bool:
        if not self.can_prepare or len(self._prepared_names) >= _MAX_PREPARED:
            return False
        if len(self._use_counts) > 10 * _MAX_PREPARED:  # clients may send any number of different statements
            self._use_counts.clear()
        uses = self._use_counts[statement] = self._use_counts.get(statement, 0) + 1
        return uses >= _PREPARE_AT

    def _flush(self) -> None:
        if self._pg.flush():
            self._loop.add_writer(self._socket, self._on_writable)

    def _on_writable(self) -> None:
        try:
            if not self._pg.flush():
                self._loop.remove_writer(self._socket)
        except psycopg.OperationalError as error:
            self._fail(error)

    def _on_readable(self) -> None:
        pg = self._pg
        try:
            pg.consume_input()
            while self._waiter is not None and not pg.is_busy():
                result = pg.get_result()
                if result is not None and _is_last(result):
                    self._fail(error_from_result(result))  # no result follows, and the socket may not report its end
                    return
                if result is not None:
                    self._result = self._result or result
                elif self._result is not None:
                    self._finish(self._result, self._waiter)
        except psycopg.OperationalError as error:
            self._fail(error)
            return
        if not self._is_open():
            self._fail(psycopg.OperationalError("the server closed the connection"))

    def _finish(self, result: pq.abc.PGresult, waiter: "asyncio.Future[list[Row]]") -> None:
        """Resolve the waiter with the rows. If the statement was only prepared, execute it first."""
        self._result, execution = None, self._pending_execution
        if result.status == pq.ExecStatus.COMMAND_OK and execution is not None:
            self._pending_execution = None
            self._prepared_names[execution[0]] = b"seedbed_%d" % len(self._prepared_names)
            if not waiter.done():
                self._send(*execution)
                return
        if not self._is_open():
            self._fail(error_from_result(result))
            return
        self._waiter = self._pending_execution = None
        if waiter.done():
            return
        if result.status in {pq.ExecStatus.TUPLES_OK, pq.ExecStatus.COMMAND_OK}:
            value, columns = result.get_value, range(result.nfields)
            waiter.set_result([tuple(value(row, column) for column in columns) for row in range(result.ntuples)])
        else:
            waiter.set_exception(error_from_result(result))

    def _fail(self, error: psycopg.Error) -> None:
        if not self.is_alive:
            return
        self.is_alive = False
        self._detach()
        if self._result is not None and self._result.status == pq.ExecStatus.FATAL_ERROR:
            error = error_from_result(self._result)  # the server's last message is the actual cause
        self._pg.finish()
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            connection_lost = ConnectionLost()
            connection_lost.__cause__ = error
            waiter.set_exception(connection_lost)
        self._on_lost(self)


def _is_last(result: pq.abc.PGresult) -> bool:
    """Whether the connection ends with this result: a fatal error, or an error of libpq, which has no SQLSTATE."""
    if result.status != pq.ExecStatus.FATAL_ERROR:
        return False
    severity = result.error_field(pq.DiagnosticField.SEVERITY_NONLOCALIZED)
    return severity in {b"FATAL", b"PANIC"} or not result.error_field(pq.DiagnosticField.SQLSTATE)


def _expire(waiter: "asyncio.Future[list[Row]]") -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())


def _retrieve_exception(waiter: "asyncio.Future[list[Row]]") -> None:
    if not waiter.cancelled():
        waiter.exception()
