"""The rules of a seeds file: what fills a column, and how many rows a table gets.

A rule's `identity` is its part of a plan's digest. Lock files and databases keep such digests, so an identity must not
change when a class or a field is renamed. A change of an identity requires a new engine version.
"""

import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class FakerValues:
    """Values of a Faker provider. `caller` is the file and line of the rule, `location` the same for messages."""

    provider: str
    arguments: tuple[tuple[str, Any], ...]
    locale: str | None = None
    caller: tuple[str, int] = field(default=("", 0), repr=False, compare=False)
    location: str = field(default="", repr=False, compare=False)

    @property
    def identity(self) -> str:
        return f"FakerValues(provider={self.provider!r}, arguments={self.arguments!r}, locale={self.locale!r})"


@dataclass(frozen=True)
class Choice:
    """A random choice from several values, with weights."""

    values: tuple[Any, ...]
    weights: tuple[float, ...]

    @property
    def identity(self) -> str:
        return f"Choice(values={self.values!r}, weights={self.weights!r})"


@dataclass(frozen=True)
class Constant:
    """The same value in every row."""

    value: Any

    @property
    def identity(self) -> str:
        return f"Constant(value={self.value!r})"


@dataclass(frozen=True)
class Derived:
    """A value computed from the other columns of its row. The source of its function is its identity."""

    function: Callable[[Any], Any] = field(repr=False)
    caller: tuple[str, int] = field(default=("", 0), repr=False, compare=False)
    location: str = field(default="", repr=False, compare=False)


@dataclass(frozen=True)
class Template:
    """A text that contains other columns of its row."""

    text: str

    @property
    def identity(self) -> str:
        return f"Template(text={self.text!r})"


@dataclass(frozen=True)
class FromFile:
    """A column of a CSV or JSON file. After the last row of the file comes the first one again."""

    path: str
    column: str | None

    @property
    def identity(self) -> str:
        return f"FromFile(path={self.path!r}, column={self.column!r})"


@dataclass(frozen=True)
class Same:
    """Pairs of columns, own and parent's, that must be equal in a row and in the row its foreign key refers to."""

    columns: tuple[tuple[str, str], ...]

    @property
    def identity(self) -> str:
        return f"Same(columns={self.columns!r})"


Rule = FakerValues | Choice | Constant | Derived | Template | FromFile | Same


def faker(provider: str, /, *, locale: str | None = None, **arguments: Any) -> Any:
    """Fill a column from a Faker provider: `faker("sentence", nb_words=6)`, `faker("city", locale="de_DE")`.

    A provider is called a few thousand times, whatever the number of rows, and its values are sampled; sentences and
    paragraphs are put together from two such values. In a unique column no value is given twice: once they run out,
    names, prose, addresses and file names get a number where it belongs, and others are refused.
    """
    return FakerValues(provider, tuple(sorted(arguments.items())), locale, get_calling_line())


def choice(values: Sequence[Any] | Mapping[Any, float]) -> Any:
    """Fill a column with one of some values; a mapping gives each its weight: `choice({"open": 8, "closed": 2})`.

    None is NULL.
    """
    weights = values.values() if isinstance(values, Mapping) else [1.0] * len(values)
    rule = Choice(tuple(values), tuple(float(weight) for weight in weights))
    if not rule.values:
        raise ValueError("choice() has no values to choose from")
    if min(rule.weights) < 0 or not sum(rule.weights) > 0:
        raise ValueError(f"choice({values!r}): weights must not be negative, and one must be above 0")
    return rule


def constant(value: Any) -> Any:
    """Fill a column with one value; None leaves it NULL."""
    return Constant(value)


def derive(function: Callable[[Any], Any]) -> Any:
    """Fill a column from the others of its row: `derive(lambda row: row.price * row.quantity)`.

    `row` has the row's columns as attributes, made when they are asked for, and `row.i`, its number from 0.
    """
    return Derived(function, get_calling_line())


def template(text: str) -> Any:
    """Fill a column with a text that has other columns in it: `template("{first_name}.{last_name}@example.com")`.

    `{i}` is the row's number from 1. Formats of `str.format` may follow a colon. A template with a NULL in it is NULL.
    """
    return Template(text)


def from_file(path: str | Path, column: str | None = None) -> Any:
    """Fill a column from a CSV or JSON file of the project: the values of one of its columns, row by row.

    After the last line comes the first again. `column` is the filled column's own name unless given; a JSON file that
    is a list of values needs none. An empty cell of a CSV file is NULL, or an empty text in a text column that is NOT
    NULL.
    """
    return FromFile(str(path), column)


def same(**columns: str) -> Any:
    """Have a foreign key refer to a row that agrees with this one: `address_id=same(user_id="owner_id")` is an address
    whose `owner_id` is this row's `user_id`. Where both are called the same, it is so without being said.
    """
    return Same(tuple(columns.items()))


@dataclass(frozen=True)
class Per:
    """The number of rows for each parent row. With an `exponent`, few parents have many rows and most have few."""

    parent: type[Any]
    low: int
    high: int
    exponent: float | None = None


def per(parent: type[Any], low: int, high: int) -> Per:
    """Give each row of `parent` between `low` and `high` rows, both included: `per(User, 0, 40)`."""
    if not 0 <= low <= high:
        raise ValueError(f"per({parent.__name__}, {low}, {high}): 0 <= low <= high is needed")
    return Per(parent, low, high)


def fixed(parent: type[Any], count: int) -> Per:
    """Give each row of `parent` the same number of rows: `fixed(Order, 3)`."""
    return per(parent, count, count)


def zipf(parent: type[Any], low: int, high: int, *, exponent: float = 1.2) -> Per:
    """Give most rows of `parent` near `low` rows and a few of them up to `high`: `zipf(User, 0, 1000)`.

    One with k more than `low` is k ** exponent times rarer than one with 1 more.
    """
    if not 0 <= low <= high or not exponent > 0:
        raise ValueError(f"zipf({parent.__name__}, {low}, {high}): 0 <= low <= high and exponent > 0 are needed")
    return Per(parent, low, high, exponent)


def get_calling_line() -> tuple[str, int]:
    """Return the file and line that called the caller of this function."""
    caller = sys._getframe(2)  # noqa: SLF001 - the traceback of a failure is too late: what is asked for fails later
    return caller.f_code.co_filename, caller.f_lineno
