"""Link tables and composite keys: each combination of some columns is used at most once."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from seedbed.errors import TooFewUniqueValues
from seedbed.seeding.analysis.foreign_keys import ForeignKey
from seedbed.seeding.analysis.table_spec import TableSpec
from seedbed.seeding.core.random_stream import Ints, make_indices
from seedbed.seeding.resolution.cardinality import RowDistribution
from seedbed.seeding.resolution.key_consistency import KeyConsistency

_STRIDE = 7919
_LARGEST = 2**62


@dataclass(frozen=True)
class Combination:
    """Keys, by name, and columns. Each combination of their values occurs once, in the table or for each parent of
    `parent_key`. If `must_differ`, the first two keys do not refer to the same row.
    """

    keys: tuple[str, ...]
    columns: tuple[str, ...]
    parent_key: str | None
    must_differ: bool = False

    @property
    def members(self) -> tuple[str, ...]:
        return (*self.keys, *self.columns)

    @property
    def constrained(self) -> set[str]:
        """The members with the key within whose parent they are combined."""
        return {*self.members, *([self.parent_key] if self.parent_key is not None else [])}


class CombinationRows:
    """The combinations of the rows of a table."""

    def __init__(self, table: TableSpec, combination: Combination, consistency: KeyConsistency) -> None:
        self._table, self._combination, self._consistency = table, combination, consistency
        self._keys = [consistency.key(name) for name in combination.keys]
        self._within = None if combination.parent_key is None else consistency.key(combination.parent_key)

    def count_per_parent(self) -> Ints:
        """Return the maximum number of rows for each parent."""
        if self._within is None:
            return np.zeros(0, dtype=np.int64)
        parents = np.arange(self._consistency.parent(self._within).count, dtype=np.int64)
        return np.asarray(np.prod(np.stack([np.ones_like(parents), *self._count_choices(parents)]), axis=0))

    def count(self) -> int:
        """Return the number of combinations."""
        sizes = [self._count_parents(key) for key in self._keys]
        sizes += [self._table.count_possible_values(column) for column in self._combination.columns]
        if self._combination.must_differ:
            sizes[1] -= 1
        total = 1
        for size in sizes:
            total *= size
        return min(total, _LARGEST)

    def find_shortage(self, count: int) -> TooFewUniqueValues | None:
        """Return an error if there are fewer combinations than rows, else None."""
        if self.count() >= count:
            return None
        return TooFewUniqueValues(self._table.name, ", ".join(self._combination.members), count, self.count())

    def find_positions(self, spread: RowDistribution | None, rows: range) -> Mapping[str, Ints]:
        """Return the parent or value of each row, by member."""
        if self._within is None or spread is None:
            return self._find_positions_in_table(rows)
        owners = spread.find_parents(rows)
        first, last = (int(owners[0]), int(owners[-1])) if len(rows) else (0, -1)
        words = self._within.stream.substream("first of each").words(range(first, last + 1))[owners - first]
        sizes = self._count_choices(owners)
        total = np.asarray(np.prod(np.stack([np.ones_like(owners), *sizes]), axis=0))
        total = np.maximum(total, 1)
        stride = np.where(total % _STRIDE == 0, 1, _STRIDE % total)
        stride = np.where(np.gcd(stride, total) == 1, stride, 1)
        start = (words >> np.uint64(33)).astype(np.int64) % total
        remaining = (start + spread.find_offsets(rows) * stride) % total
        positions = {}
        for at, key in enumerate(self._keys):
            remaining, place = remaining // np.maximum(sizes[at], 1), remaining % np.maximum(sizes[at], 1)
            if self._combination.must_differ and at == 0:
                place = place + (place >= owners)
            elif self._consistency.find_shared_columns(key):
                starts, counts = self._consistency.find_groups(key, self._find_roots(key, owners))
                place = self._consistency.select_members(key, starts, counts, place)
            positions[key.name] = place
        for at, column in enumerate(self._combination.columns, start=len(self._keys)):
            remaining, positions[column] = remaining // sizes[at], remaining % sizes[at]
        return positions

    def _find_positions_in_table(self, rows: range) -> Mapping[str, Ints]:
        size, differ = self.count(), self._combination.must_differ
        remaining = self._table.make_stream("+".join(self._combination.members)).permutation(size, make_indices(rows))
        positions: dict[str, Ints] = {}
        for at, key in enumerate(self._keys):
            count = self._count_parents(key) - int(differ and at == 1)
            remaining, positions[key.name] = remaining // count, remaining % count
        for column in self._combination.columns:
            remaining, positions[column] = (
                remaining // self._table.count_possible_values(column),
                remaining % self._table.count_possible_values(column),
            )
        if differ:
            one, other = (positions[key.name] for key in self._keys[:2])
            positions[self._keys[1].name] = other + (other >= one)
        return positions

    def _count_parents(self, key: ForeignKey) -> int:
        return self._consistency.parent(key).count

    def _count_choices(self, owners: Ints) -> list[Ints]:
        sizes = []
        for at, key in enumerate(self._keys):
            if self._consistency.find_shared_columns(key):
                sizes.append(self._consistency.find_groups(key, self._find_roots(key, owners))[1])
            else:
                sizes.append(
                    np.full(len(owners), self._count_parents(key) - int(self._combination.must_differ and at == 0))
                )
        return sizes + [
            np.full(len(owners), self._table.count_possible_values(column)) for column in self._combination.columns
        ]

    def _find_roots(self, key: ForeignKey, owners: Ints) -> Mapping[str, Ints]:
        within = self._within
        if within is None:
            return {}
        parent = self._consistency.parent(within)
        return {
            column: parent.find_roots(within.determined_columns[column])[1][owners]
            for column in self._consistency.find_shared_columns(key)
            if column in within.determined_columns
        }


def find_combination(combinations: Sequence[Combination], member: str) -> Combination | None:
    return next((one for one in combinations if member in one.members), None)
