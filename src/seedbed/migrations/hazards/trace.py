"""What the statements of a revision do to the tables that were there: locks, rewrites, scans, and what is gone."""

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, event

from seedbed.migrations.hazards.keyless_writes import find_keyless_write
from seedbed.migrations.hazards.schema_objects import SchemaObject, read_schema_objects
from seedbed.migrations.hazards.version_statements import VersionStatements
from seedbed.postgres.version_table import VERSION_TABLE, build_version_table_condition

LOCK_MODES = (
    "AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock", "ShareLock",
    "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock",
)  # fmt: skip
"""PostgreSQL's table locks, the weakest first."""

_TABLES = """
SELECT c.oid::bigint, CASE WHEN n.nspname = 'public' THEN '' ELSE n.nspname || '.' END || c.relname,
       coalesce(pg_relation_filenode(c.oid), 0)::bigint
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm') AND c.relpersistence <> 't' AND n.nspname NOT LIKE 'pg\\_%'
  AND n.nspname NOT IN ('information_schema', 'seedbed')
"""
_COLUMNS = """
SELECT attrelid::bigint, attnum::int, attname, format_type(atttypid, atttypmod), attnotnull,
       atthasdef OR attidentity <> '', attidentity <> 'a' AND attgenerated = '',
       attgenerated <> ''
FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped AND attrelid = ANY (%s::bigint[]::oid[])
"""
_SCANS = "SELECT relid::bigint, coalesce(seq_scan, 0)::bigint FROM pg_stat_xact_user_tables"
_LOCKS = """
SELECT relation::bigint, mode FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation' AND granted
  AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
"""


@dataclass(frozen=True)
class TracedColumn:
    name: str
    type: str
    is_not_null: bool
    has_default: bool
    """Whether a row that does not name it gets a value: a default, or an identity."""
    is_writable: bool
    """Whether a row may give it a value: it is not computed, and no identity that is always PostgreSQL's."""
    is_generated: bool


@dataclass(frozen=True)
class TableSnapshot:
    """The tables by oid: their names, the files of their rows, and their columns by number; in the transaction so far,
    how often each was read whole and the strongest lock on it.
    """

    names: Mapping[int, str]
    filenodes: Mapping[int, int]
    columns: Mapping[int, Mapping[int, TracedColumn]]
    sequential_scans: Mapping[int, int]
    locks: Mapping[int, str]
    wal_bytes: int
    """Bytes of the server's log so far; what other sessions write counts too."""


@dataclass(frozen=True)
class TracedStatement:
    """One statement of a revision. `runs_in_autocommit` ones run outside of a transaction; `started_at` and `ended_at` are seconds on
    the trace's clock, which stands still while the tracing itself is at work.
    """

    revision: str
    sql: str
    before: TableSnapshot
    after: TableSnapshot
    started_at: float
    ended_at: float
    row_count: int
    runs_in_autocommit: bool
    keyless_write: int | None = None
    """The table of which it changes rows that no unique key picks out, in a transaction."""

    @property
    def existing_tables(self) -> list[int]:
        """The tables that were there before the statement."""
        return list(self.before.names)

    def find_rewritten_tables(self) -> list[int]:
        return [t for t in self.existing_tables if self.after.filenodes.get(t, 0) not in {0, self.before.filenodes[t]}]

    def find_scanned_tables(self) -> list[int]:
        return [t for t in self.existing_tables if self.after.sequential_scans.get(t, 0) > self.before.sequential_scans.get(t, 0)]

    def find_lock(self, table: int) -> str | None:
        """The strongest lock that the transaction has on a table after the statement."""
        return self.after.locks.get(table)

    def find_dropped_tables(self) -> list[int]:
        return [t for t in self.existing_tables if t not in self.after.names]

    def find_renamed_tables(self) -> list[int]:
        return [t for t in self.existing_tables if self.after.names.get(t, self.before.names[t]) != self.before.names[t]]

    def find_dropped_columns(self) -> list[tuple[int, str]]:
        return [
            (table, column.name)
            for table, columns in self.before.columns.items()
            if table in self.after.names
            for number, column in columns.items()
            if number not in self.after.columns.get(table, {})
        ]

    def find_changed_columns(self) -> list[tuple[int, TracedColumn, TracedColumn]]:
        """Columns that were there and still are, as they were and as they are, where these differ."""
        return [
            (table, column, self.after.columns[table][number])
            for table, columns in self.before.columns.items()
            for number, column in columns.items()
            if number in self.after.columns.get(table, {}) and self.after.columns[table][number] != column
        ]


@dataclass
class Trace:
    """The statements of a revision that ran on a connection, and when its transactions were committed."""

    revision: str
    statements: list[TracedStatement] = field(default_factory=list)
    commits: list[float] = field(default_factory=list)
    initial_tables: frozenset[int] = frozenset()
    """The tables that were there when the revision began; nobody waits for others."""
    objects_before: Sequence[SchemaObject] = ()
    objects_after: Sequence[SchemaObject] = ()
    """What programs count on besides tables, when the revision began and when it was done."""


