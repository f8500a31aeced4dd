"""A few awkward rows for every table of a database, made from its catalogue alone."""

import itertools
import random
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg2
from psycopg2 import sql
from sqlalchemy import Connection, text

from seedbed.migrating.proving.reading import OWN_TABLES
from seedbed.migrating.proving.values import values_for
from seedbed.postgres.connecting import sentence

_ROWS = 4
_TAME_ROWS = 2
"""As many as a boolean has values, so that each row can differ from the other in every column."""
_TRIES = 60
_HALF = 8
"""Where the values of a unique column begin in a second filling; `values_for` has 16, and a filling needs four."""
_NULLS = 0.2

_COLUMNS = f"""
SELECT n.nspname, c.relname, c.relkind = 'p', a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull,
       a.attgenerated <> '' OR a.attidentity = 'a', a.atthasdef OR a.attidentity <> '',
       coalesce(base.typname, t.typname),
       coalesce(base.typcategory, t.typcategory), a.atttypmod,
       (SELECT array_agg(e.enumlabel::text ORDER BY e.enumsortorder) FROM pg_enum e
         WHERE e.enumtypid = coalesce(base.oid, t.oid)),
       (SELECT string_agg(pg_get_constraintdef(k.oid), ' ') FROM pg_constraint k
         WHERE (k.conrelid = c.oid AND k.contype = 'c' AND a.attnum = ANY (k.conkey)) OR k.contypid = t.oid)
FROM pg_class c
JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
JOIN pg_type t ON t.oid = a.atttypid
LEFT JOIN pg_type base ON base.oid = nullif(t.typbasetype, 0)
WHERE {OWN_TABLES}
ORDER BY n.nspname, c.relname, a.attnum
"""

_KEYS = """
SELECT n.nspname, c.relname, pn.nspname, pc.relname,
       (SELECT array_agg(a.attname::text ORDER BY u.i) FROM unnest(k.conkey) WITH ORDINALITY u(n, i)
          JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.n),
       (SELECT array_agg(a.attname::text ORDER BY u.i) FROM unnest(k.confkey) WITH ORDINALITY u(n, i)
          JOIN pg_attribute a ON a.attrelid = k.confrelid AND a.attnum = u.n)
FROM pg_constraint k
JOIN pg_class c ON c.oid = k.conrelid JOIN pg_namespace n ON n.oid = c.relnamespace
JOIN pg_class pc ON pc.oid = k.confrelid JOIN pg_namespace pn ON pn.oid = pc.relnamespace
WHERE k.contype = 'f' AND k.conparentid = 0
"""

_UNIQUE = """
SELECT n.nspname, c.relname,
       (SELECT array_agg(a.attname::text ORDER BY u.i) FROM unnest(i.indkey::int2[]) WITH ORDINALITY u(n, i)
          JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = u.n)
FROM pg_index i JOIN pg_class c ON c.oid = i.indrelid JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE i.indisunique AND NOT 0 = ANY (i.indkey::int2[])
"""


@dataclass(frozen=True)
class Filled:
    """Which tables hold rows now, and why the others hold none."""

    rows: Mapping[str, int]
    empty: Mapping[str, str]


@dataclass(frozen=True)
class _Column:
    name: str
    type: str
    not_null: bool
    given: bool
    defaulted: bool
    values: list[str]
    unique: bool = False


@dataclass
class _Table:
    schema: str
    name: str
    partitioned: bool
    columns: list[_Column] = field(default_factory=list)
    keys: list[tuple[tuple[str, str], list[str], list[str]]] = field(default_factory=list)

    def keep_apart(self, columns: Sequence[str]) -> None:
        """Have rows differ in one of these columns: the one with the most values that is no foreign key's."""
        referring = {name for _, mine, _ in self.keys for name in mine}
        able = [c for c in self.columns if c.name in columns and c.name not in referring]
        if able and not any(column.unique for column in able):
            chosen = max(able, key=lambda column: len(column.values))
            self.columns[self.columns.index(chosen)] = replace(chosen, unique=True)

    @property
    def key(self) -> tuple[str, str]:
        return (self.schema, self.name)

    @property
    def shown(self) -> str:
        return self.name if self.schema == "public" else f"{self.schema}.{self.name}"

    @property
    def quoted(self) -> sql.Composable:
        return sql.Identifier(self.schema, self.name)


