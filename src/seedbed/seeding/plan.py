"""What a seed run will load, worked out before anything is loaded: tables in order, row counts, columns' sources."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from hashlib import sha256
from typing import Any

from sqlalchemy import DateTime
from sqlalchemy import Table as SqlTable

from seedbed.errors import CyclicReference, ParentNotPlanned
from seedbed.modelling import Schema
from seedbed.seeding.columns import fillings
from seedbed.seeding.filling import Filling, stored
from seedbed.seeding.references import Reference, Spread, references
from seedbed.seeding.seedfile import Lock, Share, Wanted, read_lock, read_seeds
from seedbed.seeding.streams import Stream
from seedbed.seeding.times import is_when_made
from seedbed.seeding.values import Constant, Rule
from seedbed.settings import Environment, Project


@dataclass(frozen=True, eq=False)
class TablePlan:
    """One table's part of a plan. It remakes any row of itself, so children need no memory of their parents.

    `earlier` has the tables planned before it, `planned` the names of all; `place` is where the seeds ask for it.
    """

    sql: SqlTable
    count: int
    rules: Mapping[str, Rule]
    place: str
    lock: Lock
    earlier: Mapping[str, "TablePlan"] = field(repr=False)
    planned: frozenset[str] = field(repr=False)
    spread: Spread | None = field(default=None, repr=False)

    @property
    def name(self) -> str:
        return self.sql.key

    @property
    def as_of(self) -> datetime:
        return self.lock.as_of

    def stream(self, column: str) -> Stream:
        return Stream(self.lock.seed, f"{self.name}.{column}")

    @cached_property
    def references(self) -> Mapping[str, Reference]:
        return references(self)

    @cached_property
    def fillings(self) -> Mapping[str, Filling]:
        """What fills the columns, by name and in their order; a column that is left to the database has none."""
        return {filling.name: filling for filling in fillings(self)}

    @cached_property
    def anchor(self) -> Reference | None:
        """The reference to a row that a row of this table cannot be older than."""
        dated = [found for found in self.references.values() if found.parent.made_at is not None]
        return min(dated, key=lambda found: found.spread is None, default=None)

    @cached_property
    def made_at(self) -> str | None:
        """The column that says when a row was made."""
        names = [c.name for c in self.sql.columns if is_when_made(c.name) and isinstance(stored(c), DateTime)]
        return names[0] if names else None

    def every(self, column: str) -> list[Any]:
        """A column's values of all rows, kept: children that refer to keys other than 1, 2, 3 need them."""
        if column not in self._kept:
            self._kept[column] = list(self.fillings[column].make(range(self.count)))
        return self._kept[column]

    @cached_property
    def _kept(self) -> dict[str, list[Any]]:
        return {}


@dataclass(frozen=True)
class SeedPlan:
    """Everything that a run loads. Two plans with the same `content` load the same rows."""

    environment: Environment
    lock: Lock
    tables: tuple[TablePlan, ...]
    content: str

    @property
    def rows(self) -> int:
        return sum(table.count for table in self.tables)


def plan(project: Project, schema: Schema, environment: Environment) -> SeedPlan:
    """Work out what seeds/<environment>.py asks for, in the order in which foreign keys let it be loaded.

    Raises:
        SeedsNotFound, SeedsNotUsable: the file is missing or raises.
        ParentNotPlanned, CyclicReference, NoGenerator, DomainTooSmall: what it asks for cannot be made.
    """
    wanted = {wish.table: wish for wish in read_seeds(project, schema, environment)}
    lock = read_lock(project)
    planned: dict[str, TablePlan] = {}
    for table in _in_order([table for table in schema.tables if table.key in wanted], wanted):
        planned[table.key] = _table(table, wanted[table.key], lock, planned, frozenset(wanted))
    tables = tuple(planned.values())
    return SeedPlan(environment, lock, tables, _content(lock, tables))


def _in_order(tables: Sequence[SqlTable], wanted: Mapping[str, Wanted]) -> list[SqlTable]:
    """Parents before children. A foreign key that the seeds leave NULL does not count, and so can open a cycle."""
    waiting, ordered = list(tables), list[SqlTable]()
    while waiting:
        left = {table.key for table in waiting}
        free = (table for table in waiting if not left & _needed(table, wanted[table.key]))
        ordered.append(next(free, waiting[0]))
        waiting.remove(ordered[-1])
    return ordered


def _needed(table: SqlTable, wish: Wanted) -> set[str]:
    keys = (key for key in table.foreign_keys if wish.rules.get(key.parent.name) != Constant(None))
    return {key.column.table.key for key in keys} - {table.key}


def _table(
    table: SqlTable, wish: Wanted, lock: Lock, earlier: Mapping[str, TablePlan], planned: frozenset[str]
) -> TablePlan:
    spread = _spread(table, wish.rows, lock, earlier, planned) if isinstance(wish.rows, Share) else None
    count = wish.rows if isinstance(wish.rows, int) else 0
    return TablePlan(
        table,
        spread.total if spread is not None else count,
        wish.rules,
        wish.place,
        lock,
        dict(earlier),
        planned,
        spread,
    )


def _spread(
    table: SqlTable, share: Share, lock: Lock, earlier: Mapping[str, TablePlan], planned: frozenset[str]
) -> Spread:
    parent = earlier.get(share.parent)
    if parent is None and share.parent in planned:
        raise CyclicReference(table.key, share.column, share.parent, nullable=False)
    if parent is None:
        raise ParentNotPlanned(table.key, share.column, share.parent)
    return Spread.over(parent, share.low, share.high, Stream(lock.seed, f"{table.key} per {parent.name}"))


def _content(lock: Lock, tables: Sequence[TablePlan]) -> str:
    """A digest of all that the rows follow from; it changes when a run would load other rows."""
    said = [
        [
            table.name,
            table.count,
            [table.spread.parent.name, table.spread.low, table.spread.high] if table.spread else None,
            [[f.name, f.source, repr(table.rules.get(f.name))] for f in table.fillings.values()],
            [str(column.type) for column in table.sql.columns],
        ]
        for table in tables
    ]
    locked = [lock.engine, lock.seed, lock.as_of.isoformat()]
    return sha256(json.dumps([locked, said]).encode()).hexdigest()[:16]
