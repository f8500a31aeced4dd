"""Rows that may not overlap, such as bookings of one room: each takes the first place of a timetable that is free."""

import math
import re
from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from seedbed.errors import DomainTooSmall
from seedbed.seeding.batches import Batch, Bools, Numbers
from seedbed.seeding.filling import Filling, Wish, indices
from seedbed.seeding.folding import folded
from seedbed.seeding.kinds import MOMENTS, Kind
from seedbed.seeding.ordering import is_planned, says_when_made
from seedbed.seeding.overlaps import Span
from seedbed.seeding.streams import Ints
from seedbed.seeding.times import DAY, LASTING, MONTH, SECOND, SPAN, end, moments
from seedbed.seeding.timetables import (
    HOURS,
    HOURS_OF_A_DAY,
    MINUTE,
    QUARTER,
    WEEK,
    YEAR,
    Grid,
    Taken,
    every,
    fitting,
    free_in,
)

if TYPE_CHECKING:
    from seedbed.seeding.tables import TablePlan

_BLOCK = 1 << 16
_ROOM, _MUCH_ROOM = 3, 10
"""Places that there are at least for each row of days, and of hours: most rows are of the last months."""
_MANY = 100
"""What a number that tells groups apart can at most be."""
_OPEN = 0.7
"""How many of those that may be have no end."""
_YEARLY = re.compile(r"(^|_)year$")
_FEW = 20_000
"""Rows of one test that are apart, of a million that it has to choose from."""


