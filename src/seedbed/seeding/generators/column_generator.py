"""The generator of one column, and the request it is made for."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from typing import Any

import numpy as np
from sqlalchemy import Column

from seedbed.errors import NullNotAllowed, TooFewUniqueValues
from seedbed.seeding.analysis.inheritance import format_identities, is_identity
from seedbed.seeding.analysis.unique_constraints import find_expression_columns
from seedbed.seeding.core import big_integers, column_batch
from seedbed.seeding.core.column_batch import Batch, Bools, Coded, Numbers, make_coded, make_fixed_pool
from seedbed.seeding.core.faker_pool import FakerPools
from seedbed.seeding.core.postgres_types import ColumnType
from seedbed.seeding.core.random_stream import Ints, Stream, make_indices
from seedbed.seeding.resolution.resolved_table import ResolvedTable

BatchMaker = Callable[[range], Batch]
"""Makes a column's values for a range of rows. A row's value does not depend on the range."""


@dataclass(frozen=True, eq=False)
class ColumnGenerator:
    """Makes the values of a column. `is_row_number` is true if row i has the number i + 1.

    A `shortage` says that there are more rows than values, of which none may repeat; then nothing is made.
    """

    name: str
    description: str
    make: BatchMaker
    is_row_number: bool = False
    shortage: TooFewUniqueValues | None = None


@dataclass(frozen=True, eq=False)
class ColumnRequest:
    """A column to fill, its random stream, and whether its values are unique.

    `get_places` returns the positions of rows in a unique order, if a constraint determines them; otherwise a row's
    position is its number. `place_count` is the number of positions. With `uses_name`, the column's name narrows its
    values.
    """

    table: ResolvedTable
    pools: FakerPools
    column: Column[Any]
    stream: Stream
    is_unique: bool
    get_places: Callable[[range], Ints] | None = None
    place_count: int | None = None
    uses_name: bool = True

    @property
    def name(self) -> str:
        return str(self.column.name)

    @property
    def ignores_case(self) -> bool:
        """Whether a constraint may treat values that differ only in case as equal."""
        return self.column_type.name == "citext" or self.name in find_expression_columns(self.table.sql)

    @property
    def column_type(self) -> ColumnType:
        return self.table.get_type(self.name)

    def places(self, rows: range) -> Ints:
        return make_indices(rows) if self.get_places is None else self.get_places(rows)

    @property
    def required_count(self) -> int:
        """The number of different values that a unique column needs."""
        return self.table.count if self.place_count is None else self.place_count

    @property
    def prepared_count(self) -> int:
        """The number of values to prepare: factories make only a few rows."""
        return min(self.required_count, _FEW) if self.table.request.is_partial else self.required_count


_FEW = 4096


def make_shortage(request: ColumnRequest, possible: int) -> ColumnGenerator:
    """Make a generator that reports too few values for the rows."""
    return make_failing_generator(
        request, TooFewUniqueValues(request.table.name, request.name, request.required_count, possible)
    )


def make_failing_generator(request: ColumnRequest, error: TooFewUniqueValues) -> ColumnGenerator:
    def make(_: range) -> Batch:
        raise error

    return ColumnGenerator(request.name, "", make, shortage=error)


def generate_constant(column: Column[Any], value: Any, reason: str = "") -> ColumnGenerator:
    """Generate the same value in every row."""
    shown = "NULL" if value is None else f"always {value!r}"
    value_batch = column_batch.repeat(value, 1)
    return ColumnGenerator(
        column.name, shown + reason, lambda rows: value_batch.take(np.zeros(len(rows), dtype=np.int64))
    )


def check_nulls(request: ColumnRequest, values: Sequence[Any], source: str) -> None:
    """Check that a column which is NOT NULL is given no None.

    Raises:
        NullNotAllowed: it is. Rows of which only a few columns are read, as factories do, are no concern of this.
    """
    if not request.column.nullable and not request.table.request.is_partial and any(value is None for value in values):
        raise NullNotAllowed(request.table.name, request.name, source, request.table.location)


def generate_counter(request: ColumnRequest, start: int = 1, step: int = 1) -> ColumnGenerator:
    """The number of the row, from `start` on and so many apart; of a numeric both are in units of its last decimal."""
    column_type = request.column_type
    unit = 10**column_type.decimals if column_type.name == "numeric" else 1

    def make(rows: range) -> Batch:
        numbers = big_integers.add(big_integers.multiply(request.places(rows), np.array(step)), np.array(start))
        return Numbers(None, big_integers.shrink(numbers), column_type)

    plain = start == step == unit == 1 and request.get_places is None
    within = " for each" if request.get_places is not None else ""
    first = [Fraction(start + place * step, unit) for place in range(3)]
    shown = [str(number) if number.denominator == 1 else f"{float(number):g}" for number in first]
    return ColumnGenerator(request.name, f"{', '.join(shown)} and so on{within}", make, is_row_number=plain)


def generate_choice(
    request: ColumnRequest, values: Sequence[Any], weights: Sequence[float] | None = None, reason: str = ""
) -> ColumnGenerator:
    """Generate one of some values, or each once in a unique column. None is NULL."""
    if request.is_unique and request.required_count > len(values):
        return make_shortage(request, len(values))
    pool = make_fixed_pool(f"{request.table.name}.{request.name}", values)
    bounds = np.cumsum(weights if weights is not None else [1.0] * len(values))
    bounds /= bounds[-1]  # not by sum(), which adds floats in another way since Python 3.12

    def make(rows: range) -> Batch:
        if request.is_unique:
            return make_coded(pool, request.stream.permutation(len(values), request.places(rows)))
        return make_coded(pool, np.searchsorted(bounds, request.stream.fractions(rows), side="right").astype(np.int64))

    return ColumnGenerator(request.name, f"one of {len(values)} values{reason}", make)


def add_nulls(generator: ColumnGenerator, stream: Stream, share: float) -> ColumnGenerator:
    """Set a share of the rows to NULL."""
    stream = stream.substream("null")

    def make(rows: range) -> Batch:
        return generator.make(rows).with_nulls(stream.fractions(rows) < share)

    return replace(
        generator, description=f"{generator.description}, NULL in {share:.0%}", make=make, is_row_number=False
    )


def generate_discriminator(request: ColumnRequest) -> ColumnGenerator:
    """Fill the column that says which class a row is of."""
    table, inheritance = request.table, request.table.inheritance
    identities = [] if inheritance is None else inheritance.identities
    pool = make_fixed_pool(f"{table.name}.{request.name}", identities)
    source = f"its class: {format_identities(identities)}"
    return ColumnGenerator(request.name, source, lambda rows: Coded(None, table.own_rows.find_classes(rows), pool))


def limit_to_classes(table: ResolvedTable, generator: ColumnGenerator) -> ColumnGenerator:
    """A column's generator, NULL in the rows of classes that do not have the column."""
    inheritance, column = table.inheritance, table.get_column(generator.name)
    discriminator = None if inheritance is None else inheritance.discriminator
    if inheritance is None or discriminator is None or discriminator == generator.name or not column.nullable:
        return generator
    identities = inheritance.find_identities_with(column)
    if len(identities) == len(inheritance.identities) or not identities:
        return generator

    def make(rows: range) -> Batch:
        return generator.make(rows).with_nulls(~_is_among(table.own_rows.batch(discriminator, rows), identities))

    source = f"{generator.description}; NULL unless {discriminator} is {format_identities(identities)}"
    return replace(generator, description=source, make=make, is_row_number=False)


def _is_among(batch: Batch, identities: Sequence[Any]) -> Bools:
    if isinstance(batch, Coded) and batch.nulls is None:
        entries = batch.pool.make_all()
        matches = [any(is_identity(identity, entry) for identity in identities) for entry in entries]
        return np.array(matches, dtype=np.bool_)[batch.codes]
    matches = [any(is_identity(identity, value) for identity in identities) for value in batch.tolist()]
    return np.array(matches, dtype=np.bool_)
