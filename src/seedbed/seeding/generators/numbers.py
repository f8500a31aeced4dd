"""Number columns without a rule."""

import re
from decimal import Decimal

import numpy as np

from seedbed.seeding.analysis.sequences import find_sequence_position
from seedbed.seeding.analysis.value_constraints import ValueConstraints
from seedbed.seeding.core import big_integers
from seedbed.seeding.core.big_integers import shrink
from seedbed.seeding.core.column_batch import Batch, Numbers
from seedbed.seeding.core.postgres_types import INTEGERS
from seedbed.seeding.core.random_stream import Ints
from seedbed.seeding.core.time_units import DAY
from seedbed.seeding.generators.column_generator import (
    ColumnGenerator,
    ColumnRequest,
    generate_choice,
    generate_counter,
    make_shortage,
)
from seedbed.seeding.generators.datetimes import find_birth_column, generate_opening_times, read_times
from seedbed.seeding.generators.likely_numbers import find_likely_range, has_certain_range

_DEFAULT_HIGH = 1_000
_EXACT_FLOAT_LIMIT = 1 << 53
"""Whole numbers below it are floats as well."""
_STATUS_CODE = re.compile(r"(^|_)(status_code|http_status)$")
_STATUS_CODE_WEIGHTS = {200: 80, 201: 8, 204: 4, 404: 5, 500: 3}
_PRICE = re.compile(r"price|cost$|fee$")
_ENDINGS = (99, 99, 99, 95, 50, 0, 0, 90)
"""Cents with which prices end, some more often than others."""
_TAX = re.compile(r"(^|_)(tax|vat)(_rate)?$")
_TAXES = ("0.00", "0.07", "0.10", "0.19", "0.20", "0.21", "0.25")
_AGE = re.compile(r"(^|_)age$")
_RATING = re.compile(r"(^|_)(rating|stars|score)$")
_MONEY = re.compile(r"price|cost|amount|total|balance|fee|salary|budget|revenue|value|credit|debit|cents")


