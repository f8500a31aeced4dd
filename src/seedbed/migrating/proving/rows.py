"""A few awkward rows for every table of a database, made from its catalogue alone."""

import itertools
import json
import random
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg2
from psycopg2 import sql
from sqlalchemy import Connection, text

from seedbed.postgres.catalogue import Catalogue
from seedbed.postgres.catalogue.model import Enum
from seedbed.postgres.connecting import sentence

_ROWS = 4
_TAME_ROWS = 2
"""As many as a boolean has values, so that each row can differ from the other in every column."""
_TRIES = 60
_NULLS = 0.2

_COLUMNS = """
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
WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname <> 'seedbed' AND c.relname <> 'alembic_version'
  AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
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

_NUMBERS = ["1", "0", "2", "10", "-1", "100", "7", "42", "1000"]
_TEXTS = ["plain", 'O\'Neil \\ "x" %s :y', "", "žluťoučký 🌱", "plain", "a@b.example", "1", "A", "a-1"]
_BY_CATEGORY = {
    "N": _NUMBERS,
    "S": _TEXTS,
    "B": ["true", "false"],
    "T": ["10 days", "0", "-3 hours"],
    "I": ["10.0.0.1", "10.0.0.2"],
    "V": ["101", "1", "0"],
    "U": [],
}
_BY_NAME = {
    "date": ["2024-02-29", "1970-01-01", "2031-12-31"],
    "timestamp": ["2024-02-29 12:34:56.789012", "1970-01-01 00:00:00", "2031-12-31 23:59:59"],
    "timestamptz": ["2024-02-29 12:34:56.789012+00", "1970-01-01 00:00:00+02", "2031-12-31 23:59:59+00"],
    "time": ["12:34:56", "00:00:00"],
    "timetz": ["12:34:56+00", "00:00:00+02"],
    "uuid": [f"00000000-0000-4000-8000-{i:012d}" for i in range(1, 9)],
    "json": ['{"a": 1}', "[]", '"x"', "null"],
    "jsonb": ['{"a": 1}', "[]", '"x"', "null"],
    "bytea": ["\\x00ff", "\\x"],
    "xml": ["<a/>"],
    "point": ["(1,2)", "(0,0)"],
    "macaddr": ["08:00:2b:01:02:03", "08:00:2b:01:02:04"],
    "macaddr8": ["08:00:2b:01:02:03:04:05"],
    "tsvector": ["a:1 b:2", ""],
    "tsquery": ["'a' & 'b'"],
    "bit": [],
    "money": ["1.50", "0"],
}
_EMPTY_CATEGORIES = {"A": ["{}"], "R": ["empty"], "C": []}


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


@dataclass
class _Table:
    schema: str
    name: str
    partitioned: bool
    columns: list[_Column] = field(default_factory=list)
    keys: list[tuple[tuple[str, str], list[str], list[str]]] = field(default_factory=list)

    @property
    def key(self) -> tuple[str, str]:
        return (self.schema, self.name)

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
    for table in _ordered(_tables(connection)):
        shown = table.name if table.schema == "public" else f"{table.schema}.{table.name}"
        if tame is not None:
            for i, column in enumerate(table.columns):
                table.columns[i] = replace(column, values=tame.get((*table.key, column.name), column.values))
        made, reason = _fill(connection, table, random.Random(f"{seed}/{shown}"), seed if tame is not None else None)
        if made:
            rows[shown] = made
        else:
            empty[shown] = reason
    connection.commit()
    return Filled(rows, empty)


def _fill(connection: Connection, table: _Table, chance: random.Random, tame: int | None) -> tuple[int, str]:
    made, reason = 0, "no row was accepted"
    attempts = _attempts(table, chance) if tame is None else _tame_attempts(table, tame)
    for attempt in itertools.islice(attempts, _TRIES):
        if made == (_ROWS if tame is None else _TAME_ROWS):
            break
        savepoint = connection.begin_nested()
        driver: Any = connection.connection.cursor()
        try:
            values = _with_parents(driver, table, attempt, chance)
            _insert(driver, table, values)
            driver.execute("SET CONSTRAINTS ALL IMMEDIATE")
        except psycopg2.Error as error:
            savepoint.rollback()
            reason = sentence(error)
        else:
            savepoint.commit()
            made += 1
        finally:
            driver.close()
    return made, reason


def _attempts(table: _Table, chance: random.Random) -> Iterator[dict[str, str | None]]:
    """An ordinary row, one with every NULL that may be, one of odd values, then any mixture."""
    given = [column for column in table.columns if not column.given]
    yield {column.name: _pick(column, 0) for column in given}
    yield {column.name: None if not column.not_null else _pick(column, 1) for column in given}
    yield {column.name: _pick(column, 1) for column in given}
    for turn in itertools.count(2):
        yield {
            column.name: None
            if not column.not_null and chance.random() < _NULLS
            else _pick(column, turn + chance.randrange(9))
            for column in given
        }


def _tame_attempts(table: _Table, seed: int) -> Iterator[dict[str, str | None]]:
    """Rows without NULLs, each of other values than the last as long as there are any."""
    given = [column for column in table.columns if not column.given]
    for turn in itertools.count(seed * 2):
        yield {column.name: _pick(column, turn) for column in given}


def _pick(column: _Column, turn: int) -> str | None:
    return column.values[turn % len(column.values)] if column.values else None


def _with_parents(
    driver: Any, table: _Table, values: dict[str, str | None], chance: random.Random
) -> dict[str, str | None]:
    values = dict(values)
    for parent, mine, theirs in table.keys:
        if all(values.get(name) is None for name in mine) and not any(
            c.not_null for c in table.columns if c.name in mine
        ):
            continue
        names = sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in theirs)
        driver.execute(sql.SQL("SELECT {} FROM {} ORDER BY 1 LIMIT 20").format(names, sql.Identifier(*parent)))
        found: Sequence[Sequence[str]] = driver.fetchall()
        if found:
            values |= dict(zip(mine, chance.choice(found), strict=True))
        else:
            values |= dict.fromkeys(mine)
    return values


def _insert(driver: Any, table: _Table, values: Mapping[str, str | None]) -> None:
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
    driver.execute(statement, [values[name] for name in names])


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
        values = _values(kind, base, category, modifier, labels, checks or "")
        table.columns.append(_Column(column, kind, not_null, given, defaulted, values))
    for schema, name, parent_schema, parent, mine, theirs in connection.execute(text(_KEYS)).all():
        if (schema, name) in tables:
            tables[schema, name].keys.append(((parent_schema, parent), mine, theirs))
    return list(tables.values())


def _values(kind: str, base: str, category: str, modifier: int, labels: list[str] | None, checks: str) -> list[str]:
    if labels:
        return labels
    named = re.findall(r"'((?:[^']|'')*)'", checks)
    numbers = [int(n) for n in re.findall(r"(?<![\w'.])-?\d+(?![\w'])", checks)]
    if base in {"bit", "varbit"}:
        length = modifier if base == "bit" and modifier > 0 else 3
        return ["1" * length, "0" * length]
    values = _BY_NAME.get(base)
    if values is None:
        values = _EMPTY_CATEGORIES["A"] + ["{NULL}"] if category == "A" else _EMPTY_CATEGORIES.get(category)
    if values is None:
        values = _BY_CATEGORY.get(category, [])
    if category == "N" or base in {"int2", "int4", "int8", "numeric", "float4", "float8"}:
        values = [str(near) for n in numbers for near in (n + 1, n, n - 1)] + values
    if category == "S":
        length = int(re.search(r"\((\d+)\)", kind)[1]) if re.search(r"\((\d+)\)", kind) else 10_000  # type: ignore[index]
        values = [entry.replace("''", "'")[:length] for entry in [*named, *values]]
    return list(dict.fromkeys(values))


def texts_of(type_name: str, catalogue: Catalogue) -> list[str]:
    """Texts that are values of a type, as one sees them in a column that was text before it became that type."""
    schema, _, bare = type_name.rpartition(".")
    found = catalogue.objects.get(("type", schema or "public", bare))
    if isinstance(found, Enum):
        return list(found.labels)
    short = {"timestamp with time zone": "timestamptz", "timestamp without time zone": "timestamp", "boolean": "bool"}
    base = short.get(type_name, type_name.partition("(")[0])
    if base == "bool":
        return _BY_CATEGORY["B"]
    if base in {"inet", "cidr"}:
        return _BY_CATEGORY["I"]
    return _BY_NAME.get(base) or ["1", "2", "3", "7", "42"]


def _ordered(tables: list[_Table]) -> list[_Table]:
    """Parents first; within a cycle, by name."""
    left = {table.key: table for table in tables}
    ordered: list[_Table] = []
    while left:
        ready = [t for t in left.values() if not any(p in left and p != t.key for p, _, _ in t.keys)]
        ordered += [left.pop(table.key) for table in ready or [next(iter(left.values()))]]
    return ordered


def read_rows(connection: Connection) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Every row of every table as JSON objects, in an order that depends on their content alone."""
    found = {}
    for table in _tables(connection):
        driver: Any = connection.connection.cursor()
        try:
            own = sql.SQL("" if table.partitioned else "ONLY ")
            driver.execute(sql.SQL("SELECT to_jsonb(t)::text FROM {}{} t").format(own, table.quoted))
            found[table.key] = sorted((json.loads(row) for (row,) in driver.fetchall()), key=json.dumps)
        finally:
            driver.close()
    connection.rollback()
    return found
