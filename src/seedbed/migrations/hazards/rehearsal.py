"""What is pending applied to a copy of the target, to measure what it will cost those who use it."""

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from seedbed.errors import RevisionFailure
from seedbed.migrations.apply.name_clashes import refuse_name_clashes
from seedbed.migrations.apply.plan import UpgradePlan
from seedbed.migrations.apply.upgrade import format_downgrade_target, migrate_to
from seedbed.migrations.hazards.table_snapshot import LOCK_MODES, keep_strongest_lock
from seedbed.migrations.hazards.target_copy import copy_target
from seedbed.migrations.hazards.trace import Trace, TracedStatement, trace_statements
from seedbed.postgres.catalog import Catalog, differences, read_catalog
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.driver_errors import get_server_message
from seedbed.settings import Configuration, Project

NOTICEABLE = timedelta(milliseconds=50)
"""What is over sooner is not worth a word in the verdict."""

_POLL_SECONDS = 0.01
_WRITES_WAIT = LOCK_MODES.index("ShareLock")
_READS_WAIT = LOCK_MODES.index("AccessExclusiveLock")
_SEEN = """
SELECT l.relation::bigint, l.mode, a.query FROM pg_locks l JOIN pg_stat_activity a USING (pid)
WHERE l.pid = :pid AND l.locktype = 'relation' AND l.granted
  AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@dataclass(frozen=True)
class BlockedTable:
    """A table that was locked against `reads and writes` or against `writes`, and for how long: until the commit."""

    table: str
    blocked_access: str
    seconds: float
    revision: str


@dataclass(frozen=True)
class RehearsedStatement:
    """A statement: what it took, the rows it says it changed, what it wrote to the log, rewrote and read whole, and the
    strongest lock on each table that was there.
    """

    revision: str
    sql: str
    seconds: float
    row_count: int
    wal_bytes: int
    rewrites: tuple[str, ...]
    scans: tuple[str, ...]
    locks: Mapping[str, str]


@dataclass(frozen=True)
class Rehearsal:
    """The cost of what is pending, measured on a copy whose caches were warm and which nobody else used; waiting for
    locks that others hold comes on top.
    """

    verdict: str
    blocked: tuple[BlockedTable, ...]
    steps: tuple[RehearsedStatement, ...]
    downgrade: str

    def longest(self) -> timedelta:
        return timedelta(seconds=max((one.seconds for one in self.blocked), default=0.0))


def rehearse(
    configuration: Configuration, database: Database, plan: UpgradePlan, *, existing_copy: Database | None = None
) -> Rehearsal:
    """Apply what is pending to a copy, up, down and up again, and report what the first time up cost.

    The copy is made by TEMPLATE where the server is Seedbed's own, is a branch on Neon where the key for it is set, and
    is made by pg_dump into a throw-away database otherwise; it is removed at the end, and after an interrupt. `existing_copy` is a
    copy that the user made: it is migrated, and kept. No session on the target is ended, and nothing is made beside it.

    Raises:
        ParentInUse: somebody is connected to the database, and PostgreSQL copies by TEMPLATE only what nobody uses.
        RehearsalCopyFailure: no copy can be made here, or `existing_copy` is the target itself.
        BranchError: Neon made no branch.
        RevisionFailure: one does not run on the copy, as it would not on the target.
    """
    with copy_target(configuration, database, existing_copy) as copy, connect(copy) as connection:
        version_table = configuration.project.version_table
        beginning = read_catalog(connection, version_table)
        traces = [_measured(configuration.project, copy, connection, revision.id) for revision in plan.pending]
        end = read_catalog(connection, version_table)
        way_back = _way_back(configuration.project, connection, plan, beginning, end)
    steps = tuple(step for trace, seen in traces for step in _steps(trace, seen))
    blocked = tuple(sorted((b for trace, seen in traces for b in _blocked(trace, seen)), key=lambda b: -b.seconds))
    return Rehearsal(_verdict(blocked), blocked, steps, way_back)


Seen = Mapping[str, Mapping[int, str]]
"""The strongest lock on each table while a statement ran, as another session saw it, by the statement."""


def _measured(project: Project, copy: Database, connection: Connection, revision: str) -> tuple[Trace, Seen]:
    pid = int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
    connection.rollback()
    try:
        names = refuse_name_clashes(connection, copy.name)
        with _watched(copy, pid) as seen, names, trace_statements(connection, revision, project.version_table) as trace:
            migrate_to(project, connection, revision)
    except DBAPIError as error:
        raise RevisionFailure(revision, get_server_message(error), applied=()) from error
    return trace, seen


@contextmanager
def _watched(copy: Database, pid: int) -> Iterator[dict[str, dict[int, str]]]:
    """Look at a session's locks from another one: those of CONCURRENTLY are gone when the statement is over."""
    seen: dict[str, dict[int, str]] = {}
    over = threading.Event()

    def look() -> None:
        with connect(copy, autocommit=True) as connection:
            while not over.wait(_POLL_SECONDS):
                for table, mode, query in connection.execute(text(_SEEN), {"pid": pid}).all():
                    keep_strongest_lock(seen.setdefault(str(query).strip(), {}), table, mode)

    watcher = threading.Thread(target=look, daemon=True)
    watcher.start()
    try:
        yield seen
    finally:
        over.set()
        watcher.join()


