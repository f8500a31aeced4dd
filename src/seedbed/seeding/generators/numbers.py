"""Number columns without a rule."""

import re
from decimal import Decimal

import numpy as np

from seedbed.seeding.analysis.sequences import place_in_sequence
from seedbed.seeding.analysis.value_facts import Facts
from seedbed.seeding.core import big_integers
from seedbed.seeding.core.batch import Batch, Numbers
from seedbed.seeding.core.big_integers import shrink
from seedbed.seeding.core.column_types import INTEGERS
from seedbed.seeding.core.random_stream import Ints
from seedbed.seeding.core.time_units import DAY
from seedbed.seeding.generators.column_generator import ColumnGenerator, ColumnRequest, counted, one_of, too_few
from seedbed.seeding.generators.datetimes import birth_column, opening_times, read
from seedbed.seeding.generators.number_ranges import is_certain, likely_range

_MOST = 1_000
_FLOATS = 1 << 53
"""Whole numbers below it are floats as well."""
_CODES = re.compile(r"(^|_)(status_code|http_status)$")
_ANSWERS = {200: 80, 201: 8, 204: 4, 404: 5, 500: 3}
_PRICE = re.compile(r"price|cost$|fee$")
_ENDINGS = (99, 99, 99, 95, 50, 0, 0, 90)
"""Cents with which prices end, some more often than others."""
_TAX = re.compile(r"(^|_)(tax|vat)(_rate)?$")
_TAXES = ("0.00", "0.07", "0.10", "0.19", "0.20", "0.21", "0.25")
_AGE = re.compile(r"(^|_)age$")
_PRAISE = re.compile(r"(^|_)(rating|stars|score)$")
_MONEY = re.compile(r"price|cost|amount|total|balance|fee|salary|budget|revenue|value|credit|debit|cents")


