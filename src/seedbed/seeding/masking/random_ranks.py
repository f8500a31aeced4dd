"""Random ranks of personal values; equal values in all columns of a kind have the same rank."""

import secrets
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from io import StringIO
from typing import Any

import numpy as np
from psycopg2 import sql

from seedbed.seeding.masking.personal_columns import NULL_KIND, MarkedColumn, build_identifier


@dataclass(frozen=True)
class Ranks:
    """The ranks of a kind's values, from 0 to `count` - 1; `max_length` is the shortest limit of its columns."""

    kind: str
    hash_seed: int
    count: int
    max_length: int | None

    def build_rank(self, column: str) -> sql.Composed:
        """Build an expression for the rank of a column's value; NULL for NULL.

        The two functions are immutable, so PostgreSQL calls each once per statement and then searches a constant.
        """
        return sql.SQL("({}())[width_bucket({}, {}())]").format(
            _ranks_function(self.kind), _build_hash(column, self.hash_seed), _hashes_function(self.kind)
        )


def assign_ranks(cursor: Any, columns: Sequence[MarkedColumn]) -> tuple[dict[str, Ranks], dict[str, int]]:
    """Give every value of each kind a random rank, and count the distinct values of each column.

    The ranks of a kind are a permutation from the operating system's random numbers. COPY sends it to a temporary table
    that is dropped at commit, so it appears in no statement and no log, and nobody can compute a value's rank.

    No value leaves the server. A value's rank is found by a 64-bit hash whose seed differs in each run. Two values with
    the same hash would become one: expect that in one of 36 million databases with a million values.
    """
    by_kind: dict[str, list[MarkedColumn]] = defaultdict(list)
    for column in columns:
        by_kind[column.kind].append(column)
    hash_seed = secrets.randbits(64) - (1 << 63)
    ranks: dict[str, Ranks] = {}
    counts: dict[str, int] = {}
    for kind, kind_columns in by_kind.items():
        distinct, count = _store_hashes(cursor, kind, hash_seed, kind_columns)
        if kind != NULL_KIND:
            _store_ranks(cursor, kind, count)
        counts.update(zip((column.key for column in kind_columns), distinct, strict=True))
        lengths = [column.max_length for column in kind_columns if column.max_length is not None]
        ranks[kind] = Ranks(kind, hash_seed, count, min(lengths, default=None))
    return ranks, counts


def _store_hashes(cursor: Any, kind: str, hash_seed: int, columns: Sequence[MarkedColumn]) -> tuple[list[int], int]:
    """Store the sorted hashes of a kind; return the number in each column and the number in all of them."""
    table = sql.Identifier("pg_temp", f"seedbed_values_{kind}")
    cursor.execute(sql.SQL("CREATE TEMP TABLE {} (hashes bigint[]) ON COMMIT DROP").format(table))
    insert = sql.SQL("INSERT INTO {} VALUES (ARRAY({} ORDER BY hash)) RETURNING cardinality(hashes)")
    distinct = sql.SQL("SELECT DISTINCT {} AS hash FROM {} WHERE {} IS NOT NULL")
    counts = []
    for column in columns:
        name = column.column.name
        query = distinct.format(_build_hash(name, hash_seed), build_identifier(column.table), sql.Identifier(name))
        cursor.execute(insert.format(table, query))
        counts.append(cursor.fetchone()[0])
    count = counts[0]
    if len(columns) > 1:
        cursor.execute(insert.format(table, sql.SQL("SELECT DISTINCT unnest(hashes) AS hash FROM {}").format(table)))
        count = cursor.fetchone()[0]
    longest = sql.SQL("SELECT hashes FROM {} ORDER BY cardinality(hashes) DESC LIMIT 1").format(table)
    _create_constant(cursor, _hashes_function(kind), "bigint[]", longest)
    return counts, count


def _store_ranks(cursor: Any, kind: str, count: int) -> None:
    table = sql.Identifier("pg_temp", f"seedbed_random_{kind}")
    cursor.execute(sql.SQL("CREATE TEMP TABLE {} (ranks int[]) ON COMMIT DROP").format(table))
    permutation = np.frombuffer(secrets.token_bytes(8 * count), np.uint64).argsort()
    array = StringIO(f"{{{','.join(map(str, permutation.tolist()))}}}\n")
    cursor.copy_expert(sql.SQL("COPY {} FROM STDIN").format(table), array)
    _create_constant(cursor, _ranks_function(kind), "int[]", sql.SQL("SELECT ranks FROM {}").format(table))


def _create_constant(cursor: Any, name: sql.Identifier, type_: str, query: sql.Composed) -> None:
    """Create a function that PostgreSQL evaluates once per statement, as a constant."""
    cursor.execute(
        sql.SQL("CREATE FUNCTION {}() RETURNS {} LANGUAGE plpgsql IMMUTABLE AS $$ BEGIN RETURN ({}); END $$").format(
            name, sql.SQL(type_), query
        )
    )


def _build_hash(column: str, seed: int) -> sql.Composed:
    return sql.SQL('hashtextextended({}::text COLLATE "C", {})').format(sql.Identifier(column), sql.Literal(seed))


def _hashes_function(kind: str) -> sql.Identifier:
    return sql.Identifier("pg_temp", f"seedbed_hashes_{kind}")


def _ranks_function(kind: str) -> sql.Identifier:
    return sql.Identifier("pg_temp", f"seedbed_ranks_{kind}")
