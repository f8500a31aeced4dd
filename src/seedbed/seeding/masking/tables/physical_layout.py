"""How a table stores its columns and in which order its rows."""

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
_SCANS = ("synchronize_seqscans", "enable_indexscan", "enable_indexonlyscan", "enable_bitmapscan")
_IN_ORDER_OF_FILE = ";".join(
    [*(f"SET LOCAL {name} = off" for name in _SCANS), "SET LOCAL max_parallel_workers_per_gather = 0"]
)
_IN_ANY_ORDER = ";".join(f"RESET {name}" for name in (*_SCANS, "max_parallel_workers_per_gather"))


@dataclass(frozen=True)
class StoredColumn:
    """A column that has values of its own; `storage` and `compression` where they are not the type's."""

    name: str
    quoted: str
    type: str
    storage: str | None
    compression: str | None

    def retype(self, using: str) -> str:
        """The subcommands of ALTER TABLE that give the column new values and the type that it has.

        ALTER COLUMN ... TYPE takes the type's own storage and compression, so both are set again.
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


def stored_columns(cursor: Any, oid: int) -> list[StoredColumn]:
    cursor.execute(_COLUMNS, (oid,))
    return [StoredColumn(*found) for found in cursor.fetchall()]


def same_type(cursor: Any, oid: int) -> Iterator[str]:
    for column in stored_columns(cursor, oid):
        yield column.retype(column.quoted)


def primary_key(cursor: Any, oid: int) -> PrimaryKey | None:
    cursor.execute(_PRIMARY_KEY, (oid,))
    found = cursor.fetchone()
    return None if found is None else PrimaryKey(found[0], tuple(found[1]))


def order_by_primary_key(cursor: Any, oid: int, table: str) -> None:
    """Write a table's rows in the order of its primary key, unless they are in that order.

    A table that was once clustered or loaded by a personal column would otherwise keep the order of the original
    values, and whoever knows all of these could count off who is who.
    """
    key = primary_key(cursor, oid)
    if key is None or _is_ordered(cursor, table, key):
        return
    _cluster(cursor, oid, table, key.index)


def forget_missing_values(cursor: Any, oid: int, table: str) -> None:
    """Rewrite an empty table if the catalog has a value for rows older than a column that was added with a default."""
    if have_missing_values(cursor, [oid]):
        cursor.execute(f"CREATE INDEX seedbed_rewriting ON {table} ((1))")
        _cluster(cursor, oid, table, "seedbed_rewriting")
        cursor.execute(_INDEX, (oid,))
        cursor.execute(f"DROP INDEX {cursor.fetchone()[0]}")


def have_missing_values(cursor: Any, oids: Sequence[int]) -> bool:
    cursor.execute(_MISSING, (list(oids),))
    found: bool = cursor.fetchone()[0]
    return found


def _cluster(cursor: Any, oid: int, table: str, index: str) -> None:
    """Rewrite a table in the order of an index; the mark of CLUSTER stays what it was."""
    cursor.execute(_CLUSTERED, (oid,))
    marked = cursor.fetchone()
    cursor.execute(f"CLUSTER {table} USING {index}")
    cursor.execute(
        f"ALTER TABLE {table} CLUSTER ON {marked[0]}" if marked else f"ALTER TABLE {table} SET WITHOUT CLUSTER"
    )


def _is_ordered(cursor: Any, table: str, key: PrimaryKey) -> bool:
    cursor.execute(_IN_ORDER_OF_FILE)
    value = key.columns[0] if len(key.columns) == 1 else f"ROW({', '.join(key.columns)})"
    cursor.execute(
        f"SELECT NOT EXISTS (SELECT FROM (SELECT {value} AS key, lag({value}) OVER () AS before FROM ONLY {table}) _"
        " WHERE key < before)"
    )
    ordered: bool = cursor.fetchone()[0]
    cursor.execute(_IN_ANY_ORDER)
    return ordered
