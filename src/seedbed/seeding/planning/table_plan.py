"""One table's part of a plan: it makes any row of itself, so that children need no memory of their parents."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from sqlalchemy import Column, Table
from sqlglot import exp

from seedbed.seeding.analysis.checks import Check, checks_of
from seedbed.seeding.analysis.column_constraints import known_rules
from seedbed.seeding.analysis.foreign_keys import references
from seedbed.seeding.analysis.inheritance import Inheritance, inheritance_of
from seedbed.seeding.analysis.timestamp_roles import column_that_says
from seedbed.seeding.analysis.unique_constraints import finite
from seedbed.seeding.analysis.value_facts import Facts
from seedbed.seeding.api.rules import Rule
from seedbed.seeding.api.seeds_file import Share, Wanted
from seedbed.seeding.core.batch import Batch, Numbers
from seedbed.seeding.core.batch_cache import Memory
from seedbed.seeding.core.column_types import Kind, kind_of, own_processing
from seedbed.seeding.core.faker_pool import Pools
from seedbed.seeding.core.random_stream import Ints, Stream
from seedbed.seeding.generators.by_type import is_known
from seedbed.seeding.generators.column_generator import Filling
from seedbed.seeding.generators.datetimes import SPAN, end, in_order, moments
from seedbed.seeding.generators.entities.person import Person, persons
from seedbed.seeding.generators.entities.place import Place, places
from seedbed.seeding.generators.selection import filling
from seedbed.seeding.planning.explicit_rows import with_known
from seedbed.seeding.planning.lock_file import Lock
from seedbed.seeding.resolution.cardinality import Spread, settled
from seedbed.seeding.resolution.check_solver import Settling
from seedbed.seeding.resolution.key_consistency import Agreement
from seedbed.seeding.resolution.parent_rows import Existing
from seedbed.seeding.resolution.references import Reference
from seedbed.seeding.resolution.uniqueness import Uniques, uniques

_DESPERATE = 20
"""Attempts at a row that CHECKs refuse after which any number will do, whatever its column is called."""


@dataclass(eq=False)
class TablePlan:
    """`planned` has all tables of the plan, `rank` is this one's place in their order; `known` are rows written out.

    `rows_there` are those of tables that the seeds do not plan; it is empty until a database was asked.
    """

    sql: Table
    model: type[Any] | None
    wish: Wanted
    lock: Lock
    root: Path
    sources: Pools
    planned: "dict[str, TablePlan]" = field(repr=False)
    rank: int
    rows_there: Mapping[str, Existing] = field(default_factory=dict, repr=False)
    memory: Memory = field(init=False, repr=False)

    def __post_init__(self) -> None:
        self.memory = Memory(self)

    @property
    def name(self) -> str:
        return str(self.sql.key)

    @property
    def place(self) -> str:
        return self.wish.place

    @property
    def rules(self) -> Mapping[str, Rule]:
        return self.wish.rules

    @property
    def providers(self) -> tuple[type, ...]:
        return self.wish.providers

    @property
    def as_of(self) -> datetime:
        return self.lock.as_of

    @property
    def share(self) -> Share | None:
        return self.wish.rows if isinstance(self.wish.rows, Share) else None

    @property
    def is_empty(self) -> bool:
        return self.wish.rows == 0

    @cached_property
    def count(self) -> int:
        if self.spread is not None:
            return self.spread.total
        return self.wish.rows if isinstance(self.wish.rows, int) else 0

    def stream(self, column: str) -> Stream:
        return Stream(self.lock.seed, f"{self.name}.{column}")

    # -- columns

    @cached_property
    def kinds(self) -> Mapping[str, Kind]:
        """What each column stores, but for those that the database computes."""
        return {str(c.name): kind_of(c) for c in self.sql.columns if c.computed is None}

    def kind(self, column: str) -> Kind:
        return self.kinds[column] if column in self.kinds else kind_of(self.column(column))

    def column(self, name: str) -> Column[Any]:
        return next(column for column in self.sql.columns if column.name == name)

    @property
    def attributes(self) -> Mapping[str, str]:
        return self.wish.attributes

    @cached_property
    def _known_rules(self) -> tuple[Mapping[str, Facts], tuple[tuple[Check, exp.Expression], ...]]:
        return known_rules(self)

    @cached_property
    def checks(self) -> tuple[Check, ...]:
        return tuple(checks_of(self.sql))

    @property
    def facts(self) -> Mapping[str, Facts]:
        return self._known_rules[0]

    @property
    def wants(self) -> tuple[tuple[Check, exp.Expression], ...]:
        """What CHECKs want of several columns together, or of one in a way that its facts cannot say."""
        return self._known_rules[1]

    def size(self, column: str) -> int:
        return finite(self, column)

    def takes_instances(self, column: str) -> bool:
        """Whether a JSON column's own Python type takes models rather than what JSON has."""
        return own_processing(self.column(column))

    def left_out(self, column: str) -> bool:
        """Whether a column's values are the database's own, and so unknown here."""
        if column in self.rules or (column in self.kinds and is_known(self.kinds[column])):
            return False
        own = self.column(column)
        return own.computed is not None or own.server_default is not None or own.identity is not None

    @cached_property
    def fillings(self) -> Mapping[str, Filling]:
        """What fills the columns, by name and in their order; a column that is left to the database has none."""
        made = (filling(self, self.column(name), self.stream(name)) for name in self.kinds)
        return {found.name: with_known(self, found) for found in made if found is not None}

    def source(self, column: str) -> str:
        """What fills a column, in words."""
        return self.settling.computed(column) or self.fillings[column].source

    @cached_property
    def inheritance(self) -> Inheritance | None:
        """How the classes that are mapped to the table inherit from one another, where they do."""
        return inheritance_of(self)

    @cached_property
    def persons(self) -> Mapping[str, Person]:
        """The columns that are of a person, each with whom it is of."""
        return persons(self)

    @cached_property
    def places(self) -> Mapping[str, Place]:
        """The columns that say where a row is, each with its place."""
        return places(self)

    def varied(self, column: str, attempt: int) -> Filling | None:
        """The same column with other draws, but for rows that are written out; None where it must stay as it is."""
        if any(column in slots.members for slots in self.uniques.slots):
            return None
        if self.inheritance is not None and column == self.inheritance.discriminator:
            return None
        if self.reference_of(column) is not None:
            return None
        if column in self.uniques.columns or column in self.uniques.first | self.uniques.never:
            return None
        if self.uniques.product_of(column):
            return None
        stream = Stream(self.lock.seed, f"{self.name}.{column}/again {attempt}")
        again = filling(self, self.column(column), stream, named=attempt < _DESPERATE)
        return None if again is None else with_known(self, again)

    # -- keys

    @cached_property
    def agreement(self) -> Agreement:
        return Agreement(self)

    def roots(self, column: str) -> tuple[str, Ints]:
        return self.agreement.roots(column)

    @cached_property
    def references(self) -> list[Reference]:
        return references(self)

    @cached_property
    def uniques(self) -> Uniques:
        return uniques(self)

    def reference_of(self, column: str) -> Reference | None:
        """The key that a column's values come from: the first that has it."""
        return next((reference for reference in self.references if column in reference.columns), None)

    @property
    def spread_column(self) -> str | None:
        """The name of the key that the seeds give a number of rows for."""
        return next((reference.name for reference in self.references if reference.follows(self.share)), None)

    @cached_property
    def spread(self) -> Spread | None:
        """How the rows lie side by side by their parents, where the seeds or a unique constraint want it."""
        return settled(self)

    def spread_of(self, reference: Reference) -> Spread | None:
        """The spread that a key follows, if it does."""
        column = self.spread_column or self.uniques.spread
        return self.spread if column is not None and reference.name == column else None

    def existing(self, table: str, columns: list[str]) -> Existing:
        """Rows of a table that the seeds do not plan."""
        return self.rows_there.get(table) or Existing(table, columns, None)

    # -- times

    @cached_property
    def anchors(self) -> list[Reference]:
        """The keys to rows that a row of this table cannot be older than."""
        return [r for r in self.references if not r.late and r.parent is not self and r.parent.is_dated]

    @property
    def is_dated(self) -> bool:
        return self.made_at is not None or bool(self.anchors)

    def made(self, chosen: Ints) -> Ints:
        """When some rows were made: by their own column, or else not before the rows they need."""
        if self.made_at is not None:
            return moments(self.take(self.made_at, chosen), end(self) - SPAN)
        return self._made_by_anchors[chosen]

    @cached_property
    def _made_by_anchors(self) -> Ints:
        rows = range(self.count)
        latest: Ints = np.max(np.stack([anchor.made_at(rows) for anchor in self.anchors]), axis=0)
        return latest

    @cached_property
    def made_at(self) -> str | None:
        return column_that_says(self)

    @cached_property
    def order_of_making(self) -> Any:
        return in_order(self) if any(reference.parent is self for reference in self.references) else None

    # -- values

    @cached_property
    def settling(self) -> Settling:
        return Settling(self)

    def batch(self, column: str, rows: range) -> Batch:
        """A column's values of some rows, as the row's other columns and its CHECKs let them be."""
        return self.settling.batch(column, rows)

    def batches(self, rows: range) -> list[tuple[str, Batch]]:
        return [(name, self.batch(name, rows)) for name in self.fillings]

    def take(self, column: str, chosen: Ints) -> Batch:
        made = self.fillings[column]
        if made.counted:
            return Numbers(None, chosen + 1, self.kinds[column])
        if len(chosen) and (first := int(chosen.min())) + 4 * len(chosen) + 64 > (last := int(chosen.max())):
            return self.batch(column, range(first, last + 1)).take(chosen - first)
        return self.memory.column(column).take(chosen)
