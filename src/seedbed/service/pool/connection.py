"""One connection to PostgreSQL: a statement goes out, its rows come back, and nothing lies between but libpq."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import psycopg
from psycopg import pq
from psycopg.errors import error_from_result

from seedbed.service.pool.statement import Row, Statement

_PREPARE_AT = 2
"""A statement is prepared when a connection runs it for the second time; the first may have been the only one."""

_PREPARED_AT_MOST = 200


class ConnectionLost(Exception):
    """The connection ended before the rows were there; whatever ended it is its cause."""


class SessionConnection(psycopg.AsyncConnection[Any]):
    """psycopg's connection, which goes back to the pool when the session it was lent to closes it."""

    on_close: "Callable[[], None] | None" = None

    async def close(self) -> None:
        if self.on_close is None:
            await super().close()
        else:
            self.on_close()


class PooledConnection:
    """A connection that the pool owns.

    psycopg opens it, cancels on it and closes it; statements go through psycopg's wrapper of libpq, since cursors cost
    as much again as the rest of a request. Between statements the socket is listened to as well, so that a server that
    goes away takes its connections out of the pool before a request finds them dead.
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
        self._lost = on_lost
        self._uses: dict[Statement, int] = {}
        self._names: dict[Statement, bytes] = {}
        self._waiter: asyncio.Future[list[Row]] | None = None
        self._parting = False
        self._result: pq.abc.PGresult | None = None
        self._then: tuple[Statement, Sequence[bytes | None]] | None = None
        self._attach()

    @property
    def is_busy(self) -> bool:
        """Whether a request waits for its statement."""
        return self._waiter is not None and not self._waiter.done() and not self._parting

    async def run(
        self,
        statement: Statement,
        parameters: Sequence[bytes | None],
        deadline: float,
        *,
        probe_at: float | None = None,
        probe: Callable[[], None] | None = None,
    ) -> list[Row]:
        """All rows of a statement. One that is still under way at `probe_at` has `probe` called.

        Raises:
            TimeoutError: at `deadline`, on the loop's clock. The statement is still under way: see `cancel`.
            ConnectionLost: with why.
            psycopg.Error: the server refused it.
        """
        waiter: asyncio.Future[list[Row]] = self._loop.create_future()
        self._waiter = waiter
        if probe is None or probe_at is None:
            self._timer = self._loop.call_at(deadline, _expire, waiter)
        else:
            self._timer = self._loop.call_at(probe_at, self._doubt, probe, deadline, waiter)
        try:
            self._send(statement, parameters)
            return await waiter
        finally:
            self._timer.cancel()

    def _doubt(self, doubt: Callable[[], None], until: float, waiter: "asyncio.Future[list[Row]]") -> None:
        """One timer after the other: two at once would cost each statement 3 us more."""
        self._timer = self._loop.call_at(until, _expire, waiter)
        doubt()

    async def cancel(self, seconds: float) -> bool:
        """Have the server stop what is under way, and say whether it did; otherwise only closing is left."""
        if not self.is_alive:
            return False
        self._then = None
        if self._waiter is None:
            return True
        self._waiter.cancel()
        settled: asyncio.Future[list[Row]] = self._loop.create_future()
        self._waiter, self._parting = settled, True
        settled.add_done_callback(_seen)
        try:
            await self.connection.cancel_safe(timeout=seconds)
        except (psycopg.Error, OSError):
            return False
        await asyncio.wait({settled}, timeout=seconds)
        self._parting = False
        return settled.done() and self.is_alive

    def lend(self, give_back: Callable[[], None]) -> SessionConnection:
        """The connection itself, for a session, until that closes it."""
        self._detach()

        def back() -> None:
            self.connection.on_close = None
            if self._pg.status == pq.ConnStatus.OK and self._pg.transaction_status == pq.TransactionStatus.IDLE:
                self._attach()
            else:
                self.close()
            give_back()

        self.connection.on_close = back
        return self.connection

    def check_socket(self) -> None:
        """See whether the server has closed the connection, without waiting to be told."""
        if self._attached:
            self._readable()

    def close(self) -> None:
        """Close without a word; a statement under way is not waited for."""
        self._fail(psycopg.OperationalError("the connection was closed here"))

    def _is_open(self) -> bool:
        return bool(self._pg.status == pq.ConnStatus.OK)

    def _attach(self) -> None:
        self._attached = True
        self._loop.add_reader(self._socket, self._readable)

    def _detach(self) -> None:
        if self._attached and not self._loop.is_closed():
            self._loop.remove_reader(self._socket)
            self._loop.remove_writer(self._socket)
        self._attached = False

    def _send(self, statement: Statement, parameters: Sequence[bytes | None]) -> None:
        name = self._names.get(statement)
        try:
            if name is not None:
                self._pg.send_query_prepared(name, parameters)
            elif self._is_to_be_prepared(statement):
                self._then = statement, parameters
                self._pg.send_prepare(b"seedbed_%d" % len(self._names), statement.encoded)
            else:
                self._pg.send_query_params(statement.encoded, parameters)
            self._flush()
        except psycopg.OperationalError as error:
            self._fail(error)

    def _is_to_be_prepared(self, statement: Statement) -> bool:
        if not self.can_prepare or len(self._names) >= _PREPARED_AT_MOST:
            return False
        if len(self._uses) > 10 * _PREPARED_AT_MOST:  # of statements that a client makes up, few come twice
            self._uses.clear()
        uses = self._uses[statement] = self._uses.get(statement, 0) + 1
        return uses >= _PREPARE_AT

    def _flush(self) -> None:
        if self._pg.flush():
            self._loop.add_writer(self._socket, self._writable)

    def _writable(self) -> None:
        try:
            if not self._pg.flush():
                self._loop.remove_writer(self._socket)
        except psycopg.OperationalError as error:
            self._fail(error)

    def _readable(self) -> None:
        pg = self._pg
        try:
            pg.consume_input()
            while self._waiter is not None and not pg.is_busy():
                result = pg.get_result()
                if result is not None and _is_last(result):
                    self._fail(error_from_result(result))  # nothing comes after it, and its end may not be told
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
        """The statement is done: settle with its rows, or, where it was only prepared so far, run it."""
        self._result, then = None, self._then
        if result.status == pq.ExecStatus.COMMAND_OK and then is not None:
            self._then = None
            self._names[then[0]] = b"seedbed_%d" % len(self._names)
            if not waiter.done():
                self._send(*then)
                return
        if not self._is_open():
            self._fail(error_from_result(result))
            return
        self._waiter = self._then = None
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
            error = error_from_result(self._result)  # the server's last words say more than that it is gone
        self._pg.finish()
        waiter, self._waiter = self._waiter, None
        if waiter is not None and not waiter.done():
            lost = ConnectionLost()
            lost.__cause__ = error
            waiter.set_exception(lost)
        self._lost(self)


def _is_last(result: pq.abc.PGresult) -> bool:
    """Whether the server ends the connection with it, or libpq itself says that it has ended: then it has no code."""
    if result.status != pq.ExecStatus.FATAL_ERROR:
        return False
    severity = result.error_field(pq.DiagnosticField.SEVERITY_NONLOCALIZED)
    return severity in {b"FATAL", b"PANIC"} or not result.error_field(pq.DiagnosticField.SQLSTATE)


def _expire(waiter: "asyncio.Future[list[Row]]") -> None:
    if not waiter.done():
        waiter.set_exception(TimeoutError())


def _seen(waiter: "asyncio.Future[list[Row]]") -> None:
    if not waiter.cancelled():
        waiter.exception()
