"""COPY of encoded rows into a table, in the transaction of a connection."""

import io
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, Queue
from threading import Event, Thread
from typing import Any

from psycopg2 import Error as DriverError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from seedbed.errors import LoadFailure, RejectedRows, SeedbedError
from seedbed.postgres.driver_errors import get_server_message
from seedbed.postgres.quoting import quote_identifier, quote_table
from seedbed.seeding.encoding.rows import CHUNK_ROWS, COPY_HEADER, COPY_TRAILER
from seedbed.seeding.loading.check_trial import translate_check_error
from seedbed.seeding.planning.table_plan import TablePlan

_READ_SIZE = 1 << 22
"""Bytes per read, more than most chunks have, because each read waits for the thread that encodes chunks."""
_MAX_PREFETCHED = 2
"""Chunks that are encoded before they are read."""
_MIN_PREFETCH_ROWS = 2 * CHUNK_ROWS
"""Loads with fewer rows do not repay the cost of a thread."""
_ROW_ERRORS = ("22", "23", "27", "44", "P0")
"""Classes of SQLSTATE for invalid rows: data exceptions, constraint violations, errors of triggers and views."""
_RESOURCE_ERRORS = ("53", "54", "58")
"""Classes of SQLSTATE for the server: insufficient resources, exceeded limits and system errors."""


def copy_rows(
    connection: Connection,
    table: TablePlan,
    chunks: Iterator[bytes],
    *,
    freeze: bool = False,
) -> None:
    """Send chunks of encoded rows to a table with COPY.

    `freeze` needs a table that the same transaction has truncated.

    Raises:
        RejectedRows, UnsatisfiedCheck: PostgreSQL rejected a row.
        LoadFailure: the server could not store the rows.
        InvalidSeedsFile: a value could not be generated.
    """
    names = ", ".join(quote_identifier(name) for name in table.generators)
    is_binary = table.is_binary
    options = "FORMAT binary" if is_binary else "FORMAT text, ENCODING 'UTF8'"
    options += ", FREEZE" if freeze else ""
    cursor: Any = connection.connection.cursor()
    reader = _Reader(_add_header_and_trailer(chunks, is_binary=is_binary))
    try:
        with _silence_excepthook():
            cursor.copy_expert(
                f"COPY {quote_table(table.sql)} ({names}) FROM STDIN ({options})", reader, size=_READ_SIZE
            )
    except DriverError as error:
        if reader.failure is not None:
            raise reader.failure from error
        raise translate_copy_error(table, error) from error
    finally:
        cursor.close()


def prefetch(chunks: Generator[bytes], rows: int) -> Generator[bytes]:
    """Encode chunks in a thread while earlier chunks are sent, unless there are few rows.

    An error in the thread is raised where its chunk is read. Closing the generator stops the thread.
    """
    return _prefetch_in_thread(chunks) if rows > _MIN_PREFETCH_ROWS else chunks


def translate_driver_error(table: str, error: DriverError) -> SeedbedError | None:
    """Translate an error that rows or missing space caused; `table` is a name. Return None for any other error."""
    if (error.pgcode or "").startswith(_ROW_ERRORS):
        return RejectedRows(table, get_server_message(error))
    if (error.pgcode or "").startswith(_RESOURCE_ERRORS):
        return LoadFailure(table, get_server_message(error))
    return None


def translate_copy_error(table: TablePlan, error: DriverError) -> Exception:
    """Translate an error of a table's COPY; an unknown error is returned unchanged."""
    return translate_check_error(table, error) or translate_driver_error(table.name, error) or error


@contextmanager
def _silence_excepthook() -> Iterator[None]:
    """Suppress the traceback that psycopg2 prints if the connection is lost during COPY.

    psycopg2 then raises an error during another one, and prints the first with `sys.excepthook`. Nothing else uses this
    hook in the meantime, because threads have their own.
    """
    hook, sys.excepthook = sys.excepthook, lambda *_: None
    try:
        yield
    finally:
        sys.excepthook = hook


def _prefetch_in_thread(chunks: Iterator[bytes]) -> Generator[bytes]:
    queue: Queue[bytes | Exception | None] = Queue(_MAX_PREFETCHED)
    is_stopped = Event()

    def fill_queue() -> None:
        try:
            for chunk in chunks:
                queue.put(chunk)
                if is_stopped.is_set():
                    return
        except Exception as error:
            queue.put(error)
        else:
            queue.put(None)

    thread = Thread(target=fill_queue, name="rows ahead", daemon=True)
    thread.start()
    try:
        while (chunk := queue.get()) is not None:
            if isinstance(chunk, Exception):
                raise chunk
            yield chunk
    finally:
        is_stopped.set()
        while thread.is_alive():
            with suppress(Empty):
                queue.get(timeout=0.01)
        thread.join()


def _add_header_and_trailer(chunks: Iterator[bytes], *, is_binary: bool) -> Iterator[bytes]:
    if is_binary:
        yield COPY_HEADER
    yield from chunks
    if is_binary:
        yield COPY_TRAILER


class _Reader(io.RawIOBase):
    """The file from which psycopg2's COPY reads chunks.

    An error while a chunk is encoded aborts the COPY, and psycopg2 raises the server's error instead; `failure` is the
    original one.
    """

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._remaining = memoryview(b"")
        self.failure: Exception | None = None

    def read(self, size: int = -1) -> bytes:
        if not self._remaining:
            try:
                chunk = next(self._chunks, b"")
            except Exception as error:
                self.failure = error
                raise
            if size < 0 or len(chunk) <= size:
                return chunk
            self._remaining = memoryview(chunk)
        data, self._remaining = (
            (self._remaining, memoryview(b"")) if size < 0 else (self._remaining[:size], self._remaining[size:])
        )
        return bytes(data)


def check_deferred_constraints(connection: Connection) -> None:
    """Check deferred constraints before the commit, so that their errors can be translated."""
    try:
        connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    except DBAPIError as error:
        translated = (
            translate_driver_error(str(error.orig.diag.table_name), error.orig)
            if isinstance(error.orig, DriverError)
            else None
        )
        if translated is None:
            raise
        raise translated from error
