"""Rows that the seeds give explicitly, put over generated ones."""

from dataclasses import replace
from typing import Any

import numpy as np

from seedbed.errors import InvalidSeedsFile, NullNotAllowed
from seedbed.seeding.core.batch import Batch, Objects
from seedbed.seeding.generators.column_generator import ColumnGenerator
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
