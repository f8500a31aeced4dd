"""The tables and other objects of a database at one moment of a revision."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from seedbed.postgres.version_table import VERSION_TABLE, build_version_table_condition

_MEMBER = "EXISTS (SELECT FROM pg_depend d WHERE d.classid = '{}'::regclass AND d.objid = {}.oid AND d.deptype = 'e')"
_OBJECTS = f"""
WITH own AS (
  SELECT oid, nspname, CASE nspname WHEN 'public' THEN '' ELSE nspname || '.' END AS prefix FROM pg_namespace
  WHERE nspname NOT LIKE 'pg\\_%' AND nspname NOT IN ('information_schema', 'seedbed')
), rel AS (
  SELECT c.*, own.prefix || c.relname AS shown FROM pg_class c JOIN own ON own.oid = c.relnamespace
  WHERE NOT {{version_table}} AND c.relpersistence <> 't' AND NOT {_MEMBER.format("pg_class", "c")}
), tab AS (SELECT * FROM rel WHERE relkind IN ('r', 'p', 'm'))
SELECT 'schema', 0::bigint, nspname, 'schema ' || nspname FROM own
UNION ALL SELECT 'extension', 0, extname, 'extension ' || extname FROM pg_extension
UNION ALL SELECT 'view', 0, shown, CASE relkind WHEN 'f' THEN 'foreign table ' ELSE 'view ' END || shown
  FROM rel WHERE relkind IN ('v', 'm', 'f')
UNION ALL SELECT 'sequence', 0, shown, 'sequence ' || shown FROM rel WHERE relkind = 'S' AND NOT EXISTS
  (SELECT FROM pg_depend d WHERE d.classid = 'pg_class'::regclass AND d.objid = rel.oid AND d.deptype IN ('a', 'i'))
UNION ALL SELECT 'function', 0, p.oid::regprocedure::text, 'function ' || p.oid::regprocedure
  FROM pg_proc p JOIN own ON own.oid = p.pronamespace WHERE NOT {_MEMBER.format("pg_proc", "p")}
UNION ALL SELECT 'type', 0, prefix || typname, 'type ' || prefix || typname
  FROM pg_type t JOIN own ON own.oid = t.typnamespace LEFT JOIN pg_class c ON c.oid = t.typrelid
  WHERE (typtype IN ('e', 'd', 'r') OR c.relkind = 'c') AND NOT {_MEMBER.format("pg_type", "t")}
UNION ALL SELECT 'label', 0, prefix || typname || ' ' || enumlabel, 'label ' || enumlabel || ' of type ' || typname
  FROM pg_enum JOIN pg_type t ON t.oid = enumtypid JOIN own ON own.oid = t.typnamespace
UNION ALL SELECT 'trigger', tab.oid, tgname, 'trigger ' || tgname || ' of ' || shown
  FROM pg_trigger JOIN tab ON tab.oid = tgrelid WHERE NOT tgisinternal AND tgenabled <> 'D'
UNION ALL SELECT 'key', tab.oid, indkey::text || ' ' || coalesce(pg_get_expr(indexprs, indrelid), '') || ' '
    || coalesce(pg_get_expr(indpred, indrelid), ''),
    shown || ' (' || (SELECT string_agg(pg_get_indexdef(indexrelid, n, true), ', ' ORDER BY n)
                      FROM generate_series(1, indnkeyatts) n) || ')'
  FROM pg_index JOIN tab ON tab.oid = indrelid WHERE indisunique AND indisvalid
UNION ALL SELECT 'named', tab.oid, i.indkey::text || ' ' || conname, 'constraint ' || conname || ' of ' || shown
  FROM pg_constraint JOIN tab ON tab.oid = conrelid JOIN pg_index i ON i.indexrelid = conindid WHERE contype <> 'f'
UNION ALL SELECT 'part', p.oid, tab.oid::text, p.shown || ' of ' || tab.shown
  FROM pg_inherits JOIN tab ON tab.oid = inhparent JOIN rel p ON p.oid = inhrelid
UNION ALL SELECT 'policy', tab.oid, concat(polname, polcmd, polpermissive, polroles::text) || ' '
    || coalesce(pg_get_expr(polqual, polrelid), '') || ' ' || coalesce(pg_get_expr(polwithcheck, polrelid), ''), shown
  FROM pg_policy JOIN tab ON tab.oid = polrelid
UNION ALL SELECT 'policy', oid, 'enabled ' || relforcerowsecurity, shown FROM tab WHERE relrowsecurity
UNION ALL SELECT 'right', 0, concat_ws(' ', shown, grantee, privilege_type), shown
  FROM rel, aclexplode(coalesce(relacl, acldefault(CASE relkind WHEN 'S' THEN 's'::"char" ELSE 'r' END, relowner)))
UNION ALL SELECT 'right', 0, concat_ws(' ', shown, attname, grantee, privilege_type), shown || '.' || attname
  FROM rel JOIN pg_attribute a ON attrelid = rel.oid AND NOT attisdropped, aclexplode(attacl)
UNION ALL SELECT 'right', 0, concat_ws(' ', p.oid::regprocedure, grantee, privilege_type), p.oid::regprocedure::text
  FROM pg_proc p JOIN own ON own.oid = pronamespace, aclexplode(coalesce(proacl, acldefault('f', proowner)))
UNION ALL SELECT 'right', 0, concat_ws(' ', nspname, grantee, privilege_type), 'schema ' || nspname
  FROM pg_namespace JOIN own USING (oid, nspname), aclexplode(coalesce(nspacl, acldefault('n', nspowner)))
"""

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
class SchemaObject:
    """An object. `table` is the oid of its table, or 0; `display_name` does not identify it."""

    type: str
    table: int
    identity: str
    display_name: str

    @property
    def key(self) -> tuple[str, int, str]:
        return self.type, self.table, self.identity


def read_schema_objects(cursor: Any, version_table: str = VERSION_TABLE) -> list[SchemaObject]:
    """Return the objects that the transaction sees, except those of extensions and of Seedbed."""
    cursor.execute(_OBJECTS.replace("{version_table}", build_version_table_condition(version_table)))
    return [SchemaObject(*row) for row in cursor.fetchall()]


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
