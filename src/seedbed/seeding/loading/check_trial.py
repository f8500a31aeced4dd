"""A trial of CHECK constraints: PostgreSQL checks the first rows of each table before a long load begins."""

from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

from psycopg2 import Error as DriverError
from sqlalchemy import Connection, text

from seedbed.errors import UnsatisfiedCheck
from seedbed.postgres.driver_errors import get_server_message, get_sqlstate
from seedbed.postgres.quoting import quote_identifier, quote_literal, quote_table
from seedbed.seeding.planning.seed_plan import SeedPlan
from seedbed.seeding.planning.table_plan import TablePlan, make_sample

TRIAL_ROWS = 200
_INSUFFICIENT_PRIVILEGE, _CHECK_VIOLATION = "42501", "23514"
_MAX_ROW_LENGTH = 300

TranslateError = Callable[[TablePlan, DriverError], Exception]


def try_checks(
    connection: Connection, plan: SeedPlan, oids: Mapping[str, int], translate_error: TranslateError
) -> None:
    """Have PostgreSQL check the first 200 rows of every table that has CHECK constraints and more rows than that.

    The rows go into temporary tables, which are rolled back. Smaller tables need no trial, because their load fails
    early. All tables take one round trip to the server. If a type rejects a row, a second round trip for each table
    finds it. A role that may not create temporary tables skips the trial.

    Raises:
        UnsatisfiedCheck: a row violates a CHECK.
        RejectedRows: a type rejects a row.
    """
    tables = {oids[table.name]: table for table in plan.tables if table.count > TRIAL_ROWS}
    if not tables:
        return
    checks = connection.execute(text(_CHECKS), {"oids": list(tables)}).all()
    trial_tables = {
        oid: _build_trial_table(tables[oid], f"seedbed_trial_{n}")
        for n, oid in enumerate(dict.fromkeys(row[0] for row in checks))
    }
    queries = [
        f"(SELECT {n}, CAST(to_json(t) AS text) FROM {trial_tables[oid].name} t WHERE NOT ({expression}) LIMIT 1)"
        for n, (oid, _, expression, _) in enumerate(checks)
        if expression is not None
    ]
    if not trial_tables:
        return
    check_query = [f"SELECT * FROM ({' UNION ALL '.join(queries)}) AS violations LIMIT 1"] if queries else []
    try:
        violation = _execute_and_roll_back(connection, [*(trial.sql for trial in trial_tables.values()), *check_query])
    except DriverError as error:
        if get_sqlstate(error) == _INSUFFICIENT_PRIVILEGE:
            return
        for oid, trial_table in trial_tables.items():
            try:
                _execute_and_roll_back(connection, [trial_table.sql])
            except DriverError as copy_error:
                raise translate_error(tables[oid], copy_error) from copy_error
        raise
    if violation is not None:
        oid, name, _, columns = checks[violation[0]]
        raise build_check_error(tables[oid], name, violation[1], list(columns or ()))


class _TrialTable(NamedTuple):
    """A temporary table with the first rows of a planned table; `sql` creates and fills it."""

    name: str
    sql: str


def _build_trial_table(table: TablePlan, name: str) -> _TrialTable:
    rows = make_sample(table, TRIAL_ROWS)
    columns = ", ".join(quote_identifier(column) for column in rows[0])
    values = ",\n".join(f"({', '.join(map(quote_literal, row.values()))})" for row in rows)
    create = f"CREATE TEMP TABLE {name} AS SELECT * FROM {quote_table(table.sql)} WITH NO DATA"
    return _TrialTable(name, f"{create};\nINSERT INTO {name} ({columns}) VALUES {values}")


def _execute_and_roll_back(connection: Connection, statements: Sequence[str]) -> Any:
    """Execute statements, return the first row of the last one, and roll all of them back."""
    cursor: Any = connection.connection.cursor()
    try:
        cursor.execute(";\n".join(["SAVEPOINT seedbed_trial", *statements]))
        return cursor.fetchone() if cursor.description else None
    finally:
        cursor.execute("ROLLBACK TO SAVEPOINT seedbed_trial")
        cursor.close()


def build_check_error(table: TablePlan, constraint: str, row: str, columns: list[str]) -> UnsatisfiedCheck:
    """Build the error for a row that violates a CHECK; it names the columns to set in the seeds file."""
    names = [name for name in columns if name in table.generators] or [*table.generators][:1]
    model = table.model.__name__ if table.model is not None else table.name
    override = f"add({model}, ..., {', '.join(f'{name}=...' for name in names)})"
    return UnsatisfiedCheck(
        table.name, constraint, row if len(row) <= _MAX_ROW_LENGTH else row[: _MAX_ROW_LENGTH - 3] + "...", override
    )


def translate_check_error(table: TablePlan, error: DriverError) -> UnsatisfiedCheck | None:
    """Translate a CHECK violation, of a table or a domain, from a load. Return None for any other error."""
    if error.pgcode != _CHECK_VIOLATION:
        return None
    name = str(error.diag.constraint_name or get_server_message(error))
    row = str(error.diag.message_detail or error.diag.message_primary or "").removeprefix("Failing row contains ")
    columns = next((list(_list_columns(table, check.sql)) for check in table.checks if check.name == name), [])
    return build_check_error(table, name, row.removesuffix("."), columns)


def _list_columns(table: TablePlan, expression: str) -> list[str]:
    return [name for name in table.generators if name in expression.replace('"', " ").replace("(", " ").split()]


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
"""CHECK constraints of tables, and columns with a domain, whose CHECKs are evaluated when the trial table is filled.

A row trigger that fires before an insert (bits 1, 2 and 4 of tgtype) can change the row, so tables with such a trigger
are not tried.
"""