class Slots:
    """Where the rows of a table stand in `span`, so that those that agree in all columns of one of `groups` do not
    overlap.

    A row takes its place after the rows before it, and so depends on no later one: 8 bytes a row are kept, and while
    they are being found, what is taken in each group.
    """

    def __init__(self, table: "TablePlan", span: Span) -> None:
        self.table, self.span = table, span
        self.groups: list[tuple[str, ...]] = []
        self._touching = True
        self._made = 0
        self._places: Ints = np.zeros(0, dtype=np.int64)
        self._taken: dict[Any, Taken] = {}
        self._grid: Grid | None = None

    def add(self, group: tuple[str, ...], *, touching: bool) -> None:
        """Keep apart what agrees in these columns as well. Unless `touching`, no end may be the next one's start."""
        self.groups.append(group)
        self._touching &= touching

    @property
    def members(self) -> set[str]:
        """The columns that stay as they were drawn: another draw could overlap."""
        made = says_when_made(self.table, self.span.start)
        return {self.span.start, *(column for group in self.groups for column in group), *([made] if made else [])}

    def keeps(self, columns: Collection[str]) -> bool:
        """Whether rows that agree in these columns are in one group, and so begin at different times."""
        return self.span.start in columns and any(set(group) <= set(columns) for group in self.groups)

    def filling(self, wish: Wish) -> Filling:
        of = " or".join(dict.fromkeys(self._shown(group) for group in self.groups))
        if wish.name == self.span.start:
            source = f"apart from others{of}"
            return Filling(wish.name, source, lambda rows: Numbers(None, self._starts(rows), wish.kind))
        return Filling(wish.name, f"after {self.span.start}, before the next{of}", lambda rows: self._ends(wish, rows))

    def see_that_they_fit(self) -> None:
        """Find out before a row is loaded whether there are places for all, where these have an end.

        Raises:
            DomainTooSmall: there are not.
        """
        if self.table.wish.few or not (self._in_a_day or self._highest is not None):
            return
        for grid in [*(HOURS_OF_A_DAY[:-1] if self._in_a_day else ()), None]:
            self._grid, self._made, self._taken, self._places = grid, 0, {}, self._places[:0]
            try:
                self._upto(self.table.count)
            except DomainTooSmall:
                if grid is None:
                    raise
            else:
                return

    def _shown(self, group: tuple[str, ...]) -> str:
        return f" of the same {', '.join(group)}" if group else ""

    # -- places

    @property
    def grid(self) -> Grid:
        if self._grid is None:
            self._grid = self._chosen_grid()
        return self._grid

    def _chosen_grid(self) -> Grid:
        few, facts = self.table.wish.few, self.table.facts[self.span.start]
        load = 1.0 if few else max(self.table.count / self._size(group) for group in self.groups)
        if self._in_a_day:
            return HOURS_OF_A_DAY[0 if few else -1]
        if not self._counts:
            usual, room = (WEEK, _ROOM) if self._kind.name == "date" else (HOURS, _MUCH_ROOM)
            if load <= 1 and _YEARLY.search(self.table.sql.name):
                return YEAR
            return fitting([*QUARTER, *usual] if self._lasts else usual, load * room, SPAN)
        low, high = int(facts.low or 0), self._highest
        width = 100 * 10**self._kind.decimals if self._kind.name == "numeric" else 100
        if high is not None:
            width = max(1, min(width, int((high - low) / max(load * _ROOM, 1))))
        return every(width, low)

    @property
    def _kind(self) -> Kind:
        return self.table.kinds[self.span.start]

    @property
    def _unit(self) -> int:
        """What one is in a batch: places of dates are counted in microseconds too."""
        return DAY if self._kind.name == "date" else 1

    @property
    def _counts(self) -> bool:
        return self._kind.name not in MOMENTS | {"date", "time"}

    @property
    def _lasts(self) -> bool:
        return bool(LASTING.search(self.span.start) or LASTING.search(self.table.sql.name.lower()))

    @property
    def _whole(self) -> bool:
        """Whether a row has all of its place, but for days before it was made."""
        return self._lasts and not self._counts and self.grid.width > DAY

    @property
    def _highest(self) -> int | None:
        known = [self.table.facts[name].high for name in (self.span.start, self.span.end)]
        return min((int(high) for high in known if high is not None), default=None)

    def _size(self, group: tuple[str, ...]) -> int:
        """How many groups there are about; 1 where nobody knows."""
        references = [self.table.reference_of(name) for name in group]
        sizes = [self._values(name) for name, reference in zip(group, references, strict=True) if reference is None]
        return max(1, *(reference.parent.count for reference in references if reference), 1) * math.prod(sizes)

    def _values(self, name: str) -> int:
        facts = self.table.facts[name]
        few = facts.low is not None and facts.high is not None and facts.high - facts.low < _MANY
        return int(facts.high - facts.low) + 1 if few else max(1, self.table.size(name))  # type: ignore[operator]

    @property
    def _in_a_day(self) -> bool:
        return self._kind.name == "time"

    def _upto(self, stop: int) -> None:
        """Give rows their places, each after those before it."""
        while self._made < stop:
            rows = range(self._made, min(self._made + _BLOCK, max(stop, min(self.table.count, self._made + _BLOCK))))
            wished, earliest, last = self._wanted(rows)
            wanted, least = wished.tolist(), earliest.tolist()
            groups = list(zip(*(self._keys(n, group, rows) for n, group in enumerate(self.groups)), strict=True))
            found = np.empty(len(rows), dtype=np.int64)
            for at, row in enumerate(rows):
                taken = [self._taken_by(key) for key in groups[at]]
                written = self._written(row)
                if written is not None:
                    found[at] = written[0]
                    for place in written:
                        for one in taken:
                            one.take(place)
                    continue
                place = free_in(taken, wanted[at])
                if place > last and (earlier := free_in(taken, least[at])) <= last:
                    place = earlier
                self._see_that_it_fits(place, row)
                for one in taken:
                    one.take(place)
                found[at] = place
            self._places = np.concatenate([self._places, found])
            self._made = rows.stop
        if self._made == self.table.count:
            self._taken.clear()

    def _taken_by(self, key: Any) -> "Taken":
        if key not in self._taken:
            self._taken[key] = Taken()
        return self._taken[key]

    def _written(self, row: int) -> range | None:
        """The places that a row which the seeds write out takes by what it says."""
        known = self.table.wish.known
        if row >= len(known) or known[row].get(self.span.start) is None:
            return None
        begun = int(folded(known[row][self.span.start], self._kind) or 0) * self._unit
        said = known[row].get(self.span.end)
        over = begun + self.grid.width if said is None else int(folded(said, self._kind) or 0) * self._unit
        first, after = self.grid.at_or_after(np.array([begun + 1, over + (0 if self._touching else 1)]))
        return range(int(first) - 1, max(int(after), int(first)))

    def _keys(self, n: int, group: tuple[str, ...], rows: range) -> Iterator[Any]:
        columns: list[list[Any]] = []
        for name in group:
            reference = self.table.reference_of(name)
            made = None if reference is not None and name not in self._said else self.table.fillings[name].make(rows)
            columns.append(made.tolist() if made is not None else reference.parents(rows).tolist() if reference else [])
        return ((n, *key) for key in zip(*columns, strict=True)) if columns else iter([(n,)] * len(rows))

    @property
    def _said(self) -> set[str]:
        """Columns that rows written out have values of."""
        return {name for row in self.table.wish.known for name in row}

    def _wanted(self, rows: range) -> tuple[Ints, Ints, int]:
        """For each row the place that it would have, the first that it may have, and the last that is not too late."""
        table, grid, unit = self.table, self.grid, self._unit
        stream = table.stream(self.span.start)
        if self._counts:
            first = np.zeros(len(rows), dtype=np.int64)
            return first, first, 2**62
        if self._in_a_day:
            drawn = stream.below(len(grid.offsets), rows)
            return drawn, np.zeros(len(rows), dtype=np.int64), len(grid.offsets) - 1
        stop = end(table)
        start, before = self._earliest(rows)
        if (high := self._highest) is not None:
            stop = min(stop, high * unit)
        later = is_planned(self.span.start)
        room = np.maximum(stop - start, 0)
        span = np.full(len(rows), 3 * MONTH) if later else np.minimum(MONTH, room) if before else room
        last = int(grid.at_or_after(np.array([stop + 3 * MONTH * later + 1]))[0]) - 1
        least = grid.at_or_after(start + 1) - 1 if self._whole else grid.at_or_after(start)
        choices = np.minimum(grid.at_or_after(start + span), last + 1) - least
        drawn = (np.maximum(choices, 0) * stream.fractions(rows)).astype(np.int64)
        return least + drawn, least, last

    def _earliest(self, rows: range) -> tuple[Ints, bool]:
        """When each row may begin: after it was made, or else after what it refers to was; and whether the former."""
        table, none = self.table, end(self.table) - SPAN
        before = says_when_made(table, self.span.start)
        starts = np.full(len(rows), none, dtype=np.int64)
        if before is not None:
            starts = moments(table.fillings[before].make(rows), none)
        for anchor in table.anchors if before is None else ():
            starts = np.maximum(starts, anchor.made_at(rows))
        low = table.facts[self.span.start].low
        if low is not None:
            starts = np.maximum(starts, int(low) * self._unit)
        return -(-starts // DAY) * DAY if self._whole else starts, before is not None

    def _see_that_it_fits(self, place: int, row: int) -> None:
        high = self._highest
        if self._in_a_day:
            fits = place < len(self.grid.offsets)
        else:
            ends = int(self.grid.starts(np.array([place]))[0]) + self.grid.width
            fits = high is None or ends <= (high + 1) * self._unit
        if not fits:
            names = f"{self.span.start}, {self.span.end}"
            raise DomainTooSmall(self.table.name, names, self.table.count, row)

    # -- values

    def _at(self, rows: range) -> Ints:
        if not self.table.wish.few:
            self._upto(rows.stop)
            return self._places[rows.start : rows.stop]
        if self._counts:
            return indices(rows)
        if self._in_a_day:
            return indices(rows) % len(self.grid.offsets)
        first = int(self.grid.at_or_after(np.array([end(self.table)]))[0])
        return np.asarray(first - 1 - indices(rows) % _FEW, dtype=np.int64)

    def _starts(self, rows: range) -> Ints:
        starts = self.grid.starts(self._at(rows))
        if self._whole and not self.table.wish.few:
            starts = np.maximum(starts, self._earliest(rows)[0])
        return starts // self._unit

    def _ends(self, wish: Wish, rows: range) -> Batch:
        """Some quarters of a place after its start; the whole of numbers, and of what lasts, so that one follows on
        another.
        """
        whole = self.grid.width // self._unit
        quarters = wish.stream.below(4, rows) + 1
        if self._counts or self._whole:
            quarters = np.full(len(rows), 4)
        long = np.maximum(whole * quarters // 4, 1)
        if not self._touching:
            apart = MINUTE if self._unit == 1 and not self._counts and whole > MINUTE else 1
            long = np.minimum(long, max(whole - apart, 0))
        late = self.grid.starts(self._at(rows)) // self._unit + long
        ends = Numbers(None, np.minimum(late, DAY - SECOND) if self._in_a_day else late, wish.kind)
        return ends.without(self._endless(wish, rows)) if self._may_be_endless(wish) else ends

    def _may_be_endless(self, wish: Wish) -> bool:
        """Whether the last row of a group can go on for ever: where the group has all its rows from the beginning."""
        optional = bool(wish.column.nullable) and not self.table.facts[wish.name].not_null
        share = self.table.spread_column
        whole = len(self.groups) == 1 and share in self.groups[0]
        return optional and whole and not self.table.wish.few

    def _endless(self, wish: Wish, rows: range) -> Bools:
        spread = self.table.spread
        none = np.zeros(len(rows), dtype=np.bool_)
        if spread is None or not len(rows):
            return none
        firsts, sizes = spread.groups(rows)
        whole = range(int(firsts[0]), int(firsts[-1] + sizes[-1]))
        places = self._at(whole)
        pairs = list(zip(self._keys(0, self.groups[0], whole), places.tolist(), strict=True))
        last: dict[Any, int] = {}
        for key, place in pairs:
            last[key] = max(place, last.get(key, place))
        at = rows.start - whole.start
        ends = np.array([last[key] == place for key, place in pairs[at : at + len(rows)]], dtype=np.bool_)
        return ends & (self.table.stream(wish.name).part("endless").fractions(rows) < _OPEN)