def integers(request: ColumnRequest) -> ColumnGenerator:
    """Row numbers for keys and unique columns; other columns get a number of a likely range."""
    facts, limit = request.table.facts[request.name], INTEGERS[request.kind.name]
    if (
        _AGE.search(request.name)
        and request.named
        and not request.unique
        and (born := birth_column(request.table)) is not None
    ):
        return _aged(request, born)
    if request.unique or request.column.primary_key or request.column.identity is not None:
        place, stride = place_in_sequence(request.column)
        least = 1 if facts.low is None else int(facts.low)
        start = least + (place + 1 - least) % stride
        most = (min(limit - 1, limit - 1 if facts.high is None else int(facts.high)) - start) // stride + 1
        if request.most > most:
            return too_few(request, max(most, 0))
        return counted(request, start, stride)
    if _CODES.search(request.name) and request.named and facts.low is None and facts.high is None:
        return one_of(request, [*_ANSWERS], [*map(float, _ANSWERS.values())])
    low, high = _range(request, 1, _MOST)
    step = facts.step or 1
    low = -(-low // step) * step
    size = (min(high, limit - 1) - low) // step + 1
    if size < 1:
        return too_few(request, 0)
    source = f"{low:,} to {low + (size - 1) * step:,}"
    return ColumnGenerator(
        request.name, source, lambda rows: Numbers(None, _skewed(request, rows, size) * step + low, request.kind)
    )


def _aged(request: ColumnRequest, born: str) -> ColumnGenerator:
    """The years since the same row's day of birth."""
    table = request.table

    def make(rows: range) -> Batch:
        days = (table.end - read(table, born, rows)) // DAY
        return Numbers(None, (days * 4 // 1461).astype(np.int64), request.kind)

    return ColumnGenerator(request.name, f"the years since {born}", make)


def decimals(request: ColumnRequest) -> ColumnGenerator:
    """Numbers of a likely range, or of what the column's precision allows, with its decimals."""
    kind = request.kind
    unit = 10**kind.decimals
    if request.unique:
        return _counted_decimals(request)
    facts = request.table.facts[request.name]
    free = facts.low is None and facts.high is None and request.named
    if free and kind.decimals > 1 and _TAX.search(request.name.lower()):
        return one_of(request, [Decimal(tax) for tax in _TAXES])
    low, high = _range(request, 0, _MOST * unit, unit=unit)
    if kind.size is not None:
        most = 10**kind.size - 1
        low, high = max(low, -most), min(high, most)
    size = high - low + 1
    if size < 1:
        return too_few(request, 0)
    source = f"{_shown(low, unit)} to {_shown(high, unit)}, {kind.decimals} decimals"
    priced = kind.decimals == 2 and request.named and bool(_PRICE.search(request.name.lower()))  # noqa: PLR2004 - cents
    endings = np.array(_ENDINGS)

    def make(rows: range) -> Batch:
        drawn = shrink(big_integers.add(_skewed(request, rows, size), np.array(low)))
        if not priced:
            return Numbers(None, drawn, kind)
        rounded = drawn // unit * unit + endings[request.stream.substream("cents").below(len(endings), rows)]
        return Numbers(None, np.where((rounded >= low) & (rounded <= high), rounded, drawn), kind)

    return ColumnGenerator(request.name, source, make)


def _counted_decimals(request: ColumnRequest) -> ColumnGenerator:
    """Whole numbers, or smaller steps where so many do not fit.

    Raises:
        TooFewUniqueValues: there are not so many numbers.
    """
    kind, facts, rows = request.kind, request.table.facts[request.name], max(request.most, 1)
    most = None if kind.size is None else 10**kind.size - 1
    high = min((int(bound) for bound in (facts.high, most) if bound is not None), default=None)
    for places in range(kind.decimals, -1, -1):
        step = 10**places
        start = step if facts.low is None else int(facts.low)
        if facts.low is None and high is not None and high < start:
            start = max(high - (rows - 1) * step, -(most or (rows - 1) * step - high))
        if high is None or start + (rows - 1) * step <= high:
            return counted(request, start, step)
    return too_few(request, max(0, int(high or 0) - start + 1))


def _shown(number: int, unit: int) -> str:
    try:
        return f"{number / unit:,g}"
    except OverflowError:  # beyond what a float is
        return f"{Decimal(number) / unit:.3g}"


def floats(request: ColumnRequest) -> ColumnGenerator:
    if request.unique:
        return counted(request)
    facts = request.table.facts[request.name]
    likely = likely_range(request, 0, _MOST)
    if _allowed(request, *likely):
        low = max(float(likely[0]), float(facts.low if facts.low is not None else likely[0]))
        high = min(float(likely[1]), float(facts.high if facts.high is not None else likely[1]))
    else:
        low = float(likely[0] if facts.low is None else facts.low)
        high = float((likely[1] if likely[1] > low else low + _MOST) if facts.high is None else facts.high)
    low = min(low, high)
    steps = (1 << 20) - 1

    def make(rows: range) -> Batch:
        drawn = request.stream.below(steps + 1, rows) / steps * (high - low) + low
        rounded = np.round(drawn, 2)
        return Numbers(None, np.where((rounded >= low) & (rounded <= high), rounded, drawn), request.kind)

    return ColumnGenerator(request.name, f"{low:,g} to {high:,g}", make)


def booleans(request: ColumnRequest) -> ColumnGenerator:
    affirmed = re.search(r"active|enabled|verified|confirmed|visible|public|available|valid|published", request.name)
    share = 0.9 if affirmed else 0.35
    if request.unique and request.most > 2:  # noqa: PLR2004 - true and false
        return too_few(request, 2)
    if request.unique:
        return ColumnGenerator(
            request.name, "each once", lambda rows: Numbers(None, request.places(rows) % 2, request.kind)
        )

    def make(rows: range) -> Batch:
        return Numbers(None, (request.stream.fractions(rows) < share).astype(np.int64), request.kind)

    return ColumnGenerator(request.name, f"true in {share:.0%}", make)


def clock_times(request: ColumnRequest) -> ColumnGenerator:
    """Times of day to the minute, and lengths of time."""
    if (
        request.kind.name == "time"
        and not request.unique
        and request.named
        and (made := opening_times(request)) is not None
    ):
        return made
    if request.kind.name == "interval":
        step, size, shown = 900_000_000, 96, "15 minutes to a day"
    else:
        step, size, shown = 60_000_000, 1440, "any minute of a day"
    if request.unique and request.most > size:
        step, size = 1_000_000, 86_400
        if request.most > size and request.kind.name != "interval":
            return too_few(request, size)
        size = max(size, request.most)
    least = 1 if request.kind.name == "interval" else 0

    def make(rows: range) -> Batch:
        drawn = (
            request.stream.permutation(size, request.places(rows))
            if request.unique
            else request.stream.below(size, rows)
        )
        return Numbers(None, (drawn + least) * step, request.kind)

    return ColumnGenerator(request.name, shown, make)


def _range(request: ColumnRequest, low: int, high: int, *, unit: int = 1) -> tuple[int, int]:
    """Bounds that facts give, and for what they leave open those that the name suggests."""
    facts = request.table.facts[request.name]
    likely = likely_range(request, low, high // unit)
    least, most = int(likely[0] * unit), int(likely[1] * unit)
    if _allowed(request, least, most):
        return _within(facts, least, most)
    if facts.low is not None:
        least = int(facts.low)
        most = most if most > least else least + (most if facts.high is None else 0)
    if facts.high is not None:
        most = int(facts.high)
        least = least if facts.low is not None or least <= most else most - _MOST * unit
    if unit > 1 and least in {0, 1} and most > 10 * unit and _MONEY.search(request.name.lower()):
        least = unit // 2  # nobody's invoice has a line of nothing
    return least, most


def _allowed(request: ColumnRequest, least: float, most: float) -> bool:
    """Whether the facts allow some of a range that the name makes certain: a CHECK may allow an age of 500."""
    facts = request.table.facts[request.name]
    if (facts.low is None and facts.high is None) or not is_certain(request):
        return False
    return (facts.low is None or facts.low <= most) and (facts.high is None or facts.high >= least)


def _within(facts: Facts, least: int, most: int) -> tuple[int, int]:
    return (
        least if facts.low is None else max(least, int(facts.low)),
        most if facts.high is None else min(most, int(facts.high)),
    )


def _skewed(request: ColumnRequest, rows: range, size: int) -> Ints:
    """Amounts of money are skewed to small values, ratings to high ones; other numbers are uniform."""
    if size <= 10 and _PRAISE.search(request.name.lower()):  # noqa: PLR2004 - stars
        drawn = request.stream.fractions(rows)
        return size - 1 - np.asarray((drawn * drawn * size).astype(np.int64))
    if not _MONEY.search(request.name.lower()):
        return request.stream.below_any(size, rows)
    drawn = request.stream.fractions(rows)
    if size > _FLOATS:
        return np.asarray((drawn * drawn * _FLOATS).astype(np.int64).astype(object) * size // _FLOATS)
    return np.asarray((drawn * drawn * size).astype(np.int64))
