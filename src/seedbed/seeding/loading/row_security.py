"""Row level security that a load goes past, as the owner of the tables may."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection, Row, Table, text

from seedbed.errors import RowSecurityActive
from seedbed.postgres.quoting import quote_table
from seedbed.seeding.loading.dropped_constraints import run
from seedbed.seeding.planning.seed_plan import SeedPlan


@contextmanager
def unforced_row_security(connection: Connection, plan: SeedPlan) -> Iterator[None]:
    """Have FORCE ROW LEVEL SECURITY not hold for the owner until the end, in the connection's transaction.

    COPY does not go through policies, and a question about rows would miss those that they hide. Whatever ends the
    transaction early leaves the tables as they were.

    Raises:
        RowSecurityActive: policies hold for a role that is not the owner.
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
    """List the tables, and those they refer to, whose policies hold for the current role although it owns them."""
    return [row.name for row in _list_active(connection, tables) if row.owns]


def set_forced(connection: Connection, names: Iterable[str], *, is_forced: bool) -> None:
    force = "FORCE" if is_forced else "NO FORCE"
    run(connection, [f"ALTER TABLE {name} {force} ROW LEVEL SECURITY" for name in names])


def _list_active(connection: Connection, tables: Iterable[Table]) -> Sequence[Row[Any]]:
    tables = list(tables)
    referred = (
        element.column.table for table in tables for key in table.foreign_key_constraints for element in key.elements
    )
    names = list(dict.fromkeys(map(quote_table, (*tables, *referred))))
    return connection.execute(text(_ACTIVE), {"names": names}).all()


_ACTIVE = """
    SELECT name, pg_has_role(c.relowner, 'USAGE') AS owns, quote_ident(current_user) AS role,
           c.relowner::regrole::text AS owner
    FROM unnest(CAST(:names AS text[])) AS name JOIN pg_class c ON c.oid = to_regclass(name)
    WHERE c.relkind IN ('r', 'p') AND row_security_active(c.oid)
"""
"""Tables whose policies hold for the current role: for one that has the owner's rights, only by FORCE."""
