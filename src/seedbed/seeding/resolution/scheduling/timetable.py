"""The timetable that suits the ranges of a table: hours for bookings, nights for stays, quarters for prices."""

import math
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from seedbed.seeding.analysis.timestamp_roles import LONG_TERM_NAME
from seedbed.seeding.analysis.unique_constraints import Span
from seedbed.seeding.core.postgres_types import MOMENTS, ColumnType
from seedbed.seeding.core.random_stream import Ints
from seedbed.seeding.core.time_units import DAY, SECOND, SPAN
from seedbed.seeding.resolution.resolved_table import ResolvedTable

HOUR, MINUTE = 3600 * SECOND, 60 * SECOND
_MONDAY = 4 * DAY
"""The first of 1970 is a Thursday."""
_OPENING_TIME, _CLOSES, _WORKING_DAYS = 8 * HOUR, 18 * HOUR, 5


@dataclass(frozen=True)
class Grid:
    """Places of equal `width`, which start at `offsets` in every `period`, from `origin` on."""

    period: int
    offsets: Ints
    width: int
    origin: int = 0

    def find_starts(self, places: Ints) -> Ints:
        size = len(self.offsets)
        return np.asarray(self.origin + places // size * self.period + self.offsets[places % size], dtype=np.int64)

    def find_first_at_or_after(self, moments_: Ints) -> Ints:
        """Return the first places that do not start earlier."""
        past = moments_ - self.origin
        within = np.searchsorted(self.offsets, past % self.period, side="left")
        return np.asarray(past // self.period * len(self.offsets) + within, dtype=np.int64)


class TakenPlaces:
    """The taken places of a group."""

    def __init__(self) -> None:
        self._next: dict[int, int] = {}

    def free(self, place: int) -> int:
        """Return the first free place from this one on, and shorten the path for later calls."""
        passed = []
        while place in self._next:
            passed.append(place)
            place = self._next[place]
        for one in passed:
            self._next[one] = place
        return place

    def take(self, place: int) -> None:
        self._next[place] = place + 1


def find_free_in_all(groups: Sequence[TakenPlaces], place: int) -> int:
    """The first place from this one on that is free in all groups."""
    while True:
        candidate = place
        for group in groups:
            candidate = group.free(candidate)
        if candidate == place:
            return place
        place = candidate


def make_regular_grid(width: int, origin: int = 0) -> Grid:
    return Grid(width, np.zeros(1, dtype=np.int64), width, origin)


def choose_fitting_grid(grids: Sequence[Grid], least: float, time: int) -> Grid:
    """Return the first timetable with enough places in a period of time, or the last one."""
    enough = (grid for grid in grids if time * len(grid.offsets) / grid.period >= least)
    return next(enough, grids[-1])


def _make_working_hours(width: int, days: Iterable[int]) -> Grid:
    """Places of days on which one works, from eight to six."""
    opened = [np.arange(day * DAY + _OPENING_TIME, day * DAY + _CLOSES, width, dtype=np.int64) for day in days]
    several = len(opened) > 1
    return Grid(7 * DAY if several else DAY, np.concatenate(opened), width, _MONDAY if several else 0)


def _make_daily_grid(width: int) -> Grid:
    return Grid(DAY, np.arange(0, DAY, width, dtype=np.int64), width)


WORKING_HOURS_GRIDS = (
    *(_make_working_hours(width, range(_WORKING_DAYS)) for width in (HOUR, 30 * MINUTE, 15 * MINUTE)),
    _make_daily_grid(15 * MINUTE), _make_daily_grid(MINUTE), _make_daily_grid(SECOND),
)  # fmt: skip
"""Timetables of moments: hours of working days as long as these are enough, and then ever more and shorter places."""
TIME_OF_DAY_GRIDS = (
    *(_make_working_hours(width, range(1)) for width in (HOUR, 30 * MINUTE, 15 * MINUTE)),
    _make_daily_grid(15 * MINUTE), _make_daily_grid(MINUTE), _make_daily_grid(SECOND),
)  # fmt: skip
NIGHT_GRIDS = tuple(make_regular_grid(days * DAY) for days in (7, 4, 2, 1))
YEAR_GRID = make_regular_grid(365 * DAY)
QUARTER_GRIDS = tuple(make_regular_grid(days * DAY) for days in (91, 28, 7))
"""Of what is not for some hours or nights: prices, contracts."""


_ROOM, _MUCH_ROOM = 3, 10
"""Places that there are at least for each row of days, and of hours: most rows are of the last months."""
_FINE = 12
"""Decimals of a numeric that its ranges are wide by."""
_MANY = 100
"""What a number that tells groups apart can at most be."""
_YEARLY = re.compile(r"(^|_)year$")


@dataclass(frozen=True, eq=False)
class Ranges:
    """The ranges between the two columns of `span`."""

    table: ResolvedTable
    span: Span

    @property
    def column_type(self) -> ColumnType:
        return self.table.column_types[self.span.start]

    @property
    def unit(self) -> int:
        """What one is in a batch: places of dates are counted in microseconds too."""
        return DAY if self.column_type.name == "date" else 1

    @property
    def are_numbers(self) -> bool:
        """Whether these are ranges of numbers, not of times."""
        return self.column_type.name not in MOMENTS | {"date", "time"}

    @property
    def are_times_of_day(self) -> bool:
        return self.column_type.name == "time"

    @property
    def are_long_term(self) -> bool:
        """Whether the ranges last for months or years."""
        return bool(LONG_TERM_NAME.search(self.span.start) or LONG_TERM_NAME.search(self.table.sql.name.lower()))

    @property
    def upper_bound(self) -> int | None:
        """The upper bound of all ranges."""
        known = [self.table.value_constraints[name].high for name in (self.span.start, self.span.end)]
        return min((int(high) for high in known if high is not None), default=None)

    def choose_grid(self, groups: Sequence[tuple[str, ...]]) -> Grid:
        """Choose a timetable with enough places for the rows of each group."""
        few, constraints = self.table.request.is_partial, self.table.value_constraints[self.span.start]
        load = 1.0 if few else max(self.table.count / self._estimate_group_count(group) for group in groups)
        if self.are_times_of_day:
            return TIME_OF_DAY_GRIDS[0 if few else -1]
        if not self.are_numbers:
            usual, room = (NIGHT_GRIDS, _ROOM) if self.column_type.name == "date" else (WORKING_HOURS_GRIDS, _MUCH_ROOM)
            if load <= 1 and _YEARLY.search(self.table.sql.name):
                return YEAR_GRID
            return choose_fitting_grid([*QUARTER_GRIDS, *usual] if self.are_long_term else usual, load * room, SPAN)
        low, high = int(constraints.low or 0), self.upper_bound
        width = 100 * 10 ** min(self.column_type.decimals, _FINE) if self.column_type.name == "numeric" else 100
        if high is not None:
            width = max(1, min(width, int((high - low) / max(load * _ROOM, 1))))
        return make_regular_grid(width, low)

    def _estimate_group_count(self, group: tuple[str, ...]) -> int:
        """Estimate the number of groups; 1 if it is unknown."""
        keys = [self.table.find_key(name) for name in group]
        sizes = [self._estimate_value_count(name) for name, key in zip(group, keys, strict=True) if key is None]
        return max(1, *(self.table.get_parent(key).count for key in keys if key is not None), 1) * math.prod(sizes)

    def _estimate_value_count(self, name: str) -> int:
        constraints = self.table.value_constraints[name]
        few = (
            constraints.low is not None and constraints.high is not None and constraints.high - constraints.low < _MANY
        )
        return int(constraints.high - constraints.low) + 1 if few else max(1, self.table.count_possible_values(name))  # type: ignore[operator]
