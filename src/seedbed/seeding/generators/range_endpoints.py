"""The start and end columns of ranges that must not overlap."""

from typing import Any

import numpy as np

from seedbed.seeding.core.column_batch import Batch, Bools, Numbers
from seedbed.seeding.core.random_stream import Ints
from seedbed.seeding.core.time_units import DAY, SECOND
from seedbed.seeding.generators.column_generator import ColumnGenerator, ColumnRequest
from seedbed.seeding.resolution.scheduling.slots import Slots
from seedbed.seeding.resolution.scheduling.timetable import MINUTE

_OPEN_FRACTION = 0.7
"""The share of ranges without an end, where one may lack it."""


def generate_range_endpoint(slots: Slots, request: ColumnRequest) -> ColumnGenerator:
    """Fill one of the two columns."""
    groups = " or".join(dict.fromkeys(_describe_group(group) for group in slots.groups))
    if request.name == slots.span.start:
        source = f"apart from others{groups}"
        return ColumnGenerator(
            request.name, source, lambda rows: Numbers(None, _make_starts(slots, rows), request.column_type)
        )
    return ColumnGenerator(
        request.name,
        f"after {slots.span.start}, before the next{groups}",
        lambda rows: _make_ends(slots, request, rows),
    )


def _describe_group(group: tuple[str, ...]) -> str:
    return f" of the same {', '.join(group)}" if group else ""


def _make_starts(slots: Slots, rows: range) -> Ints:
    starts = slots.grid.find_starts(slots.find_places(rows))
    if slots.fill_places and not slots.table.request.is_partial:
        starts = np.maximum(starts, slots.find_earliest_starts(rows)[0])
    return starts // slots.ranges.unit


def _make_ends(slots: Slots, request: ColumnRequest, rows: range) -> Batch:
    """Some quarters of a place after its start; the whole of numbers, and of what lasts, so that one follows on
    another.
    """
    ranges = slots.ranges
    whole = slots.grid.width // ranges.unit
    quarters = request.stream.below(4, rows) + 1
    if ranges.are_numbers or slots.fill_places:
        quarters = np.full(len(rows), 4)
    lengths = np.maximum(whole * quarters // 4, 1)
    if not slots.touching:
        apart = MINUTE if ranges.unit == 1 and not ranges.are_numbers and whole > MINUTE else 1
        lengths = np.minimum(lengths, max(whole - apart, 0))
    data = slots.grid.find_starts(slots.find_places(rows)) // ranges.unit + lengths
    ends = Numbers(None, np.minimum(data, DAY - SECOND) if ranges.are_times_of_day else data, request.column_type)
    return ends.with_nulls(_is_open(slots, request, rows)) if _may_be_open(slots, request) else ends


def _may_be_open(slots: Slots, request: ColumnRequest) -> bool:
    """Whether the last row of a group can go on for ever: where the group has all its rows from the beginning."""
    table = slots.table
    optional = bool(request.column.nullable) and not table.value_constraints[request.name].not_null
    whole = len(slots.groups) == 1 and table.rows_per_parent_key in slots.groups[0]
    return optional and whole and not table.request.is_partial


def _is_open(slots: Slots, request: ColumnRequest, rows: range) -> Bools:
    spread = slots.table.distribution
    none = np.zeros(len(rows), dtype=np.bool_)
    if spread is None or not len(rows):
        return none
    firsts, sizes = spread.find_groups(rows)
    whole = range(int(firsts[0]), int(firsts[-1] + sizes[-1]))
    places = slots.find_places(whole)
    pairs = list(zip(slots.find_group_keys(0, whole), places.tolist(), strict=True))
    last: dict[Any, int] = {}
    for key, place in pairs:
        last[key] = max(place, last.get(key, place))
    at = rows.start - whole.start
    ends = np.array([last[key] == place for key, place in pairs[at : at + len(rows)]], dtype=np.bool_)
    return ends & (slots.table.make_stream(request.name).substream("endless").fractions(rows) < _OPEN_FRACTION)
