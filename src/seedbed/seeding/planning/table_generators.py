"""The generators of a table's columns, with the rows that the seeds give explicitly."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from seedbed.errors import InvalidSeedsFile, NullNotAllowed, TooFewUniqueValues
from seedbed.seeding.core.column_batch import Batch, Objects
from seedbed.seeding.core.faker_pool import FakerPools
from seedbed.seeding.core.random_stream import Stream
from seedbed.seeding.generators.column_generator import ColumnGenerator
from seedbed.seeding.generators.selection import GeneratorContext, make_column_generator, make_generator_sources
from seedbed.seeding.resolution.resolved_table import ResolvedTable


def add_explicit_rows(table: ResolvedTable, generator: ColumnGenerator) -> ColumnGenerator:
    """Put the explicit values of a column over its generated ones.

    Where rows are counted, one that is written out changes places with the row that has its number, so that
    `known(id=5)` collides with no other.

    Raises:
        NullNotAllowed: a None is written out for a column that is NOT NULL.
    """
    explicit_values = {
        i: row[generator.name] for i, row in enumerate(table.request.explicit_rows) if generator.name in row
    }
    if not explicit_values:
        return generator
    column = table.get_column(generator.name)
    if not column.nullable and any(value is None for value in explicit_values.values()):
        raise NullNotAllowed(table.name, generator.name, "known(...)", table.location)
    make = generator.make
    placed_values = explicit_values if not generator.is_row_number else _swap_row_numbers(explicit_values, table.count)

    def make_batch(rows: range) -> Batch:
        batch = make(rows)
        here = [(i - rows.start, value) for i, value in placed_values.items() if i in rows]
        if not here:
            return batch
        values = batch.tolist()
        for at, value in here:
            values[at] = value
        nulls = np.array([value is None for value in values], dtype=np.bool_)
        return Objects(nulls if nulls.any() else None, values)

    return replace(
        generator,
        description=f"{generator.description}, {len(explicit_values)} written out",
        make=make_batch,
        is_row_number=False,
    )


def check_explicit_rows(table: ResolvedTable) -> None:
    """Check that all rows that are written out are among those that are planned.

    Raises:
        InvalidSeedsFile: they are more.
    """
    if len(table.request.explicit_rows) > table.count:
        message = (
            f"{table.name}: {len(table.request.explicit_rows)} rows are written out, and {table.count} are planned"
        )
        raise InvalidSeedsFile(table.location, message)


def _swap_row_numbers(known: dict[int, Any], count: int) -> dict[int, Any]:
    """Row numbers with explicit ones swapped in: a row whose number is taken gets one that is free."""
    taken = {value for value in known.values() if isinstance(value, int)}
    free_numbers = [i + 1 for i in known if i + 1 not in taken]
    displaced_rows = [value - 1 for value in sorted(taken) if 0 < value <= count and value - 1 not in known]
    return {**known, **dict(zip(displaced_rows, free_numbers, strict=False))}


_MAX_NAMED_ATTEMPTS = 20
"""Failed attempts at a row after which column names no longer narrow its numbers."""


@dataclass(frozen=True, eq=False)
class TableGenerators:
    """`columns` are what fills the columns, by name and in their order; a column that is left to the database has
    none. A `shortage` says that one of them has too few values for the rows.
    """

    table: ResolvedTable
    sources: GeneratorContext
    columns: Mapping[str, ColumnGenerator]
    shortage: TooFewUniqueValues | None = None

    def redraw(self, column: str, attempt: int) -> ColumnGenerator | None:
        """Return a generator with other random draws, or None if the column must not change."""
        table, uniqueness = self.table, self.table.uniqueness
        if any(column in slots.members for slots in self.sources.slots):
            return None
        if table.inheritance is not None and column == table.inheritance.discriminator:
            return None
        if table.find_key(column) is not None or column in {
            *uniqueness.columns,
            *uniqueness.first_row_flags,
            *uniqueness.false_flags,
        }:
            return None
        if uniqueness.find_combination(column) is not None:
            return None
        stream = Stream(table.seed, f"{table.name}.{column}/again {attempt}")
        generator = make_column_generator(self.sources, column, stream, named=attempt < _MAX_NAMED_ATTEMPTS)
        return None if generator is None else add_explicit_rows(table, generator)


def build_generators(table: ResolvedTable, pools: FakerPools) -> TableGenerators:
    """Choose the generators of a table's columns.

    Raises:
        NoGenerator: a column can be neither filled nor left out.
        NullNotAllowed: the seeds write out a None for a column that is NOT NULL.
    """
    sources = make_generator_sources(table, pools)
    columns: dict[str, ColumnGenerator] = {}
    for name in table.column_types:
        generator = make_column_generator(sources, name, table.make_stream(name))
        if generator is None:
            continue
        if generator.shortage is not None:
            return TableGenerators(table, sources, columns, generator.shortage)
        columns[name] = add_explicit_rows(table, generator)
    return TableGenerators(table, sources, columns)
