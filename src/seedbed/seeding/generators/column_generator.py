"""What fills one column of a table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import Column, UniqueConstraint

from seedbed.errors import TooFewUniqueValues, NullNotAllowed
from seedbed.seeding.analysis.unique_constraints import folded_columns
from seedbed.seeding.core import batch, big_integers
from seedbed.seeding.core.batch import Batch, Numbers, fixed_pool, pooled
from seedbed.seeding.core.column_types import Kind
from seedbed.seeding.core.random_stream import Ints, Stream

if TYPE_CHECKING:
    from seedbed.seeding.planning.table_plan import TablePlan

Maker = Callable[[range], Batch]
"""Makes a column's values of a range of rows; each row's is the same in whichever range it is asked for."""


@dataclass(frozen=True, eq=False)
class Filling:
    """A column, what fills it in words, and what makes its values; `counted` where row i has the number i + 1."""

    name: str
    source: str
    make: Maker
    counted: bool = False


@dataclass(frozen=True, eq=False)
class Wish:
    """One column to be filled: its stream of chance, and whether no two rows may be the same in it.

    `place` says at which place of a unique order a row stands, where a constraint decides that; it is the row's own
    number otherwise. `count` is how many places there are. `named` says that the column's name narrows its values.
    """

    table: "TablePlan"
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
        """Whether two values that differ in capitals alone may be the same to a constraint."""
        return self.kind.name == "citext" or self.name in folded_columns(self.table.sql)

    @property
    def kind(self) -> Kind:
        return self.table.kind(self.name)

    def places(self, rows: range) -> Ints:
        return indices(rows) if self.place is None else self.place(rows)

    @property
    def most(self) -> int:
        """How many different values are needed where none may repeat."""
        return self.table.count if self.count is None else self.count

    @property
    def distinct(self) -> int:
        """How many of these are worth having at once: where only a few rows are made, as by factories, not all."""
        return min(self.most, _FEW) if self.table.wish.few else self.most


_FEW = 4096


def indices(rows: range) -> Ints:
    return np.arange(rows.start, rows.stop, dtype=np.int64)


def constant(column: Column[Any], value: Any, why: str = "") -> Filling:
    """The same value in every row."""
    shown = "NULL" if value is None else f"always {value!r}"
    one = batch.constant(value, 1)
    return Filling(column.name, shown + why, lambda rows: one.take(np.zeros(len(rows), dtype=np.int64)))


def check_nulls(wish: Wish, values: Sequence[Any], source: str) -> None:
    """Check that a column which is NOT NULL is given no None.

    Raises:
        NullNotAllowed: it is. Rows of which only a few columns are read, as factories do, are no concern of this.
    """
    if not wish.column.nullable and not wish.table.wish.few and any(value is None for value in values):
        raise NullNotAllowed(wish.table.name, wish.name, source, wish.table.place)


def counted(wish: Wish, start: int = 1, step: int = 1) -> Filling:
    """The number of the row, from `start` on and so many apart; of a numeric both are in units of its last decimal."""
    kind = wish.kind
    unit = 10**kind.decimals if kind.name == "numeric" else 1

    def make(rows: range) -> Batch:
        numbers = big_integers.add(big_integers.multiply(wish.places(rows), np.array(step)), np.array(start))
        return Numbers(None, big_integers.short(numbers), kind)

    plain = start == step == unit == 1 and wish.place is None
    within = " for each" if wish.place is not None else ""
    first = [Fraction(start + place * step, unit) for place in range(3)]
    shown = [str(number) if number.denominator == 1 else f"{float(number):g}" for number in first]
    return Filling(wish.name, f"{', '.join(shown)} and so on{within}", make, counted=plain)


def chosen(wish: Wish, values: Sequence[Any], weights: Sequence[float] | None = None, why: str = "") -> Filling:
    """One of some values, or each once where none may repeat. None is NULL.

    Raises:
        TooFewUniqueValues: none may repeat, and there are more rows than values.
    """
    if wish.unique and wish.most > len(values):
        raise TooFewUniqueValues(wish.table.name, wish.name, wish.most, len(values))
    pool = fixed_pool(f"{wish.table.name}.{wish.name}", values)
    bounds = np.cumsum(weights if weights is not None else [1.0] * len(values))
    bounds /= bounds[-1]  # not by sum(), which adds floats in another way since Python 3.12

    def make(rows: range) -> Batch:
        if wish.unique:
            return pooled(pool, wish.stream.permutation(len(values), wish.places(rows)))
        return pooled(pool, np.searchsorted(bounds, wish.stream.fractions(rows), side="right").astype(np.int64))

    return Filling(wish.name, f"one of {len(values)} values{why}", make)


def sometimes_empty(filling: Filling, stream: Stream, share: float) -> Filling:
    """The same, and NULL in a share of the rows."""
    stream = stream.part("null")

    def make(rows: range) -> Batch:
        return filling.make(rows).without(stream.fractions(rows) < share)

    return replace(filling, source=f"{filling.source}, NULL in {share:.0%}", make=make, counted=False)


def is_unique(column: Column[Any]) -> bool:
    """Whether no two rows may have the same value in this column alone."""
    table = column.table
    if column.primary_key and len(table.primary_key) == 1:
        return True
    keys = [c.columns.keys() for c in table.constraints if isinstance(c, UniqueConstraint)]
    return bool(column.unique) or [column.key] in keys
