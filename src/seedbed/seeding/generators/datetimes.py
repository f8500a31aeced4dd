"""Dates and times in order: a row is created after its parents, then changed, then deleted."""

import re
from collections.abc import Callable

import numpy as np

from seedbed.seeding.analysis.timestamp_roles import (
    END_NAME,
    LONG_TERM_NAME,
    START_NAME,
    find_earlier_column,
    names_change,
    names_deletion,
    names_future,
    names_step,
)
from seedbed.seeding.core.column_batch import Batch, Numbers, to_microseconds
from seedbed.seeding.core.postgres_types import MOMENTS
from seedbed.seeding.core.random_stream import Floats, Ints, Stream, make_indices
from seedbed.seeding.core.time_units import DAY, MONTH, SECOND, SPAN
from seedbed.seeding.generators.column_generator import ColumnGenerator, ColumnRequest
from seedbed.seeding.resolution.references import find_dated_references, make_references
from seedbed.seeding.resolution.resolved_table import ResolvedTable

_UNCHANGED_FRACTION = 0.4
"""The share of rows that were never changed after their creation."""
_SHORT_TERM = re.compile(
    r"window|shift|meeting|session|appointment|lesson|booking|visit|(^|_)call|class$|interview|webinar"
)
_BIRTH = re.compile(r"birth|born|dob")
_MIN_AGE, _YEARS = 18, 62
_MIN_WORKING_AGE, _WORKING_YEARS = 22, 42
_MIN_SCHOOL_AGE, _SCHOOL_YEARS = 6, 12
_EMPLOYMENT = re.compile(r"salary|wage|hire|employ")
_EDUCATION = re.compile(r"^grade(_level)?$|school_class|guardian")


