"""The generator of one column, and the request it is made for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from sqlalchemy import Column

from seedbed.errors import NullNotAllowed, TooFewUniqueValues
from seedbed.seeding.analysis.unique_constraints import expression_columns
from seedbed.seeding.core import batch, big_integers
from seedbed.seeding.core.batch import Batch, Numbers, make_coded, make_fixed_pool
from seedbed.seeding.core.column_types import ColumnType
from seedbed.seeding.core.faker_pool import FakerPools
from seedbed.seeding.core.random_stream import Ints, Stream, make_indices
from seedbed.seeding.resolution.resolved_table import ResolvedTable

Maker = Callable[[range], Batch]
"""Makes a column's values for a range of rows. A row's value does not depend on the range."""


@dataclass(frozen=True, eq=False)
class ColumnGenerator:
    """A column, what fills it in words, and what makes its values; `counted` where row i has the number i + 1.

    A `shortage` says that there are more rows than values, of which none may repeat; then nothing is made.
    """

    name: str
    source: str
    make: Maker
    counted: bool = False
    shortage: TooFewUniqueValues | None = None


@dataclass(frozen=True, eq=False)
class ColumnRequest:
    """One column to be filled: its stream of chance, and whether no two rows may be the same in it.

    `place` says at which place of a unique order a row stands, where a constraint decides that; it is the row's own
    number otherwise. `count` is how many places there are. `named` says that the column's name narrows its values.
    """

    table: ResolvedTable
    sources: FakerPools
    column: Column[Any]
    stream: Stream
    unique: bool
    place: Callable[[range], Ints] | None = None
    count: int | None = None
    named: bool = True

    @property
    def name(self) -> str:
        return str(self.column.name)

    @property
    def ignores_case(self) -> bool:
        """Whether a constraint may treat values that differ only in case as equal."""
        return self.kind.name == "citext" or self.name in expression_columns(self.table.sql)

    @property
    def kind(self) -> ColumnType:
        return self.table.kind(self.name)

    def places(self, rows: range) -> Ints:
        return make_indices(rows) if self.place is None else self.place(rows)

    @property
    def most(self) -> int:
        """How many different values a unique column needs."""
        return self.table.count if self.count is None else self.count

    @property
    def distinct(self) -> int:
        """How many of these to prepare: factories make only a few rows."""
        return min(self.most, _FEW) if self.table.request.is_partial else self.most


_FEW = 4096


def too_few(request: ColumnRequest, possible: int) -> ColumnGenerator:
    """What stands in the place of a generator that has too few values for the rows."""
    return shortage(request, TooFewUniqueValues(request.table.name, request.name, request.most, possible))


def shortage(request: ColumnRequest, error: TooFewUniqueValues) -> ColumnGenerator:
    def make(_: range) -> Batch:
        raise error

    return ColumnGenerator(request.name, "", make, shortage=error)


def constant(column: Column[Any], value: Any, why: str = "") -> ColumnGenerator:
    """The same value in every row."""
    shown = "NULL" if value is None else f"always {value!r}"
    one = batch.repeat(value, 1)
    return ColumnGenerator(column.name, shown + why, lambda rows: one.take(np.zeros(len(rows), dtype=np.int64)))


def check_nulls(request: ColumnRequest, values: Sequence[Any], source: str) -> None:
    """Check that a column which is NOT NULL is given no None.

    Raises:
        NullNotAllowed: it is. Rows of which only a few columns are read, as factories do, are no concern of this.
    """
    if not request.column.nullable and not request.table.request.is_partial and any(value is None for value in values):
        raise NullNotAllowed(request.table.name, request.name, source, request.table.place)


def counted(request: ColumnRequest, start: int = 1, step: int = 1) -> ColumnGenerator:
    """The number of the row, from `start` on and so many apart; of a numeric both are in units of its last decimal."""
    kind = request.kind
    unit = 10**kind.decimals if kind.name == "numeric" else 1

    def make(rows: range) -> Batch:
        numbers = big_integers.add(big_integers.multiply(request.places(rows), np.array(step)), np.array(start))
        return Numbers(None, big_integers.shrink(numbers), kind)

    plain = start == step == unit == 1 and request.place is None
    within = " for each" if request.place is not None else ""
    first = [Fraction(start + place * step, unit) for place in range(3)]
    shown = [str(number) if number.denominator == 1 else f"{float(number):g}" for number in first]
    return ColumnGenerator(request.name, f"{', '.join(shown)} and so on{within}", make, counted=plain)


def one_of(
    request: ColumnRequest, values: Sequence[Any], weights: Sequence[float] | None = None, why: str = ""
) -> ColumnGenerator:
    """One of some values, or each once where none may repeat. None is NULL."""
    if request.unique and request.most > len(values):
        return too_few(request, len(values))
    pool = make_fixed_pool(f"{request.table.name}.{request.name}", values)
    bounds = np.cumsum(weights if weights is not None else [1.0] * len(values))
    bounds /= bounds[-1]  # not by sum(), which adds floats in another way since Python 3.12

    def make(rows: range) -> Batch:
        if request.unique:
            return make_coded(pool, request.stream.permutation(len(values), request.places(rows)))
        return make_coded(pool, np.searchsorted(bounds, request.stream.fractions(rows), side="right").astype(np.int64))

    return ColumnGenerator(request.name, f"one of {len(values)} values{why}", make)


def sometimes_empty(generator: ColumnGenerator, stream: Stream, share: float) -> ColumnGenerator:
    """The same generator, with NULL in a share of the rows."""
    stream = stream.substream("null")

    def make(rows: range) -> Batch:
        return generator.make(rows).with_nulls(stream.fractions(rows) < share)

    return replace(generator, source=f"{generator.source}, NULL in {share:.0%}", make=make, counted=False)
