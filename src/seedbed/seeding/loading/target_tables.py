"""The tables that a load fills: lookup, row counts, locks, row security and TRUNCATE."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from psycopg2 import Error as DriverError
from sqlalchemy import Connection, Row, Table, text

from seedbed.errors import ExtensionNotCreated, MissingTables, ReferencedRows, RowSecurityActive
from seedbed.postgres.database import Database
from seedbed.postgres.driver_errors import get_sqlstate
from seedbed.postgres.quoting import quote_identifier, quote_table
from seedbed.seeding.loading.dropped_constraints import execute_statements
from seedbed.seeding.planning.seed_plan import SeedPlan
from seedbed.seeding.resolution.parent_rows import ExistingRows

_MAX_PARENT_ROWS = 100_000
"""Maximum rows to read from a table that the seeds do not plan; seeded rows do not refer to the others."""


@dataclass(frozen=True)
class TargetTables:
    """The OIDs of the planned tables by name, and the names of those that have rows."""

    oids: Mapping[str, int]
    occupied: Sequence[str]


def find_target_tables(connection: Connection, database: Database, plan: SeedPlan) -> TargetTables:
    """Find the planned tables.

    Raises:
        MissingTables: the database lacks a table or a column.
        ExtensionNotCreated: the database lacks the type of a column.
    """
    names = {quote_table(table.sql): table.name for table in plan.tables}
    rows = connection.execute(text(_TABLES), {"names": list(names)}).all()
    oids = {names[quoted]: oid for quoted, oid, _ in rows if oid is not None}
    columns: dict[str, set[str]] = {}
    for quoted, _, column in rows:
        columns.setdefault(names[quoted], set()).add(column)
    missing: list[str] = []
    for table in plan.tables:
        if table.name not in oids:
            missing.append(table.name)
        else:
            missing += [f"{table.name}.{name}" for name in table.generators if name not in columns[table.name]]
    if missing:
        _check_extensions(connection, database, plan)
        raise MissingTables(database.name, missing)
    return TargetTables(oids, _filter_occupied(connection, {names[quoted]: quoted for quoted in names}))


def read_existing_rows(connection: Connection, plan: SeedPlan) -> Mapping[str, ExistingRows]:
    """Read the referenced columns of the tables that planned tables refer to and that are not planned."""
    columns_by_table: dict[str, tuple[str, list[str]]] = {}
    for table in plan.tables:
        for key in table.keys:
            if not key.is_planned:
                columns_referred_to = (other.column for other in table.get_column(key.columns[0]).foreign_keys)
                target = next(column.table for column in columns_referred_to if column.table.key == key.target)
                columns = columns_by_table.setdefault(key.target, (quote_table(target), []))[1]
                columns += [column for _, column in key.column_pairs if column not in columns]
    existing_rows = {}
    for name, (quoted, columns) in columns_by_table.items():
        column_list = ", ".join(quote_identifier(column) for column in columns)
        rows = connection.execute(
            text(f"SELECT {column_list} FROM {quoted} ORDER BY {column_list} LIMIT {_MAX_PARENT_ROWS}")
        ).all()
        existing_rows[name] = ExistingRows(name, columns, [tuple(row) for row in rows])
    return existing_rows


def count_changed_rows(connection: Connection, plan: SeedPlan, loaded: Mapping[str, int]) -> dict[str, int]:
    """Count the rows of the planned tables that have more or fewer rows than were loaded.

    Counting stops at one more than were loaded, because an application may have added many rows.
    """
    tables = {table.name: quote_table(table.sql) for table in plan.tables if table.name in loaded}
    if not tables:
        return {}
    limited_queries = {quoted: f"SELECT FROM {quoted} LIMIT {loaded[name] + 1}" for name, quoted in tables.items()}
    count_queries = ", ".join(f"(SELECT count(*) FROM ({rows}) AS t)" for rows in limited_queries.values())
    counts = connection.execute(text(f"SELECT ARRAY[{count_queries}]")).scalar() or ()
    return {name: count for name, count in zip(tables, counts, strict=True) if count != loaded[name]}


def truncate_tables(connection: Connection, plan: SeedPlan) -> None:
    """Empty the planned tables, in the connection's transaction.

    Raises:
        ReferencedRows: a table that is not planned has rows and refers to them.
    """
    planned = [quote_table(table.sql) for table in plan.tables]
    referring = list(connection.execute(text(_REFERRING), {"planned": planned}).scalars().all())
    if occupied := _filter_occupied(connection, {name: name for name in referring}):
        raise ReferencedRows([table.name for table in plan.tables], occupied)
    connection.execute(text(f"TRUNCATE {', '.join([*planned, *referring])} RESTART IDENTITY"))


def _filter_occupied(connection: Connection, tables: Mapping[str, str]) -> list[str]:
    if not tables:
        return []
    queries = ", ".join(f"EXISTS (SELECT FROM {quoted})" for quoted in tables.values())
    has_rows = connection.execute(text(f"SELECT ARRAY[{queries}]")).scalar()
    return [name for name, occupied in zip(tables, has_rows or (), strict=True) if occupied]


def _check_extensions(connection: Connection, database: Database, plan: SeedPlan) -> None:
    kinds = {kind.name for table in plan.tables for kind in table.column_types.values()}
    known = {"citext", "hstore", "ltree", "vector"} & kinds
    missing = [
        name for name in sorted(known) if connection.execute(text(f"SELECT to_regtype('{name}')")).scalar() is None
    ]
    if missing:
        raise ExtensionNotCreated(database.name, missing)


_TABLES = """
    SELECT name, c.oid, a.attname
    FROM unnest(CAST(:names AS text[])) AS name
    LEFT JOIN pg_class c ON c.oid = to_regclass(name)
    LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
