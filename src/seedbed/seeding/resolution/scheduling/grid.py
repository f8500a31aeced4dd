"""Timetables: places one after another, each of which one row can take."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from seedbed.seeding.core.random_stream import Ints
from seedbed.seeding.core.time_units import DAY, SECOND

HOUR, MINUTE = 3600 * SECOND, 60 * SECOND
_MONDAY = 4 * DAY
"""The first of 1970 is a Thursday."""
_OPENING_TIME, _CLOSES, _WORKING_DAYS = 8 * HOUR, 18 * HOUR, 5


@dataclass(frozen=True)
class Grid:
    """Places of equal `width` that begin at `offsets` within every `period`, counted from `origin`."""

    period: int
    offsets: Ints
    width: int
    origin: int = 0

    def find_starts(self, places: Ints) -> Ints:
        size = len(self.offsets)
        return np.asarray(self.origin + places // size * self.period + self.offsets[places % size], dtype=np.int64)

    def find_first_at_or_after(self, moments_: Ints) -> Ints:
        """The first place that begins no earlier."""
        past = moments_ - self.origin
        within = np.searchsorted(self.offsets, past % self.period, side="left")
        return np.asarray(past // self.period * len(self.offsets) + within, dtype=np.int64)


class TakenPlaces:
    """The places that are taken in a group."""

    def __init__(self) -> None:
        self._next: dict[int, int] = {}

    def free(self, place: int) -> int:
        """The first free place from this one on; whoever passes by shortens the way for the next."""
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
    """The first of some timetables that has so many places in a time, or else the last."""
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