def generate_times(request: ColumnRequest) -> ColumnGenerator:
    """Times between what must come before and `as_of`, to the second; dates are the days of such times."""
    table, name, stream = request.table, request.name, request.stream
    constraints = table.value_constraints[name]
    if request.is_unique:
        return _generate_unique(request)
    if constraints.low is not None or constraints.high is not None:
        return _generate_bounded(request)
    if _BIRTH.search(name):
        least, span = _find_ages(table)
        return _generate_before(
            request, f"{least} to {least + span} years before", table.latest - _to_years(least), _to_years(span)
        )
    earlier = find_earlier_column(table, name)
    if earlier is not None and (names_change(name) or names_deletion(name)):

        def changed(rows: range) -> Batch:
            return _make_batch(
                request, _draw_between(read_times(table, earlier, rows), table.latest, _draw_change(stream, rows))
            )

        return ColumnGenerator(name, f"at or after {earlier}", changed)
    if earlier is not None:
        later = names_future(name)
        duration = _find_duration(table, name, request.column_type.name)
        may_be_null = bool(request.column.nullable) and not constraints.not_null and names_step(name)

        def after(rows: range) -> Batch:
            start = read_times(table, earlier, rows)
            if duration is not None:
                drawn = (stream.fractions(rows) * (duration[1] - duration[0]) + duration[0]).astype(np.int64)
                step = DAY if request.column_type.name == "date" else 900 * SECOND
                return _make_batch(request, start + np.maximum(drawn // step, 1) * step)
            span = np.where(later, 3 * MONTH, np.minimum(MONTH, table.latest - start))
            seconds = (span // SECOND * (stream.fractions(rows) * 0.999)).astype(np.int64) + 1
            least = DAY if request.column_type.name == "date" else SECOND
            moved = start + np.maximum(seconds * SECOND, least)
            batch = _make_batch(
                request, moved if later or request.column_type.name == "date" else np.minimum(moved, table.latest)
            )
            nulls = table.own_rows.batch(earlier, rows).nulls if may_be_null else None
            return batch if nulls is None else batch.with_nulls(nulls)

        return ColumnGenerator(name, f"after {earlier}", after)
    return _generate_after_parents(request)


def _find_duration(table: ResolvedTable, name: str, column_type: str) -> tuple[int, int] | None:
    """The shortest and longest duration of what ends at a time, where the table's name tells."""
    begins = any(
        START_NAME.match(c.name) for c in table.sql.columns if table.get_type(c.name).name in MOMENTS | {"date"}
    )
    if not (begins and END_NAME.match(name)) or START_NAME.match(name):
        return None
    own = table.sql.name.lower()
    if LONG_TERM_NAME.search(own):
        return 90 * DAY, 3 * 365 * DAY
    return (900 * SECOND, 14_400 * SECOND) if column_type in MOMENTS and _SHORT_TERM.search(own) else None


def read_times(table: ResolvedTable, column: str, rows: range) -> Ints:
    """A column of times in microseconds, the earliest time where it has none."""
    return to_microseconds(table.own_rows.batch(column, rows), table.latest - SPAN)


def find_birth_column(table: ResolvedTable) -> str | None:
    """The column that holds a date of birth."""
    return next(
        (c.name for c in table.sql.columns if _BIRTH.search(c.name) and table.get_type(c.name).name == "date"), None
    )


def _find_ages(table: ResolvedTable) -> tuple[int, int]:
    """The youngest age of the people in a table, and the span of ages."""
    names = [column.name for column in table.sql.columns]
    if any(map(_EDUCATION.search, names)):
        return _MIN_SCHOOL_AGE, _SCHOOL_YEARS
    return (_MIN_WORKING_AGE, _WORKING_YEARS) if any(map(_EMPLOYMENT.search, names)) else (_MIN_AGE, _YEARS)


def generate_opening_times(request: ColumnRequest) -> ColumnGenerator | None:
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


def _generate_after_parents(request: ColumnRequest) -> ColumnGenerator:
    table, stream = request.table, request.stream
    shown = f"before {table.as_of:%Y-%m-%d}"
    dated_parents = (
        find_dated_references(table) if request.name == table.creation_column or table.creation_column is None else []
    )
    order = order_by_row(table) if request.name == table.creation_column and _is_self_referencing(table) else None

    def drawn(rows: range) -> Ints:
        starts = np.full(len(rows), table.latest - SPAN, dtype=np.int64)
        for anchor in dated_parents:
            starts = np.maximum(starts, anchor.find_creation_times(rows))
        fractions = stream.fractions(rows)
        return _draw_between(starts, table.latest, fractions if order is None else order(rows, fractions))

    kept: list[Ints] = []

    def somewhen(rows: range) -> Batch:
        if order is None or not dated_parents:
            return _make_batch(request, drawn(rows))
        if not kept:
            kept.append(_move_after_parents(table, drawn(range(table.count))))
        return _make_batch(request, kept[0][rows.start : rows.stop])

    after = " and ".join(dict.fromkeys(anchor.parent.name for anchor in dated_parents))
    return ColumnGenerator(
        request.name, f"after its {after} was made" if after else f"in the two years {shown}", somewhen
    )


def _move_after_parents(table: ResolvedTable, times: Ints) -> Ints:
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


def _is_self_referencing(table: ResolvedTable) -> bool:
    return any(key.target == table.name for key in table.keys)


def _generate_unique(request: ColumnRequest) -> ColumnGenerator:
    """Unique times: each row is a second or a day before the one before it."""
    step = DAY if request.column_type.name == "date" else SECOND

    def make(rows: range) -> Batch:
        return _make_batch(request, request.table.latest - (request.places(rows) + 1) * step)

    return ColumnGenerator(request.name, f"a {'day' if step == DAY else 'second'} before the last", make)


def _generate_bounded(request: ColumnRequest) -> ColumnGenerator:
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


def _generate_before(request: ColumnRequest, words: str, start: int, span: int) -> ColumnGenerator:
    def make(rows: range) -> Batch:
        away = (request.stream.fractions(rows) * (span // DAY)).astype(np.int64) * DAY
        return _make_batch(request, start - away)

    return ColumnGenerator(request.name, f"{words} {request.table.as_of:%Y-%m-%d}", make)


def _to_years(count: int) -> int:
    return count * 365 * DAY


def _make_batch(request: ColumnRequest, data: Ints) -> Batch:
    return Numbers(None, data // DAY if request.column_type.name == "date" else data, request.column_type)


def _draw_between(starts: Ints, stop: int, fractions: Floats) -> Ints:
    seconds = ((stop - starts) // SECOND * fractions).astype(np.int64)
    return np.asarray(starts + np.maximum(seconds, 0) * SECOND, dtype=np.int64)


def _draw_change(stream: Stream, rows: range) -> Floats:
    touched = np.clip((stream.fractions(rows) - _UNCHANGED_FRACTION) / (1 - _UNCHANGED_FRACTION), 0.0, 1.0)
    return np.asarray(touched * touched)


def order_by_row(table: ResolvedTable) -> Callable[[range, Floats], Floats]:
    """Rows of a table that refers to itself are made in their order, so that no reply is older than what it answers."""

    def fractions(rows: range, drawn: Floats) -> Floats:
        if table.distribution is not None:
            first, size = table.distribution.find_groups(rows)
            return np.asarray((make_indices(rows) - first + drawn) / size)
        return np.asarray((make_indices(rows) + drawn) / max(table.count, 1))

    return fractions
