"""Link tables and composite keys: each combination of some columns is used at most once."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from seedbed.errors import TooFewUniqueValues
from seedbed.seeding.analysis.foreign_keys import ForeignKey
from seedbed.seeding.analysis.table_spec import TableSpec
from seedbed.seeding.core.random_stream import Ints, make_indices
from seedbed.seeding.resolution.cardinality import Spread
from seedbed.seeding.resolution.key_consistency import KeyConsistency

_STRIDE = 7919
_LARGEST = 2**62


@dataclass(frozen=True)
class Combination:
    """Keys, by their names, and columns whose every combination is used once, within the rows of one parent or in the
    whole table. Unless the first two keys may refer to the same row, they `differ`.
    """

    keys: tuple[str, ...]
    columns: tuple[str, ...]
    within: str | None
    differ: bool = False

    @property
    def members(self) -> tuple[str, ...]:
        return (*self.keys, *self.columns)

    @property
    def constrained(self) -> set[str]:
        """The members with the key within whose parent they are combined."""
        return {*self.members, *([self.within] if self.within is not None else [])}


class CombinationRows:
    """Which combination each row of a table has."""

    def __init__(self, table: TableSpec, combination: Combination, consistency: KeyConsistency) -> None:
        self._table, self._combination, self._consistency = table, combination, consistency
        self._keys = [consistency.key(name) for name in combination.keys]
        self._within = None if combination.within is None else consistency.key(combination.within)

    def most(self) -> Ints:
        """How many rows each parent may have."""
        if self._within is None:
            return np.zeros(0, dtype=np.int64)
        parents = np.arange(self._consistency.parent(self._within).count, dtype=np.int64)
        return np.asarray(np.prod(np.stack([np.ones_like(parents), *self._sizes(parents)]), axis=0))

    def size(self) -> int:
        """How many combinations there are."""
        sizes = [self._count(key) for key in self._keys]
        sizes += [self._table.count_possible_values(column) for column in self._combination.columns]
        if self._combination.differ:
            sizes[1] -= 1
        total = 1
        for size in sizes:
            total *= size
        return min(total, _LARGEST)

    def shortage(self, count: int) -> TooFewUniqueValues | None:
        """Whether there are fewer combinations than rows."""
        if self.size() >= count:
            return None
        return TooFewUniqueValues(self._table.name, ", ".join(self._combination.members), count, self.size())

    def places(self, spread: Spread | None, rows: range) -> Mapping[str, Ints]:
        """For each member which parent, or which value, the rows have."""
        if self._within is None or spread is None:
            return self._overall(rows)
        owners = spread.parents(rows)
        first, last = (int(owners[0]), int(owners[-1])) if len(rows) else (0, -1)
        words = self._within.stream.substream("first of each").words(range(first, last + 1))[owners - first]
        sizes = self._sizes(owners)
        total = np.asarray(np.prod(np.stack([np.ones_like(owners), *sizes]), axis=0))
        total = np.maximum(total, 1)
        stride = np.where(total % _STRIDE == 0, 1, _STRIDE % total)
        stride = np.where(np.gcd(stride, total) == 1, stride, 1)
        start = (words >> np.uint64(33)).astype(np.int64) % total
        left = (start + spread.offsets(rows) * stride) % total
        found = {}
        for at, key in enumerate(self._keys):
            left, place = left // np.maximum(sizes[at], 1), left % np.maximum(sizes[at], 1)
            if self._combination.differ and at == 0:
                place = place + (place >= owners)
            elif self._consistency.known_before(key):
                starts, counts = self._consistency.groups_by(key, self._roots(key, owners))
                place = self._consistency.member(key, starts, counts, place)
            found[key.name] = place
        for at, column in enumerate(self._combination.columns, start=len(self._keys)):
            left, found[column] = left // sizes[at], left % sizes[at]
        return found

    def _overall(self, rows: range) -> Mapping[str, Ints]:
        size, differ = self.size(), self._combination.differ
        left = self._table.make_stream("+".join(self._combination.members)).permutation(size, make_indices(rows))
        found: dict[str, Ints] = {}
        for at, key in enumerate(self._keys):
            count = self._count(key) - int(differ and at == 1)
            left, found[key.name] = left // count, left % count
        for column in self._combination.columns:
            left, found[column] = (
                left // self._table.count_possible_values(column),
                left % self._table.count_possible_values(column),
            )
        if differ:
            one, other = (found[key.name] for key in self._keys[:2])
            found[self._keys[1].name] = other + (other >= one)
        return found

    def _count(self, key: ForeignKey) -> int:
        return self._consistency.parent(key).count

    def _sizes(self, owners: Ints) -> list[Ints]:
        sizes = []
        for at, key in enumerate(self._keys):
            if self._consistency.known_before(key):
                sizes.append(self._consistency.groups_by(key, self._roots(key, owners))[1])
            else:
                sizes.append(np.full(len(owners), self._count(key) - int(self._combination.differ and at == 0)))
        return sizes + [
            np.full(len(owners), self._table.count_possible_values(column)) for column in self._combination.columns
        ]

    def _roots(self, key: ForeignKey, owners: Ints) -> Mapping[str, Ints]:
        within = self._within
        if within is None:
            return {}
        parent = self._consistency.parent(within)
        return {
            column: parent.roots(within.determined_columns[column])[1][owners]
            for column in self._consistency.known_before(key)
            if column in within.determined_columns
        }
