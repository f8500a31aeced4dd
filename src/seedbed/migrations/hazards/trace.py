"""Trace the statements of a revision: the locks, rewrites, scans and drops that each one causes."""

import re
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Connection, event

from seedbed.migrations.hazards.keyless_writes import find_keyless_write
from seedbed.migrations.hazards.schema_snapshot import (
    SchemaObject,
    TableSnapshot,
    TracedColumn,
    read_schema_objects,
    read_snapshot,
)
from seedbed.postgres.version_table import VERSION_TABLE

_INTERNAL_QUERIES = ("SELECT pg_catalog", "SELECT EXISTS", "SELECT set_config")

SMALL = 1_000
"""A table with fewer rows is rewritten or scanned within a millisecond or two, so it blocks nobody noticeably."""


@dataclass(frozen=True)
class TracedStatement:
    """A statement of a revision.

    `runs_in_autocommit` is true for a statement outside of a transaction. `started_at` and `ended_at` are seconds on
    the clock of the trace, which is stopped while the trace itself runs queries.
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
    """The table (its oid) whose rows the statement changes in a transaction without selecting them by a unique key."""

    @property
    def existing_tables(self) -> list[int]:
        """The tables that existed before the statement, by oid."""
        return list(self.before.names)

    def find_rewritten_tables(self) -> list[int]:
        return [
            table
            for table in self.existing_tables
            if self.after.filenodes.get(table, 0) not in {0, self.before.filenodes[table]}
        ]

    def find_scanned_tables(self) -> list[int]:
        return [
            table
            for table in self.existing_tables
            if self.after.sequential_scans.get(table, 0) > self.before.sequential_scans.get(table, 0)
        ]

    def find_lock(self, table: int) -> str | None:
        """Return the strongest lock that the transaction holds on a table after the statement."""
        return self.after.locks.get(table)

    def find_dropped_tables(self) -> list[int]:
        return [table for table in self.existing_tables if table not in self.after.names]

    def find_renamed_tables(self) -> list[int]:
        return [
            table
            for table in self.existing_tables
            if self.after.names.get(table, self.before.names[table]) != self.before.names[table]
        ]

    def find_dropped_columns(self) -> list[tuple[int, str]]:
        return [
            (table, column.name)
            for table, columns in self.before.columns.items()
            if table in self.after.names
            for number, column in columns.items()
            if number not in self.after.columns.get(table, {})
        ]

    def find_changed_columns(self) -> list[tuple[int, TracedColumn, TracedColumn]]:
        """Return the columns that the statement changed, each before and after it."""
        return [
            (table, column, self.after.columns[table][number])
            for table, columns in self.before.columns.items()
            for number, column in columns.items()
            if number in self.after.columns.get(table, {}) and self.after.columns[table][number] != column
        ]


@dataclass
class Trace:
    """The statements of a revision that ran on a connection, and the times of its commits."""

    revision: str
    statements: list[TracedStatement] = field(default_factory=list)
    commits: list[float] = field(default_factory=list)
    initial_tables: frozenset[int] = frozenset()
    """The tables that existed before the revision. Locks on other tables block nobody."""
    objects_before: Sequence[SchemaObject] = ()
    objects_after: Sequence[SchemaObject] = ()
    """The other objects that programs depend on, before and after the revision."""


class VersionStatements:
    """Recognizes the statements that Alembic runs on a version table."""

    def __init__(self, version_table: str) -> None:
        parts = [rf'"?{re.escape(part)}"?' for part in version_table.split(".")]
        table = r"\.".join(parts)
        self._version_change = re.compile(
            rf"INSERT INTO {table} \(version_num\)|UPDATE {table} SET version_num"
            rf"|DELETE FROM {table} WHERE {table}\.version_num"
        )
        self._version_table = re.compile(
            rf'(?<!\w){parts[-1]}(?!\w).*version_num|"?version_num.*(?<!\w){parts[-1]}(?!\w)', re.DOTALL
        )

    def is_version_change(self, statement: str) -> bool:
        """Return whether a statement records that a revision is done. Only Seedbed's own record of the revision
        follows.
        """
        return self._version_change.match(statement.lstrip()) is not None

    def is_internal_query(self, statement: str) -> bool:
        """Return whether a statement is a query of SQLAlchemy's or Alembic's, uses the version table, or sets a
        parameter.
        """
        return self._version_table.search(statement) is not None or statement.lstrip().startswith(_INTERNAL_QUERIES)


@contextmanager
def trace_statements(connection: Connection, revision: str, version_table: str = VERSION_TABLE) -> Iterator[Trace]:
    """Trace what a block runs on a connection, except what Alembic and Seedbed record about the revision.

    The queries of the trace run in the same session, because locks and the counters of a transaction belong to it. The
    clock is stopped for them, and they lock none of the project's tables.
    """
    trace = Trace(
        revision,
        initial_tables=frozenset(read_snapshot(connection.connection.cursor(), version_table).names),
        objects_before=_read_objects(connection, version_table),
    )
    version_statements = VersionStatements(version_table)
    is_done = False
    started_statements: list[tuple[TableSnapshot, int | None, float]] = []
    clock_offset = -time.monotonic()

    def clock() -> float:
        return time.monotonic() + clock_offset

    def take_snapshot(cursor: Any) -> TableSnapshot:
        nonlocal clock_offset
        started = time.monotonic()
        snapshot = read_snapshot(cursor.connection.cursor(), version_table)
        clock_offset -= time.monotonic() - started
        return snapshot

    def start_statement(_c: Connection, cursor: Any, statement: str, parameters: Any, *_rest: object) -> None:
        nonlocal is_done, clock_offset
        is_done = is_done or version_statements.is_version_change(statement)
        if not is_done and not version_statements.is_internal_query(statement):
            before, started = take_snapshot(cursor), time.monotonic()
            keyless_write = find_keyless_write(cursor.connection, statement, parameters)
            clock_offset -= time.monotonic() - started
            started_statements.append((before, keyless_write, clock()))

    def end_statement(_c: Connection, cursor: Any, statement: str, *_rest: object) -> None:
        if started_statements:
            ended_at, (before, keyless_write, started_at) = clock(), started_statements.pop()
            in_autocommit = bool(cursor.connection.autocommit)
            row_count = max(cursor.rowcount, 0)
            sent_sql = cursor.query.decode() if cursor.query else statement  # with its values, and with single %
            trace.statements.append(
                TracedStatement(
                    revision,
                    sent_sql.strip(),
                    before,
                    take_snapshot(cursor),
                    started_at,
                    ended_at,
                    row_count,
                    in_autocommit,
                    keyless_write,
                )
            )

    def record_commit(committing: Connection) -> None:
        committing.connection.commit()  # the event precedes the commit, and the time of the commit counts
        trace.commits.append(clock())

    listeners = (
        ("before_cursor_execute", start_statement),
        ("after_cursor_execute", end_statement),
        ("commit", record_commit),
    )
    for name, listener in listeners:
        event.listen(connection, name, listener)
    try:
        yield trace
    finally:
        for name, listener in listeners:
            event.remove(connection, name, listener)
    trace.objects_after = _read_objects(connection, version_table)


@contextmanager
def record_transaction_modes(connection: Connection, version_table: str = VERSION_TABLE) -> Iterator[set[bool]]:
    """Collect whether the statements of a block ran in autocommit mode (True), in a transaction (False), or both."""
    modes: set[bool] = set()
    version_statements = VersionStatements(version_table)
    is_done = False

    def record_mode(_c: Connection, cursor: Any, statement: str, *_rest: object) -> None:
        nonlocal is_done
        is_done = is_done or version_statements.is_version_change(statement)
        if not is_done and not version_statements.is_internal_query(statement):
            modes.add(bool(cursor.connection.autocommit))

    event.listen(connection, "before_cursor_execute", record_mode)
    try:
        yield modes
    finally:
        event.remove(connection, "before_cursor_execute", record_mode)


def _read_objects(connection: Connection, version_table: str) -> list[SchemaObject]:
    """Read the other objects past SQLAlchemy, which has no open transaction at that point and would not end one."""
    objects = read_schema_objects(connection.connection.cursor(), version_table)
    if not connection.in_transaction():
        connection.connection.rollback()
    return objects


@dataclass(frozen=True)
class ObservedRevision:
    """A revision as it ran on a temporary database.

    It holds the trace, the row counts of the target's tables where there are statistics, and whether the downgrade
    raises an exception.
    """

    trace: Trace
    row_counts: Mapping[str, int]
    is_irreversible: bool = False

    def may_be_large(self, name: str) -> bool:
        """Return whether a table may have many rows. A table without statistics may."""
        return self.row_counts.get(name, SMALL) >= SMALL

    @property
    def statements(self) -> Iterable[TracedStatement]:
        return self.trace.statements

    def select_initial(self, tables: Iterable[int]) -> list[int]:
        """Return those of the tables that existed before the revision."""
        return [table for table in tables if table in self.trace.initial_tables]


def find_removed(observed: ObservedRevision, *types: str) -> Iterable[SchemaObject]:
    """Return the objects that no longer exist, except those whose table was dropped too."""
    remaining = {schema_object.key for schema_object in observed.trace.objects_after}
    tables = observed.trace.statements[-1].after.names if observed.trace.statements else {}
    for schema_object in observed.trace.objects_before:
        if (
            schema_object.type in types
            and schema_object.key not in remaining
            and (not schema_object.table or schema_object.table in tables)
        ):
            yield schema_object
