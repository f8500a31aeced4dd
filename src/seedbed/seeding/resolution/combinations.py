"""Columns whose every combination is used once: link tables and composite keys."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seedbed.errors import TooFewUniqueValues
from seedbed.seeding.core.random_stream import Ints
from seedbed.seeding.generators.column_generator import indices
from seedbed.seeding.resolution.references import Reference

if TYPE_CHECKING:
    from seedbed.seeding.planning.table_plan import TablePlan

_STRIDE = 7919
_LARGEST = 2**62


@dataclass(eq=False)
class Product:
    """Columns whose every combination is used once, within the rows of one parent or in the whole table."""

    table: "TablePlan"
    references: list[Reference]
    columns: list[str]
    within: Reference | None
    differ: bool = False

    @property
    def members(self) -> set[str]:
        within = {self.within.name} if self.within is not None else set()
        return {reference.name for reference in self.references} | set(self.columns) | within

    def most(self) -> Ints:
        """How many rows each parent may have."""
        if self.within is None:
            return np.zeros(0, dtype=np.int64)
        parents = np.arange(self.within.parent.count, dtype=np.int64)
        return np.asarray(np.prod(np.stack([np.ones_like(parents), *self._sizes(parents)]), axis=0))

    def size(self) -> int:
        sizes = [reference.parent.count for reference in self.references] + [self.table.size(c) for c in self.columns]
        if self.differ:
            sizes[1] -= 1
        total = 1
        for size in sizes:
            total *= size
        return min(total, _LARGEST)

    def see_that_it_fits(self) -> None:
        if self.size() < self.table.count:
            names = ", ".join([*(reference.name for reference in self.references), *self.columns])
            raise TooFewUniqueValues(self.table.name, names, self.table.count, self.size())

    def places(self, member: str, rows: range) -> Ints:
        """Which parent, or which value, a row has of one of the members."""
        key = (f"product {member}", rows.start, rows.stop)
        found: Ints = self.table.memory.answer(key, lambda: self._places(rows)[member])
        return found

    def _places(self, rows: range) -> Mapping[str, Ints]:
        spread = None if self.within is None else self.table.spread_of(self.within)
        if self.within is None or spread is None:
            return self._overall(rows)
        owners = spread.parents(rows)
        first, last = (int(owners[0]), int(owners[-1])) if len(rows) else (0, -1)
        words = self.within.stream.part("first of each").words(range(first, last + 1))[owners - first]
        sizes = self._sizes(owners)
        total = np.asarray(np.prod(np.stack([np.ones_like(owners), *sizes]), axis=0))
        total = np.maximum(total, 1)
        stride = np.where(total % _STRIDE == 0, 1, _STRIDE % total)
        stride = np.where(np.gcd(stride, total) == 1, stride, 1)
        start = (words >> np.uint64(33)).astype(np.int64) % total
        left = (start + spread.offsets(rows) * stride) % total
        found = {}
        for at, reference in enumerate(self.references):
            left, place = left // np.maximum(sizes[at], 1), left % np.maximum(sizes[at], 1)
            if self.differ and at == 0:
                place = place + (place >= owners)
            elif self.table.agreement.known_before(reference):
                starts, counts = reference.groups_by(self._roots(reference, owners))
                place = reference.member(starts, counts, place)
            found[reference.name] = place
        for at, column in enumerate(self.columns, start=len(self.references)):
            left, found[column] = left // sizes[at], left % sizes[at]
        return found

    def _overall(self, rows: range) -> Mapping[str, Ints]:
        size = self.size()
        stream = self.table.stream("+".join([*(r.name for r in self.references), *self.columns]))
        left = stream.permutation(size, indices(rows))
        found: dict[str, Ints] = {}
        for at, reference in enumerate(self.references):
            count = reference.parent.count - int(self.differ and at == 1)
            left, found[reference.name] = left // count, left % count
        for column in self.columns:
            left, found[column] = left // self.table.size(column), left % self.table.size(column)
        if self.differ:
            one, other = (found[reference.name] for reference in self.references[:2])
            found[self.references[1].name] = other + (other >= one)
        return found

    def _sizes(self, owners: Ints) -> list[Ints]:
        sizes = []
        for at, reference in enumerate(self.references):
            if self.table.agreement.known_before(reference):
                sizes.append(reference.groups_by(self._roots(reference, owners))[1])
            else:
                sizes.append(np.full(len(owners), reference.parent.count - int(self.differ and at == 0)))
        return sizes + [np.full(len(owners), self.table.size(column)) for column in self.columns]

    def _roots(self, reference: Reference, owners: Ints) -> Mapping[str, Ints]:
        within = self.within
        if within is None:
            return {}
        return {
            column: within.parent.roots(within.says[column])[1][owners]
            for column in self.table.agreement.known_before(reference)
            if column in within.says
        }
