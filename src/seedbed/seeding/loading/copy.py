"""Rows put into a table by COPY, over the connection's own transaction."""

import io
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, Queue
from threading import Event, Thread
from typing import Any

from psycopg2 import Error as DriverError
from sqlalchemy import Connection

from seedbed.errors import LoadFailure, RejectedRows, SeedbedError
from seedbed.postgres.driver_errors import get_server_message
from seedbed.postgres.quoting import quote_identifier, quote_table
from seedbed.seeding.encoding.rows import CHUNK, HEAD, TAIL
from seedbed.seeding.loading.check_trial import check_refused
from seedbed.seeding.planning.table_plan import TablePlan

_READ_BYTES = 1 << 22
"""More than most chunks have: each time that more is asked for waits for the thread that makes them."""
_AHEAD = 2
"""Chunks that are made before they are asked for."""
_LITTLE = 2 * CHUNK
"""Rows of a load for which a thread does not pay."""
_REFUSALS = ("22", "23", "27", "44", "P0")
"""Classes of SQLSTATE that blame a row: bad data, broken constraints, and what triggers and views say no to."""
_EXHAUSTED = ("53", "54", "58")
"""Classes of SQLSTATE that blame the server: no room, a limit, an error of its system."""


def copy(
    connection: Connection,
    table: TablePlan,
    chunks: Iterator[bytes],
    *,
    frozen: bool = False,
) -> None:
    """Send chunks of rows into a table; `frozen` where the same transaction has made it anew.

    Raises:
        RejectedRows, UnsatisfiedCheck: PostgreSQL refused a row.
        LoadFailure: the server had no room for it.
        InvalidSeedsFile: a value could not be made.
    """
    names = ", ".join(quote_identifier(name) for name in table.generators)
    binary = table.is_binary
    form = "FORMAT binary" if binary else "FORMAT text, ENCODING 'UTF8'"
    form += ", FREEZE" if frozen else ""
    driver: Any = connection.connection.cursor()
    reader = _Reader(_framed(chunks, binary=binary))
    try:
        with _unprinted():
            driver.copy_expert(f"COPY {quote_table(table.sql)} ({names}) FROM STDIN ({form})", reader, size=_READ_BYTES)
    except DriverError as error:
        if reader.failure is not None:
            raise reader.failure from error
        raise named(table, error) from error
    finally:
        driver.close()


def ahead(chunks: Generator[bytes], rows: int) -> Generator[bytes]:
    """The same chunks, made by a thread of their own while those before are on their way, unless they are few.

    What cannot be made is raised here, where the chunk is asked for. Closing it early stops the thread.
    """
    return _ahead(chunks) if rows > _LITTLE else chunks


def blamed(table: str, error: DriverError) -> SeedbedError | None:
    """One of ours for an error that rows, or the room for them, caused."""
    if (error.pgcode or "").startswith(_REFUSALS):
        return RejectedRows(table, get_server_message(error))
    if (error.pgcode or "").startswith(_EXHAUSTED):
        return LoadFailure(table, get_server_message(error))
    return None


def named(table: TablePlan, error: DriverError) -> Exception:
    """The error to raise for one that the server gave while it got a table's rows."""
    return check_refused(table, error) or blamed(table.name, error) or error


@contextmanager
def _unprinted() -> Iterator[None]:
    """When a connection is cut, psycopg2 raises its error while it still raises another, and prints what Python says of
    that: by `sys.excepthook`, which nobody else uses meanwhile, since threads have a hook of their own.
    """
    before, sys.excepthook = sys.excepthook, lambda *_: None
    try:
        yield
    finally:
        sys.excepthook = before


def _ahead(chunks: Iterator[bytes]) -> Generator[bytes]:
    made: Queue[bytes | Exception | None] = Queue(_AHEAD)
    stopped = Event()

    def make() -> None:
        try:
            for chunk in chunks:
                made.put(chunk)
                if stopped.is_set():
                    return
        except Exception as error:
            made.put(error)
        else:
            made.put(None)

    thread = Thread(target=make, name="rows ahead", daemon=True)
    thread.start()
    try:
        while (chunk := made.get()) is not None:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk
    finally:
        stopped.set()
        while thread.is_alive():
            with suppress(Empty):
                made.get(timeout=0.01)
        thread.join()


def _framed(chunks: Iterator[bytes], *, binary: bool) -> Iterator[bytes]:
    if binary:
        yield HEAD
    yield from chunks
    if binary:
        yield TAIL


class _Reader(io.RawIOBase):
    """Chunks as the file that psycopg2's COPY reads from.

    What goes wrong in the making of a chunk reaches PostgreSQL as an aborted COPY, and comes back as its error;
    `failure` keeps what it was.
    """

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._left = memoryview(b"")
        self.failure: Exception | None = None

    def read(self, size: int = -1) -> bytes:
        if not self._left:
            try:
                chunk = next(self._chunks, b"")
            except Exception as error:
                self.failure = error
                raise
            if size < 0 or len(chunk) <= size:
                return chunk
            self._left = memoryview(chunk)
        taken, self._left = (self._left, memoryview(b"")) if size < 0 else (self._left[:size], self._left[size:])
        return bytes(taken)
