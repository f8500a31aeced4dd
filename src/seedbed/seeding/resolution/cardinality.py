"""How many child rows each parent row gets."""

from dataclasses import dataclass

import numpy as np

from seedbed.seeding.api.seeds_file import RowsPerParent
from seedbed.seeding.core.random_stream import Ints, Stream, make_indices

_BLOCK_SIZE = 1 << 18


@dataclass(frozen=True, eq=False)
class RowDistribution:
    """The distribution of a table's rows over the parents of a key. Rows of a parent are adjacent.

    Its only state is the running total, 8 bytes per parent.
    """

    parent: str
    key: str
    cumulative_counts: Ints

    @classmethod
    def draw(
        cls,
        parent: str,
        key: str,
        size: int,
        rows_per_parent: RowsPerParent,
        stream: Stream,
        max_counts: Ints | None,
    ) -> "RowDistribution":
        """Draw the number that the seeds give for each parent, at most `max_counts` for each."""
        low, high, exponent = rows_per_parent.low, rows_per_parent.high, rows_per_parent.exponent
        rows = range(size)
        if exponent is None:
            counts = stream.below(high - low + 1, rows) + low
        else:
            weights = np.cumsum([float(k) ** -exponent for k in range(1, high - low + 2)])
            counts = np.searchsorted(weights / weights[-1], stream.fractions(rows), side="right").astype(np.int64) + low
        if max_counts is not None:
            counts = np.minimum(counts, max_counts)
        return cls(parent, key, np.cumsum(counts))

    @classmethod
    def balance(cls, parent: str, key: str, count: int, max_counts: Ints) -> "RowDistribution":
        """Distribute `count` rows over all parents as evenly as `max_counts` allows, or fewer if it is too small."""
        low, high = 0, count
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if int(np.minimum(max_counts, middle).sum()) >= count else (middle + 1, high)
        counts = np.minimum(max_counts, low)
        surplus = int(counts.sum()) - count
        if surplus > 0:
            full = np.flatnonzero(counts == low)[-surplus:]
            counts[full] -= 1
        return cls(parent, key, np.cumsum(counts))

    @classmethod
    def scatter(cls, parent: str, key: str, size: int, count: int, stream: Stream) -> "RowDistribution":
        """Distribute `count` rows over all parents at random."""
        counts = np.zeros(size, dtype=np.int64)
        for start in range(0, count, _BLOCK_SIZE):
            drawn = stream.below(size, range(start, min(start + _BLOCK_SIZE, count)))
            counts += np.bincount(drawn, minlength=size)
        return cls(parent, key, np.cumsum(counts))

    @property
    def total(self) -> int:
        return int(self.cumulative_counts[-1]) if len(self.cumulative_counts) else 0

    @property
    def largest(self) -> int:
        return int(np.diff(self.cumulative_counts, prepend=0).max()) if len(self.cumulative_counts) else 0

    def find_parents(self, rows: range) -> Ints:
        """Which parent each row belongs to, counted from 0."""
        if not len(rows):
            return make_indices(rows)
        first, last = np.searchsorted(self.cumulative_counts, [rows.start, rows.stop - 1], side="right")
        ends = np.minimum(self.cumulative_counts[first : last + 1], rows.stop)
        sizes = np.diff(ends, prepend=rows.start)
        return np.repeat(np.arange(first, last + 1, dtype=np.int64), sizes)

    def find_groups(self, rows: range) -> tuple[Ints, Ints]:
        """For each row the first row of the same parent, and how many that parent has."""
        parents = self.find_parents(rows)
        firsts = np.where(parents > 0, self.cumulative_counts[parents - 1], 0)
        return firsts, self.cumulative_counts[parents] - firsts

    def find_offsets(self, rows: range) -> Ints:
        """The position of each row among those of its parent."""
        return make_indices(rows) - self.find_groups(rows)[0]