@contextmanager
def trace_statements(connection: Connection, revision: str, version_table: str = VERSION_TABLE) -> Iterator[Trace]:
    """Trace what a block runs on a connection, without what Alembic and Seedbed write about a revision.

    The questions are put on the same session, since locks and the counts of a transaction are its own; the clock stands
    still for them, and they lock none of the project's tables.
    """
    trace = Trace(
        revision,
        initial_tables=frozenset(_snapshot(connection.connection.cursor(), version_table).names),
        objects_before=_things(connection, version_table),
    )
    alembic = VersionStatements(version_table)
    over = False
    waiting: list[tuple[TableSnapshot, int | None, float]] = []
    paused = -time.monotonic()

    def clock() -> float:
        return time.monotonic() + paused

    def looked(cursor: Any) -> TableSnapshot:
        nonlocal paused
        started = time.monotonic()
        found = _snapshot(cursor.connection.cursor(), version_table)
        paused -= time.monotonic() - started
        return found

    def before(_c: Connection, cursor: Any, statement: str, parameters: Any, *_rest: object) -> None:
        nonlocal over, paused
        over = over or alembic.is_version_change(statement)
        if not over and not alembic.is_internal_query(statement):
            was, started = looked(cursor), time.monotonic()
            swept = find_keyless_write(cursor.connection, statement, parameters)
            paused -= time.monotonic() - started
            waiting.append((was, swept, clock()))

    def after(_c: Connection, cursor: Any, statement: str, *_rest: object) -> None:
        if waiting:
            ended, (was, swept, begun) = clock(), waiting.pop()
            concurrent = bool(cursor.connection.autocommit)
            rows = max(cursor.rowcount, 0)
            sent = cursor.query.decode() if cursor.query else statement  # with its values, and each % as one
            trace.statements.append(
                TracedStatement(revision, sent.strip(), was, looked(cursor), begun, ended, rows, concurrent, swept)
            )

    def committed(committing: Connection) -> None:
        committing.connection.commit()  # SQLAlchemy tells before it commits, and what a commit takes counts
        trace.commits.append(clock())

    listeners = (("before_cursor_execute", before), ("after_cursor_execute", after), ("commit", committed))
    for name, listener in listeners:
        event.listen(connection, name, listener)
    try:
        yield trace
    finally:
        for name, listener in listeners:
            event.remove(connection, name, listener)
    trace.objects_after = _things(connection, version_table)


def keep_strongest_lock(locks: dict[int, str], table: int, mode: str) -> None:
    """Write down a lock on a table unless a stronger one is known."""
    if mode in LOCK_MODES and LOCK_MODES.index(mode) >= LOCK_MODES.index(locks.get(table, mode)):
        locks[table] = mode


@contextmanager
def record_transaction_modes(connection: Connection, version_table: str = VERSION_TABLE) -> Iterator[set[bool]]:
    """Whether a block's statements ran outside of a transaction, inside of one, or both."""
    found: set[bool] = set()
    alembic = VersionStatements(version_table)
    over = False

    def before(_c: Connection, cursor: Any, statement: str, *_rest: object) -> None:
        nonlocal over
        over = over or alembic.is_version_change(statement)
        if not over and not alembic.is_internal_query(statement):
            found.add(bool(cursor.connection.autocommit))

    event.listen(connection, "before_cursor_execute", before)
    try:
        yield found
    finally:
        event.remove(connection, "before_cursor_execute", before)


def _things(connection: Connection, version_table: str) -> list[SchemaObject]:
    """Read past SQLAlchemy, which knows of no transaction then and so would not end it."""
    found = read_schema_objects(connection.connection.cursor(), version_table)
    if not connection.in_transaction():
        connection.connection.rollback()
    return found


def _snapshot(cursor: Any, version_table: str) -> TableSnapshot:
    cursor.execute(f"{_TABLES} AND NOT {build_version_table_condition(version_table)}")
    tables = cursor.fetchall()
    cursor.execute(_COLUMNS, ([oid for oid, _, _ in tables],))
    columns: dict[int, dict[int, TracedColumn]] = {oid: {} for oid, _, _ in tables}
    for table, number, *column in cursor.fetchall():
        columns[table][number] = TracedColumn(*column)
    cursor.execute(_SCANS)
    scans = dict(cursor.fetchall())
    cursor.execute(_LOCKS)
    locks: dict[int, str] = {}
    for relation, mode in cursor.fetchall():
        keep_strongest_lock(locks, relation, mode)
    cursor.execute("SELECT pg_wal_lsn_diff(pg_current_wal_insert_lsn(), '0/0')::bigint")
    (wal,) = cursor.fetchone()
    cursor.close()
    return TableSnapshot(
        names={oid: name for oid, name, _ in tables},
        filenodes={oid: file for oid, _, file in tables},
        columns=columns,
        sequential_scans=scans,
        locks=locks,
        wal_bytes=wal,
    )
