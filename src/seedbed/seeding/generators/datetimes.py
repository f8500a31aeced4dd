"""Dates and times in order: a row is created after its parents, then changed, then deleted."""

import re
from collections.abc import Callable

import numpy as np

from seedbed.seeding.analysis.timestamp_names import (
    END_NAME,
    LONG_TERM_NAME,
    START_NAME,
    names_change,
    names_deletion,
    names_future,
    names_step,
)
from seedbed.seeding.analysis.timestamp_roles import find_earlier_column
from seedbed.seeding.core.batch import Batch, Numbers, to_microseconds
from seedbed.seeding.core.column_types import MOMENTS
from seedbed.seeding.core.random_stream import Floats, Ints, Stream, make_indices
from seedbed.seeding.core.time_units import DAY, MONTH, SECOND, SPAN
from seedbed.seeding.generators.column_generator import ColumnGenerator, ColumnRequest
from seedbed.seeding.resolution.references import find_dated_references, make_references
from seedbed.seeding.resolution.resolved_table import ResolvedTable

_UNTOUCHED = 0.4
"""The share of rows that were never changed after their creation."""
_SHORT = re.compile(r"window|shift|meeting|session|appointment|lesson|booking|visit|(^|_)call|class$|interview|webinar")
_BORN = re.compile(r"birth|born|dob")
_YEARS_OLD, _YEARS = 18, 62
_WORKING, _WORKING_YEARS = 22, 42
_AT_SCHOOL, _SCHOOL_YEARS = 6, 12
_WORKS = re.compile(r"salary|wage|hire|employ")
_LEARNS = re.compile(r"^grade(_level)?$|school_class|guardian")


