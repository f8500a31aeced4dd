"""Row level security that a load goes past, as the owner of the tables may."""

from collections.abc import Iterator
from contextlib import contextmanager

from sqlalchemy import Connection, text

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
    beside = [
        quote_table(element.column.table)
        for table in plan.tables
        for key in table.sql.foreign_key_constraints
        for element in key.elements
    ]
    rows = connection.execute(text(_ACTIVE), {"names": list(dict.fromkeys([*planned, *beside]))}).all()
    blocked = [row for row in rows if not row.owns and row.name in planned]
    if blocked:
        raise RowSecurityActive([planned[row.name] for row in blocked], blocked[0].role, blocked[0].owner)
    forced = [row.name for row in rows if row.owns]
    run(connection, [f"ALTER TABLE {name} NO FORCE ROW LEVEL SECURITY" for name in forced])
    yield
    run(connection, [f"ALTER TABLE {name} FORCE ROW LEVEL SECURITY" for name in forced])


_ACTIVE = """
    SELECT name, pg_has_role(c.relowner, 'USAGE') AS owns, quote_ident(current_user) AS role,
           c.relowner::regrole::text AS owner
    FROM unnest(CAST(:names AS text[])) AS name JOIN pg_class c ON c.oid = to_regclass(name)
    WHERE c.relkind IN ('r', 'p') AND row_security_active(c.oid)
"""
"""Tables whose policies hold for the current role: for one that has the owner's rights, only by FORCE."""
