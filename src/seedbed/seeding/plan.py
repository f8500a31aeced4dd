"""What a seed run will load, worked out before anything is loaded: tables in order, row counts, columns' sources."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np
from sqlalchemy import Column, DateTime
from sqlalchemy import Table as SqlTable

from seedbed.errors import ParentNotPlanned
from seedbed.modelling import Schema
from seedbed.seeding.columns import ColumnPlan, column_plans, made_between
from seedbed.seeding.seedfile import Lock, Wanted, read_lock, read_seeds
from seedbed.seeding.streams import Ints, Stream
from seedbed.seeding.values import Per
from seedbed.settings import Environment, Project


@dataclass(frozen=True, eq=False)
class Spread:
    """How many rows each row of a parent gets. Its only state is the running total, 8 bytes a parent."""

    parent: "TablePlan"
    low: int
    high: int
    ends: Ints

    @classmethod
    def over(cls, parent: "TablePlan", wish: Per, stream: Stream) -> "Spread":
        counts = stream.below(wish.high - wish.low + 1, range(parent.count)) + wish.low
        return cls(parent, wish.low, wish.high, np.cumsum(counts))

    @property
    def total(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    def parents(self, rows: range) -> Ints:
        """Which parent each row belongs to, counted from 0."""
        return np.searchsorted(self.ends, np.arange(rows.start, rows.stop), side="right").astype(np.int64)


@dataclass(frozen=True, eq=False)
class TablePlan:
    """One table's part of a plan. It remakes any row of itself, so children need no memory of their parents."""

    sql: SqlTable
    count: int
    seed: int
    as_of: datetime
    earlier: Mapping[str, "TablePlan"] = field(repr=False)
    spread: Spread | None = field(default=None, repr=False)
    columns: tuple[ColumnPlan, ...] = ()

    @property
    def name(self) -> str:
        return self.sql.key

    def stream(self, column: str) -> Stream:
        return Stream(self.seed, f"{self.name}.{column}")

    def parent_of(self, column: Column[Any]) -> "TablePlan":
        """The planned table that a foreign key points to.

        Raises:
            ParentNotPlanned: it gets no rows.
        """
        key = next(iter(column.foreign_keys)).column.table.key
        parent = self.earlier.get(key)
        if parent is None or parent.count == 0:
            raise ParentNotPlanned(self.name, column.name, key)
        return parent

    @cached_property
    def made_at(self) -> str | None:
        """The column that says when a row was made."""
        names = [c.name for c in self.sql.columns if c.name.startswith("created") and isinstance(_kind(c), DateTime)]
        return names[0] if names else None

    def times(self, column: str, rows: range) -> list[datetime]:
        return made_between(self, column, rows)

    def times_of(self, column: str, rows: Ints) -> list[datetime]:
        """Times of scattered rows, ascending and with repeats, as children in the order of their parents need them."""
        if not len(rows):
            return []
        first = int(rows[0])
        made = self.times(column, range(first, int(rows[-1]) + 1))
        return [made[i] for i in (rows - first).tolist()]

    def words_for(self, column: str) -> str:
        after = f"after its {self.spread.parent.name} was" if self.spread else "in the two years"
        return f"{after} made, before as_of" if self.spread else f"{after} before as_of" if column else after


@dataclass(frozen=True)
class SeedPlan:
    """Everything that a run loads. Two plans with the same `content` load the same rows."""

    environment: Environment
    lock: Lock
    tables: tuple[TablePlan, ...]

    @property
    def rows(self) -> int:
        return sum(table.count for table in self.tables)

    @property
    def content(self) -> str:
        """A digest of all that the rows follow from; it changes when a run would load other rows."""
        said = [
            [t.name, t.count, [[c.name, c.source] for c in t.columns], [str(c.type) for c in t.sql.columns]]
            for t in self.tables
        ]
        lock = [self.lock.engine, self.lock.seed, self.lock.as_of.isoformat()]
        return sha256(json.dumps([lock, said]).encode()).hexdigest()[:16]


def plan(project: Project, schema: Schema, environment: Environment) -> SeedPlan:
    """Work out what seeds/<environment>.py asks for, in the order in which foreign keys let it be loaded.

    Raises:
        SeedsNotFound, SeedsNotUsable: the file is missing or raises.
        ParentNotPlanned, NoGenerator, DomainTooSmall: what it asks for cannot be made.
    """
    lock = read_lock(project)
    wanted = {wish.table: wish for wish in read_seeds(project, schema, environment)}
    planned: dict[str, TablePlan] = {}
    for table in schema.tables:
        if table.key in wanted:
            planned[table.key] = _table(table, wanted[table.key], lock, planned, schema)
    return SeedPlan(environment, lock, tuple(planned.values()))


def _table(table: SqlTable, wish: Wanted, lock: Lock, earlier: Mapping[str, TablePlan], schema: Schema) -> TablePlan:
    earlier = dict(earlier)
    spread = None
    if isinstance(wish.rows, Per):
        key = next(key for key, model in schema.models.items() if model is wish.rows.parent)
        if key not in earlier:
            raise ParentNotPlanned(table.key, "the number of rows", key)
        spread = Spread.over(earlier[key], wish.rows, Stream(lock.seed, f"{table.key} per {key}"))
    count = spread.total if spread is not None else wish.rows
    bare = TablePlan(table, int(count), lock.seed, lock.as_of, earlier, spread)  # type: ignore[arg-type]
    return TablePlan(table, bare.count, lock.seed, lock.as_of, earlier, spread, column_plans(bare, wish.rules))


def _kind(column: Column[Any]) -> Any:
    return getattr(column.type, "impl_instance", column.type)


def ordered_rows(table: TablePlan, rows: range) -> Sequence[tuple[Any, ...]]:
    """Rows of a range, each a tuple in the order of `table.columns`."""
    return list(zip(*(column.make(rows) for column in table.columns), strict=True))
