"""A few rows of each table tried by PostgreSQL's own CHECKs, on copies that are rolled back, before a long load."""

from collections.abc import Callable, Mapping
from typing import Any

from psycopg2 import Error as DriverError
from sqlalchemy import Connection, text

from seedbed.errors import CheckNotMet
from seedbed.postgres.connecting import execute_plain, sentence, sqlstate
from seedbed.postgres.quoting import table_name
from seedbed.seeding.plan import SeedPlan
from seedbed.seeding.tables import TablePlan

ROWS = 200
_DENIED, _VIOLATED = "42501", "23514"
_SHOWN = 300

Copy = Callable[[TablePlan, range, str], None]


def try_checks(connection: Connection, plan: SeedPlan, oids: Mapping[str, int], copy: Copy) -> None:
    """Have PostgreSQL judge the first 200 rows of every table that has CHECKs and more rows than that.

    A load of fewer rows is a trial itself: it is one transaction.

    Raises:
        CheckNotMet: with the constraint, the row and what to write in the seeds.
    """
    long = {oids[table.name]: table for table in plan.tables if table.count > ROWS}
    if not long:
        return
    checks = connection.execute(text(_CHECKS), {"oids": list(long)}).all()
    tried = {oid: f"seedbed_trial_{n}" for n, oid in enumerate(dict.fromkeys(oid for oid, *_ in checks))}
    if not tried:
        return
    savepoint = connection.begin_nested()
    try:
        copies = [
            f"CREATE TEMP TABLE {name} AS SELECT * FROM {table_name(long[oid].sql)} WITH NO DATA"
            for oid, name in tried.items()
        ]
        try:
            execute_plain(connection, ";\n".join(copies))
        except DriverError as error:
            if sqlstate(error) == _DENIED:
                return
            raise
        for oid, name in tried.items():
            copy(long[oid], range(ROWS), name)
        asked = [
            f"(SELECT {n}, CAST(to_json(t) AS text) FROM {tried[oid]} t WHERE NOT ({rule}) LIMIT 1)"
            for n, (oid, _, rule, _) in enumerate(checks)
            if rule is not None
        ]
        if asked:
            cursor: Any = connection.connection.cursor()
            cursor.execute(" UNION ALL ".join(asked) + " LIMIT 1")
            refused = cursor.fetchone()
            cursor.close()
            if refused is not None:
                oid, name, _, columns = checks[refused[0]]
                raise not_met(long[oid], name, refused[1], list(columns or ()))
    finally:
        savepoint.rollback()


def not_met(table: TablePlan, constraint: str, row: str, columns: list[str]) -> CheckNotMet:
    names = [name for name in columns if name in table.fillings] or [*table.fillings][:1]
    model = table.model.__name__ if table.model is not None else table.name
    override = f"add({model}, ..., {', '.join(f'{name}=...' for name in names)})"
    return CheckNotMet(table.name, constraint, row if len(row) <= _SHOWN else row[: _SHOWN - 3] + "...", override)


def check_refused(table: TablePlan, error: DriverError) -> CheckNotMet | None:
    """The same for a row that a load met a CHECK with, be it the table's or a domain's."""
    if error.pgcode != _VIOLATED:
        return None
    name = str(error.diag.constraint_name or sentence(error))
    row = str(error.diag.message_detail or error.diag.message_primary or "").removeprefix("Failing row contains ")
    columns = next((list(_columns(table, check.sql)) for check in table.checks if check.name == name), [])
    return not_met(table, name, row.removesuffix("."), columns)


def _columns(table: TablePlan, rule: str) -> list[str]:
    return [name for name in table.fillings if name in rule.replace('"', " ").replace("(", " ").split()]


_CHECKS = """
    SELECT conrelid, conname, pg_get_expr(conbin, conrelid),
           ARRAY(SELECT attname FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey))
    FROM pg_constraint WHERE contype = 'c' AND conrelid = ANY (CAST(:oids AS oid[]))
    UNION ALL
    SELECT a.attrelid, t.typname, NULL, NULL FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = ANY (CAST(:oids AS oid[])) AND t.typtype = 'd' AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY 1, 2
"""
"""CHECKs of tables, and columns of domains, whose CHECKs are tried by the mere copying."""
