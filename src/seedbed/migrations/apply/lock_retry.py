"""Lock timeouts and retries: a migration waits for other sessions' locks without blocking them in turn."""

import random
import re
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from sqlalchemy import Connection, event, text

from seedbed.errors import DowngradeFailure, RevisionFailure, TableLockTimeout
from seedbed.migrations.history.revisions import Revision
from seedbed.postgres.driver_errors import get_sqlstate

_LOCK_ERRORS = frozenset({"55P03", "40P01"})
"""lock_not_available and deadlock_detected: the statement is valid and can succeed later."""
_CONCURRENTLY = re.compile(r"\bCONCURRENTLY\b", re.IGNORECASE)
_CREATE_INDEX_CONCURRENTLY = re.compile(
    r"\s*CREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+(?:IF\s+NOT\s+EXISTS\s+)?(?P<name>\"(?:[^\"]|\"\")+\"|\w+)\s+ON\s+"
    r"(?:ONLY\s+)?(?P<table>(?:(?:\"(?:[^\"]|\"\")+\"|\w+)\.)?(?:\"(?:[^\"]|\"\")+\"|\w+))",
    re.IGNORECASE,
)
_SHORTEST_PAUSE, _LONGEST_PAUSE, _POLL_SECONDS = 1.0, 5.0, 0.02

