"""Rows that may not overlap, such as bookings of one room: each takes the first place of a timetable that is free."""

from collections.abc import Collection, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from seedbed.errors import TooFewUniqueValues
from seedbed.seeding.analysis.exclusion_constraints import Span
from seedbed.seeding.analysis.timestamp_roles import is_planned, says_when_made
from seedbed.seeding.core.number_codec import DAY, folded
from seedbed.seeding.core.random_stream import Ints
from seedbed.seeding.generators.column_generator import indices
from seedbed.seeding.generators.datetimes import MONTH, SPAN, end, moments
from seedbed.seeding.resolution.scheduling.grid import HOURS_OF_A_DAY, Grid, Taken, free_in
from seedbed.seeding.resolution.scheduling.grid_choice import Ranges

if TYPE_CHECKING:
    from seedbed.seeding.planning.table_plan import TablePlan

_BLOCK = 1 << 16
_FEW = 20_000
"""Rows of one test that are apart, of a million that it has to choose from."""


class Slots:
    """Where the rows of a table stand in `span`, so that those that agree in all columns of one of `groups` do not
    overlap.

    A row takes its place after the rows before it, and so depends on no later one: 8 bytes a row are kept, and while
    they are being found, what is taken in each group.
    """

    def __init__(self, table: "TablePlan", span: Span) -> None:
        self.table, self.span, self.ranges = table, span, Ranges(table, span)
        self.groups: list[tuple[str, ...]] = []
        self.touching = True
        self._made = 0
        self._places: Ints = np.zeros(0, dtype=np.int64)
        self._taken: dict[Any, Taken] = {}
        self._grid: Grid | None = None

    def add(self, group: tuple[str, ...], *, touching: bool) -> None:
        """Keep apart what agrees in these columns as well. Unless `touching`, no end may be the next one's start."""
        self.groups.append(group)
        self.touching &= touching

    @property
    def members(self) -> set[str]:
        """The columns that stay as they were drawn: another draw could overlap."""
        made = says_when_made(self.table, self.span.start)
        return {self.span.start, *(column for group in self.groups for column in group), *([made] if made else [])}

    def keeps(self, columns: Collection[str]) -> bool:
        """Whether rows that agree in these columns are in one group, and so begin at different times."""
        return self.span.start in columns and any(set(group) <= set(columns) for group in self.groups)

    def see_that_they_fit(self) -> None:
        """Find out before a row is loaded whether there are places for all, where these have an end.

        Raises:
            TooFewUniqueValues: there are not.
        """
        if self.table.wish.few or not (self.ranges.in_a_day or self.ranges.highest is not None):
            return
        for grid in [*(HOURS_OF_A_DAY[:-1] if self.ranges.in_a_day else ()), None]:
            self._grid, self._made, self._taken, self._places = grid, 0, {}, self._places[:0]
            try:
                self._upto(self.table.count)
            except TooFewUniqueValues:
                if grid is None:
                    raise
            else:
                return

    @property
    def grid(self) -> Grid:
        if self._grid is None:
            self._grid = self.ranges.timetable(self.groups)
        return self._grid

    @property
    def are_whole(self) -> bool:
        """Whether a row has all of its place, but for days before it was made."""
        return self.ranges.are_long and not self.ranges.are_numbers and self.grid.width > DAY

    def at(self, rows: range) -> Ints:
        """The places of rows in the timetable."""
        if not self.table.wish.few:
            self._upto(rows.stop)
            return self._places[rows.start : rows.stop]
        if self.ranges.are_numbers:
            return indices(rows)
        if self.ranges.in_a_day:
            return indices(rows) % len(self.grid.offsets)
        first = int(self.grid.at_or_after(np.array([end(self.table)]))[0])
        return np.asarray(first - 1 - indices(rows) % _FEW, dtype=np.int64)

    def keys(self, n: int, rows: range) -> Iterator[Any]:
        """What rows have in common in the n-th of the groups."""
        columns: list[list[Any]] = []
        for name in self.groups[n]:
            reference = self.table.reference_of(name)
            made = None if reference is not None and name not in self._said else self.table.fillings[name].make(rows)
            columns.append(made.tolist() if made is not None else reference.parents(rows).tolist() if reference else [])
        return ((n, *key) for key in zip(*columns, strict=True)) if columns else iter([(n,)] * len(rows))

    def earliest(self, rows: range) -> tuple[Ints, bool]:
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
            starts = np.maximum(starts, int(low) * self.ranges.unit)
        return -(-starts // DAY) * DAY if self.are_whole else starts, before is not None

    def _upto(self, stop: int) -> None:
        """Give rows their places, each after those before it."""
        while self._made < stop:
            rows = range(self._made, min(self._made + _BLOCK, max(stop, min(self.table.count, self._made + _BLOCK))))
            wished, earliest, last = self._wanted(rows)
            wanted, least = wished.tolist(), earliest.tolist()
            groups = list(zip(*(self.keys(n, rows) for n in range(len(self.groups))), strict=True))
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

    def _taken_by(self, key: Any) -> Taken:
        if key not in self._taken:
            self._taken[key] = Taken()
        return self._taken[key]

    def _written(self, row: int) -> range | None:
        """The places that a row which the seeds write out takes by what it says."""
        known = self.table.wish.known
        if row >= len(known) or known[row].get(self.span.start) is None:
            return None
        begun = int(folded(known[row][self.span.start], self.ranges.kind) or 0) * self.ranges.unit
        said = known[row].get(self.span.end)
        over = begun + self.grid.width if said is None else int(folded(said, self.ranges.kind) or 0) * self.ranges.unit
        first, after = self.grid.at_or_after(np.array([begun + 1, over + (0 if self.touching else 1)]))
        return range(int(first) - 1, max(int(after), int(first)))

    @property
    def _said(self) -> set[str]:
        """Columns that rows written out have values of."""
        return {name for row in self.table.wish.known for name in row}

    def _wanted(self, rows: range) -> tuple[Ints, Ints, int]:
        """For each row the place that it would have, the first that it may have, and the last that is not too late."""
        table, grid, unit = self.table, self.grid, self.ranges.unit
        stream = table.stream(self.span.start)
        if self.ranges.are_numbers:
            first = np.zeros(len(rows), dtype=np.int64)
            return first, first, 2**62
        if self.ranges.in_a_day:
            drawn = stream.below(len(grid.offsets), rows)
            return drawn, np.zeros(len(rows), dtype=np.int64), len(grid.offsets) - 1
        stop = end(table)
        start, before = self.earliest(rows)
        if (high := self.ranges.highest) is not None:
            stop = min(stop, high * unit)
        later = is_planned(self.span.start)
        room = np.maximum(stop - start, 0)
        span = np.full(len(rows), 3 * MONTH) if later else np.minimum(MONTH, room) if before else room
        last = int(grid.at_or_after(np.array([stop + 3 * MONTH * later + 1]))[0]) - 1
        least = grid.at_or_after(start + 1) - 1 if self.are_whole else grid.at_or_after(start)
        choices = np.minimum(grid.at_or_after(start + span), last + 1) - least
        drawn = (np.maximum(choices, 0) * stream.fractions(rows)).astype(np.int64)
        return least + drawn, least, last

    def _see_that_it_fits(self, place: int, row: int) -> None:
        high = self.ranges.highest
        if self.ranges.in_a_day:
            fits = place < len(self.grid.offsets)
        else:
            ends = int(self.grid.starts(np.array([place]))[0]) + self.grid.width
            fits = high is None or ends <= (high + 1) * self.ranges.unit
        if not fits:
            names = f"{self.span.start}, {self.span.end}"
            raise TooFewUniqueValues(self.table.name, names, self.table.count, row)
