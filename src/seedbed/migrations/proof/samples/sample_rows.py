"""A few awkward rows for every table of a database, such as it may hold before a change and after it."""

import itertools
import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg2
from psycopg2 import sql
from sqlalchemy import Connection

from seedbed.migrations.proof.samples.model_rows import Made
from seedbed.migrations.proof.samples.row_attempts import TAME_ROWS, attempts, tame_attempts
from seedbed.migrations.proof.samples.target_tables import Column, Table, in_order, read_tables
from seedbed.postgres.driver_errors import get_server_message
from seedbed.postgres.version_table import VERSION_TABLE

_ROWS = 4
_CONVERTED_ROWS = 8
"""Rows of a table with columns that are given the values that can be converted."""
_TRIES = 60


@dataclass(frozen=True)
class Filled:
    """Which tables hold rows now, and why the others hold none; `broken` are those where that is no matter of the rows:
    a trigger or a rule fails, whatever it is given. `unsampled` are the columns, by type, for which no value is known:
    they are NULL in every row, or their table has none.
    """

    rows: Mapping[str, int]
    empty: Mapping[str, str]
    broken: Mapping[str, str] = field(default_factory=dict)
    unsampled: Mapping[str, Sequence[str]] = field(default_factory=dict)


def fill(
    connection: Connection,
    *,
    seed: int = 0,
    tame: Mapping[tuple[str, str, str], list[str]] | None = None,
    made: Made | None = None,
    version_table: str = VERSION_TABLE,
) -> Filled:
    """Put a few rows into every table that takes them, and commit: ordinary ones, NULLs wherever they may be,
    repeated values wherever they may repeat, texts with quotes, percent signs and letters beyond ASCII, and texts as
    long as they may be.

    Values that a CHECK names are tried for its columns. Where a table has CHECKs, or takes none of these rows, ordinary
    ones are what the models have `made`, and so are the awkward ones' values that a CHECK or a unique key is about.
    What no try satisfies leaves its table empty, and is said. With `tame`, nothing is NULL or repeated without need,
    and columns take the values that it gives them.
    """
    rows: dict[str, int] = {}
    empty: dict[str, str] = {}
    broken: dict[str, str] = {}
    unsampled: dict[str, list[str]] = {}
    tables = in_order(read_tables(connection, version_table))
    driver: Any = connection.connection.cursor()
    for table in tables:
        if tame is not None:
            for i, column in enumerate(table.columns):
                if given := tame.get((*table.key, column.name)):
                    usual = [value for value in column.values if value in given]
                    table.columns[i] = replace(column, values=list(dict.fromkeys([*usual, *given])))
        if made is not None and table.checked:
            table.modelled = made(table.key)
        wanted = _ROWS if tame is None else TAME_ROWS
        if tame is not None and any((*table.key, column.name) in tame for column in table.columns):
            wanted = _CONVERTED_ROWS
        number, error = _fill(driver, table, seed, wanted, tame=tame is not None)
        if made is not None and not number and not table.checked:
            table.modelled = made(table.key)
            number, error = _fill(driver, table, seed, wanted, tame=tame is not None)
        if number:
            rows[table.shown] = number
        else:
            reason = "no row was accepted" if error is None else get_server_message(error)
            empty[table.shown] = reason
            if error is not None and _fails_by_itself(error):
                broken[table.shown] = reason
        for column in _unsampled(driver, table):
            unsampled.setdefault(column.type, []).append(f"{table.shown}.{column.name}")
    driver.close()
    connection.commit()
    return Filled(rows, empty, broken, unsampled)


def empty(connection: Connection, version_table: str = VERSION_TABLE) -> None:
    """Take all rows out of every table again, and commit."""
    driver: Any = connection.connection.cursor()
    if tables := [table.quoted for table in read_tables(connection, version_table)]:
        driver.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(sql.SQL(", ").join(tables)))
    driver.close()
    connection.commit()


def _unsampled(driver: Any, table: Table) -> list[Column]:
    """Columns without a value in any row, since none is known for their type, a default or the models included."""
    referring = {name for _, mine, _ in table.keys for name in mine}
    unknown = [c for c in table.columns if not c.values and not c.given and c.name not in referring]
    if not unknown:
        return []
    counts = sql.SQL(", ").join(sql.SQL("count({})").format(sql.Identifier(column.name)) for column in unknown)
    driver.execute(sql.SQL("SELECT {} FROM {}").format(counts, table.quoted))
    return [column for column, count in zip(unknown, driver.fetchone(), strict=True) if not count]


