"""Row level security of the tables that a load fills."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Row, Table, text

from seedbed.errors import RowSecurityActive
from seedbed.postgres.quoting import quote_table
from seedbed.seeding.loading.dropped_constraints import execute_statements
from seedbed.seeding.planning.seed_plan import SeedPlan


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
