"""A number for each personal value, the same for the same one in every column of its kind."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any

from psycopg2 import sql
from sqlalchemy import Column, Table

EMPTYING = "null"
"""The kind whose values become NULL, or an empty text where there must be one."""

_COLUMN = """
SELECT format_type(a.atttypid, a.atttypmod) || coalesce(' COLLATE ' || (SELECT c.oid::regcollation::text
    FROM pg_collation c WHERE c.oid = a.attcollation AND a.attcollation <> t.typcollation), ''),
  CASE WHEN t.oid IN ('varchar'::regtype, 'bpchar'::regtype) AND a.atttypmod > 4 THEN a.atttypmod - 4 END
FROM pg_attribute a JOIN pg_type t ON t.oid = a.atttypid WHERE a.attrelid = %s::regclass AND a.attname = %s
"""


@dataclass(frozen=True)
class Part:
    """A marked column, with its type and its greatest length as the database has them."""

    table: Table
    column: Column[Any]
    kind: str
    type: str
    longest: int | None

    @classmethod
    def of(cls, cursor: Any, table: Table, column: Column[Any], kind: str) -> "Part":
        cursor.execute(_COLUMN, (name_of(table).as_string(cursor), column.name))
        return cls(table, column, kind, *(cursor.fetchone() or ("text", None)))

    @property
    def place(self) -> sql.Identifier:
        return name_of(self.table)

    @property
    def quoted(self) -> sql.Identifier:
        return sql.Identifier(self.column.name)


@dataclass(frozen=True)
class Numbers:
    """The numbers of a kind's values, from 0 to below `count`; `longest` is what fits into each of its columns."""

    kind: str
    key: int
    count: int
    longest: int | None

    def of(self, part: Part) -> sql.Composed:
        """An expression for the number of a column's value; NULL where that is. It costs a search in memory for each
        row: the list, which is a function's result that never changes, is looked up once for a statement.
        """
        return sql.SQL("(width_bucket({}, {}()) - 1)").format(_hash(part, self.key), _listed(self.kind))


def number(cursor: Any, parts: Sequence[Part], seed: int) -> tuple[dict[str, Numbers], dict[str, int]]:
    """Number the values of every kind, and count the different ones of every column, until the transaction ends.

    A value's number is its place among all of its kind, in the order of a hash whose key follows from `seed` and from
    all these values: so it is the same each time, and whoever has `seed` and tries one value alone learns nothing.
    No value is written anywhere, and none leaves the server; only hashes are, of 64 bits. Two values with one hash,
    which one in 36 million databases with a million values would have, become one value.
    """
    keys = _keys(cursor, parts, seed)
    by_kind: dict[str, list[Part]] = defaultdict(list)
    for part in parts:
        by_kind[part.kind].append(part)
    numbers: dict[str, Numbers] = {}
    counts: dict[str, int] = {}
    for kind, mine in by_kind.items():
        found, count = _list(cursor, kind, keys[kind], mine)
        counts.update(zip((f"{part.table.key}.{part.column.name}" for part in mine), found, strict=True))
        lengths = [part.longest for part in mine if part.longest is not None]
        numbers[kind] = Numbers(kind, keys[kind], count, min(lengths, default=None))
    return numbers, counts


def name_of(table: Table) -> sql.Identifier:
    return sql.Identifier(table.schema, table.name) if table.schema else sql.Identifier(table.name)


def _keys(cursor: Any, parts: Sequence[Part], seed: int) -> Mapping[str, int]:
    first = {part.kind: _key(seed, part.kind) for part in parts}
    sums: dict[str, list[str]] = defaultdict(list)
    for table in dict.fromkeys(part.table for part in parts):
        mine = [part for part in parts if part.table is table]
        asked = sql.SQL(", ").join(sql.SQL("sum({})").format(_hash(part, first[part.kind])) for part in mine)
        cursor.execute(sql.SQL("SELECT {} FROM {}").format(asked, name_of(table)))
        for part, found in zip(mine, cursor.fetchone(), strict=True):
            sums[part.kind].append(str(found))
    return {kind: _key(seed, kind, *found) for kind, found in sums.items()}


def _key(*facts: object) -> int:
    return int.from_bytes(sha256("/".join(map(str, facts)).encode()).digest()[:8], "little", signed=True)


def _hash(part: Part, key: int) -> sql.Composed:
    return sql.SQL('hashtextextended({}::text COLLATE "C", {})').format(part.quoted, sql.Literal(key))


def _list(cursor: Any, kind: str, key: int, parts: Sequence[Part]) -> tuple[list[int], int]:
    """Have a function that gives the hashes of a kind in their order; how many each column has, and how many all have.

    PostgreSQL calls a function that never changes once for each place of it in a statement, when it plans that.
    """
    table = sql.Identifier("pg_temp", f"seedbed_lists_{kind}")
    cursor.execute(sql.SQL("CREATE TEMP TABLE {} (hashes bigint[]) ON COMMIT DROP").format(table))
    inserted = sql.SQL("INSERT INTO {} VALUES (ARRAY({} ORDER BY hash)) RETURNING cardinality(hashes)")
    different = sql.SQL("SELECT DISTINCT {} AS hash FROM {} WHERE {} IS NOT NULL")
    counts, count = [], 0
    for part in parts:
        cursor.execute(inserted.format(table, different.format(_hash(part, key), part.place, part.quoted)))
        count = cursor.fetchone()[0]
        counts.append(count)
    if len(parts) > 1:
        cursor.execute(inserted.format(table, sql.SQL("SELECT DISTINCT unnest(hashes) AS hash FROM {}").format(table)))
        count = cursor.fetchone()[0]
    cursor.execute(
        sql.SQL(
            "CREATE FUNCTION {}() RETURNS bigint[] LANGUAGE plpgsql IMMUTABLE AS"
            " $$ BEGIN RETURN (SELECT hashes FROM {} ORDER BY cardinality(hashes) DESC LIMIT 1); END $$"
        ).format(_listed(kind), table)
    )
    return counts, count


def _listed(kind: str) -> sql.Identifier:
    return sql.Identifier("pg_temp", f"seedbed_list_{kind}")
