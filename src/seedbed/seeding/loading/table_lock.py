"""Exclusive locks on the tables of a load, and the TRUNCATE that allows COPY to freeze rows."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg2 import Error as DriverError
from sqlalchemy import Connection

from seedbed.postgres.driver_errors import get_sqlstate

_LOCK_NOT_AVAILABLE = "55P03"


@dataclass(frozen=True)
class LockedTables:
    """Locked tables by their quoted names: `occupied` ones have rows, `truncatable` ones allow TRUNCATE."""

    occupied: tuple[str, ...]
    truncatable: tuple[str, ...]


def lock_tables(connection: Connection, tables: Sequence[str]) -> LockedTables | None:
    """Lock tables, by quoted names, for this transaction. Return None at once if another session uses them."""
    lock = f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE NOWAIT"
    rows = ", ".join(f"EXISTS (SELECT FROM {name})" for name in tables)
    driver: Any = connection.connection.cursor()
    try:
        truncatable_query = driver.mogrify(_TRUNCATABLE, {"tables": list(tables)}).decode()
        driver.execute(
            f"SAVEPOINT seedbed_lock; {lock}; RELEASE SAVEPOINT seedbed_lock; SELECT ARRAY[{rows}], {truncatable_query}"
        )
        occupied, truncatable_positions = driver.fetchone()
    except DriverError as error:
        if get_sqlstate(error) != _LOCK_NOT_AVAILABLE:
            raise
        driver.execute("ROLLBACK TO SAVEPOINT seedbed_lock")
        return None
    finally:
        driver.close()
    return LockedTables(
        tuple(name for name, has_rows in zip(tables, occupied, strict=True) if has_rows),
        tuple(tables[position - 1] for position in truncatable_positions),
    )


def build_truncate(tables: Sequence[str]) -> list[str]:
    """Build the TRUNCATE of empty tables.

    COPY into a table that the same transaction truncated writes no WAL if `wal_level` is minimal, and can freeze the
    rows: they need no vacuum, and the first query does not have to set hint bits.
    """
    return [f"TRUNCATE {', '.join(f'ONLY {name}' for name in tables)}"] if tables else []


_TRUNCATABLE = """(
    WITH RECURSIVE held AS (
        SELECT name::regclass::oid AS oid, place FROM unnest(%(tables)s::text[]) WITH ORDINALITY AS h (name, place)
    ), apart AS (
        SELECT c.oid FROM pg_class c
        WHERE c.relkind IN ('r', 'p')
          AND NOT (
              c.oid IN (SELECT oid FROM held) AND c.relkind = 'r' AND has_table_privilege(c.oid, 'TRUNCATE')
              AND current_setting('wal_level') <> 'logical'
              AND NOT EXISTS (SELECT FROM pg_trigger t WHERE t.tgrelid = c.oid AND t.tgtype & 32 <> 0)
          )
        UNION
        SELECT k.confrelid FROM pg_constraint k JOIN apart a ON a.oid = k.conrelid WHERE k.contype = 'f'
    )
    SELECT coalesce(array_agg(place::int ORDER BY place), '{}') FROM held WHERE oid NOT IN (SELECT oid FROM apart)
)"""
"""The tables that TRUNCATE accepts, as positions from 1.

A table with a TRUNCATE trigger, or any table under logical replication, is excluded, because others would see the
TRUNCATE. A referenced table can only be truncated together with all tables that refer to it.
"""
