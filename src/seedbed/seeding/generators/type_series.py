"""The j-th value of a type, another one for each j as far as the type has values."""

from collections.abc import Callable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from sqlalchemy.dialects.postgresql import Range

from seedbed.seeding.core.column_types import RANGES, ColumnType
from seedbed.seeding.core.type_registry import TYPES, Dice, SeriesOptions

Nth = Callable[[int, Dice], Any]


def find_series(
    column_type: ColumnType, as_of: datetime, *, unique: bool = False, longest: int | None = None
) -> Nth | None:
    """A function that makes the j-th value of a type, or None for an unknown type.

    Unless `unique`, words and lists of them repeat. Ranges of different j do not overlap, so that a constraint that
    excludes overlaps is kept.
    """
    if column_type.element is not None:
        element = find_series(column_type.element, as_of, unique=unique, longest=longest)
        return None if element is None else lambda j, dice: _list(element, j, dice, unique=unique)
    if column_type.name in RANGES:
        return lambda j, dice: _range(column_type.name, as_of, j, dice)
    if column_type.name.endswith("multirange"):
        name = column_type.name.replace("multirange", "range")
        return lambda j, dice: _ranges(name, as_of, j, dice)
    if column_type.labels and column_type.name not in {"json", "jsonb"}:
        return lambda _, dice: dice.pick(column_type.labels)
    make = TYPES[column_type.name].series if column_type.name in TYPES else None
    if make is None:
        return None
    options = SeriesOptions(column_type.size, column_type.decimals, as_of, unique, longest)
    return lambda j, dice: make(j, dice, options)


def _list(element: Nth, j: int, dice: Dice, *, unique: bool) -> list[Any]:
    if unique:
        return [element(j, dice), *(element(dice.below(100), dice) for _ in range(dice.below(2)))]
    if dice.below(10) == 0:
        return []
    return [element(dice.below(200), dice) for _ in range(1 + dice.below(3))]


def _range(name: str, as_of: datetime, j: int, dice: Dice) -> Any:
    bounds: tuple[Any, Any]
    width = 1 + dice.below(8)
    match RANGES[name]:
        case "date":
            start = as_of.date() - timedelta(days=10 * (j + 1))
            bounds = (start, start + timedelta(days=width))
        case "timestamp" | "timestamptz":
            moment = as_of.replace(tzinfo=as_of.tzinfo if name == "tstzrange" else None) - timedelta(hours=10 * (j + 1))
            bounds = (moment, moment + timedelta(hours=width))
        case "numeric":
            bounds = (Decimal(10 * j), Decimal(10 * j + width))
        case _:
            bounds = (10 * j, 10 * j + width)
    return Range(*bounds, bounds="[)")


def _ranges(name: str, as_of: datetime, j: int, dice: Dice) -> list[Any]:
    parts = (_range(name, as_of, 2 * j + part, dice) for part in range(1 + dice.below(2)))
    return sorted(parts, key=lambda part: part.lower)
