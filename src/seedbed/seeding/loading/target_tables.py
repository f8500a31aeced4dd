"""What a database has of the tables that a plan fills: in two questions, however many tables there are."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sqlalchemy import Connection, text

from seedbed.errors import ExtensionNotCreated, MissingTables, ReferencedRows
from seedbed.postgres.database import Database
from seedbed.postgres.quoting import quote_identifier, quote_table
from seedbed.seeding.planning.seed_plan import SeedPlan
from seedbed.seeding.resolution.parent_rows import ExistingRows

_MOST_PARENTS = 100_000
"""Rows that are read of a table which the seeds do not plan; those after them are not referred to."""


@dataclass(frozen=True)
class Found:
    """Planned tables by name: their oids, and which of them hold rows."""

    oids: Mapping[str, int]
    occupied: Sequence[str]


def look(connection: Connection, database: Database, plan: SeedPlan) -> Found:
    """Find the planned tables.

    Raises:
        MissingTables: the database lacks some, or columns that would be filled.
        ExtensionNotCreated: it lacks the type of a column.
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
        _see_types(connection, database, plan)
        raise MissingTables(database.name, missing)
    return Found(oids, _with_rows(connection, {names[quoted]: quoted for quoted in names}))


def rows_there(connection: Connection, plan: SeedPlan) -> Mapping[str, ExistingRows]:
    """The keys of tables that planned ones refer to, and that are not planned."""
    wanted: dict[str, tuple[str, list[str]]] = {}
    for table in plan.tables:
        for key in table.keys:
            if not key.is_planned:
                columns_referred_to = (other.column for other in table.get_column(key.columns[0]).foreign_keys)
                target = next(column.table for column in columns_referred_to if column.table.key == key.target)
                columns = wanted.setdefault(key.target, (quote_table(target), []))[1]
                columns += [column for _, column in key.column_pairs if column not in columns]
    found = {}
    for name, (quoted, columns) in wanted.items():
        listed = ", ".join(quote_identifier(column) for column in columns)
        rows = connection.execute(text(f"SELECT {listed} FROM {quoted} ORDER BY {listed} LIMIT {_MOST_PARENTS}")).all()
        found[name] = ExistingRows(name, columns, [tuple(row) for row in rows])
    return found


def changed(connection: Connection, plan: SeedPlan, loaded: Mapping[str, int]) -> dict[str, int]:
    """Of planned tables that have another number of rows than were loaded, that number.

    Rows are counted up to one more than were loaded: what an application has put beside them may be much.
    """
    tables = {table.name: quote_table(table.sql) for table in plan.tables if table.name in loaded}
    if not tables:
        return {}
    some = {quoted: f"SELECT FROM {quoted} LIMIT {loaded[name] + 1}" for name, quoted in tables.items()}
    asked = ", ".join(f"(SELECT count(*) FROM ({rows}) AS t)" for rows in some.values())
    counts = connection.execute(text(f"SELECT ARRAY[{asked}]")).scalar() or ()
    return {name: count for name, count in zip(tables, counts, strict=True) if count != loaded[name]}


def clear(connection: Connection, plan: SeedPlan) -> None:
    """Empty the planned tables, in the connection's transaction.

    Raises:
        ReferencedRows: rows of a table that is not planned refer to them.
    """
    planned = [quote_table(table.sql) for table in plan.tables]
    beside = list(connection.execute(text(_REFERRING), {"planned": planned}).scalars().all())
    if kept := _with_rows(connection, {name: name for name in beside}):
        raise ReferencedRows([table.name for table in plan.tables], kept)
    connection.execute(text(f"TRUNCATE {', '.join([*planned, *beside])} RESTART IDENTITY"))


def _with_rows(connection: Connection, tables: Mapping[str, str]) -> list[str]:
    if not tables:
        return []
    asked = ", ".join(f"EXISTS (SELECT FROM {quoted})" for quoted in tables.values())
    answers = connection.execute(text(f"SELECT ARRAY[{asked}]")).scalar()
    return [name for name, occupied in zip(tables, answers or (), strict=True) if occupied]


def _see_types(connection: Connection, database: Database, plan: SeedPlan) -> None:
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
"""Tables that refer to the planned ones, and those that refer to them: TRUNCATE refuses a table without them, although
they are empty. Partitions of planned tables are emptied with them.
"""
