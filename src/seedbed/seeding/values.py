"""The words of a seeds file: what a column is filled with, and how many rows a table gets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlmodel import SQLModel


@dataclass(frozen=True)
class FakerValues:
    """Values of one of Faker's providers."""

    provider: str
    arguments: tuple[tuple[str, Any], ...]


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

    A provider is called a few thousand times, whatever the number of rows, and its values are sampled.
    """
    return FakerValues(provider, tuple(sorted(arguments.items())))


def choice(values: Sequence[Any] | Mapping[Any, float]) -> Choice:
    """Fill a column with one of some values; a mapping gives each its weight: `choice({"open": 8, "closed": 2})`."""
    if isinstance(values, Mapping):
        return Choice(tuple(values), tuple(float(weight) for weight in values.values()))
    return Choice(tuple(values), (1.0,) * len(values))


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
