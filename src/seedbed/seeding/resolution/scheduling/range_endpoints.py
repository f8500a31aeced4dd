"""The two ends of what may not overlap: where its place begins, and some quarters of the place later."""

from typing import Any

import numpy as np

from seedbed.seeding.core.batch import Batch, Bools, Numbers
from seedbed.seeding.core.number_codec import DAY, SECOND
from seedbed.seeding.core.random_stream import Ints
from seedbed.seeding.generators.column_generator import Filling, Wish
from seedbed.seeding.resolution.scheduling.grid import MINUTE
from seedbed.seeding.resolution.scheduling.slots import Slots

_OPEN = 0.7
"""How many of those that may be have no end."""


def spanned(slots: Slots, wish: Wish) -> Filling:
    """What fills one of the two columns."""
    of = " or".join(dict.fromkeys(_shown(group) for group in slots.groups))
    if wish.name == slots.span.start:
        source = f"apart from others{of}"
        return Filling(wish.name, source, lambda rows: Numbers(None, _starts(slots, rows), wish.kind))
    return Filling(wish.name, f"after {slots.span.start}, before the next{of}", lambda rows: _ends(slots, wish, rows))


def _shown(group: tuple[str, ...]) -> str:
    return f" of the same {', '.join(group)}" if group else ""


def _starts(slots: Slots, rows: range) -> Ints:
    starts = slots.grid.starts(slots.at(rows))
    if slots.are_whole and not slots.table.wish.few:
        starts = np.maximum(starts, slots.earliest(rows)[0])
    return starts // slots.ranges.unit


def _ends(slots: Slots, wish: Wish, rows: range) -> Batch:
    """Some quarters of a place after its start; the whole of numbers, and of what lasts, so that one follows on
    another.
    """
    ranges = slots.ranges
    whole = slots.grid.width // ranges.unit
    quarters = wish.stream.below(4, rows) + 1
    if ranges.are_numbers or slots.are_whole:
        quarters = np.full(len(rows), 4)
    long = np.maximum(whole * quarters // 4, 1)
    if not slots.touching:
        apart = MINUTE if ranges.unit == 1 and not ranges.are_numbers and whole > MINUTE else 1
        long = np.minimum(long, max(whole - apart, 0))
    late = slots.grid.starts(slots.at(rows)) // ranges.unit + long
    ends = Numbers(None, np.minimum(late, DAY - SECOND) if ranges.in_a_day else late, wish.kind)
    return ends.without(_endless(slots, wish, rows)) if _may_be_endless(slots, wish) else ends


def _may_be_endless(slots: Slots, wish: Wish) -> bool:
    """Whether the last row of a group can go on for ever: where the group has all its rows from the beginning."""
    table = slots.table
    optional = bool(wish.column.nullable) and not table.facts[wish.name].not_null
    whole = len(slots.groups) == 1 and table.spread_column in slots.groups[0]
    return optional and whole and not table.wish.few


def _endless(slots: Slots, wish: Wish, rows: range) -> Bools:
    spread = slots.table.spread
    none = np.zeros(len(rows), dtype=np.bool_)
    if spread is None or not len(rows):
        return none
    firsts, sizes = spread.groups(rows)
    whole = range(int(firsts[0]), int(firsts[-1] + sizes[-1]))
    places = slots.at(whole)
    pairs = list(zip(slots.keys(0, whole), places.tolist(), strict=True))
    last: dict[Any, int] = {}
    for key, place in pairs:
        last[key] = max(place, last.get(key, place))
    at = rows.start - whole.start
    ends = np.array([last[key] == place for key, place in pairs[at : at + len(rows)]], dtype=np.bool_)
    return ends & (slots.table.stream(wish.name).part("endless").fractions(rows) < _OPEN)
