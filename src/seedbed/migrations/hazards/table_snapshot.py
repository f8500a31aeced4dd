"""The tables of a database at one moment of a revision: their files, columns, scans and locks."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seedbed.postgres.version_table import build_version_table_condition

LOCK_MODES = (
    "AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock", "ShareLock",
    "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock",
)  # fmt: skip
"""PostgreSQL's table lock modes, the weakest first."""

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
    """A column of a table in a snapshot."""

    name: str
    type: str
    is_not_null: bool
    has_default: bool
    """Whether an INSERT without it stores a value: it has a default or an identity."""
    is_writable: bool
    """Whether an INSERT may give it a value: it is neither generated nor GENERATED ALWAYS AS IDENTITY."""
    is_generated: bool


@dataclass(frozen=True)
class TableSnapshot:
    """The tables by oid: their names, filenodes, and columns by number.

    The sequential scans and the strongest lock of each table are those of the current transaction.
    """

    names: Mapping[int, str]
    filenodes: Mapping[int, int]
    columns: Mapping[int, Mapping[int, TracedColumn]]
    sequential_scans: Mapping[int, int]
    locks: Mapping[int, str]
    wal_bytes: int
    """Bytes of WAL that the server has written, including those of other sessions."""


def keep_strongest_lock(locks: dict[int, str], table: int, mode: str) -> None:
    """Record a lock on a table unless a stronger one is recorded."""
    if mode in LOCK_MODES and LOCK_MODES.index(mode) >= LOCK_MODES.index(locks.get(table, mode)):
        locks[table] = mode


def read_snapshot(cursor: Any, version_table: str) -> TableSnapshot:
    """Read the tables and the state of the current transaction."""
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
