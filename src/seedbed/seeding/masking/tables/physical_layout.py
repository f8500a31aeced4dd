"""The physical layout of a table: storage of columns and order of rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

_COLUMNS = """
SELECT a.attname::text, quote_ident(a.attname), format_type(a.atttypid, a.atttypmod)
  || coalesce(' COLLATE ' || (SELECT c.oid::regcollation::text FROM pg_collation c
    WHERE c.oid = a.attcollation AND a.attcollation <> t.typcollation), ''),
  CASE WHEN a.attstorage <> t.typstorage THEN CASE a.attstorage WHEN 'p' THEN 'PLAIN' WHEN 'e' THEN 'EXTERNAL'
    WHEN 'm' THEN 'MAIN' ELSE 'EXTENDED' END END,
  CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
WHERE a.attrelid = %s AND a.attnum > 0 AND NOT a.attisdropped AND a.attgenerated = '' ORDER BY a.attnum
"""
_PRIMARY_KEY = """
SELECT quote_ident(c.relname), ARRAY(
  SELECT quote_ident(a.attname) FROM unnest(i.indkey) WITH ORDINALITY k(attnum, place)
  JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum
  WHERE k.place <= i.indnkeyatts ORDER BY k.place)
FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid WHERE i.indrelid = %s AND i.indisprimary
"""
_CLUSTERED = """
SELECT quote_ident(c.relname) FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = %s AND i.indisclustered
"""
_MISSING = "SELECT EXISTS (SELECT FROM pg_attribute WHERE attrelid = ANY (%s) AND atthasmissing)"
_INDEX = """
SELECT i.indexrelid::regclass::text FROM pg_index i JOIN pg_class c ON c.oid = i.indexrelid
WHERE i.indrelid = %s AND c.relname = 'seedbed_rewriting'
"""
_SCAN_SETTINGS = ("synchronize_seqscans", "enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan")
_SEQUENTIAL_SCANS_ONLY = ";".join(
    [*(f"SET LOCAL {name} = off" for name in _SCAN_SETTINGS), "SET LOCAL max_parallel_workers_per_gather = 0"]
)
_RESET_SCANS = ";".join(f"RESET {name}" for name in (*_SCAN_SETTINGS, "max_parallel_workers_per_gather"))


@dataclass(frozen=True)
class StoredColumn:
    """A column that is not generated; `storage` and `compression` are None if they are the type's defaults."""

    name: str
    quoted: str
    type: str
    storage: str | None
    compression: str | None

    def build_retype(self, using: str) -> str:
        """Build the ALTER TABLE subcommands that give the column new values and keep its type.

        ALTER COLUMN ... TYPE resets storage and compression to the type's defaults, so both are set again.
        """
        changes = [f"ALTER COLUMN {self.quoted} TYPE {self.type} USING {using}"]
        if self.storage:
            changes.append(f"ALTER COLUMN {self.quoted} SET STORAGE {self.storage}")
        if self.compression:
            changes.append(f"ALTER COLUMN {self.quoted} SET COMPRESSION {self.compression}")
        return ", ".join(changes)


@dataclass(frozen=True)
class PrimaryKey:
    index: str
    columns: tuple[str, ...]


def read_stored_columns(cursor: Any, oid: int) -> list[StoredColumn]:
    cursor.execute(_COLUMNS, (oid,))
    return [StoredColumn(*row) for row in cursor.fetchall()]


def build_identity_retypes(cursor: Any, oid: int) -> Iterator[str]:
    for column in read_stored_columns(cursor, oid):
        yield column.build_retype(column.quoted)


def read_primary_key(cursor: Any, oid: int) -> PrimaryKey | None:
    cursor.execute(_PRIMARY_KEY, (oid,))
    row = cursor.fetchone()
    return None if row is None else PrimaryKey(row[0], tuple(row[1]))


def sort_by_primary_key(cursor: Any, oid: int, table: str) -> None:
    """Sort a table's rows by its primary key, unless they are sorted already.

    Rows that were clustered or loaded in the order of a personal column would keep the order of the original values.
    Somebody who knows all of those values could then assign them to the rows.
    """
    key = read_primary_key(cursor, oid)
    if key is None or _is_sorted(cursor, table, key):
        return
    _cluster(cursor, oid, table, key.index)


def drop_missing_values(cursor: Any, oid: int, table: str) -> None:
    """Rewrite an empty table if the catalog stores a missing value, from ADD COLUMN with a default."""
    if has_missing_values(cursor, [oid]):
        cursor.execute(f"CREATE INDEX seedbed_rewriting ON {table} ((1))")
        _cluster(cursor, oid, table, "seedbed_rewriting")
        cursor.execute(_INDEX, (oid,))
        cursor.execute(f"DROP INDEX {cursor.fetchone()[0]}")


def has_missing_values(cursor: Any, oids: Sequence[int]) -> bool:
    cursor.execute(_MISSING, (list(oids),))
    exists: bool = cursor.fetchone()[0]
    return exists


def _cluster(cursor: Any, oid: int, table: str, index: str) -> None:
    """Rewrite a table in the order of an index; which index is marked as clustered does not change."""
    cursor.execute(_CLUSTERED, (oid,))
    clustered_index = cursor.fetchone()
    cursor.execute(f"CLUSTER {table} USING {index}")
    cursor.execute(
        f"ALTER TABLE {table} CLUSTER ON {clustered_index[0]}"
        if clustered_index
        else f"ALTER TABLE {table} SET WITHOUT CLUSTER"
    )


def _is_sorted(cursor: Any, table: str, key: PrimaryKey) -> bool:
    cursor.execute(_SEQUENTIAL_SCANS_ONLY)
    value = key.columns[0] if len(key.columns) == 1 else f"ROW({', '.join(key.columns)})"
    cursor.execute(
        f"SELECT NOT EXISTS (SELECT FROM (SELECT {value} AS key, lag({value}) OVER () AS before FROM ONLY {table}) _"
        " WHERE key < before)"
    )
    is_sorted: bool = cursor.fetchone()[0]
    cursor.execute(_RESET_SCANS)
    return is_sorted
