"""Rows that must not overlap, such as bookings of one room: each takes the first free slot of a timetable."""

from collections.abc import Iterator
from typing import Any

import numpy as np

from seedbed.errors import TooFewUniqueValues
from seedbed.seeding.analysis.timestamp_roles import find_creation_column, names_future
from seedbed.seeding.core.column_batch import to_microseconds
from seedbed.seeding.core.number_codec import encode_number
from seedbed.seeding.core.random_stream import Ints, make_indices
from seedbed.seeding.core.time_units import DAY, MONTH, SPAN
from seedbed.seeding.resolution.exclusions import SlotColumns
from seedbed.seeding.resolution.references import find_dated_references
from seedbed.seeding.resolution.resolved_table import ResolvedTable
from seedbed.seeding.resolution.scheduling.timetable import (
    TIME_OF_DAY_GRIDS,
    Grid,
    Ranges,
    TakenPlaces,
    find_free_in_all,
)

_BLOCK = 1 << 16
_FEW = 20_000
"""Rows of one test that are apart, of a million that it has to choose from."""


class Slots:
    """Where the rows of a table stand in `span`, so that those that agree in all columns of one of `groups` do not
    overlap.

    A row takes its place after the rows before it, and so depends on no later one: 8 bytes a row are kept, and while
    they are being found, what is taken in each group.
    """

    def __init__(self, table: ResolvedTable, columns: SlotColumns) -> None:
        self.table, self.columns = table, columns
        self.span, self.groups, self.touching = columns.span, columns.groups, columns.may_touch
        self.ranges = Ranges(table, columns.span)
        self._filled_count = 0
        self._places: Ints = np.zeros(0, dtype=np.int64)
        self._taken: dict[Any, TakenPlaces] = {}
        self._grid: Grid | None = None

    @property
    def members(self) -> set[str]:
        """Columns that must not be redrawn, since another value could overlap."""
        creation_column = find_creation_column(self.table, self.span.start)
        return {
            self.span.start,
            *(column for group in self.groups for column in group),
            *([creation_column] if creation_column else []),
        }

    def shortage(self) -> TooFewUniqueValues | None:
        """Whether there are too few places for all rows, where these have an end, before a row is made.

        Hours of a day are divided more finely until all rows have one.
        """
        if self.table.request.is_partial or not (self.ranges.are_times_of_day or self.ranges.upper_bound is not None):
            return None
        row: int | None = None
        for grid in [*(TIME_OF_DAY_GRIDS[:-1] if self.ranges.are_times_of_day else ()), None]:
            self._restart(grid)
            row = self._fill(self.table.count)
            if row is None:
                return None
        return self._make_shortage(row or 0)

    def _restart(self, grid: Grid | None) -> None:
        self._grid, self._filled_count, self._taken, self._places = grid, 0, {}, self._places[:0]

    @property
    def grid(self) -> Grid:
        if self._grid is None:
            self._grid = self.ranges.choose_grid(self.groups)
        return self._grid

    @property
    def fill_places(self) -> bool:
        """Whether a row has all of its place, but for days before it was made."""
        return self.ranges.are_long_term and not self.ranges.are_numbers and self.grid.width > DAY

    def find_places(self, rows: range) -> Ints:
        """The places of rows in the timetable."""
        if not self.table.request.is_partial:
            self._fill_or_raise(rows.stop)
            return self._places[rows.start : rows.stop]
        if self.ranges.are_numbers:
            return make_indices(rows)
        if self.ranges.are_times_of_day:
            return make_indices(rows) % len(self.grid.offsets)
        first = int(self.grid.find_first_at_or_after(np.array([self.table.latest]))[0])
        return np.asarray(first - 1 - make_indices(rows) % _FEW, dtype=np.int64)

    def find_group_keys(self, n: int, rows: range) -> Iterator[Any]:
        """The keys of the n-th group that rows belong to."""
        columns: list[list[Any]] = []
        for name in self.groups[n]:
            key = self.table.find_key(name)
            if key is not None and name not in self._explicit_columns:
                columns.append(self.table.own_rows.find_parents(key, rows).tolist())
            else:
                columns.append(self.table.own_rows.generate(name, rows).tolist())
        return ((n, *key) for key in zip(*columns, strict=True)) if columns else iter([(n,)] * len(rows))

    def find_earliest_starts(self, rows: range) -> tuple[Ints, bool]:
        """When each row may begin: after it was made, or else after what it refers to was; and whether the former."""
        table, none = self.table, self.table.latest - SPAN
        before = find_creation_column(table, self.span.start)
        starts = np.full(len(rows), none, dtype=np.int64)
        if before is not None:
            starts = to_microseconds(table.own_rows.generate(before, rows), none)
        for anchor in find_dated_references(table) if before is None else ():
            starts = np.maximum(starts, anchor.find_creation_times(rows))
        low = table.value_constraints[self.span.start].low
        if low is not None:
            starts = np.maximum(starts, int(low) * self.ranges.unit)
        return -(-starts // DAY) * DAY if self.fill_places else starts, before is not None

    def _fill_or_raise(self, stop: int) -> None:
        """Give rows their places, each after those before it.

        Raises:
            TooFewUniqueValues: there is no place left for one of them.
        """
        if (row := self._fill(stop)) is not None:
            raise self._make_shortage(row)

    def _make_shortage(self, row: int) -> TooFewUniqueValues:
        return TooFewUniqueValues(self.table.name, f"{self.span.start}, {self.span.end}", self.table.count, row)

    def _fill(self, stop: int) -> int | None:
        """Give rows their places; the first row that finds none, or None where all do."""
        while self._filled_count < stop:
            rows = range(
                self._filled_count,
                min(self._filled_count + _BLOCK, max(stop, min(self.table.count, self._filled_count + _BLOCK))),
            )
            wanted_places, earliest, last = self._draw_places(rows)
            wanted, least = wanted_places.tolist(), earliest.tolist()
            groups = list(zip(*(self.find_group_keys(n, rows) for n in range(len(self.groups))), strict=True))
            places = np.empty(len(rows), dtype=np.int64)
            for at, row in enumerate(rows):
                taken = [self._get_taken_places(key) for key in groups[at]]
                explicit_places = self._find_explicit_places(row)
                if explicit_places is not None:
                    places[at] = explicit_places[0]
                    for place in explicit_places:
                        for one in taken:
                            one.take(place)
                    continue
                place = find_free_in_all(taken, wanted[at])
                if place > last and (earlier := find_free_in_all(taken, least[at])) <= last:
                    place = earlier
                if not self._fits(place):
                    return row
                for one in taken:
                    one.take(place)
                places[at] = place
            self._places = np.concatenate([self._places, places])
            self._filled_count = rows.stop
        if self._filled_count == self.table.count:
            self._taken.clear()
        return None

    def _get_taken_places(self, key: Any) -> TakenPlaces:
        if key not in self._taken:
            self._taken[key] = TakenPlaces()
        return self._taken[key]

    def _find_explicit_places(self, row: int) -> range | None:
        """The slots that an explicit row takes."""
        known = self.table.request.explicit_rows
        if row >= len(known) or known[row].get(self.span.start) is None:
            return None
        begun = int(encode_number(known[row][self.span.start], self.ranges.column_type) or 0) * self.ranges.unit
        end_value = known[row].get(self.span.end)
        over = (
            begun + self.grid.width
            if end_value is None
            else int(encode_number(end_value, self.ranges.column_type) or 0) * self.ranges.unit
        )
        first, after = self.grid.find_first_at_or_after(np.array([begun + 1, over + (0 if self.touching else 1)]))
        return range(int(first) - 1, max(int(after), int(first)))

    @property
    def _explicit_columns(self) -> set[str]:
        """Columns that explicit rows give values for."""
        return {name for row in self.table.request.explicit_rows for name in row}

    def _draw_places(self, rows: range) -> tuple[Ints, Ints, int]:
        """For each row the place that it would have, the first that it may have, and the last that is not too late."""
        table, grid, unit = self.table, self.grid, self.ranges.unit
        stream = table.make_stream(self.span.start)
        if self.ranges.are_numbers:
            first = np.zeros(len(rows), dtype=np.int64)
            return first, first, 2**62
        if self.ranges.are_times_of_day:
            drawn = stream.below(len(grid.offsets), rows)
            return drawn, np.zeros(len(rows), dtype=np.int64), len(grid.offsets) - 1
        stop = table.latest
        start, before = self.find_earliest_starts(rows)
        if (high := self.ranges.upper_bound) is not None:
            stop = min(stop, high * unit)
        later = names_future(self.span.start)
        room = np.maximum(stop - start, 0)
        span = np.full(len(rows), 3 * MONTH) if later else np.minimum(MONTH, room) if before else room
        last = int(grid.find_first_at_or_after(np.array([stop + 3 * MONTH * later + 1]))[0]) - 1
        least = grid.find_first_at_or_after(start + 1) - 1 if self.fill_places else grid.find_first_at_or_after(start)
        choices = np.minimum(grid.find_first_at_or_after(start + span), last + 1) - least
        drawn = (np.maximum(choices, 0) * stream.fractions(rows)).astype(np.int64)
        return least + drawn, least, last

    def _fits(self, place: int) -> bool:
        high = self.ranges.upper_bound
        if self.ranges.are_times_of_day:
            return place < len(self.grid.offsets)
        ends = int(self.grid.find_starts(np.array([place]))[0]) + self.grid.width
        return high is None or ends <= (high + 1) * self.ranges.unit
