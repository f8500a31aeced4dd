"""Rehearse pending revisions on a copy of the target, to measure how long they block its users."""

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
from seedbed.migrations.hazards.schema_snapshot import LOCK_MODES, keep_strongest_lock
from seedbed.migrations.hazards.target_copy import copy_target
from seedbed.migrations.hazards.trace import Trace, TracedStatement, trace_statements
from seedbed.postgres.catalog import Catalog, find_differences, read_catalog
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.driver_errors import get_server_message
from seedbed.settings import Configuration, Project

NOTICEABLE = timedelta(milliseconds=50)
"""Shorter blocking is not mentioned in the verdict."""

_POLL_SECONDS = 0.01
_BLOCKS_WRITES = LOCK_MODES.index("ShareLock")
_BLOCKS_READS = LOCK_MODES.index("AccessExclusiveLock")
_SESSION_LOCKS = """
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
    """A statement and its cost.

    `row_count` is the number of rows it reports as changed. `locks` holds the strongest new lock on each table that
    existed before the revision.
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
    """The cost of the pending revisions, measured on a copy with warm caches and no other users.

    On the target, the time that statements wait for other sessions' locks is added.
    """

    verdict: str
    blocked: tuple[BlockedTable, ...]
    steps: tuple[RehearsedStatement, ...]
    downgrade: str

    def longest(self) -> timedelta:
        """Return the longest time for which a table was blocked."""
        return timedelta(seconds=max((table.seconds for table in self.blocked), default=0.0))


def rehearse(
    configuration: Configuration, database: Database, plan: UpgradePlan, *, existing_copy: Database | None = None
) -> Rehearsal:
    """Upgrade, downgrade and upgrade a copy of the target again, and return the cost of the first upgrade.

    On Seedbed's own server the copy is made with TEMPLATE, on Neon as a branch if the API key is set, and elsewhere
    with pg_dump into a temporary database. It is removed at the end, also after an interrupt. `existing_copy` is a copy
    that the user made: it is migrated and kept. No session on the target is ended, and nothing is created on the
    target.

    Raises:
        ParentInUse: other sessions are connected to the database, so PostgreSQL cannot copy it with TEMPLATE.
        RehearsalCopyFailure: no copy can be made, or `existing_copy` is the target itself.
        BranchError: Neon created no branch.
        RevisionFailure: a revision fails on the copy, as it would on the target.
    """
    with copy_target(configuration, database, existing_copy) as copy, connect(copy) as connection:
        version_table = configuration.project.version_table
        initial_catalog = read_catalog(connection, version_table)
        traces = [_run_revision(configuration.project, copy, connection, revision.id) for revision in plan.pending]
        final_catalog = read_catalog(connection, version_table)
        downgrade = _try_downgrade(configuration.project, connection, plan, initial_catalog, final_catalog)
    steps = tuple(step for trace, locks in traces for step in _describe_statements(trace, locks))
    blocked = tuple(
        sorted(
            (table for trace, locks in traces for table in _find_blocked_tables(trace, locks)),
            key=lambda table: -table.seconds,
        )
    )
    return Rehearsal(_format_verdict(blocked), blocked, steps, downgrade)


ObservedLocks = Mapping[str, Mapping[int, str]]
"""The strongest lock on each table by statement, as another session saw it while the statement ran."""


def _run_revision(
    project: Project, copy: Database, connection: Connection, revision: str
) -> tuple[Trace, ObservedLocks]:
    pid = int(connection.execute(text("SELECT pg_backend_pid()")).scalar_one())
    connection.rollback()
    try:
        name_check = refuse_name_clashes(connection, copy.name)
        with (
            _watch_locks(copy, pid) as locks,
            name_check,
            trace_statements(connection, revision, project.version_table) as trace,
        ):
            migrate_to(project, connection, revision)
    except DBAPIError as error:
        raise RevisionFailure(revision, get_server_message(error), applied=()) from error
    return trace, locks


@contextmanager
def _watch_locks(copy: Database, pid: int) -> Iterator[dict[str, dict[int, str]]]:
    """Read the locks of a session from another one: those of CONCURRENTLY are gone after the statement."""
    locks: dict[str, dict[int, str]] = {}
    finished = threading.Event()

    def poll() -> None:
        with connect(copy, autocommit=True) as connection:
            while not finished.wait(_POLL_SECONDS):
                for table, mode, query in connection.execute(text(_SESSION_LOCKS), {"pid": pid}).all():
                    keep_strongest_lock(locks.setdefault(str(query).strip(), {}), table, mode)

    poller = threading.Thread(target=poll, daemon=True)
    poller.start()
    try:
        yield locks
    finally:
        finished.set()
        poller.join()


