"""The rows that are tried for a table, one after another: such as the models make, and awkward ones."""

import itertools
import random
from collections.abc import Iterator, Mapping

from seedbed.migrations.proof.samples.sample_values import VALUES_PER_COLUMN
from seedbed.migrations.proof.samples.target_tables import SampleColumn, SampleTable

TAME_ROWS = 2
"""As many as a boolean has values, so that each row can differ from the other in every column."""
_HALF = VALUES_PER_COLUMN // 2
"""Where the values of a unique column begin in a second filling: of 16, a filling needs four."""
_NULLS = 0.2


def list_attempts(table: SampleTable, seed: int, chance: random.Random) -> Iterator[dict[str, str | None]]:
    """An ordinary row, one with every NULL that may be, one of odd values and one of the longest; then any mixture, and
    every other one ordinary again where there are models that say what that is.
    """
    given = [column for column in table.columns if not column.is_generated]
    first = seed * _HALF

    def row(number: int, turns: Mapping[str, int | None]) -> dict[str, str | None]:
        chosen = ((c, number if c.is_unique else turns[c.name]) for c in given)
        return {c.name: None if turns[c.name] is None or turn is None else _pick(c, turn) for c, turn in chosen}

    def bound(number: int) -> dict[str, str | None]:
        free = {column.name for column in given if column.is_unconstrained}
        return {name: value for name, value in table.model_row(number).items() if name not in free}

    yield row(first, {column.name: 0 for column in given}) | table.model_row(first)
    nulls: dict[str, str | None] = {column.name: None for column in given if not column.not_null}
    yield row(first + 1, {column.name: 1 for column in given}) | bound(first + 1) | nulls
    yield (
        row(first + 2, {column.name: 1 for column in given}) | bound(first + 2) | _pick_unmodelled_values(table, given)
    )
    for number in itertools.count(first + 3):
        turns = {column.name: number - first - 1 + chance.randrange(9) for column in given}
        none = {column.name for column in given if not column.not_null and chance.random() < _NULLS}
        mixed = row(number, {name: None if name in none else at for name, at in turns.items()})
        if number == first + 3:
            yield (
                mixed
                | bound(number)
                | {c.name: c.longest_value for c in given if c.is_unconstrained and c.longest_value is not None}
            )
        else:
            yield mixed | table.model_row(number) if number % 2 else mixed


def _pick_unmodelled_values(table: SampleTable, given: list[SampleColumn]) -> dict[str, str | None]:
    """Values that a CHECK names and the models do not make any more: a rule that becomes narrower is tried on them."""
    found: dict[str, str | None] = {}
    for column in given if table.model_rows else []:
        made = {one.get(column.name) for one in table.model_rows}
        left = [value for value in column.values if column.is_checked and not column.is_unique and value not in made]
        if left:
            found[column.name] = left[0]
    return found


def list_tame_attempts(table: SampleTable, seed: int) -> Iterator[dict[str, str | None]]:
    """Rows without NULLs, each of other values than the last as long as there are any; such as the models make, and
    where these do not go, such as they do not.
    """
    given = [column for column in table.columns if not column.is_generated]
    first = seed * TAME_ROWS

    def row(turn: int) -> dict[str, str | None]:
        return {column.name: _pick(column, turn) for column in given}

    for turn in itertools.count(first):
        yield row(turn) | table.model_row(turn)
        if table.model_rows and turn > first:
            yield row(turn - 1)


def _pick(column: SampleColumn, turn: int) -> str | None:
    return column.values[turn % len(column.values)] if column.values else None
