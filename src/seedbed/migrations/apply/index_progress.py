"""How far a long index build is, seen from another session."""

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import psycopg2
from sqlalchemy import Connection, text

from seedbed.errors import SeedbedError
from seedbed.postgres.connection import autocommit_cursor, open_connection
from seedbed.postgres.database import Database

_EVERY = 2.0
_PROGRESS = """
SELECT relid::regclass::text, phase, blocks_done, blocks_total, tuples_done, tuples_total, current_locker_pid
FROM pg_stat_progress_create_index WHERE pid = %s
"""


@contextmanager
def report_index_progress(
    connection: Connection, database: Database, report: Callable[[str], None] | None, *, interval: float = _EVERY
) -> Iterator[None]:
    """Say every few seconds how far an index build of a connection is, for the length of a block.

    It needs a second session, and asks nothing of it but PostgreSQL's own report. Without `report` nothing is opened; what
    keeps it from looking keeps nothing else from going on.
    """
    if report is None:
        yield
        return
    pid: int = connection.execute(text("SELECT pg_backend_pid()")).scalar_one()
    connection.rollback()
    over = threading.Event()
    watching = threading.Thread(target=_watch, args=(database, pid, report, interval, over), daemon=True)
    watching.start()
    try:
        yield
    finally:
        over.set()
        watching.join()


def _watch(database: Database, pid: int, say: Callable[[str], None], every: float, over: threading.Event) -> None:
    with suppress(psycopg2.Error, SeedbedError), autocommit_cursor(open_connection(database)) as cursor:
        while not over.wait(every):
            cursor.execute(_PROGRESS, (pid,))
            for row in cursor.fetchall():
                say(_line(*row))


def _line(
    table: str, phase: str, blocks: int, all_blocks: int, tuples: int, all_tuples: int, locker: int | None
) -> str:
    done, of, unit = (tuples, all_tuples, "rows") if all_tuples else (blocks, all_blocks, "blocks")
    share = f", {done / of:.0%} of {of:,} {unit}" if of else ""
    waits = f", waits for pid {locker}" if locker else ""
    return f"index on {table}: {phase}{share}{waits}"
