"""Report the progress of a long index build, read from a second session."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg2
from sqlalchemy import Connection, text

from seedbed.errors import SeedbedError
from seedbed.postgres.connection import autocommit_cursor, open_connection
from seedbed.postgres.database import Database

_INTERVAL_SECONDS = 2.0
_PROGRESS = """
SELECT relid::regclass::text, phase, blocks_done, blocks_total, tuples_done, tuples_total, current_locker_pid
FROM pg_stat_progress_create_index WHERE pid = %s
"""


@contextmanager
def report_index_progress(
    connection: Connection,
    database: Database,
    report: Callable[[str], None] | None,
    *,
    interval: float = _INTERVAL_SECONDS,
) -> Iterator[None]:
    """Report every few seconds, for the length of a block, how far a connection's index build is.

    This opens a second session, which reads pg_stat_progress_create_index. Without `report` no session is opened. If
    the progress cannot be read, the block goes on without reports.
    """
    if report is None:
        yield
        return
    pid: int = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    connection.rollback()
    finished = threading.Event()
    watcher = threading.Thread(target=_watch, args=(database, pid, report, interval, finished), daemon=True)
    watcher.start()
    try:
        yield
    finally:
        finished.set()
        watcher.join()


def _watch(
    database: Database, pid: int, report: Callable[[str], None], interval: float, finished: threading.Event
) -> None:
    with suppress(psycopg2.Error, SeedbedError), autocommit_cursor(open_connection(database)) as cursor:
        while not finished.wait(interval):
            cursor.execute(_PROGRESS, (pid,))
            for row in cursor.fetchall():
                report(_format_progress(*row))


def _format_progress(
    table: str, phase: str, blocks: int, all_blocks: int, tuples: int, all_tuples: int, locker: int | None
) -> str:
    completed, total, unit = (tuples, all_tuples, "rows") if all_tuples else (blocks, all_blocks, "blocks")
    share = f", {completed / total:.0%} of {total:,} {unit}" if total else ""
    waiting = f", waits for pid {locker}" if locker else ""
    return f"index on {table}: {phase}{share}{waiting}"
