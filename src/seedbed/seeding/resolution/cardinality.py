"""How many child rows each parent row gets."""

from dataclasses import dataclass

import numpy as np

from seedbed.seeding.api.seeds_file import RowsPerParent
from seedbed.seeding.core.random_stream import Ints, Stream, make_indices

_AT_ONCE = 1 << 18


@dataclass(frozen=True, eq=False)
class Spread:
    """How the rows of a table lie side by side by the parents that a key refers to.

    The only state is the running total, 8 bytes a parent.
    """

    parent: str
    key: str
    ends: Ints

    @classmethod
    def draw_shares(
        cls,
        parent: str,
        key: str,
        size: int,
        share: RowsPerParent,
        stream: Stream,
        most: Ints | None,
    ) -> "Spread":
        """Draw the number that the seeds give for each parent, at most `most` for each."""
        low, high, exponent = share.low, share.high, share.exponent
        rows = range(size)
        if exponent is None:
            counts = stream.below(high - low + 1, rows) + low
        else:
            weights = np.cumsum([float(k) ** -exponent for k in range(1, high - low + 2)])
            counts = np.searchsorted(weights / weights[-1], stream.fractions(rows), side="right").astype(np.int64) + low
        if most is not None:
            counts = np.minimum(counts, most)
        return cls(parent, key, np.cumsum(counts))

    @classmethod
    def level(cls, parent: str, key: str, count: int, most: Ints) -> "Spread":
        """Spread `count` rows over all parents as evenly as `most` allows; fewer where `most` is too small."""
        low, high = 0, count
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if int(np.minimum(most, middle).sum()) >= count else (middle + 1, high)
        counts = np.minimum(most, low)
        surplus = int(counts.sum()) - count
        if surplus > 0:
            full = np.flatnonzero(counts == low)[-surplus:]
            counts[full] -= 1
        return cls(parent, key, np.cumsum(counts))

    @classmethod
    def scatter(cls, parent: str, key: str, size: int, count: int, stream: Stream) -> "Spread":
        """Spread `count` rows over all parents at random."""
        counts = np.zeros(size, dtype=np.int64)
        for start in range(0, count, _AT_ONCE):
            drawn = stream.below(size, range(start, min(start + _AT_ONCE, count)))
            counts += np.bincount(drawn, minlength=size)
        return cls(parent, key, np.cumsum(counts))

    @property
    def total(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    @property
    def largest(self) -> int:
        return int(np.diff(self.ends, prepend=0).max()) if len(self.ends) else 0

    def parents(self, rows: range) -> Ints:
        """Which parent each row belongs to, counted from 0."""
        if not len(rows):
            return make_indices(rows)
        first, last = np.searchsorted(self.ends, [rows.start, rows.stop - 1], side="right")
        ends = np.minimum(self.ends[first : last + 1], rows.stop)
        sizes = np.diff(ends, prepend=rows.start)
        return np.repeat(np.arange(first, last + 1, dtype=np.int64), sizes)

    def groups(self, rows: range) -> tuple[Ints, Ints]:
        """For each row the first row of the same parent, and how many that parent has."""
        parents = self.parents(rows)
        firsts = np.where(parents > 0, self.ends[parents - 1], 0)
        return firsts, self.ends[parents] - firsts

    def offsets(self, rows: range) -> Ints:
        """The position of each row among those of its parent."""
        return make_indices(rows) - self.groups(rows)[0]
