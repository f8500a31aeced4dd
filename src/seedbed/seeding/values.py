"""The words of a seeds file: what a column is filled with, and how many rows a table gets."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlmodel import SQLModel


@dataclass(frozen=True)
class FakerValues:
    """Values of one of Faker's providers. `line` is where they were asked for, `place` the same for a message."""

    provider: str
    arguments: tuple[tuple[str, Any], ...]
    line: tuple[str, int] = field(repr=False, compare=False)
    place: str = field(default="", repr=False, compare=False)


@dataclass(frozen=True)
class Choice:
    """One of several values, some more often than others."""

    values: tuple[Any, ...]
    weights: tuple[float, ...]


@dataclass(frozen=True)
class Constant:
    """One value in every row."""

    value: Any


Rule = FakerValues | Choice | Constant


def faker(provider: str, **arguments: Any) -> FakerValues:
    """Fill a column from a Faker provider: `faker("sentence", nb_words=6)`.

    A provider is called a few thousand times, whatever the number of rows, and its values are sampled; sentences and
    paragraphs are put together from two such values. In a unique text column a value that comes again gets a number.
    """
    return FakerValues(provider, tuple(sorted(arguments.items())), calling_line())


def choice(values: Sequence[Any] | Mapping[Any, float]) -> Choice:
    """Fill a column with one of some values; a mapping gives each its weight: `choice({"open": 8, "closed": 2})`."""
    weights = values.values() if isinstance(values, Mapping) else [1.0] * len(values)
    made = Choice(tuple(values), tuple(float(weight) for weight in weights))
    if not made.values:
        raise ValueError("choice() has no values to choose from")
    if min(made.weights) < 0 or not sum(made.weights) > 0:
        raise ValueError(f"choice({values!r}): weights must not be negative, and one must be above 0")
    return made


def constant(value: Any) -> Constant:
    """Fill a column with one value; None leaves it NULL."""
    return Constant(value)


@dataclass(frozen=True)
class Per:
    """Between `low` and `high` rows for each row of a parent."""

    parent: type[SQLModel]
    low: int
    high: int


def per(parent: type[SQLModel], low: int, high: int) -> Per:
    """Give each row of `parent` between `low` and `high` rows, both included: `per(User, 0, 40)`."""
    if not 0 <= low <= high:
        raise ValueError(f"per({parent.__name__}, {low}, {high}): 0 <= low <= high is needed")
    return Per(parent, low, high)


def calling_line() -> tuple[str, int]:
    """The file and line that called the function that asks."""
    caller = sys._getframe(2)  # noqa: SLF001 - the traceback of a failure is too late: what is asked for fails later
    return caller.f_code.co_filename, caller.f_lineno
