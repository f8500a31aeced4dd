"""How a migrating session waits for what others have locked, without making others wait for it."""

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
from seedbed.postgres.driver_errors import sqlstate

_BUSY = frozenset({"55P03", "40P01"})
"""lock_not_available and deadlock_detected: nothing is wrong with the statement, and later it may run."""
_CONCURRENTLY = re.compile(r"\bCONCURRENTLY\b", re.IGNORECASE)
_INDEX_BUILT = re.compile(
    r"\s*CREATE\s+(?:UNIQUE\s+)?INDEX\s+CONCURRENTLY\s+(?:IF\s+NOT\s+EXISTS\s+)?(?P<name>\"(?:[^\"]|\"\")+\"|\w+)\s+ON\s+"
    r"(?:ONLY\s+)?(?P<table>(?:(?:\"(?:[^\"]|\"\")+\"|\w+)\.)?(?:\"(?:[^\"]|\"\")+\"|\w+))",
    re.IGNORECASE,
)
_SHORTEST_PAUSE, _LONGEST_PAUSE, _LOOK = 1.0, 5.0, 0.02

_SET = "SELECT set_config('lock_timeout', %s, false)"
_INVALID = """
SELECT format('%%I.%%I', n.nspname, i.relname) FROM pg_index x
JOIN pg_class i ON i.oid = x.indexrelid JOIN pg_namespace n ON n.oid = i.relnamespace
WHERE NOT x.indisvalid AND x.indrelid = to_regclass(%s) AND i.relname = (parse_ident(%s))[1]
"""
_HOLDING = """
SELECT DISTINCT virtualtransaction FROM pg_locks WHERE locktype = 'relation' AND granted AND pid <> pg_backend_pid()
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""
_OPEN = """
SELECT pid, coalesce(nullif(application_name, ''), 'no name'), state, extract(epoch FROM now() - xact_start)::int
FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() AND xact_start IS NOT NULL
ORDER BY xact_start LIMIT 3
"""


@dataclass(frozen=True)
class LockRetryPolicy:
    """`lock_timeout` is how long a statement may wait for a lock, and so how long it may make others queue behind it.

    Then the revision is rolled back and tried again, `tries` times in all, as soon as those who held locks then are
    done, or after a pause that grows from a second to five and differs by chance. What runs CONCURRENTLY makes nobody
    wait, and a timeout would leave an invalid index, so it has a long one of its own.
    """

    lock_timeout: timedelta = timedelta(seconds=1)
    concurrent_lock_timeout: timedelta = timedelta(minutes=30)
    tries: int = 20


DEFAULT_RETRY_POLICY = LockRetryPolicy()


@contextmanager
def limit_lock_waits(connection: Connection, policy: LockRetryPolicy) -> Iterator[None]:
    """Keep a session's statements to their lock timeouts for the length of a block.

    An invalid index, which a killed CREATE INDEX CONCURRENTLY leaves and which IF NOT EXISTS takes for a good one, is
    dropped when a statement is about to build it again.
    """

    def before(_c: object, cursor: Any, statement: str, *_rest: object) -> None:
        if _CONCURRENTLY.search(statement):
            cursor.execute(
                "SELECT set_config('lock_timeout', %s, false)", (_written(policy.concurrent_lock_timeout),)
            )
            _drop_invalid(cursor, statement)

    def after(_c: object, cursor: Any, statement: str, *_rest: object) -> None:
        if _CONCURRENTLY.search(statement):
            cursor.connection.cursor().execute(_SET, (_written(policy.lock_timeout),))

    _set_timeout(connection, _written(policy.lock_timeout))
    event.listen(connection, "before_cursor_execute", before)
    event.listen(connection, "after_cursor_execute", after)
    try:
        yield
    finally:
        event.remove(connection, "before_cursor_execute", before)
        event.remove(connection, "after_cursor_execute", after)
        if not connection.invalidated:
            connection.rollback()
            _set_timeout(connection, "0")


def is_lock_error(error: BaseException | None) -> bool:
    """Whether a statement failed for a lock that another session had."""
    return sqlstate(error) in _BUSY


def retry_on_lock_errors(
    connection: Connection,
    policy: LockRetryPolicy,
    revisions: tuple[Revision, ...],
    run: Callable[[tuple[Revision, ...]], None],
    find_remaining: Callable[[], tuple[Revision, ...]],
    report: Callable[[str], None],
) -> None:
    """Run revisions until none is left, again from the first that is `find_remaining` where one met another session's lock.

    Raises:
        TableLockTimeout: one met locks at every try.
    """
    tried, todo, begun = 0, revisions, time.monotonic()
    while todo:
        try:
            run(todo)
            todo = ()
        except (RevisionFailure, DowngradeFailure) as failed:
            if not is_lock_error(failed.__cause__):
                raise
            now_left = find_remaining()
            tried, todo = (tried + 1 if now_left == todo else 1), now_left
            if tried == policy.tries:
                done = [revision.id for revision in revisions if revision not in todo]
                down = isinstance(failed, DowngradeFailure)
                waited = time.monotonic() - begun
                longest = find_longest_transactions(connection)
                raise TableLockTimeout(todo[0].id, tried, waited, longest, applied=done, down=down) from failed
            report(f"{todo[0].id} waits for a lock that another session holds; trying again ({tried} of {policy.tries})")
            wait_before_retry(connection, policy, tried)


def wait_before_retry(connection: Connection, policy: LockRetryPolicy, tries: int) -> None:
    """Wait before another try, longer each time, but no longer than the transactions last that hold locks now.

    Which table was waited for, PostgreSQL does not say, so a long transaction on other tables is waited for in vain.
    """
    _set_timeout(connection, _written(policy.lock_timeout))  # a failed statement may have left the long one set
    until = time.monotonic() + min(_LONGEST_PAUSE, _SHORTEST_PAUSE * 2 ** (tries - 1)) * random.uniform(0.5, 1.5)
    holding = left = _holding(connection)
    while left and time.monotonic() < until:
        time.sleep(_LOOK)
        left = holding & _holding(connection)


def find_longest_transactions(connection: Connection) -> list[str]:
    """The sessions whose transactions have been open the longest, which are likely those that hold the locks."""
    found = connection.execute(text(_OPEN)).all()
    connection.rollback()
    return [f"pid {pid} ({name}, {state}, {seconds} s)" for pid, name, state, seconds in found]


def _holding(connection: Connection) -> set[str]:
    """The transactions that hold a table's lock; each has a number of its own, which every role may see."""
    found = {str(number) for (number,) in connection.execute(text(_HOLDING)).all()}
    connection.rollback()
    return found


def _set_timeout(connection: Connection, value: str) -> None:
    connection.execute(text("SELECT set_config('lock_timeout', :value, false)"), {"value": value})
    connection.commit()


def _drop_invalid(cursor: Any, statement: str) -> None:
    building = _INDEX_BUILT.match(statement)
    if building is None:
        return
    cursor.execute(_INVALID, (building["table"], building["name"]))
    for (index,) in cursor.fetchall():
        cursor.execute(f"DROP INDEX CONCURRENTLY IF EXISTS {index}")


def _written(time_: timedelta) -> str:
    return f"{int(time_.total_seconds() * 1000)}ms"
