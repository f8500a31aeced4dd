"""What fills one column of a table."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, Interval, UniqueConstraint
from sqlalchemy.types import TypeDecorator, TypeEngine

if TYPE_CHECKING:
    from seedbed.seeding.plan import TablePlan

Maker = Callable[[range], Sequence[Any]]
"""Makes a column's values of a range of rows; each row's is the same in whichever range it is asked for."""

_EMPTY = 0.2
"""How many rows leave a nullable column NULL."""


@dataclass(frozen=True)
class Filling:
    """A column, what fills it in words, and what makes its values; `counted` where row i has the number i + 1."""

    name: str
    source: str
    make: Maker
    counted: bool = False


def constant(column: Column[Any], value: Any, why: str = "") -> Filling:
    """The same value in every row."""
    shown = "NULL" if value is None else f"always {value!r}"
    return Filling(column.name, shown + why, lambda rows: [value] * len(rows))


def counted(column: Column[Any]) -> Filling:
    """The number of the row."""
    return Filling(column.name, "1, 2, 3 and so on", lambda rows: range(rows.start + 1, rows.stop + 1), counted=True)


def sometimes_empty(table: "TablePlan", filling: Filling) -> Filling:
    """The same, and NULL in a fifth of the rows."""
    stream = table.stream(filling.name).part("null")

    def make(rows: range) -> list[Any]:
        missing = (stream.fractions(rows) < _EMPTY).tolist()
        return [None if gone else value for value, gone in zip(filling.make(rows), missing, strict=True)]

    return replace(filling, source=f"{filling.source}, NULL in {_EMPTY:.0%}", make=make, counted=False)


def stored(column: Column[Any]) -> TypeEngine[Any]:
    """The type that the database has; a Python-side type is one that is stored as another."""
    kind: TypeEngine[Any] = column.type
    while isinstance(kind, TypeDecorator) and not isinstance(kind, Interval):  # SQLAlchemy makes an Interval of a time
        kind = kind.impl_instance
    return kind


def longest(column: Column[Any]) -> int | None:
    """How many characters a text column takes, where that is limited."""
    length: int | None = getattr(stored(column), "length", None)
    return length


def is_unique(column: Column[Any]) -> bool:
    """Whether no two rows may have the same value in this column alone; part of a primary key counts as much, unless it
    refers to another table.
    """
    table = column.table
    if column.primary_key:
        return len(table.primary_key) == 1 or not column.foreign_keys
    keys = [c.columns.keys() for c in table.constraints if isinstance(c, UniqueConstraint)]
    keys += [index.columns.keys() for index in table.indexes if index.unique]
    return bool(column.unique) or [column.key] in keys