def generate_integers(request: ColumnRequest) -> ColumnGenerator:
    """Row numbers for keys and unique columns; other columns get a number of a likely range."""
    constraints, limit = request.table.value_constraints[request.name], INTEGERS[request.column_type.name]
    if (
        _AGE.search(request.name)
        and request.uses_name
        and not request.is_unique
        and (born := find_birth_column(request.table)) is not None
    ):
        return _generate_age(request, born)
    if request.is_unique or request.column.primary_key or request.column.identity is not None:
        place, stride = find_sequence_position(request.column)
        least = 1 if constraints.low is None else int(constraints.low)
        start = least + (place + 1 - least) % stride
        most = (min(limit - 1, limit - 1 if constraints.high is None else int(constraints.high)) - start) // stride + 1
        if request.required_count > most:
            return make_shortage(request, max(most, 0))
        return generate_counter(request, start, stride)
    if _STATUS_CODE.search(request.name) and request.uses_name and constraints.low is None and constraints.high is None:
        return generate_choice(request, [*_STATUS_CODE_WEIGHTS], [*map(float, _STATUS_CODE_WEIGHTS.values())])
    low, high = _find_range(request, 1, _DEFAULT_HIGH)
    step = constraints.step or 1
    low = -(-low // step) * step
    size = (min(high, limit - 1) - low) // step + 1
    if size < 1:
        return make_shortage(request, 0)
    source = f"{low:,} to {low + (size - 1) * step:,}"
    return ColumnGenerator(
        request.name,
        source,
        lambda rows: Numbers(None, _draw_skewed(request, rows, size) * step + low, request.column_type),
    )


def _generate_age(request: ColumnRequest, birth_column: str) -> ColumnGenerator:
    """The years since the same row's day of birth."""
    table = request.table

    def make(rows: range) -> Batch:
        days = (table.latest - read_times(table, birth_column, rows)) // DAY
        return Numbers(None, (days * 4 // 1461).astype(np.int64), request.column_type)

    return ColumnGenerator(request.name, f"the years since {birth_column}", make)


def generate_decimals(request: ColumnRequest) -> ColumnGenerator:
    """Numbers of a likely range, or of what the column's precision allows, with its decimals."""
    column_type = request.column_type
    unit = 10**column_type.decimals
    if request.is_unique:
        return _generate_decimal_counter(request)
    constraints = request.table.value_constraints[request.name]
    free = constraints.low is None and constraints.high is None and request.uses_name
    if free and column_type.decimals > 1 and _TAX.search(request.name.lower()):
        return generate_choice(request, [Decimal(tax) for tax in _TAXES])
    low, high = _find_range(request, 0, _DEFAULT_HIGH * unit, unit=unit)
    if column_type.size is not None:
        most = 10**column_type.size - 1
        low, high = max(low, -most), min(high, most)
    size = high - low + 1
    if size < 1:
        return make_shortage(request, 0)
    source = f"{_format_number(low, unit)} to {_format_number(high, unit)}, {column_type.decimals} decimals"
    priced = column_type.decimals == 2 and request.uses_name and bool(_PRICE.search(request.name.lower()))  # noqa: PLR2004 - cents
    endings = np.array(_ENDINGS)

    def make(rows: range) -> Batch:
        drawn = shrink(big_integers.add(_draw_skewed(request, rows, size), np.array(low)))
        if not priced:
            return Numbers(None, drawn, column_type)
        rounded = drawn // unit * unit + endings[request.stream.substream("cents").below(len(endings), rows)]
        return Numbers(None, np.where((rounded >= low) & (rounded <= high), rounded, drawn), column_type)

    return ColumnGenerator(request.name, source, make)


def _generate_decimal_counter(request: ColumnRequest) -> ColumnGenerator:
    """Whole numbers, or smaller steps where so many do not fit.

    Raises:
        TooFewUniqueValues: there are not so many numbers.
    """
    column_type, constraints, rows = (
        request.column_type,
        request.table.value_constraints[request.name],
        max(request.required_count, 1),
    )
    most = None if column_type.size is None else 10**column_type.size - 1
    high = min((int(bound) for bound in (constraints.high, most) if bound is not None), default=None)
    for places in range(column_type.decimals, -1, -1):
        step = 10**places
        start = step if constraints.low is None else int(constraints.low)
        if constraints.low is None and high is not None and high < start:
            start = max(high - (rows - 1) * step, -(most or (rows - 1) * step - high))
        if high is None or start + (rows - 1) * step <= high:
            return generate_counter(request, start, step)
    return make_shortage(request, max(0, int(high or 0) - start + 1))


def _format_number(number: int, unit: int) -> str:
    try:
        return f"{number / unit:,g}"
    except OverflowError:  # beyond what a float is
        return f"{Decimal(number) / unit:.3g}"


def generate_floats(request: ColumnRequest) -> ColumnGenerator:
    if request.is_unique:
        return generate_counter(request)
    constraints = request.table.value_constraints[request.name]
    likely = find_likely_range(request, 0, _DEFAULT_HIGH)
    if _is_certain_range_allowed(request, *likely):
        low = max(float(likely[0]), float(constraints.low if constraints.low is not None else likely[0]))
        high = min(float(likely[1]), float(constraints.high if constraints.high is not None else likely[1]))
    else:
        low = float(likely[0] if constraints.low is None else constraints.low)
        high = float(
            (likely[1] if likely[1] > low else low + _DEFAULT_HIGH) if constraints.high is None else constraints.high
        )
    low = min(low, high)
    steps = (1 << 20) - 1

    def make(rows: range) -> Batch:
        drawn = request.stream.below(steps + 1, rows) / steps * (high - low) + low
        rounded = np.round(drawn, 2)
        return Numbers(None, np.where((rounded >= low) & (rounded <= high), rounded, drawn), request.column_type)

    return ColumnGenerator(request.name, f"{low:,g} to {high:,g}", make)


def generate_booleans(request: ColumnRequest) -> ColumnGenerator:
    affirmed = re.search(r"active|enabled|verified|confirmed|visible|public|available|valid|published", request.name)
    share = 0.9 if affirmed else 0.35
    if request.is_unique and request.required_count > 2:  # noqa: PLR2004 - true and false
        return make_shortage(request, 2)
    if request.is_unique:
        return ColumnGenerator(
            request.name, "each once", lambda rows: Numbers(None, request.places(rows) % 2, request.column_type)
        )

    def make(rows: range) -> Batch:
        return Numbers(None, (request.stream.fractions(rows) < share).astype(np.int64), request.column_type)

    return ColumnGenerator(request.name, f"true in {share:.0%}", make)


def generate_clock_times(request: ColumnRequest) -> ColumnGenerator:
    """Times of day to the minute, and lengths of time."""
    if (
        request.column_type.name == "time"
        and not request.is_unique
        and request.uses_name
        and (generator := generate_opening_times(request)) is not None
    ):
        return generator
    if request.column_type.name == "interval":
        step, size, shown = 900_000_000, 96, "15 minutes to a day"
    else:
        step, size, shown = 60_000_000, 1440, "any minute of a day"
    if request.is_unique and request.required_count > size:
        step, size = 1_000_000, 86_400
        if request.required_count > size and request.column_type.name != "interval":
            return make_shortage(request, size)
        size = max(size, request.required_count)
    least = 1 if request.column_type.name == "interval" else 0

    def make(rows: range) -> Batch:
        drawn = (
            request.stream.permutation(size, request.places(rows))
            if request.is_unique
            else request.stream.below(size, rows)
        )
        return Numbers(None, (drawn + least) * step, request.column_type)

    return ColumnGenerator(request.name, shown, make)


def _find_range(request: ColumnRequest, low: int, high: int, *, unit: int = 1) -> tuple[int, int]:
    """Return the bounds of the column's constraints, completed by those that its name suggests."""
    constraints = request.table.value_constraints[request.name]
    likely = find_likely_range(request, low, high // unit)
    least, most = int(likely[0] * unit), int(likely[1] * unit)
    if _is_certain_range_allowed(request, least, most):
        return _clamp(constraints, least, most)
    if constraints.low is not None:
        least = int(constraints.low)
        most = most if most > least else least + (most if constraints.high is None else 0)
    if constraints.high is not None:
        most = int(constraints.high)
        least = least if constraints.low is not None or least <= most else most - _DEFAULT_HIGH * unit
    if unit > 1 and least in {0, 1} and most > 10 * unit and _MONEY.search(request.name.lower()):
        least = unit // 2  # nobody's invoice has a line of nothing
    return least, most


def _is_certain_range_allowed(request: ColumnRequest, least: float, most: float) -> bool:
    """Tell whether the constraints allow part of a range that the name makes certain: a CHECK may allow age 500."""
    constraints = request.table.value_constraints[request.name]
    if (constraints.low is None and constraints.high is None) or not has_certain_range(request):
        return False
    return (constraints.low is None or constraints.low <= most) and (
        constraints.high is None or constraints.high >= least
    )


def _clamp(constraints: ValueConstraints, least: int, most: int) -> tuple[int, int]:
    return (
        least if constraints.low is None else max(least, int(constraints.low)),
        most if constraints.high is None else min(most, int(constraints.high)),
    )


def _draw_skewed(request: ColumnRequest, rows: range, size: int) -> Ints:
    """Amounts of money are skewed to small values, ratings to high ones; other numbers are uniform."""
    if size <= 10 and _RATING.search(request.name.lower()):  # noqa: PLR2004 - stars
        drawn = request.stream.fractions(rows)
        return size - 1 - np.asarray((drawn * drawn * size).astype(np.int64))
    if not _MONEY.search(request.name.lower()):
        return request.stream.below_any(size, rows)
    drawn = request.stream.fractions(rows)
    if size > _EXACT_FLOAT_LIMIT:
        return np.asarray(
            (drawn * drawn * _EXACT_FLOAT_LIMIT).astype(np.int64).astype(object) * size // _EXACT_FLOAT_LIMIT
        )
    return np.asarray((drawn * drawn * size).astype(np.int64))