def _select_locks(
    statement: TracedStatement, observed_locks: ObservedLocks, initial_tables: frozenset[int]
) -> dict[int, str]:
    locks = observed_locks.get(statement.sql, {}) if statement.runs_in_autocommit else statement.after.locks
    return {table: mode for table, mode in locks.items() if table in initial_tables and table in statement.before.names}


def _describe_statements(trace: Trace, observed_locks: ObservedLocks) -> Iterator[RehearsedStatement]:
    for statement in trace.statements:
        names = statement.before.names
        new_locks = {
            names[table]: mode
            for table, mode in _select_locks(statement, observed_locks, trace.initial_tables).items()
            if statement.runs_in_autocommit or statement.before.locks.get(table) != mode
        }
        yield RehearsedStatement(
            revision=trace.revision,
            sql=" ".join(statement.sql.split())[:100],
            seconds=round(statement.ended_at - statement.started_at, 4),
            row_count=statement.row_count,
            wal_bytes=statement.after.wal_bytes - statement.before.wal_bytes,
            rewrites=tuple(
                names[table] for table in statement.find_rewritten_tables() if table in trace.initial_tables
            ),
            scans=tuple(names[table] for table in statement.find_scanned_tables() if table in trace.initial_tables),
            locks=dict(sorted(new_locks.items())),
        )


def _find_blocked_tables(trace: Trace, observed_locks: ObservedLocks) -> Iterator[BlockedTable]:
    """Measure from the statement that took the lock to the commit, or for CONCURRENTLY to the end of the statement."""
    periods: dict[tuple[str, str], tuple[float, float]] = {}
    for statement in trace.statements:
        commit = statement.ended_at
        if not statement.runs_in_autocommit:
            commit = next(
                (committed_at for committed_at in trace.commits if committed_at >= statement.ended_at),
                statement.ended_at,
            )
        for table, mode in _select_locks(statement, observed_locks, trace.initial_tables).items():
            strength = LOCK_MODES.index(mode)
            if strength >= _BLOCKS_WRITES:
                key = (statement.before.names[table], "reads and writes" if strength >= _BLOCKS_READS else "writes")
                started_at, _ = periods.get(key, (statement.started_at, 0.0))
                periods[key] = (started_at, commit)
    for (name, blocked_access), (started_at, commit) in periods.items():
        yield BlockedTable(name, blocked_access, round(commit - started_at, 4), trace.revision)


def _format_verdict(blocked: Sequence[BlockedTable]) -> str:
    noticeable = [table for table in blocked if table.seconds >= NOTICEABLE.total_seconds()]
    if not noticeable:
        return "blocks nobody for 50 ms or longer"
    parts = [
        f"blocks {table.blocked_access} on {table.table} for {_format_duration(table.seconds)}" for table in noticeable
    ]
    return f"{'; '.join(parts)}; everything else under 50 ms"


def _format_duration(seconds: float) -> str:
    return f"{seconds:.1f} s" if seconds >= 1 else f"{seconds * 1000:.0f} ms"


def _try_downgrade(
    project: Project, connection: Connection, plan: UpgradePlan, initial_catalog: Catalog, final_catalog: Catalog
) -> str:
    """Downgrade over the copy's own rows, upgrade again, and compare the catalog after each."""
    try:
        for revision in reversed(plan.pending):
            migrate_to(project, connection, format_downgrade_target(revision))
        if different := find_differences(read_catalog(connection, project.version_table), initial_catalog):
            return f"after the downgrade, {'; '.join(map(str, different))}"
        migrate_to(project, connection, plan.pending[-1].id)
        if different := find_differences(read_catalog(connection, project.version_table), final_catalog):
            return f"after the downgrade and the second upgrade, {'; '.join(map(str, different))}"
    except DBAPIError as error:
        connection.rollback()
        return f"the downgrade fails on these rows: {get_server_message(error)}"
    except (RuntimeError, NotImplementedError) as error:
        connection.rollback()
        return f"impossible: {error}"
    return "verified, and upgraded again"
