"""The rows to try for a table, one after another: model rows, and rows with edge values."""

import itertools
import random
from collections.abc import Iterator, Mapping

from seedbed.migrations.proof.samples.sample_tables import SampleColumn, SampleTable
from seedbed.migrations.proof.samples.sample_values import VALUES_PER_COLUMN

TAME_ROWS = 2
"""The number of values of a boolean, so that two rows can differ in every column."""
_HALF = VALUES_PER_COLUMN // 2
"""The first value of a unique column in the second set of rows; a set needs four of the 16 values."""
_NULLS = 0.2


def list_attempts(table: SampleTable, seed: int, random_source: random.Random) -> Iterator[dict[str, str | None]]:
    """A row of plain values, one with every possible NULL, one of unusual values and one of the longest; then mixtures,
    every second one a model row, if there are models.
    """
    writable_columns = [column for column in table.columns if not column.is_generated]
    first = seed * _HALF

    def row(number: int, turns_by_column: Mapping[str, int | None]) -> dict[str, str | None]:
        column_turns = ((c, number if c.is_unique else turns_by_column[c.name]) for c in writable_columns)
        return {
            c.name: None if turns_by_column[c.name] is None or turn is None else _pick(c, turn)
            for c, turn in column_turns
        }

    def constrained_values(number: int) -> dict[str, str | None]:
        unconstrained = {column.name for column in writable_columns if column.is_unconstrained}
        return {name: value for name, value in table.model_row(number).items() if name not in unconstrained}

    yield row(first, {column.name: 0 for column in writable_columns}) | table.model_row(first)
    nulls: dict[str, str | None] = {column.name: None for column in writable_columns if not column.not_null}
    yield row(first + 1, {column.name: 1 for column in writable_columns}) | constrained_values(first + 1) | nulls
    yield (
        row(first + 2, {column.name: 1 for column in writable_columns})
        | constrained_values(first + 2)
        | _pick_unmodelled_values(table, writable_columns)
    )
    for number in itertools.count(first + 3):
        turns_by_column = {column.name: number - first - 1 + random_source.randrange(9) for column in writable_columns}
        null_columns = {
            column.name for column in writable_columns if not column.not_null and random_source.random() < _NULLS
        }
        mixed = row(number, {name: None if name in null_columns else turn for name, turn in turns_by_column.items()})
        if number == first + 3:
            yield (
                mixed
                | constrained_values(number)
                | {
                    c.name: c.longest_value
                    for c in writable_columns
                    if c.is_unconstrained and c.longest_value is not None
                }
            )
        else:
            yield mixed | table.model_row(number) if number % 2 else mixed


def _pick_unmodelled_values(table: SampleTable, writable_columns: list[SampleColumn]) -> dict[str, str | None]:
    """Values that a CHECK names and the models no longer generate, to try a check that becomes narrower."""
    values: dict[str, str | None] = {}
    for column in writable_columns if table.model_rows else []:
        modelled_values = {model_row.get(column.name) for model_row in table.model_rows}
        unmodelled_values = [
            value
            for value in column.values
            if column.is_checked and not column.is_unique and value not in modelled_values
        ]
        if unmodelled_values:
            values[column.name] = unmodelled_values[0]
    return values


def list_tame_attempts(table: SampleTable, seed: int) -> Iterator[dict[str, str | None]]:
    """Rows without NULLs, with different values as long as there are any: model rows, and where these fail, others."""
    writable_columns = [column for column in table.columns if not column.is_generated]
    first = seed * TAME_ROWS

    def row(turn: int) -> dict[str, str | None]:
        return {column.name: _pick(column, turn) for column in writable_columns}

    for turn in itertools.count(first):
        yield row(turn) | table.model_row(turn)
        if table.model_rows and turn > first:
            yield row(turn - 1)


def _pick(column: SampleColumn, turn: int) -> str | None:
    return column.values[turn % len(column.values)] if column.values else None