def _fails_by_itself(error: psycopg2.Error) -> bool:
    """Whether what failed is the text of a statement, such as one in a trigger, and no right that is missing."""
    code = error.pgcode or ""
    return code.startswith("42") and code != "42501"


def _fill(driver: Any, table: Table, seed: int, wanted: int, *, tame: bool) -> tuple[int, psycopg2.Error | None]:
    """The rows that a table took, and what the last one failed of. All are tried at once, or else one by one."""
    chance = random.Random(f"{seed}/{table.shown}")
    parents = [_parents(driver, parent, theirs) for parent, _, theirs in table.keys]
    ways = tame_attempts(table, seed) if tame else attempts(table, seed, chance)
    tried = list(itertools.islice(ways, wanted))
    if all(parent != table.key for parent, _, _ in table.keys):
        rows = [_with_parents(table, attempt, parents, turn + seed) for turn, attempt in enumerate(tried)]
        if _inserted(driver, table, rows) is None:
            return wanted, None
    made, last = 0, None
    for turn, attempt in enumerate(itertools.islice(itertools.chain(tried, ways), _TRIES)):
        if made == wanted:
            break
        for at, (parent, _, theirs) in enumerate(table.keys):
            if parent == table.key:
                parents[at] = _parents(driver, parent, theirs)
        error = _inserted(driver, table, [_with_parents(table, attempt, parents, turn + seed)])
        made += error is None
        last = last if error is None else error
    return made, last


def _parents(driver: Any, parent: tuple[str, str], columns: Sequence[str]) -> list[Sequence[str]]:
    names = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in columns)
    driver.execute(sql.SQL("SELECT {} FROM {} ORDER BY 1 LIMIT 20").format(names, sql.Identifier(*parent)))
    return list(driver.fetchall())


def _with_parents(
    table: Table, values: dict[str, str | None], parents: Sequence[Sequence[Sequence[str]]], turn: int
) -> dict[str, str | None]:
    """A row whose foreign keys are those of rows that are there, or NULL; keys that share a column agree in it."""
    values = dict(values)
    settled: dict[str, str | None] = {}
    nullable = {column.name for column in table.columns if not column.not_null}
    for (_, mine, _), there in zip(table.keys, parents, strict=True):
        if all(values.get(name) is None for name in mine) and nullable.issuperset(mine):
            continue
        found = [p for p in there if all(settled.get(n, v) == v for n, v in zip(mine, p, strict=True))]
        chosen = found[turn % len(found)] if found else [None] * len(mine)
        settled = {**dict(zip(mine, chosen, strict=True)), **settled}
    return values | settled


def _inserted(driver: Any, table: Table, rows: Sequence[Mapping[str, str | None]]) -> psycopg2.Error | None:
    """Insert all rows or none, in one exchange with the server, and say why none."""
    statements = [_insertion(driver, table, row) for row in rows]
    try:
        driver.execute("; ".join(["SAVEPOINT seedbed_rows", *statements, "SET CONSTRAINTS ALL IMMEDIATE"]))
    except psycopg2.Error as error:
        driver.execute("ROLLBACK TO SAVEPOINT seedbed_rows")
        return error
    driver.execute("RELEASE SAVEPOINT seedbed_rows")
    return None


def _insertion(driver: Any, table: Table, values: Mapping[str, str | None]) -> str:
    left_out = {c.name for c in table.columns if c.defaulted and values.get(c.name) is None and c.not_null}
    names = [name for name in values if name not in left_out]
    kinds = {column.name: column.type for column in table.columns}
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        table.quoted,
        sql.SQL(", ").join(map(sql.Identifier, names)),
        sql.SQL(", ").join(sql.Literal(values[name]) + sql.SQL("::" + kinds[name]) for name in names),
    )
    if not names:
        statement = sql.SQL("INSERT INTO {} DEFAULT VALUES").format(table.quoted)
    return str(statement.as_string(driver))
