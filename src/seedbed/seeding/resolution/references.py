"""Foreign keys: which row of its parent each row refers to, so that keys that meet again agree."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING

import numpy as np

from seedbed.errors import TooFewUniqueValues
from seedbed.seeding.analysis.unique_constraints import has_one_root
from seedbed.seeding.api.seeds_file import Share
from seedbed.seeding.core.batch import Batch, constant
from seedbed.seeding.core.random_stream import Ints, Stream, Words
from seedbed.seeding.generators.column_generator import Filling, indices
from seedbed.seeding.generators.datetimes import SPAN, end
from seedbed.seeding.resolution.parent_rows import Existing, Parent

if TYPE_CHECKING:
    from seedbed.seeding.planning.table_plan import TablePlan

_EMPTY = 0.2
_ROOTS = 0.15
"""How many rows of a forest are roots."""


@dataclass(eq=False)
class Reference:
    """One foreign key of a table. `pairs` are its columns and those they refer to; `also` are columns of this table
    that the row referred to must agree with, and its own for them.

    `choose` picks the parents where a unique constraint decides them. `name` is the first of its columns that no other
    key has, so that it tells this key from the others.
    """

    table: "TablePlan"
    pairs: tuple[tuple[str, str], ...]
    parent: Parent
    stream: Stream
    nullable: bool
    late: bool = False
    also: dict[str, str] = field(default_factory=dict)
    choose: Callable[[range], Ints] | None = None
    unique: bool = False
    source: str = ""
    name: str = ""
    _grouped: tuple[Ints, Ints] | None = None

    @property
    def columns(self) -> tuple[str, ...]:
        return tuple(own for own, _ in self.pairs)

    def follows(self, share: Share | None) -> bool:
        """Whether this is the key whose parents a number of rows is given for."""
        return share is not None and share.parent == self.parent.name and share.column in self.columns

    @property
    def says(self) -> Mapping[str, str]:
        """Columns of this table that follow from the row referred to, and that row's own for them."""
        return {**self.also, **dict(self.pairs)}

    def parents(self, rows: range) -> Ints:
        """Which row of the parent each row refers to, counted from 0; -1 where to none."""
        settling = self.table.settling
        if settling.is_drawing:  # what is drawn may be drawn again
            return self._settled(rows)
        found: Ints = self.table.memory.answer((self.name, rows.start, rows.stop), lambda: self._settled(rows))
        return found

    def _settled(self, rows: range) -> Ints:
        found = self.table.settling.parents(self, rows)
        return self.drawn(rows) if found is None else found

    def keys(self, column: str, chosen: Ints) -> Batch:
        """A column's values for some rows of the parent, NULL for none."""
        if self.parent.count == 0:
            return constant(None, len(chosen))
        none = chosen < 0
        batch = self.parent.take(dict(self.pairs)[column], np.where(none, 0, chosen))
        return batch.without(none) if none.any() else batch

    def filling(self, column: str) -> Filling:
        """The keys of those rows."""
        parent = self.parent
        shown = parent.name if not isinstance(parent, Existing) else f"{parent.name} that is there"
        words = self.source or ("each once" if self.unique else "")
        article = "an" if shown[:1].lower() in "aeio" else "a"
        source = f"{article} {shown}{', ' + words if words else ''}"
        return Filling(column, source, lambda rows: self.keys(column, self.parents(rows)))

    def made_at(self, rows: range) -> Ints:
        """When the rows referred to were made; the earliest time where there are none."""
        earliest = end(self.table) - SPAN
        chosen = self.parents(rows)
        none = chosen < 0
        if not self.parent.is_dated or self.parent.count == 0:
            return np.full(len(rows), earliest, dtype=np.int64)
        return np.where(none, earliest, self.parent.made(np.where(none, 0, chosen)))

    def varied(self, attempt: int) -> "Reference":
        """The same key with other draws."""
        made = Reference(self.table, self.pairs, self.parent, self.stream.part(f"again {attempt}"), self.nullable)
        made.late, made.also, made.name, made._grouped = self.late, self.also, self.name, self._grouped
        return made

    @property
    def can_vary(self) -> bool:
        ruled = any(name in self.table.rules for name in self.columns)
        return self.choose is None and not self.unique and not ruled and self.table.spread_of(self) is None

    def drawn(self, rows: range) -> Ints:
        """The same, before a CHECK had a say in it."""
        spread = self.table.spread_of(self)
        if spread is not None:
            return spread.parents(rows)
        if self.parent is self.table:
            return self._above(rows)
        if self.choose is not None:
            return self.choose(rows)
        known = self.table.agreement.known_before(self)
        chosen = self.among(rows, self.stream.words(rows)) if known else self._freely(rows)
        if self.nullable and all(self.table.column(name).nullable for name in self._own):
            empty = self.stream.part("null").fractions(rows) < _EMPTY
            return np.where(empty, -1, chosen)
        return chosen

    @cached_property
    def _own(self) -> list[str]:
        """The columns that no key before this one fills."""
        return [name for name in self.columns if self.table.reference_of(name) is self]

    def among(self, rows: range, words: Words) -> Ints:
        """One of the parents that agree with what other keys have settled, by chance; -1 where there is none."""
        starts, sizes = self.groups_of(rows)
        drawn = ((words >> np.uint64(32)) * sizes.astype(np.uint64) >> np.uint64(32)).astype(np.int64)
        return self.member(starts, sizes, drawn)

    def member(self, starts: Ints, sizes: Ints, offsets: Ints) -> Ints:
        order, _ = self._groups()
        if not len(order):
            return np.full(len(starts), -1, dtype=np.int64)
        found = order[np.minimum(starts + offsets, len(order) - 1)]
        return np.where(sizes > 0, found, -1)

    def groups_of(self, rows: range) -> tuple[Ints, Ints]:
        """Where those parents stand in their order, and how many they are."""
        agreement = self.table.agreement
        return self.groups_by({column: agreement.root_of(column, rows) for column in agreement.known_before(self)})

    def groups_by(self, known: Mapping[str, Ints]) -> tuple[Ints, Ints]:
        """The same for rows whose settled columns have these roots."""
        _, codes = self._groups()
        wanted = _together([known[column] for column in self.table.agreement.known_before(self)])
        starts = np.searchsorted(codes, wanted, side="left").astype(np.int64)
        return starts, np.searchsorted(codes, wanted, side="right").astype(np.int64) - starts

    def _groups(self) -> tuple[Ints, Ints]:
        """The parents in the order of what must agree, and that of each."""
        if self._grouped is None:
            columns = self.table.agreement.known_before(self)
            codes = _together([self.parent.roots(self.says[column])[1] for column in columns])
            order = np.argsort(codes, kind="stable").astype(np.int64)
            self._grouped = (order, codes[order])
        return self._grouped

    def _freely(self, rows: range) -> Ints:
        allowed = self.table.agreement.allowed(self)
        if self.unique:
            size = self.parent.count if allowed is None else len(allowed)
            if self.table.count > size:
                raise TooFewUniqueValues(self.table.name, self.name, self.table.count, size)
            places = self.stream.permutation(size, indices(rows))
        else:
            size = self.parent.count if allowed is None else len(allowed)
            if size == 0:
                return np.full(len(rows), -1, dtype=np.int64)
            places = self.stream.below(size, rows)
        return places if allowed is None else allowed[places]

    def _above(self, rows: range) -> Ints:
        """A row that stands before, of the same parent where the rows of one stand together; roots have none."""
        if self.unique and has_one_root(self.table.sql, self.columns):
            return indices(rows) - 1
        if self.unique:
            return np.where(indices(rows) % 2 == 1, indices(rows) - 1, -1)
        first = np.zeros(len(rows), dtype=np.int64)
        if self.table.spread is not None:
            first = self.table.spread.groups(rows)[0]
        before = indices(rows) - first
        words = self.stream.words(rows) >> np.uint64(32)
        above = first + ((words * before.astype(np.uint64)) >> np.uint64(32)).astype(np.int64)
        rooted = (self.stream.part("root").fractions(rows) < _ROOTS) | (before == 0)
        return np.where(rooted, -1 if self.nullable else indices(rows), above)


def _together(roots: Sequence[Ints]) -> Ints:
    """Several numbers of a row as one: the number itself, or a mixture that no two are likely to share."""
    codes = roots[0].astype(np.uint64)
    for more in roots[1:]:
        codes = codes * np.uint64(0x9E3779B97F4A7C15) ^ (more.astype(np.uint64) + np.uint64(1))
    return codes.astype(np.int64)