"""
_REFERRING = """
    WITH RECURSIVE reached AS (
        SELECT unnest(CAST(:planned AS text[]))::regclass::oid AS oid
        UNION
        SELECT conrelid FROM pg_constraint JOIN reached ON confrelid = reached.oid WHERE contype = 'f'
    )
    SELECT oid::regclass::text FROM reached
    WHERE oid <> ALL (CAST(:planned AS text[])::regclass[]::oid[])
      AND coalesce(pg_partition_root(oid)::oid, oid) <> ALL (CAST(:planned AS text[])::regclass[]::oid[]) ORDER BY 1
"""
"""Tables that refer to the planned ones, directly or through others: TRUNCATE requires them even if they are empty.

Partitions of planned tables are excluded, because TRUNCATE empties them with their parent.
"""


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


@contextmanager
def suspend_forced_row_security(connection: Connection, plan: SeedPlan) -> Iterator[None]:
    """Suspend FORCE ROW LEVEL SECURITY for the owner of the tables, in the connection's transaction.

    COPY FROM is not supported for tables with active policies, and queries would miss the rows that policies hide. If
    the transaction is rolled back, the tables are unchanged.

    Raises:
        RowSecurityActive: policies apply to the role, which is not the owner.
    """
    planned = {quote_table(table.sql): table.name for table in plan.tables}
    active = _list_active(connection, (table.sql for table in plan.tables))
    blocked = [row for row in active if not row.owns and row.name in planned]
    if blocked:
        raise RowSecurityActive([planned[row.name] for row in blocked], blocked[0].role, blocked[0].owner)
    forced = [row.name for row in active if row.owns]
    set_forced(connection, forced, is_forced=False)
    yield
    set_forced(connection, forced, is_forced=True)


def list_forced(connection: Connection, tables: Iterable[Table]) -> list[str]:
    """List the tables, and those they refer to, whose policies apply to the current role although it owns them."""
    return [row.name for row in _list_active(connection, tables) if row.owns]


def set_forced(connection: Connection, names: Iterable[str], *, is_forced: bool) -> None:
    force = "FORCE" if is_forced else "NO FORCE"
    execute_statements(connection, [f"ALTER TABLE {name} {force} ROW LEVEL SECURITY" for name in names])


def _list_active(connection: Connection, tables: Iterable[Table]) -> Sequence[Row[Any]]:
    tables = list(tables)
    referenced = (
        element.column.table for table in tables for key in table.foreign_key_constraints for element in key.elements
    )
    names = list(dict.fromkeys(map(quote_table, (*tables, *referenced))))
    return connection.execute(text(_ACTIVE), {"names": names}).all()


_ACTIVE = """
    SELECT name, pg_has_role(c.relowner, 'USAGE') AS owns, quote_ident(current_user) AS role,
           c.relowner::regrole::text AS owner
    FROM unnest(CAST(:names AS text[])) AS name JOIN pg_class c ON c.oid = to_regclass(name)
    WHERE c.relkind IN ('r', 'p') AND row_security_active(c.oid)
"""
"""Tables whose policies apply to the current role. They apply to the owner only with FORCE."""
