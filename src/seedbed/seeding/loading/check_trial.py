"""A few rows of each table tried by PostgreSQL's own CHECKs, on copies that are rolled back, before a long load."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from psycopg2 import Error as DriverError
from sqlalchemy import Connection, text

from seedbed.errors import UnsatisfiedCheck
from seedbed.postgres.driver_errors import get_server_message, get_sqlstate
from seedbed.postgres.quoting import quote_identifier, quote_literal, quote_table
from seedbed.seeding.planning.seed_plan import SeedPlan
from seedbed.seeding.planning.table_plan import TablePlan, make_sample

ROWS = 200
_DENIED, _VIOLATED = "42501", "23514"
_SHOWN = 300

Blame = Callable[[TablePlan, DriverError], Exception]


def try_checks(connection: Connection, plan: SeedPlan, oids: Mapping[str, int], blame: Blame) -> None:
    """Have PostgreSQL judge the first 200 rows of every table that has CHECKs and more rows than that.

    A load of fewer rows is a trial itself: it is one transaction. However many tables there are, all is one exchange
    with the server; only a row that a type refuses is looked for table by table.

    Raises:
        UnsatisfiedCheck: with the constraint, the row and what to write in the seeds.
    """
    long = {oids[table.name]: table for table in plan.tables if table.count > ROWS}
    if not long:
        return
    checks = connection.execute(text(_CHECKS), {"oids": list(long)}).all()
    copies = {
        oid: _copy(long[oid], f"seedbed_trial_{n}") for n, oid in enumerate(dict.fromkeys(row[0] for row in checks))
    }
    asked = [
        f"(SELECT {n}, CAST(to_json(t) AS text) FROM {copies[oid].name} t WHERE NOT ({rule}) LIMIT 1)"
        for n, (oid, _, rule, _) in enumerate(checks)
        if rule is not None
    ]
    if not copies:
        return
    question = [f"SELECT * FROM ({' UNION ALL '.join(asked)}) AS refused LIMIT 1"] if asked else []
    try:
        refused = _rolled_back(connection, [*(copy.sql for copy in copies.values()), *question])
    except DriverError as error:
        if get_sqlstate(error) == _DENIED:
            return
        for oid, copy in copies.items():
            try:
                _rolled_back(connection, [copy.sql])
            except DriverError as ours:
                raise blame(long[oid], ours) from ours
        raise
    if refused is not None:
        oid, name, _, columns = checks[refused[0]]
        raise not_met(long[oid], name, refused[1], list(columns or ()))


class _Copy(NamedTuple):
    """A table like another, with its first rows in it."""

    name: str
    sql: str


def _copy(table: TablePlan, name: str) -> _Copy:
    rows = make_sample(table, ROWS)
    columns = ", ".join(quote_identifier(column) for column in rows[0])
    values = ",\n".join(f"({', '.join(map(quote_literal, row.values()))})" for row in rows)
    made = f"CREATE TEMP TABLE {name} AS SELECT * FROM {quote_table(table.sql)} WITH NO DATA"
    return _Copy(name, f"{made};\nINSERT INTO {name} ({columns}) VALUES {values}")


def _rolled_back(connection: Connection, statements: Sequence[str]) -> Any:
    """The first row that the last of some statements gives, and nothing of what they did."""
    cursor: Any = connection.connection.cursor()
    try:
        cursor.execute(";\n".join(["SAVEPOINT seedbed_trial", *statements]))
        return cursor.fetchone() if cursor.description else None
    finally:
        cursor.execute("ROLLBACK TO SAVEPOINT seedbed_trial")
        cursor.close()


def not_met(table: TablePlan, constraint: str, row: str, columns: list[str]) -> UnsatisfiedCheck:
    names = [name for name in columns if name in table.generators] or [*table.generators][:1]
    model = table.model.__name__ if table.model is not None else table.name
    override = f"add({model}, ..., {', '.join(f'{name}=...' for name in names)})"
    return UnsatisfiedCheck(table.name, constraint, row if len(row) <= _SHOWN else row[: _SHOWN - 3] + "...", override)


def check_refused(table: TablePlan, error: DriverError) -> UnsatisfiedCheck | None:
    """The same for a row that a load met a CHECK with, be it the table's or a domain's."""
    if error.pgcode != _VIOLATED:
        return None
    name = str(error.diag.constraint_name or get_server_message(error))
    row = str(error.diag.message_detail or error.diag.message_primary or "").removeprefix("Failing row contains ")
    columns = next((list(_columns(table, check.sql)) for check in table.checks if check.name == name), [])
    return not_met(table, name, row.removesuffix("."), columns)


def _columns(table: TablePlan, rule: str) -> list[str]:
    return [name for name in table.generators if name in rule.replace('"', " ").replace("(", " ").split()]


_CHECKS = """
    SELECT conrelid, conname, pg_get_expr(conbin, conrelid),
           ARRAY(SELECT attname FROM pg_attribute WHERE attrelid = conrelid AND attnum = ANY (conkey))
    FROM pg_constraint WHERE contype = 'c' AND conrelid = ANY (CAST(:oids AS oid[]))
     AND NOT EXISTS (SELECT FROM pg_trigger WHERE tgrelid = conrelid AND NOT tgisinternal AND tgtype & 7 = 7)
    UNION ALL
    SELECT a.attrelid, t.typname, NULL, NULL FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid
    WHERE a.attrelid = ANY (CAST(:oids AS oid[])) AND t.typtype = 'd' AND a.attnum > 0 AND NOT a.attisdropped
    ORDER BY 1, 2
"""
"""CHECKs of tables, and columns of domains, whose CHECKs are tried by the mere copying. What triggers make of a row
before it is inserted (bits 1, 2 and 4 of tgtype: a row's, before, on insert) is not known here, so the CHECKs of their
tables are left to the load.
"""
