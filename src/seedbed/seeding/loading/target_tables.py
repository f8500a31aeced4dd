"""The planned tables as the database has them, read in few queries however many tables there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from seedbed.errors import ExtensionNotCreated, MissingTables, ReferencedRows
from seedbed.postgres.database import Database
from seedbed.postgres.quoting import quote_identifier, quote_table
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
