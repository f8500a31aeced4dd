"""How many rows each row of a parent gets, drawn before any of them is made."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from seedbed.errors import CyclicReference, TooFewUniqueValues, NoGenerator
from seedbed.seeding.core.random_stream import Ints, Stream
from seedbed.seeding.generators.column_generator import indices

if TYPE_CHECKING:
    from seedbed.seeding.api.seeds_file import Share
    from seedbed.seeding.planning.table_plan import TablePlan
    from seedbed.seeding.resolution.parent_rows import Parent
    from seedbed.seeding.resolution.references import Reference


_AT_ONCE = 1 << 18


@dataclass(frozen=True, eq=False)
class Spread:
    """The rows of each parent lie side by side. The only state is the running total, 8 bytes a parent."""

    parent: "Parent"
    column: str
    words: str
    ends: Ints

    @classmethod
    def drawn(
        cls,
        parent: "Parent",
        column: str,
        share: "Share",
        stream: Stream,
        most: Ints | None,
    ) -> "Spread":
        """What the seeds say for each, and never more than `most` says for one."""
        low, high, exponent = share.low, share.high, share.exponent
        rows = range(parent.count)
        if exponent is None:
            counts = stream.below(high - low + 1, rows) + low
        else:
            weights = np.cumsum([float(k) ** -exponent for k in range(1, high - low + 2)])
            counts = np.searchsorted(weights / weights[-1], stream.fractions(rows), side="right").astype(np.int64) + low
        if most is not None:
            counts = np.minimum(counts, most)
        words = f"{low} to {high} for each" if exponent is None else f"{low} to {high} for each, few of them many"
        return cls(parent, column, words, np.cumsum(counts))

    @classmethod
    def levelled(cls, parent: "Parent", column: str, count: int, most: Ints) -> "Spread":
        """`count` rows over all parents as evenly as `most` lets them; fewer where that is too little for all."""
        low, high = 0, count
        while low < high:
            middle = (low + high) // 2
            low, high = (low, middle) if int(np.minimum(most, middle).sum()) >= count else (middle + 1, high)
        counts = np.minimum(most, low)
        surplus = int(counts.sum()) - count
        if surplus > 0:
            full = np.flatnonzero(counts == low)[-surplus:]
            counts[full] -= 1
        return cls(parent, column, "as evenly as can be", np.cumsum(counts))

    @classmethod
    def scattered(cls, parent: "Parent", column: str, count: int, stream: Stream) -> "Spread":
        """`count` rows over all parents by chance."""
        counts = np.zeros(parent.count, dtype=np.int64)
        for start in range(0, count, _AT_ONCE):
            drawn = stream.below(parent.count, range(start, min(start + _AT_ONCE, count)))
            counts += np.bincount(drawn, minlength=parent.count)
        return cls(parent, column, "by chance", np.cumsum(counts))

    @property
    def total(self) -> int:
        return int(self.ends[-1]) if len(self.ends) else 0

    @property
    def largest(self) -> int:
        return int(np.diff(self.ends, prepend=0).max()) if len(self.ends) else 0

    def parents(self, rows: range) -> Ints:
        """Which parent each row belongs to, counted from 0."""
        if not len(rows):
            return indices(rows)
        first, last = np.searchsorted(self.ends, [rows.start, rows.stop - 1], side="right")
        ends = np.minimum(self.ends[first : last + 1], rows.stop)
        sizes = np.diff(ends, prepend=rows.start)
        return np.repeat(np.arange(first, last + 1, dtype=np.int64), sizes)

    def groups(self, rows: range) -> tuple[Ints, Ints]:
        """Of each row the first of those beside it, and how many these are."""
        parents = self.parents(rows)
        firsts = np.where(parents > 0, self.ends[parents - 1], 0)
        return firsts, self.ends[parents] - firsts

    def offsets(self, rows: range) -> Ints:
        """How many rows of the same parent stand before each."""
        return indices(rows) - self.groups(rows)[0]


def settled(table: "TablePlan") -> Spread | None:
    """The spread of a table's rows, where the seeds give a number for each parent or a unique constraint wants one.

    Raises:
        CyclicReference, NoGenerator: there is no key that it could follow.
        TooFewUniqueValues: the parents together have too few combinations.
    """
    return _by_share(table, table.share) if table.share is not None else _by_uniques(table)


def _by_share(table: "TablePlan", share: "Share") -> Spread:
    base = next((reference for reference in table.references if reference.follows(share)), None)
    if base is None:
        parent = table.planned.get(share.parent)
        if parent is None or parent.rank > table.rank:
            raise CyclicReference(table.name, share.column, share.parent, nullable=False)
        raise NoGenerator(table.name, share.column, "a key that a rule fills")
    most = _most(table, base)
    base.source = base.source or f"{share.low} to {share.high} for each"
    return Spread.drawn(
        base.parent, base.name, share, Stream(table.lock.seed, f"{table.name} per {share.parent}"), most
    )


def _by_uniques(table: "TablePlan") -> Spread | None:
    wanted = table.uniques.spread
    if wanted is None or not isinstance(table.wish.rows, int):
        return None
    base = next(reference for reference in table.references if reference.name == wanted)
    most = _most(table, base)
    if most is None:
        if base.parent.count == 0:
            return None
        return Spread.scattered(
            base.parent, base.name, table.wish.rows, Stream(table.lock.seed, f"{table.name} over all")
        )
    made = Spread.levelled(base.parent, base.name, table.wish.rows, most)
    if made.total < table.wish.rows:
        columns = next(product for product in table.uniques.products if product.within is base)
        names = ", ".join([base.name, *(reference.name for reference in columns.references), *columns.columns])
        raise TooFewUniqueValues(table.name, names, table.wish.rows, made.total)
    return made


def _most(table: "TablePlan", base: "Reference") -> Ints | None:
    table.uniques  # noqa: B018 - what they settle says how many each parent may have
    return table.agreement.most(base)
