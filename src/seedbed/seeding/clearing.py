"""What stands in a load's way: tables that are missing, and rows that are there already."""

from collections.abc import Sequence

from sqlalchemy import Connection, text

from seedbed.errors import RowsReferredTo, TablesMissing
from seedbed.postgres.databases import Database
from seedbed.postgres.quoting import table_name
from seedbed.seeding.plan import SeedPlan, TablePlan


def see_that_tables_exist(connection: Connection, database: Database, plan: SeedPlan) -> None:
    """See that the database has the planned tables, and in them the columns that would be filled.

    Raises:
        TablesMissing: with those that it lacks.
    """
    missing: list[str] = []
    for table in plan.tables:
        columns = _columns(connection, table)
        if not columns:
            missing.append(table.name)
        else:
            missing += [f"{table.name}.{name}" for name in table.fillings if name not in columns]
    if missing:
        raise TablesMissing(database.name, missing)


def occupied(connection: Connection, plan: SeedPlan) -> list[str]:
    """The planned tables that hold rows."""
    return [table.name for table in plan.tables if _has_rows(connection, table_name(table.sql))]


def clear(connection: Connection, plan: SeedPlan) -> None:
    """Empty the planned tables, in the connection's transaction.

    Raises:
        RowsReferredTo: rows of a table that is not planned refer to them.
    """
    planned = [table_name(table.sql) for table in plan.tables]
    beside = connection.execute(text(_REFERRING), {"planned": planned}).scalars().all()
    if kept := [name for name in beside if _has_rows(connection, name)]:
        raise RowsReferredTo([table.name for table in plan.tables], kept)
    connection.execute(text(f"TRUNCATE {', '.join([*planned, *beside])} RESTART IDENTITY"))


_REFERRING = """
    WITH RECURSIVE reached AS (
        SELECT unnest(CAST(:planned AS text[]))::regclass::oid AS oid
        UNION
        SELECT conrelid FROM pg_constraint JOIN reached ON confrelid = reached.oid WHERE contype = 'f'
    )
    SELECT oid::regclass::text FROM reached WHERE oid <> ALL (CAST(:planned AS text[])::regclass[]::oid[]) ORDER BY 1
"""
"""Tables that refer to the planned ones, and those that refer to them: TRUNCATE refuses a table without them, although
they are empty.
"""


def _columns(connection: Connection, table: TablePlan) -> Sequence[str]:
    return (
        connection.execute(
            text("SELECT attname FROM pg_attribute WHERE attrelid = to_regclass(:name) AND attnum > 0"),
            {"name": table_name(table.sql)},
        )
        .scalars()
        .all()
    )


def _has_rows(connection: Connection, quoted: str) -> bool:
    return bool(connection.execute(text(f"SELECT EXISTS (SELECT FROM {quoted})")).scalar())
