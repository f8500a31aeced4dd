"""Foreign keys: which row of its parent each row refers to."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import Column

from seedbed.errors import CyclicReference, DomainTooSmall, NoGenerator, ParentNotPlanned
from seedbed.seeding.filling import Filling, is_unique
from seedbed.seeding.streams import Ints, Stream
from seedbed.seeding.times import made_at

if TYPE_CHECKING:
    from seedbed.seeding.plan import TablePlan


@dataclass(frozen=True, eq=False)
class Spread:
    """How many rows each row of a parent gets. Its only state is the running total, 8 bytes a parent."""

    parent: "TablePlan"
    low: int
    high: int
    ends: Ints

    @classmethod
    def over(cls, parent: "TablePlan", low: int, high: int, stream: Stream) -> "Spread":
        counts = stream.below(high - low + 1, range(parent.count)) + low
        return cls(parent, low, high, np.cumsum(counts))

    @property
    def total(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def parents(self, rows: range) -> Ints:
        """Which parent each row belongs to, counted from 0."""
        return np.searchsorted(self.ends, np.arange(rows.start, rows.stop), side="right").astype(np.int64)


@dataclass(frozen=True, eq=False)
class Reference:
    """One column of a foreign key. `spread` is set where the rows of one parent lie side by side."""

    table: "TablePlan"
    column: Column[Any]
    parent: "TablePlan"
    target: str
    stream: Stream
    spread: Spread | None

    def parents(self, rows: range) -> Ints:
        """Which row of the parent each row refers to, counted from 0."""
        if self.spread is not None:
            return self.spread.parents(rows)
        if is_unique(self.column):
            return self.stream.permutation(self.parent.count, np.arange(rows.start, rows.stop, dtype=np.int64))
        return self.stream.below(self.parent.count, rows)

    def filling(self) -> Filling:
        """The keys of those rows.

        Raises:
            DomainTooSmall: each parent may be referred to once, and there are too few.
            NoGenerator: the key it refers to is left to the database, which alone knows it.
        """
        name, parent = self.column.name, self.parent
        several = self.spread.high > 1 if self.spread is not None else self.table.count > parent.count
        if several and is_unique(self.column):
            raise DomainTooSmall(self.table.name, name, self.table.count, parent.count)
        keys = parent.fillings.get(self.target)
        if keys is None:
            raise NoGenerator(self.table.name, name, f"{parent.name}.{self.target}, which the database fills")

        def make(rows: range) -> list[Any]:
            chosen = self.parents(rows)
            if keys.counted:
                counted: list[Any] = (chosen + 1).tolist()
                return counted
            made = parent.every(self.target)
            return [made[i] for i in chosen.tolist()]

        each = f", {self.spread.low} to {self.spread.high} for each" if self.spread is not None else ""
        return Filling(name, f"a {parent.name}{each}", make)

    def made_at(self, rows: range) -> list[datetime]:
        """When the rows referred to were made."""
        chosen = self.parents(rows)
        if self.spread is None or not len(chosen):
            return [self._made[i] for i in chosen.tolist()]
        first, last = int(chosen[0]), int(chosen[-1])
        made = made_at(self.parent, range(first, last + 1))
        return [made[i] for i in (chosen - first).tolist()]

    @cached_property
    def _made(self) -> list[datetime]:
        return made_at(self.parent, range(self.parent.count))


def references(table: "TablePlan") -> Mapping[str, Reference]:
    """The foreign key columns that no rule fills, by name.

    The columns of one key draw from one stream, so that they refer to one row. The first key to the table of a spread
    follows the spread; a second one to the same table, such as a reviewer beside an author, does not.

    Raises:
        CyclicReference: a row would need rows that come after it.
        ParentNotPlanned: the table that is referred to gets no rows.
    """
    found: dict[str, Reference] = {}
    spread, order = table.spread, [column.name for column in table.sql.columns]
    for key in sorted(table.sql.foreign_key_constraints, key=lambda key: order.index(key.elements[0].parent.name)):
        free = [(e.parent, e.column) for e in key.elements if e.parent.name not in {*table.rules, *found}]
        if not free:
            continue
        parent = _parent(table, free[0][0], free[0][1].table.key)
        stream = table.stream(key.elements[0].parent.name)
        followed = spread if spread is not None and spread.parent is parent else None
        for column, target in free:
            found[column.name] = Reference(table, column, parent, target.name, stream, followed)
        if followed is not None:
            spread = None
    return found


def _parent(table: "TablePlan", column: Column[Any], key: str) -> "TablePlan":
    parent = table.earlier.get(key)
    if key == table.name or (parent is None and key in table.planned):
        raise CyclicReference(table.name, column.name, key, nullable=bool(column.nullable))
    if parent is None or parent.count == 0:
        raise ParentNotPlanned(table.name, column.name, key)
    return parent
