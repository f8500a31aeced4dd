"""Times in their order: a row is made after the rows it refers to, changed after it was made, deleted after that."""

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np

from seedbed.seeding.analysis.timestamp_roles import (
    FIRST,
    LAST,
    earlier,
    is_planned,
    is_step,
    is_when_changed,
    is_when_gone,
)
from seedbed.seeding.core.batch import Batch, Numbers
from seedbed.seeding.core.column_types import MOMENTS
from seedbed.seeding.core.number_codec import DAY, SECOND, microseconds
from seedbed.seeding.core.random_stream import Floats, Ints, Stream
from seedbed.seeding.generators.column_generator import Filling, Wish, indices

if TYPE_CHECKING:
    from seedbed.seeding.planning.table_plan import TablePlan

MONTH = 30 * DAY
SPAN = 730 * DAY
_UNTOUCHED = 0.4
"""How many rows were never changed after they were made."""
LASTING = re.compile(
    r"valid|effective|employ|contract|lease|loan|tariff|price|(^|_)rate|(^|_)term$|semester|season|subscription|membership"
    r"|polic|assign|(^|_)year$|warranty|insurance"
)
"""What goes on for months and years."""
_SHORT = re.compile(r"window|shift|meeting|session|appointment|lesson|booking|visit|(^|_)call|class$|interview|webinar")
_BORN = re.compile(r"birth|born|dob")
_YEARS_OLD, _YEARS = 18, 62
_WORKING, _WORKING_YEARS = 22, 42
_AT_SCHOOL, _SCHOOL_YEARS = 6, 12
_WORKS = re.compile(r"salary|wage|hire|employ")
_LEARNS = re.compile(r"^grade(_level)?$|school_class|guardian")


