"""The rows that are tried for a table, one after another: such as the models make, and awkward ones."""

import itertools
import random
from collections.abc import Iterator, Mapping

from seedbed.migrations.proof.samples.sample_values import ENOUGH
from seedbed.migrations.proof.samples.target_tables import Column, Table

TAME_ROWS = 2
"""As many as a boolean has values, so that each row can differ from the other in every column."""
_HALF = ENOUGH // 2
"""Where the values of a unique column begin in a second filling: of 16, a filling needs four."""
_NULLS = 0.2


def attempts(table: Table, seed: int, chance: random.Random) -> Iterator[dict[str, str | None]]:
    """An ordinary row, one with every NULL that may be, one of odd values and one of the longest; then any mixture, and
    every other one ordinary again where there are models that say what that is.
    """
    given = [column for column in table.columns if not column.given]
    first = seed * _HALF

    def row(number: int, turns: Mapping[str, int | None]) -> dict[str, str | None]:
        chosen = ((c, number if c.unique else turns[c.name]) for c in given)
        return {c.name: None if turns[c.name] is None or turn is None else _pick(c, turn) for c, turn in chosen}

    def bound(number: int) -> dict[str, str | None]:
        free = {column.name for column in given if column.free}
        return {name: value for name, value in table.specimen(number).items() if name not in free}

    yield row(first, {column.name: 0 for column in given}) | table.specimen(first)
    nulls: dict[str, str | None] = {column.name: None for column in given if not column.not_null}
    yield row(first + 1, {column.name: 1 for column in given}) | bound(first + 1) | nulls
    yield row(first + 2, {column.name: 1 for column in given}) | bound(first + 2) | _unmade(table, given)
    for number in itertools.count(first + 3):
        turns = {column.name: number - first - 1 + chance.randrange(9) for column in given}
        none = {column.name for column in given if not column.not_null and chance.random() < _NULLS}
        mixed = row(number, {name: None if name in none else at for name, at in turns.items()})
        if number == first + 3:
            yield mixed | bound(number) | {c.name: c.longest for c in given if c.free and c.longest is not None}
        else:
            yield mixed | table.specimen(number) if number % 2 else mixed


def _unmade(table: Table, given: list[Column]) -> dict[str, str | None]:
    """Values that a CHECK names and the models do not make any more: a rule that becomes narrower is tried on them."""
    found: dict[str, str | None] = {}
    for column in given if table.modelled else []:
        made = {one.get(column.name) for one in table.modelled}
        left = [value for value in column.values if column.checked and not column.unique and value not in made]
        if left:
            found[column.name] = left[0]
    return found


def tame_attempts(table: Table, seed: int) -> Iterator[dict[str, str | None]]:
    """Rows without NULLs, each of other values than the last as long as there are any; such as the models make, and
    where these do not go, such as they do not.
    """
    given = [column for column in table.columns if not column.given]
    first = seed * TAME_ROWS

    def row(turn: int) -> dict[str, str | None]:
        return {column.name: _pick(column, turn) for column in given}

    for turn in itertools.count(first):
        yield row(turn) | table.specimen(turn)
        if table.modelled and turn > first:
            yield row(turn - 1)


def _pick(column: Column, turn: int) -> str | None:
    return column.values[turn % len(column.values)] if column.values else None