def fill(
    connection: Connection, *, seed: int = 0, tame: Mapping[tuple[str, str, str], list[str]] | None = None
) -> Filled:
    """Put a few rows into every table that takes them, and commit: ordinary ones, NULLs wherever they may be,
    repeated values wherever they may repeat, and texts with quotes, percent signs and letters beyond ASCII.

    Values that a CHECK names are tried for its columns; what no try satisfies leaves its table empty, and is said.
    With `tame`, nothing is NULL or repeated without need, and columns take the values that it gives them.
    """
    rows: dict[str, int] = {}
    empty: dict[str, str] = {}
    tables = _ordered(_tables(connection))
    driver: Any = connection.connection.cursor()
    for table in tables:
        if tame is not None:
            for i, column in enumerate(table.columns):
                table.columns[i] = replace(column, values=tame.get((*table.key, column.name), column.values))
        made, reason = _fill(driver, table, seed, tame=tame is not None)
        if made:
            rows[table.shown] = made
        else:
            empty[table.shown] = reason
    driver.close()
    connection.commit()
    return Filled(rows, empty)


def empty(connection: Connection) -> None:
    """Take all rows out of every table again, and commit."""
    driver: Any = connection.connection.cursor()
    if tables := [table.quoted for table in _tables(connection)]:
        driver.execute(sql.SQL("TRUNCATE {} RESTART IDENTITY CASCADE").format(sql.SQL(", ").join(tables)))
    driver.close()
    connection.commit()


def _fill(driver: Any, table: _Table, seed: int, *, tame: bool) -> tuple[int, str]:
    """The rows that a table took, and why it took none. All are tried at once, and one by one where that fails."""
    wanted = _TAME_ROWS if tame else _ROWS
    chance = random.Random(f"{seed}/{table.shown}")
    parents = {tuple(mine): _parents(driver, parent, theirs) for parent, mine, theirs in table.keys}
    attempts = _tame_attempts(table, seed) if tame else _attempts(table, seed, chance)
    tried = list(itertools.islice(attempts, wanted))
    if all(parent != table.key for parent, _, _ in table.keys):
        rows = [_with_parents(table, attempt, parents, turn + seed) for turn, attempt in enumerate(tried)]
        if _inserted(driver, table, rows) is None:
            return wanted, ""
    made, reason = 0, "no row was accepted"
    for turn, attempt in enumerate(itertools.islice(itertools.chain(tried, attempts), _TRIES)):
        if made == wanted:
            break
        parents |= {tuple(mine): _parents(driver, key, theirs) for key, mine, theirs in table.keys if key == table.key}
        error = _inserted(driver, table, [_with_parents(table, attempt, parents, turn + seed)])
        made += error is None
        reason = reason if error is None else sentence(error)
    return made, reason


def _attempts(table: _Table, seed: int, chance: random.Random) -> Iterator[dict[str, str | None]]:
    """An ordinary row, one with every NULL that may be, one of odd values, then any mixture."""
    given = [column for column in table.columns if not column.given]
    own = itertools.count(seed * _HALF)

    def row(turns: Mapping[str, int | None]) -> dict[str, str | None]:
        unique = next(own)
        chosen = ((c, unique if c.unique else turns[c.name]) for c in given)
        return {c.name: None if turns[c.name] is None or turn is None else _pick(c, turn) for c, turn in chosen}

    yield row({column.name: 0 for column in given})
    yield row({column.name: 1 if column.not_null else None for column in given})
    yield row({column.name: 1 for column in given})
    for turn in itertools.count(2):
        turns = {column.name: turn + chance.randrange(9) for column in given}
        nulls = {column.name for column in given if not column.not_null and chance.random() < _NULLS}
        yield row({name: None if name in nulls else at for name, at in turns.items()})