def times(wish: Wish) -> Filling:
    """Times between what must come before and `as_of`, to the second; dates are the days of such times."""
    table, name, stream = wish.table, wish.name, wish.stream
    facts = table.facts[name]
    if wish.unique:
        return _apart(wish)
    if facts.low is not None or facts.high is not None:
        return _within(wish)
    if _BORN.search(name):
        least, span = _ages(table)
        return _some(wish, f"{least} to {least + span} years before", end(table) - _years(least), _years(span))
    before = earlier(wish)
    if before is not None and (is_when_changed(name) or is_when_gone(name)):

        def changed(rows: range) -> Batch:
            return _made(wish, _between(read(table, before, rows), end(table), _late(stream, rows)))

        return Filling(name, f"at or after {before}", changed)
    if before is not None:
        later = is_planned(name)
        long = _length(table, name, wish.kind.name)
        optional = bool(wish.column.nullable) and not facts.not_null and is_step(name)

        def after(rows: range) -> Batch:
            start = read(table, before, rows)
            if long is not None:
                drawn = (stream.fractions(rows) * (long[1] - long[0]) + long[0]).astype(np.int64)
                step = DAY if wish.kind.name == "date" else 900 * SECOND
                return _made(wish, start + np.maximum(drawn // step, 1) * step)
            span = np.where(later, 3 * MONTH, np.minimum(MONTH, end(table) - start))
            seconds = (span // SECOND * (stream.fractions(rows) * 0.999)).astype(np.int64) + 1
            least = DAY if wish.kind.name == "date" else SECOND
            moved = start + np.maximum(seconds * SECOND, least)
            made = _made(wish, moved if later or wish.kind.name == "date" else np.minimum(moved, end(table)))
            none = table.batch(before, rows).nulls if optional else None
            return made if none is None else made.without(none)

        return Filling(name, f"after {before}", after)
    return _somewhen(wish)


def _length(table: "TablePlan", name: str, kind: str) -> tuple[int, int] | None:
    """How long at least and at most lasts what ends then, where its table tells."""
    begins = any(FIRST.match(c.name) for c in table.sql.columns if table.kind(c.name).name in MOMENTS | {"date"})
    if not (begins and LAST.match(name)) or FIRST.match(name):
        return None
    own = table.sql.name.lower()
    if LASTING.search(own):
        return 90 * DAY, 3 * 365 * DAY
    return (900 * SECOND, 14_400 * SECOND) if kind in MOMENTS and _SHORT.search(own) else None


def end(table: "TablePlan") -> int:
    return microseconds(table.as_of)


def read(table: "TablePlan", column: str, rows: range) -> Ints:
    """A column of times in microseconds, the earliest time where it has none."""
    return moments(table.batch(column, rows), end(table) - SPAN)


def moments(batch: Batch, otherwise: int) -> Ints:
    if isinstance(batch, Numbers) and batch.kind.name in MOMENTS | {"date"}:
        data = batch.data * (DAY if batch.kind.name == "date" else 1)
        return np.asarray(data if batch.nulls is None else np.where(batch.nulls, otherwise, data), dtype=np.int64)
    found = [microseconds(value) if hasattr(value, "hour") else otherwise for value in batch.tolist()]
    return np.array(found, dtype=np.int64)


def born_on(table: "TablePlan") -> str | None:
    """The column that says when somebody was born."""
    return next((c.name for c in table.sql.columns if _BORN.search(c.name) and table.kind(c.name).name == "date"), None)


def _ages(table: "TablePlan") -> tuple[int, int]:
    """The least age of whom a table is of, and how much more it may be."""
    names = [column.name for column in table.sql.columns]
    if any(map(_LEARNS.search, names)):
        return _AT_SCHOOL, _SCHOOL_YEARS
    return (_WORKING, _WORKING_YEARS) if any(map(_WORKS.search, names)) else (_YEARS_OLD, _YEARS)


def opening_times(wish: Wish) -> Filling | None:
    """Times of a day that something begins or ends at: the former in the morning, the latter after it."""
    table, name = wish.table, wish.name
    others = [c.name for c in table.sql.columns if table.kind(c.name).name == "time" and c.name != name]
    quarter = 900 * SECOND
    if FIRST.match(name) and any(LAST.match(other) for other in others):
        return Filling(
            name, "from 7 to 12 o'clock",
            lambda rows: Numbers(None, (wish.stream.below(21, rows) + 28) * quarter, wish.kind),
        )  # fmt: skip
    starts = [other for other in others if (first := FIRST.match(other)) and not LAST.match(other) and first]
    if not LAST.match(name) or not starts:
        return None

    def after(rows: range) -> Batch:
        start = table.batch(starts[0], rows)
        begun = start.data if isinstance(start, Numbers) else np.full(len(rows), 9 * 4 * quarter, dtype=np.int64)
        return Numbers(None, begun + (wish.stream.below(40, rows) + 3) * quarter, wish.kind)

    return Filling(name, f"after {starts[0]}", after)


def _somewhen(wish: Wish) -> Filling:
    table, stream = wish.table, wish.stream
    shown = f"before {table.as_of:%Y-%m-%d}"
    anchors = table.anchors if wish.name == table.made_at or table.made_at is None else []
    order = table.order_of_making if wish.name == table.made_at else None

    def drawn(rows: range) -> Ints:
        starts = np.full(len(rows), end(table) - SPAN, dtype=np.int64)
        for anchor in anchors:
            starts = np.maximum(starts, anchor.made_at(rows))
        fractions = stream.fractions(rows)
        return _between(starts, end(table), fractions if order is None else order(rows, fractions))

    kept: list[Ints] = []

    def somewhen(rows: range) -> Batch:
        if order is None or not anchors:
            return _made(wish, drawn(rows))
        if not kept:
            kept.append(_after_those_above(table, drawn(range(table.count))))
        return _made(wish, kept[0][rows.start : rows.stop])

    after = " and ".join(dict.fromkeys(anchor.parent.name for anchor in anchors))
    return Filling(wish.name, f"after its {after} was made" if after else f"in the two years {shown}", somewhen)


def _after_those_above(table: "TablePlan", times: Ints) -> Ints:
    """Times of all rows, none before the row of the same table that it refers to: what a row needs from elsewhere may
    have been made late.
    """
    for reference in table.references:
        if reference.parent is table:
            above = reference.parents(range(table.count))
            below = np.flatnonzero(above >= 0)
            while (late := times[above[below]] > times[below]).any():
                times[below[late]] = times[above[below[late]]]
    return times


def _apart(wish: Wish) -> Filling:
    """Each a second or a day before the last."""
    step = DAY if wish.kind.name == "date" else SECOND

    def make(rows: range) -> Batch:
        return _made(wish, end(wish.table) - (wish.places(rows) + 1) * step)

    return Filling(wish.name, f"a {'day' if step == DAY else 'second'} before the last", make)


def _within(wish: Wish) -> Filling:
    facts, unit = wish.table.facts[wish.name], 1 if wish.kind.name == "date" else SECOND
    low = facts.low if facts.low is not None else (facts.high or 0) - SPAN // (DAY if unit == 1 else 1)
    high = facts.high if facts.high is not None else max(int(low), end(wish.table) // (DAY if unit == 1 else 1))
    if low < (now := end(wish.table) // (DAY if unit == 1 else 1)) < high and not (
        is_planned(wish.name) or LAST.match(wish.name)
    ):
        high = now
    steps = int(high - low) // unit

    def make(rows: range) -> Batch:
        return Numbers(None, int(low) + (wish.stream.fractions(rows) * (steps + 1)).astype(np.int64) * unit, wish.kind)

    return Filling(wish.name, "within its bounds", make)


def _some(wish: Wish, words: str, start: int, span: int) -> Filling:
    def make(rows: range) -> Batch:
        away = (wish.stream.fractions(rows) * (span // DAY)).astype(np.int64) * DAY
        return _made(wish, start - away)

    return Filling(wish.name, f"{words} {wish.table.as_of:%Y-%m-%d}", make)


def _years(count: int) -> int:
    return count * 365 * DAY


def _made(wish: Wish, data: Ints) -> Batch:
    return Numbers(None, data // DAY if wish.kind.name == "date" else data, wish.kind)


def _between(starts: Ints, stop: int, fractions: Floats) -> Ints:
    seconds = ((stop - starts) // SECOND * fractions).astype(np.int64)
    return np.asarray(starts + np.maximum(seconds, 0) * SECOND, dtype=np.int64)


def _late(stream: Stream, rows: range) -> Floats:
    touched = np.clip((stream.fractions(rows) - _UNTOUCHED) / (1 - _UNTOUCHED), 0.0, 1.0)
    return np.asarray(touched * touched)


def in_order(table: "TablePlan") -> Callable[[range, Floats], Floats]:
    """Rows of a table that refers to itself are made in their order, so that no reply is older than what it answers."""

    def fractions(rows: range, drawn: Floats) -> Floats:
        if table.spread is not None:
            first, size = table.spread.groups(rows)
            return np.asarray((indices(rows) - first + drawn) / size)
        return np.asarray((indices(rows) + drawn) / max(table.count, 1))

    return fractions
