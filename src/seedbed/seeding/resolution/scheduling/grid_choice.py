"""The timetable that suits the ranges of a table: hours for bookings, nights for stays, quarters for prices."""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from seedbed.seeding.analysis.exclusion_constraints import Span
from seedbed.seeding.analysis.timestamp_names import LONG_TERM_NAME
from seedbed.seeding.core.column_types import MOMENTS, ColumnType
from seedbed.seeding.core.time_units import DAY, SPAN
from seedbed.seeding.resolution.resolved_table import ResolvedTable
from seedbed.seeding.resolution.scheduling.grid import (
    NIGHT_GRIDS,
    QUARTER_GRIDS,
    TIME_OF_DAY_GRIDS,
    WORKING_HOURS_GRIDS,
    YEAR_GRID,
    Grid,
    choose_fitting_grid,
    make_regular_grid,
)

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
        """Whether they have nothing to do with time."""
        return self.column_type.name not in MOMENTS | {"date", "time"}

    @property
    def are_times_of_day(self) -> bool:
        return self.column_type.name == "time"

    @property
    def are_long_term(self) -> bool:
        """Whether they go on for months and years."""
        return bool(LONG_TERM_NAME.search(self.span.start) or LONG_TERM_NAME.search(self.table.sql.name.lower()))

    @property
    def highest(self) -> int | None:
        """The upper bound of all ranges."""
        known = [self.table.value_constraints[name].high for name in (self.span.start, self.span.end)]
        return min((int(high) for high in known if high is not None), default=None)

    def choose_grid(self, groups: Sequence[tuple[str, ...]]) -> Grid:
        """Places enough for the rows of each group, which agree in these columns."""
        few, constraints = self.table.request.is_partial, self.table.value_constraints[self.span.start]
        load = 1.0 if few else max(self.table.count / self._estimate_group_count(group) for group in groups)
        if self.are_times_of_day:
            return TIME_OF_DAY_GRIDS[0 if few else -1]
        if not self.are_numbers:
            usual, room = (NIGHT_GRIDS, _ROOM) if self.column_type.name == "date" else (WORKING_HOURS_GRIDS, _MUCH_ROOM)
            if load <= 1 and _YEARLY.search(self.table.sql.name):
                return YEAR_GRID
            return choose_fitting_grid([*QUARTER_GRIDS, *usual] if self.are_long_term else usual, load * room, SPAN)
        low, high = int(constraints.low or 0), self.highest
        width = 100 * 10 ** min(self.column_type.decimals, _FINE) if self.column_type.name == "numeric" else 100
        if high is not None:
            width = max(1, min(width, int((high - low) / max(load * _ROOM, 1))))
        return make_regular_grid(width, low)

    def _estimate_group_count(self, group: tuple[str, ...]) -> int:
        """How many groups there are about; 1 where nobody knows."""
        keys = [self.table.find_key(name) for name in group]
        sizes = [self._estimate_value_count(name) for name, key in zip(group, keys, strict=True) if key is None]
        return max(1, *(self.table.get_parent(key).count for key in keys if key is not None), 1) * math.prod(sizes)

    def _estimate_value_count(self, name: str) -> int:
        constraints = self.table.value_constraints[name]
        few = (
            constraints.low is not None and constraints.high is not None and constraints.high - constraints.low < _MANY
        )
        return int(constraints.high - constraints.low) + 1 if few else max(1, self.table.count_possible_values(name))  # type: ignore[operator]