def _tame_attempts(table: _Table, seed: int) -> Iterator[dict[str, str | None]]:
    """Rows without NULLs, each of other values than the last as long as there are any."""
    given = [column for column in table.columns if not column.given]
    for turn in itertools.count(seed * 2):
        yield {column.name: _pick(column, turn) for column in given}


def _pick(column: _Column, turn: int) -> str | None:
    return column.values[turn % len(column.values)] if column.values else None


def _parents(driver: Any, parent: tuple[str, str], columns: Sequence[str]) -> list[Sequence[str]]:
    names = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in columns)
    driver.execute(sql.SQL("SELECT {} FROM {} ORDER BY 1 LIMIT 20").format(names, sql.Identifier(*parent)))
    return list(driver.fetchall())


def _with_parents(
    table: _Table,
    values: dict[str, str | None],
    parents: Mapping[tuple[str, ...], Sequence[Sequence[str]]],
    turn: int,
) -> dict[str, str | None]:
    """A row whose foreign keys are those of rows that are there, or NULL."""
    values = dict(values)
    nullable = {column.name for column in table.columns if not column.not_null}
    for _, mine, _ in table.keys:
        if all(values.get(name) is None for name in mine) and nullable.issuperset(mine):
            continue
        found = parents[tuple(mine)]
        values |= dict(zip(mine, found[turn % len(found)], strict=True)) if found else dict.fromkeys(mine)
    return values


def _inserted(driver: Any, table: _Table, rows: Sequence[Mapping[str, str | None]]) -> psycopg2.Error | None:
    """Insert all rows or none, in one exchange with the server, and say why none."""
    statements = [_insertion(driver, table, row) for row in rows]
    try:
        driver.execute(b"; ".join([b"SAVEPOINT seedbed_rows", *statements, b"SET CONSTRAINTS ALL IMMEDIATE"]))
    except psycopg2.Error as error:
        driver.execute("ROLLBACK TO SAVEPOINT seedbed_rows")
        return error
    driver.execute("RELEASE SAVEPOINT seedbed_rows")
    return None


def _insertion(driver: Any, table: _Table, values: Mapping[str, str | None]) -> bytes:
    left_out = {c.name for c in table.columns if c.defaulted and values.get(c.name) is None and c.not_null}
    names = [name for name in values if name not in left_out]
    kinds = {column.name: column.type for column in table.columns}
    statement = sql.SQL("INSERT INTO {} ({}) VALUES ({})").format(
        table.quoted,
        sql.SQL(", ").join(map(sql.Identifier, names)),
        sql.SQL(", ").join(sql.SQL("%s::" + kinds[name].replace("%", "%%")) for name in names),
    )
    if not names:
        statement = sql.SQL("INSERT INTO {} DEFAULT VALUES").format(table.quoted)
    mogrified: bytes = driver.mogrify(statement, [values[name] for name in names])
    return mogrified


def _tables(connection: Connection) -> list[_Table]:
    tables: dict[tuple[str, str], _Table] = {}
    for (
        schema,
        name,
        partitioned,
        column,
        kind,
        not_null,
        given,
        defaulted,
        base,
        category,
        modifier,
        labels,
        checks,
    ) in connection.execute(text(_COLUMNS)).all():
        table = tables.setdefault((schema, name), _Table(schema, name, partitioned))
        values = values_for(kind, base, category, modifier, labels=labels or (), checks=checks or "")
        table.columns.append(_Column(column, kind, not_null, given, defaulted, values))
    for schema, name, parent_schema, parent, mine, theirs in connection.execute(text(_KEYS)).all():
        if (schema, name) in tables:
            tables[schema, name].keys.append(((parent_schema, parent), mine, theirs))
    for schema, name, columns in connection.execute(text(_UNIQUE)).all():
        if (schema, name) in tables:
            tables[schema, name].keep_apart(columns)
    return list(tables.values())


def _ordered(tables: list[_Table]) -> list[_Table]:
    """Parents first; within a cycle, by name."""
    left = {table.key: table for table in tables}
    ordered: list[_Table] = []
    while left:
        ready = [t for t in left.values() if not any(p in left and p != t.key for p, _, _ in t.keys)]
        ordered += [left.pop(table.key) for table in ready or [next(iter(left.values()))]]
    return ordered
