"""Empty tables held for one load, and made anew in its transaction where nothing outside of it can tell."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from psycopg2 import Error as DriverError
from sqlalchemy import Connection

from seedbed.postgres.driver_errors import get_sqlstate

_BUSY = "55P03"


@dataclass(frozen=True)
class Held:
    """Locked tables by their quoted names: `occupied` have rows by now, `renewable` may be made anew."""

    occupied: tuple[str, ...]
    renewable: tuple[str, ...]


def hold(connection: Connection, tables: Sequence[str]) -> Held | None:
    """Lock tables for this transaction; None at once where somebody else is using them. Names are quoted."""
    lock = f"LOCK TABLE {', '.join(tables)} IN ACCESS EXCLUSIVE MODE NOWAIT"
    rows = ", ".join(f"EXISTS (SELECT FROM {name})" for name in tables)
    driver: Any = connection.connection.cursor()
    try:
        asked = driver.mogrify(_RENEWABLE, {"tables": list(tables)}).decode()
        driver.execute(f"SAVEPOINT seedbed_lock; {lock}; RELEASE SAVEPOINT seedbed_lock; SELECT ARRAY[{rows}], {asked}")
        occupied, renewable = driver.fetchone()
    except DriverError as error:
        if get_sqlstate(error) != _BUSY:
            raise
        driver.execute("ROLLBACK TO SAVEPOINT seedbed_lock")
        return None
    finally:
        driver.close()
    return Held(
        tuple(name for name, has_rows in zip(tables, occupied, strict=True) if has_rows),
        tuple(tables[place - 1] for place in renewable),
    )


def renewed(tables: Sequence[str]) -> list[str]:
    """The statement that makes empty tables anew.

    What is loaded after it needs no WAL where the server's level is minimal, and may be frozen: no vacuum has to come
    back to it, and the first query has nothing to mark.
    """
    return [f"TRUNCATE {', '.join(f'ONLY {name}' for name in tables)}"] if tables else []


_RENEWABLE = """(
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
"""Which of the tables TRUNCATE takes, counted from 1. Subscribers would be told of it, and triggers; and a table that
others refer to goes only together with them.
"""