def _locks(statement: TracedStatement, seen: Seen, there: frozenset[int]) -> dict[int, str]:
    found = seen.get(statement.sql, {}) if statement.runs_in_autocommit else statement.after.locks
    return {table: mode for table, mode in found.items() if table in there and table in statement.before.names}


def _steps(trace: Trace, seen: Seen) -> Iterator[RehearsedStatement]:
    for statement in trace.statements:
        names = statement.before.names
        new = {
            names[table]: mode
            for table, mode in _locks(statement, seen, trace.initial_tables).items()
            if statement.runs_in_autocommit or statement.before.locks.get(table) != mode
        }
        yield RehearsedStatement(
            revision=trace.revision,
            sql=" ".join(statement.sql.split())[:100],
            seconds=round(statement.ended_at - statement.started_at, 4),
            row_count=statement.row_count,
            wal_bytes=statement.after.wal_bytes - statement.before.wal_bytes,
            rewrites=tuple(names[t] for t in statement.find_rewritten_tables() if t in trace.initial_tables),
            scans=tuple(names[t] for t in statement.find_scanned_tables() if t in trace.initial_tables),
            locks=dict(sorted(new.items())),
        )


def _blocked(trace: Trace, seen: Seen) -> Iterator[BlockedTable]:
    """From the statement that took the lock to the commit, or for CONCURRENTLY to its own end."""
    until: dict[tuple[str, str], tuple[float, float]] = {}
    for statement in trace.statements:
        commit = statement.ended_at
        if not statement.runs_in_autocommit:
            commit = next((at for at in trace.commits if at >= statement.ended_at), statement.ended_at)
        for table, mode in _locks(statement, seen, trace.initial_tables).items():
            strength = LOCK_MODES.index(mode)
            if strength >= _WRITES_WAIT:
                key = (statement.before.names[table], "reads and writes" if strength >= _READS_WAIT else "writes")
                begun, _ = until.get(key, (statement.started_at, 0.0))
                until[key] = (begun, commit)
    for (name, blocks), (begun, commit) in until.items():
        yield BlockedTable(name, blocks, round(commit - begun, 4), trace.revision)


def _verdict(blocked: Sequence[BlockedTable]) -> str:
    noticed = [one for one in blocked if one.seconds >= NOTICEABLE.total_seconds()]
    if not noticed:
        return "blocks nobody for 50 ms or longer"
    words = [f"blocks {one.blocked_access} on {one.table} for {_shown(one.seconds)}" for one in noticed]
    return f"{'; '.join(words)}; everything else under 50 ms"


def _shown(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def _way_back(project: Project, connection: Connection, plan: UpgradePlan, beginning: Catalog, end: Catalog) -> str:
    """Down over the copy's own rows and up again, each compared."""
    try:
        for revision in reversed(plan.pending):
            migrate_to(project, connection, format_downgrade_target(revision))
        if left := differences(read_catalog(connection, project.version_table), beginning):
            return f"down, and then {'; '.join(map(str, left))}"
        migrate_to(project, connection, plan.pending[-1].id)
        if left := differences(read_catalog(connection, project.version_table), end):
            return f"down and up again, and then {'; '.join(map(str, left))}"
    except DBAPIError as error:
        connection.rollback()
        return f"it does not go down over these rows: {get_server_message(error)}"
    except (RuntimeError, NotImplementedError) as error:
        connection.rollback()
        return f"there is none: {error}"
    return "down and up again, both catalogs as they should be"
