"""Give each personal value a random number, the same for equal values in all columns of a kind."""

import secrets
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

import numpy as np
from psycopg2 import sql

from seedbed.seeding.masking.personal_columns import EMPTYING, MarkedColumn, name_of


@dataclass(frozen=True)
class Ranks:
    """The ranks of a kind's values, from 0 to `count` - 1; `max_length` is what fits into each of its columns."""

    kind: str
    hash_seed: int
    count: int
    max_length: int | None

    def of(self, column: str) -> sql.Composed:
        """An expression for the rank of a column's value; NULL for NULL.

        The two functions are immutable, so PostgreSQL calls each once per statement and then searches a constant.
        """
        return sql.SQL("({}())[width_bucket({}, {}())]").format(
            _ranks(self.kind), _hash(column, self.hash_seed), _hashes(self.kind)
        )


def assign_ranks(cursor: Any, columns: Sequence[MarkedColumn]) -> tuple[dict[str, Ranks], dict[str, int]]:
    """Give every value of each kind a random rank, and count the distinct values of each column.

    The ranks of a kind are a permutation drawn from the operating system's random numbers. COPY takes it to a temporary
    table that ends with the transaction, so it is in no statement's text and no log. Neither the original values nor
    this code say which rank a value has.

    No value leaves the server. A hash of 64 bits, with a seed of its own in each run, finds the value's rank; two
    values with the same hash would become one value: expect that in one of 36 million databases with a million values.
    """
    by_kind: dict[str, list[MarkedColumn]] = defaultdict(list)
    for column in columns:
        by_kind[column.kind].append(column)
    hash_seed = secrets.randbits(64) - (1 << 63)
    ranks: dict[str, Ranks] = {}
    counts: dict[str, int] = {}
    for kind, of_kind in by_kind.items():
        distinct, count = _store_hashes(cursor, kind, hash_seed, of_kind)
        if kind != EMPTYING:
            _store_ranks(cursor, kind, count)
        counts.update(zip((column.key for column in of_kind), distinct, strict=True))
        lengths = [column.max_length for column in of_kind if column.max_length is not None]
        ranks[kind] = Ranks(kind, hash_seed, count, min(lengths, default=None))
    return ranks, counts


def _store_hashes(cursor: Any, kind: str, hash_seed: int, columns: Sequence[MarkedColumn]) -> tuple[list[int], int]:
    """Store the hashes of a kind in their order; return how many each column has, and how many all have."""
    table = sql.Identifier("pg_temp", f"seedbed_values_{kind}")
    cursor.execute(sql.SQL("CREATE TEMP TABLE {} (hashes bigint[]) ON COMMIT DROP").format(table))
    insert = sql.SQL("INSERT INTO {} VALUES (ARRAY({} ORDER BY hash)) RETURNING cardinality(hashes)")
    distinct = sql.SQL("SELECT DISTINCT {} AS hash FROM {} WHERE {} IS NOT NULL")
    counts = []
    for column in columns:
        name = column.column.name
        found = distinct.format(_hash(name, hash_seed), name_of(column.table), sql.Identifier(name))
        cursor.execute(insert.format(table, found))
        counts.append(cursor.fetchone()[0])
    count = counts[0]
    if len(columns) > 1:
        cursor.execute(insert.format(table, sql.SQL("SELECT DISTINCT unnest(hashes) AS hash FROM {}").format(table)))
        count = cursor.fetchone()[0]
    longest = sql.SQL("SELECT hashes FROM {} ORDER BY cardinality(hashes) DESC LIMIT 1").format(table)
    _create_constant(cursor, _hashes(kind), "bigint[]", longest)
    return counts, count


def _store_ranks(cursor: Any, kind: str, count: int) -> None:
    table = sql.Identifier("pg_temp", f"seedbed_random_{kind}")
    cursor.execute(sql.SQL("CREATE TEMP TABLE {} (ranks int[]) ON COMMIT DROP").format(table))
    permutation = np.frombuffer(secrets.token_bytes(8 * count), np.uint64).argsort()
    array = StringIO(f"{{{','.join(map(str, permutation.tolist()))}}}\n")
    cursor.copy_expert(sql.SQL("COPY {} FROM STDIN").format(table), array)
    _create_constant(cursor, _ranks(kind), "int[]", sql.SQL("SELECT ranks FROM {}").format(table))


def _create_constant(cursor: Any, name: sql.Identifier, type_: str, query: sql.Composed) -> None:
    """Create a function whose result PostgreSQL takes for a constant of the statement that calls it."""
    cursor.execute(
        sql.SQL("CREATE FUNCTION {}() RETURNS {} LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN ({}); END $$").format(
            name, sql.SQL(type_), query
        )
    )


def _hash(column: str, seed: int) -> sql.Composed:
    return sql.SQL('hashtextextended({}::text COLLATE "C", {})').format(sql.Identifier(column), sql.Literal(seed))


def _hashes(kind: str) -> sql.Identifier:
    return sql.Identifier("pg_temp", f"seedbed_hashes_{kind}")


def _ranks(kind: str) -> sql.Identifier:
    return sql.Identifier("pg_temp", f"seedbed_ranks_{kind}")