_SET_LOCK_TIMEOUT = "SELECT set_config('lock_timeout', %s, false)"
_INVALID_INDEXES = """
SELECT format('%%I.%%I', n.nspname, i.relname) FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_namespace n ON n.oid = i.relnamespace
WHERE NOT x.indisvalid AND x.indrelid = to_regclass(%s) AND i.relname = (parse_ident(%s))[1]
"""
_LOCK_HOLDERS = """
SELECT DISTINCT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND granted AND pid <> pg_backend_pid()
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_LONGEST_TRANSACTIONS = """
SELECT pid, coalesce(nullif(application_name, ''), 'no name'), state, extract(epoch FROM now() - xact_start)::int
FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
ORDER BY xact_start LIMIT 3
"""


@dataclass(frozen=True)
class LockRetryPolicy:
    """How long statements wait for locks, and how often a revision is tried.

    `lock_timeout` limits how long a statement waits for a lock, and so how long other sessions queue behind it. After a
    timeout the revision is rolled back and tried again, up to `tries` times in all. It is tried as soon as the
    transactions that held locks have ended, or after a random pause that grows from one second to five. A statement
    that runs CONCURRENTLY blocks nobody, and a timeout would leave an invalid index, so `concurrent_lock_timeout` is
    long.
    """

    lock_timeout: timedelta = timedelta(seconds=1)
    concurrent_lock_timeout: timedelta = timedelta(minutes=30)
    tries: int = 20


DEFAULT_RETRY_POLICY = LockRetryPolicy()


@contextmanager
def limit_lock_waits(connection: Connection, policy: LockRetryPolicy) -> Iterator[None]:
    """Apply the policy's lock timeouts to a session for the length of a block.

    Before CREATE INDEX CONCURRENTLY, an invalid index of the same name is dropped. An earlier build that was killed
    leaves one, and IF NOT EXISTS would accept it.
    """

    def set_long_timeout(_c: object, cursor: Any, statement: str, *_rest: object) -> None:
        if _CONCURRENTLY.search(statement):
            cursor.execute(
                "SELECT set_config('lock_timeout', %s, false)", (_format_milliseconds(policy.concurrent_lock_timeout),)
            )
            _drop_invalid_index(cursor, statement)

    def set_short_timeout(_c: object, cursor: Any, statement: str, *_rest: object) -> None:
        if _CONCURRENTLY.search(statement):
            cursor.connection.cursor().execute(_SET_LOCK_TIMEOUT, (_format_milliseconds(policy.lock_timeout),))

    _set_timeout(connection, _format_milliseconds(policy.lock_timeout))
    event.listen(connection, "before_cursor_execute", set_long_timeout)
    event.listen(connection, "after_cursor_execute", set_short_timeout)
    try:
        yield
    finally:
        event.remove(connection, "before_cursor_execute", set_long_timeout)
        event.remove(connection, "after_cursor_execute", set_short_timeout)
        if not connection.invalidated:
            connection.rollback()
            _set_timeout(connection, "0")


def is_lock_error(error: BaseException | None) -> bool:
    """Return whether a statement failed because another session held a lock."""
    return get_sqlstate(error) in _LOCK_ERRORS


def retry_on_lock_errors(
    connection: Connection,
    policy: LockRetryPolicy,
    revisions: tuple[Revision, ...],
    run: Callable[[tuple[Revision, ...]], None],
    find_remaining: Callable[[], tuple[Revision, ...]],
    report: Callable[[str], None],
) -> None:
    """Run revisions until none remains. After a lock error, continue with the first one that `find_remaining` returns.

    Raises:
        TableLockTimeout: a revision met a lock error at every try.
    """
    tries, remaining, started_at = 0, revisions, time.monotonic()
    while remaining:
        try:
            run(remaining)
            remaining = ()
        except (RevisionFailure, DowngradeFailure) as error:
            if not is_lock_error(error.__cause__):
                raise
            still_remaining = find_remaining()
            tries, remaining = (tries + 1 if still_remaining == remaining else 1), still_remaining
            if tries == policy.tries:
                applied = [revision.id for revision in revisions if revision not in remaining]
                seconds = time.monotonic() - started_at
                longest_transactions = find_longest_transactions(connection)
                raise TableLockTimeout(
                    remaining[0].id,
                    tries,
                    seconds,
                    longest_transactions,
                    applied=applied,
                    is_downgrade=isinstance(error, DowngradeFailure),
                ) from error
            progress = f"({tries} of {policy.tries})"
            report(f"{remaining[0].id} waits for a lock that another session holds; trying again {progress}")
            wait_before_retry(connection, policy, tries)


def wait_before_retry(connection: Connection, policy: LockRetryPolicy, tries: int) -> None:
    """Wait before the next try, longer each time, but only as long as a transaction that holds a lock now is open.

    PostgreSQL does not tell which table the statement waited for, so the wait can be for an unrelated long transaction.
    """
    _set_timeout(connection, _format_milliseconds(policy.lock_timeout))  # a failed statement may have left the long one
    deadline = time.monotonic() + min(_LONGEST_PAUSE, _SHORTEST_PAUSE * 2 ** (tries - 1)) * random.uniform(0.5, 1.5)
    initial_holders = holders = _read_lock_holders(connection)
    while holders and time.monotonic() < deadline:
        time.sleep(_POLL_SECONDS)
        holders = initial_holders & _read_lock_holders(connection)


def find_longest_transactions(connection: Connection) -> list[str]:
    """Return the sessions whose transactions have been open the longest: they likely hold the locks."""
    rows = connection.execute(text(_LONGEST_TRANSACTIONS)).all()
    connection.rollback()
    return [f"pid {pid} ({name}, {state}, {seconds} s)" for pid, name, state, seconds in rows]


def _read_lock_holders(connection: Connection) -> set[str]:
    """Return the virtual ids of the transactions that hold a table lock. Every role can read them."""
    holders = {str(transaction_id) for (transaction_id,) in connection.execute(text(_LOCK_HOLDERS)).all()}
    connection.rollback()
    return holders


def _set_timeout(connection: Connection, value: str) -> None:
    connection.execute(text("SELECT set_config('lock_timeout', :value, false)"), {"value": value})
    connection.commit()


def _drop_invalid_index(cursor: Any, statement: str) -> None:
    match = _CREATE_INDEX_CONCURRENTLY.match(statement)
    if match is None:
        return
    cursor.execute(_INVALID_INDEXES, (match["table"], match["name"]))
    for (index,) in cursor.fetchall():
        cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {index}")


def _format_milliseconds(duration: timedelta) -> str:
    return f"{int(duration.total_seconds() * 1000)}ms"