def times(request: ColumnRequest) -> ColumnGenerator:
    """Times between what must come before and `as_of`, to the second; dates are the days of such times."""
    table, name, stream = request.table, request.name, request.stream
    constraints = table.value_constraints[name]
    if request.is_unique:
        return _apart(request)
    if constraints.low is not None or constraints.high is not None:
        return _within(request)
    if _BORN.search(name):
        least, span = _ages(table)
        return _some(request, f"{least} to {least + span} years before", table.latest - _years(least), _years(span))
    before = find_earlier_column(table, name)
    if before is not None and (names_change(name) or names_deletion(name)):

        def changed(rows: range) -> Batch:
            return _made(request, _between(read(table, before, rows), table.latest, _late(stream, rows)))

        return ColumnGenerator(name, f"at or after {before}", changed)
    if before is not None:
        later = names_future(name)
        long = _length(table, name, request.column_type.name)
        optional = bool(request.column.nullable) and not constraints.not_null and names_step(name)

        def after(rows: range) -> Batch:
            start = read(table, before, rows)
            if long is not None:
                drawn = (stream.fractions(rows) * (long[1] - long[0]) + long[0]).astype(np.int64)
                step = DAY if request.column_type.name == "date" else 900 * SECOND
                return _made(request, start + np.maximum(drawn // step, 1) * step)
            span = np.where(later, 3 * MONTH, np.minimum(MONTH, table.latest - start))
            seconds = (span // SECOND * (stream.fractions(rows) * 0.999)).astype(np.int64) + 1
            least = DAY if request.column_type.name == "date" else SECOND
            moved = start + np.maximum(seconds * SECOND, least)
            made = _made(
                request, moved if later or request.column_type.name == "date" else np.minimum(moved, table.latest)
            )
            none = table.own_rows.batch(before, rows).nulls if optional else None
            return made if none is None else made.with_nulls(none)

        return ColumnGenerator(name, f"after {before}", after)
    return _somewhen(request)


def _length(table: ResolvedTable, name: str, column_type: str) -> tuple[int, int] | None:
    """The shortest and longest duration of what ends at a time, where the table's name tells."""
    begins = any(
        START_NAME.match(c.name) for c in table.sql.columns if table.get_type(c.name).name in MOMENTS | {"date"}
    )
    if not (begins and END_NAME.match(name)) or START_NAME.match(name):
        return None
    own = table.sql.name.lower()
    if LONG_TERM_NAME.search(own):
        return 90 * DAY, 3 * 365 * DAY
    return (900 * SECOND, 14_400 * SECOND) if column_type in MOMENTS and _SHORT.search(own) else None


def read(table: ResolvedTable, column: str, rows: range) -> Ints:
    """A column of times in microseconds, the earliest time where it has none."""
    return to_microseconds(table.own_rows.batch(column, rows), table.latest - SPAN)


def birth_column(table: ResolvedTable) -> str | None:
    """The column that holds a date of birth."""
    return next(
        (c.name for c in table.sql.columns if _BORN.search(c.name) and table.get_type(c.name).name == "date"), None
    )


def _ages(table: ResolvedTable) -> tuple[int, int]:
    """The youngest age of the people in a table, and the span of ages."""
    names = [column.name for column in table.sql.columns]
    if any(map(_LEARNS.search, names)):
        return _AT_SCHOOL, _SCHOOL_YEARS
    return (_WORKING, _WORKING_YEARS) if any(map(_WORKS.search, names)) else (_YEARS_OLD, _YEARS)


def opening_times(request: ColumnRequest) -> ColumnGenerator | None:
    """Times of a day that something begins or ends at: the former in the morning, the latter after it."""
    table, name = request.table, request.name
    others = [c.name for c in table.sql.columns if table.get_type(c.name).name == "time" and c.name != name]
    quarter = 900 * SECOND
    if START_NAME.match(name) and any(END_NAME.match(other) for other in others):
        return ColumnGenerator(
            name, "from 7 to 12 o'clock",
            lambda rows: Numbers(None, (request.stream.below(21, rows) + 28) * quarter, request.column_type),
        )  # fmt: skip
    starts = [other for other in others if (first := START_NAME.match(other)) and not END_NAME.match(other) and first]
    if not END_NAME.match(name) or not starts:
        return None

    def after(rows: range) -> Batch:
        start = table.own_rows.batch(starts[0], rows)
        begun = start.data if isinstance(start, Numbers) else np.full(len(rows), 9 * 4 * quarter, dtype=np.int64)
        return Numbers(None, begun + (request.stream.below(40, rows) + 3) * quarter, request.column_type)

    return ColumnGenerator(name, f"after {starts[0]}", after)


def _somewhen(request: ColumnRequest) -> ColumnGenerator:
    table, stream = request.table, request.stream
    shown = f"before {table.as_of:%Y-%m-%d}"
    dated_parents = (
        find_dated_references(table) if request.name == table.creation_column or table.creation_column is None else []
    )
    order = in_row_order(table) if request.name == table.creation_column and _refers_to_itself(table) else None

    def drawn(rows: range) -> Ints:
        starts = np.full(len(rows), table.latest - SPAN, dtype=np.int64)
        for anchor in dated_parents:
            starts = np.maximum(starts, anchor.find_creation_times(rows))
        fractions = stream.fractions(rows)
        return _between(starts, table.latest, fractions if order is None else order(rows, fractions))

    kept: list[Ints] = []

    def somewhen(rows: range) -> Batch:
        if order is None or not dated_parents:
            return _made(request, drawn(rows))
        if not kept:
            kept.append(_after_those_above(table, drawn(range(table.count))))
        return _made(request, kept[0][rows.start : rows.stop])

    after = " and ".join(dict.fromkeys(anchor.parent.name for anchor in dated_parents))
    return ColumnGenerator(
        request.name, f"after its {after} was made" if after else f"in the two years {shown}", somewhen
    )


def _after_those_above(table: ResolvedTable, times: Ints) -> Ints:
    """Times of all rows, none before the row of the same table that it refers to: what a row needs from elsewhere may
    have been made late.
    """
    for reference in make_references(table):
        if reference.is_self_reference:
            above = reference.find_parents(range(table.count))
            below = np.flatnonzero(above >= 0)
            while (late := times[above[below]] > times[below]).any():
                times[below[late]] = times[above[below[late]]]
    return times


def _refers_to_itself(table: ResolvedTable) -> bool:
    return any(key.target == table.name for key in table.keys)


def _apart(request: ColumnRequest) -> ColumnGenerator:
    """Unique times: each row is a second or a day before the one before it."""
    step = DAY if request.column_type.name == "date" else SECOND

    def make(rows: range) -> Batch:
        return _made(request, request.table.latest - (request.places(rows) + 1) * step)

    return ColumnGenerator(request.name, f"a {'day' if step == DAY else 'second'} before the last", make)


def _within(request: ColumnRequest) -> ColumnGenerator:
    constraints, unit = (
        request.table.value_constraints[request.name],
        1 if request.column_type.name == "date" else SECOND,
    )
    low = (
        constraints.low if constraints.low is not None else (constraints.high or 0) - SPAN // (DAY if unit == 1 else 1)
    )
    high = (
        constraints.high
        if constraints.high is not None
        else max(int(low), request.table.latest // (DAY if unit == 1 else 1))
    )
    if low < (now := request.table.latest // (DAY if unit == 1 else 1)) < high and not (
        names_future(request.name) or END_NAME.match(request.name)
    ):
        high = now
    steps = int(high - low) // unit

    def make(rows: range) -> Batch:
        return Numbers(
            None, int(low) + (request.stream.fractions(rows) * (steps + 1)).astype(np.int64) * unit, request.column_type
        )

    return ColumnGenerator(request.name, "within its bounds", make)


def _some(request: ColumnRequest, words: str, start: int, span: int) -> ColumnGenerator:
    def make(rows: range) -> Batch:
        away = (request.stream.fractions(rows) * (span // DAY)).astype(np.int64) * DAY
        return _made(request, start - away)

    return ColumnGenerator(request.name, f"{words} {request.table.as_of:%Y-%m-%d}", make)


def _years(count: int) -> int:
    return count * 365 * DAY


def _made(request: ColumnRequest, data: Ints) -> Batch:
    return Numbers(None, data // DAY if request.column_type.name == "date" else data, request.column_type)


def _between(starts: Ints, stop: int, fractions: Floats) -> Ints:
    seconds = ((stop - starts) // SECOND * fractions).astype(np.int64)
    return np.asarray(starts + np.maximum(seconds, 0) * SECOND, dtype=np.int64)


def _late(stream: Stream, rows: range) -> Floats:
    touched = np.clip((stream.fractions(rows) - _UNTOUCHED) / (1 - _UNTOUCHED), 0.0, 1.0)
    return np.asarray(touched * touched)


def in_row_order(table: ResolvedTable) -> Callable[[range, Floats], Floats]:
    """Rows of a table that refers to itself are made in their order, so that no reply is older than what it answers."""

    def fractions(rows: range, drawn: Floats) -> Floats:
        if table.distribution is not None:
            first, size = table.distribution.find_groups(rows)
            return np.asarray((make_indices(rows) - first + drawn) / size)
        return np.asarray((make_indices(rows) + drawn) / max(table.count, 1))

    return fractions
