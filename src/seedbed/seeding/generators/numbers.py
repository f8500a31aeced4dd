"""Numbers and identifiers of columns that the seeds say nothing of."""

import re
from decimal import Decimal

import numpy as np

from seedbed.errors import TooFewUniqueValues
from seedbed.seeding.analysis.value_facts import Facts
from seedbed.seeding.core import big_integers
from seedbed.seeding.core.batch import Batch, Numbers
from seedbed.seeding.core.big_integers import short
from seedbed.seeding.core.column_types import INTEGERS
from seedbed.seeding.core.number_codec import DAY
from seedbed.seeding.core.random_stream import Ints
from seedbed.seeding.generators.column_generator import Filling, Wish, chosen, counted
from seedbed.seeding.generators.datetimes import born_on, end, opening_times, read
from seedbed.seeding.loading.sequences import place_in_sequence

_MOST = 1_000
_FLOATS = 1 << 53
"""Whole numbers below it are floats as well."""
_BY_NAME: tuple[tuple[str, float, float], ...] = (
    (r"(^|_)(interest|annual)_rate$|(^|_)apr$", 0, 0.12),
    (r"(^|_)(interest|annual)_rate$|(^|_)apr$", 1, 12),
    (r"heart_?rate|pulse|(^|_)bpm$", 55, 110),
    (r"systolic", 100, 160),
    (r"diastolic", 60, 95),
    (r"oxygen|spo2|saturation", 93, 100),
    (r"body_temp", 36, 39),
    (r"temperature|(^|_)temp$", -5, 35),
    (r"humidity|uptime|battery(_level|_pct|_percent)?$", 20, 100),
    (r"pressure", 950, 1_050),
    (r"(signal|rssi|dbm)", -110, -40),
    (r"altitude|elevation", 0, 1_500),
    (r"(^|_)mah$", 1_000, 10_000),
    (r"(^|_)(length|width|depth|height)_?(cm|mm|in)?$", 5, 120),
    (r"weight_?(g|grams?)$|(^|_)grams$", 50, 20_000),
    (r"weight_?(kg)?$", 1, 80),
    (r"(^|_)(floor|storey)$", 0, 12),
    (r"(^|_)capacity$", 10, 300),
    (r"(^|_)pages$|page_count", 60, 900),
    (r"refills|retries", 0, 4),
    (r"dosage|dose", 5, 500),
    (r"years?_of|experience(_years)?$", 0, 40),
    (r"(^|_)weekly_hours$|hours_per_week", 1, 40),
    (r"(^|_)hours$", 1, 12),
    (r"(^|_)days$", 1, 30),
    (r"(^|_)weeks$", 1, 26),
    (r"(^|_)months$", 3, 60),
    (r"expir\w*_year$", 2026, 2031),
    (r"minutes_late|delay", 1, 45),
    (r"exchange_rate|(^|_)fx_rate$", 0, 2),
    (r"interest_rate_?(percent|pct)", 1, 12),
    (r"(discount|percent|pct)_(off|discount)|discount_?(percent|pct)|(tax|vat|commission)_?(percent|pct)", 0, 30),
    (r"(^|_)(quantity|qty|amount_of|copies|seats|guests|reserved|on_hand|in_stock)$", 1, 10),
    (r"(^|_)(position|sort_order|ordinal|rank|line)$", 1, 20),
    (r"(^|_)age$", 18, 90),
    (r"(^|_)gpa$", 2, 4),
    (r"(^|_)grade$", 1, 12),
    (r"(^|_)credits$", 1, 12),
    (r"(^|_)(servings|persons|bedrooms|floors)$", 1, 8),
    (r"(^|_)minutes$", 5, 180),
    (r"(^|_)(mileage|odometer)(_km)?$", 1_000, 200_000),
    (r"(^|_)(views|impressions|downloads)$", 0, 100_000),
    (r"(^|_)year$", 1990, 2026),
    (r"(^|_)month$", 1, 12),
    (r"(^|_)day(_of_month)?$", 1, 28),
    (r"(^|_)(day_of_week|weekday)$", 1, 7),
    (r"(^|_)hour$", 0, 23),
    (r"(^|_)(rating|stars|score)$", 1, 5),
    (r"(^|_)(priority|severity|level|importance)$", 1, 5),
    (r"percent|pct", 0, 100),
    (r"(^|_)(port)$", 1024, 65_535),
    (r"(^|_)(attempts|failures)$", 0, 3),
    (r"(^|_)(size|file_size)$|(^|_)bytes(_|$)", 100, 5_000_000),
    (r"(^|_)(latitude|lat)$", -60, 70),
    (r"(^|_)(longitude|lng|lon)$", -180, 180),
    (r"(hourly|daily|day)_rate$|(^|_)wage$", 30, 150),
    (r"(discount|commission)_rate$|(^|_)rate$|(^|_)(probability|ratio|share)$", 0, 1),
)
_SURE = re.compile(
    r"(^|_)age$|year|_rate$|(^|_)apr$|pulse|systolic|diastolic|height|weight|temp|salary|income|altitude|battery|_off$"
)
_CODES = re.compile(r"(^|_)(status_code|http_status)$")
_ANSWERS = {200: 80, 201: 8, 204: 4, 404: 5, 500: 3}
_PAID_BY_NAME = (
    (r"salary|income", 24_000, 120_000),
    (r"budget|revenue|turnover", 1_000, 250_000),
    (r"(shipping|delivery|handling)_(cost|fee|price)|(^|_)fee$", 0, 25),
    (r"(^|_)(discount|commission|tip|fine|vat|tax)(_amount)?$", 0, 25),
    (r"(^|_)fine_cents$", 0, 2_000),
    (r"principal|loan_amount|mortgage", 1_000, 250_000),
    (r"outstanding", 0, 100_000),
)
_PRICE = re.compile(r"price|cost$|fee$")
_ENDINGS = (99, 99, 99, 95, 50, 0, 0, 90)
"""Cents with which prices end, some more often than others."""
_TAX = re.compile(r"(^|_)(tax|vat)(_rate)?$")
_TAXES = ("0.00", "0.07", "0.10", "0.19", "0.20", "0.21", "0.25")
_AGE = re.compile(r"(^|_)age$")
_LIVING = re.compile(r"patient|person|people|user|member|student|athlete|player|employee|vital|measurement|profile")
_OF_A_BODY = ((r"height", 150, 195), (r"weight", 48, 110), (r"temp", 36, 39))
"""What is measured of people, where a table is of them."""
_PRAISE = re.compile(r"(^|_)(rating|stars|score)$")
_MONEY = re.compile(r"price|cost|amount|total|balance|fee|salary|budget|revenue|value|credit|debit|cents")


def integers(wish: Wish) -> Filling:
    """The number of the row for keys, whatever else counts up, and what is unique; else one of a likely range."""
    facts, limit = wish.table.facts[wish.name], INTEGERS[wish.kind.name]
    if _AGE.search(wish.name) and wish.named and not wish.unique and (born := born_on(wish.table)) is not None:
        return _aged(wish, born)
    if wish.unique or wish.column.primary_key or wish.column.identity is not None:
        place, stride = place_in_sequence(wish.column)
        least = 1 if facts.low is None else int(facts.low)
        start = least + (place + 1 - least) % stride
        most = (min(limit - 1, limit - 1 if facts.high is None else int(facts.high)) - start) // stride + 1
        if wish.most > most:
            raise TooFewUniqueValues(wish.table.name, wish.name, wish.most, max(most, 0))
        return counted(wish, start, stride)
    if _CODES.search(wish.name) and wish.named and facts.low is None and facts.high is None:
        return chosen(wish, [*_ANSWERS], [*map(float, _ANSWERS.values())])
    low, high = _range(wish, 1, _MOST)
    step = facts.step or 1
    low = -(-low // step) * step
    size = (min(high, limit - 1) - low) // step + 1
    if size < 1:
        raise TooFewUniqueValues(wish.table.name, wish.name, wish.most, 0)
    source = f"{low:,} to {low + (size - 1) * step:,}"
    return Filling(wish.name, source, lambda rows: Numbers(None, _skewed(wish, rows, size) * step + low, wish.kind))


def _aged(wish: Wish, born: str) -> Filling:
    """The years since the same row's day of birth."""
    table = wish.table

    def make(rows: range) -> Batch:
        days = (end(table) - read(table, born, rows)) // DAY
        return Numbers(None, (days * 4 // 1461).astype(np.int64), wish.kind)

    return Filling(wish.name, f"the years since {born}", make)


def decimals(wish: Wish) -> Filling:
    """Numbers of a likely range, or of what the column's precision allows, with its decimals."""
    kind = wish.kind
    unit = 10**kind.decimals
    if wish.unique:
        return _counted_decimals(wish)
    facts = wish.table.facts[wish.name]
    free = facts.low is None and facts.high is None and wish.named
    if free and kind.decimals > 1 and _TAX.search(wish.name.lower()):
        return chosen(wish, [Decimal(tax) for tax in _TAXES])
    low, high = _range(wish, 0, _MOST * unit, unit=unit)
    if kind.size is not None:
        most = 10**kind.size - 1
        low, high = max(low, -most), min(high, most)
    size = high - low + 1
    if size < 1:
        raise TooFewUniqueValues(wish.table.name, wish.name, wish.most, 0)
    source = f"{_shown(low, unit)} to {_shown(high, unit)}, {kind.decimals} decimals"
    priced = kind.decimals == 2 and wish.named and bool(_PRICE.search(wish.name.lower()))  # noqa: PLR2004 - cents
    endings = np.array(_ENDINGS)

    def make(rows: range) -> Batch:
        drawn = short(big_integers.add(_skewed(wish, rows, size), np.array(low)))
        if not priced:
            return Numbers(None, drawn, kind)
        rounded = drawn // unit * unit + endings[wish.stream.part("cents").below(len(endings), rows)]
        return Numbers(None, np.where((rounded >= low) & (rounded <= high), rounded, drawn), kind)

    return Filling(wish.name, source, make)


def _counted_decimals(wish: Wish) -> Filling:
    """Whole numbers, or smaller steps where so many do not fit.

    Raises:
        TooFewUniqueValues: there are not so many numbers.
    """
    kind, facts, rows = wish.kind, wish.table.facts[wish.name], max(wish.most, 1)
    most = None if kind.size is None else 10**kind.size - 1
    high = min((int(bound) for bound in (facts.high, most) if bound is not None), default=None)
    for places in range(kind.decimals, -1, -1):
        step = 10**places
        start = step if facts.low is None else int(facts.low)
        if facts.low is None and high is not None and high < start:
            start = max(high - (rows - 1) * step, -(most or (rows - 1) * step - high))
        if high is None or start + (rows - 1) * step <= high:
            return counted(wish, start, step)
    raise TooFewUniqueValues(wish.table.name, wish.name, wish.most, max(0, int(high or 0) - start + 1))


def _shown(number: int, unit: int) -> str:
    try:
        return f"{number / unit:,g}"
    except OverflowError:  # beyond what a float is
        return f"{Decimal(number) / unit:.3g}"


def floats(wish: Wish) -> Filling:
    if wish.unique:
        return counted(wish)
    facts = wish.table.facts[wish.name]
    likely = _likely(wish, 0, _MOST)
    if _allowed(wish, *likely):
        low = max(float(likely[0]), float(facts.low if facts.low is not None else likely[0]))
        high = min(float(likely[1]), float(facts.high if facts.high is not None else likely[1]))
    else:
        low = float(likely[0] if facts.low is None else facts.low)
        high = float((likely[1] if likely[1] > low else low + _MOST) if facts.high is None else facts.high)
    low = min(low, high)
    steps = (1 << 20) - 1

    def make(rows: range) -> Batch:
        drawn = wish.stream.below(steps + 1, rows) / steps * (high - low) + low
        rounded = np.round(drawn, 2)
        return Numbers(None, np.where((rounded >= low) & (rounded <= high), rounded, drawn), wish.kind)

    return Filling(wish.name, f"{low:,g} to {high:,g}", make)


def booleans(wish: Wish) -> Filling:
    affirmed = re.search(r"active|enabled|verified|confirmed|visible|public|available|valid|published", wish.name)
    share = 0.9 if affirmed else 0.35
    if wish.unique and wish.most > 2:  # noqa: PLR2004 - true and false
        raise TooFewUniqueValues(wish.table.name, wish.name, wish.most, 2)
    if wish.unique:
        return Filling(wish.name, "each once", lambda rows: Numbers(None, wish.places(rows) % 2, wish.kind))

    def make(rows: range) -> Batch:
        return Numbers(None, (wish.stream.fractions(rows) < share).astype(np.int64), wish.kind)

    return Filling(wish.name, f"true in {share:.0%}", make)


def clock_times(wish: Wish) -> Filling:
    """Times of day to the minute, and lengths of time."""
    if wish.kind.name == "time" and not wish.unique and wish.named and (made := opening_times(wish)) is not None:
        return made
    if wish.kind.name == "interval":
        step, size, shown = 900_000_000, 96, "15 minutes to a day"
    else:
        step, size, shown = 60_000_000, 1440, "any minute of a day"
    if wish.unique and wish.most > size:
        step, size = 1_000_000, 86_400
        if wish.most > size and wish.kind.name != "interval":
            raise TooFewUniqueValues(wish.table.name, wish.name, wish.most, size)
        size = max(size, wish.most)
    least = 1 if wish.kind.name == "interval" else 0

    def make(rows: range) -> Batch:
        drawn = wish.stream.permutation(size, wish.places(rows)) if wish.unique else wish.stream.below(size, rows)
        return Numbers(None, (drawn + least) * step, wish.kind)

    return Filling(wish.name, shown, make)


def _likely(wish: Wish, low: float, high: float) -> tuple[float, float]:
    name = wish.name.lower() if wish.named else ""
    if _LIVING.search(wish.table.sql.name.lower()):
        for pattern, small, large in _OF_A_BODY:
            if re.search(pattern, name):
                return small, large
    for pattern, least, most in (*_PAID_BY_NAME, *_BY_NAME):
        if re.search(pattern, name) and (most >= 1 or wish.kind.name not in INTEGERS):
            return least, most
    return low, high


def _range(wish: Wish, low: int, high: int, *, unit: int = 1) -> tuple[int, int]:
    """Bounds that facts give, and for what they leave open those that the name suggests."""
    facts = wish.table.facts[wish.name]
    likely = _likely(wish, low, high // unit)
    least, most = int(likely[0] * unit), int(likely[1] * unit)
    if _allowed(wish, least, most):
        return _within(facts, least, most)
    if facts.low is not None:
        least = int(facts.low)
        most = most if most > least else least + (most if facts.high is None else 0)
    if facts.high is not None:
        most = int(facts.high)
        least = least if facts.low is not None or least <= most else most - _MOST * unit
    if unit > 1 and least in {0, 1} and most > 10 * unit and _MONEY.search(wish.name.lower()):
        least = unit // 2  # nobody's invoice has a line of nothing
    return least, most


def _allowed(wish: Wish, least: float, most: float) -> bool:
    """Whether facts leave something of what a name tells for certain: nobody is as old as a CHECK lets him be."""
    facts = wish.table.facts[wish.name]
    if (facts.low is None and facts.high is None) or not wish.named or not _SURE.search(wish.name.lower()):
        return False
    return (facts.low is None or facts.low <= most) and (facts.high is None or facts.high >= least)


def _within(facts: Facts, least: int, most: int) -> tuple[int, int]:
    return (
        least if facts.low is None else max(least, int(facts.low)),
        most if facts.high is None else min(most, int(facts.high)),
    )


def _skewed(wish: Wish, rows: range, size: int) -> Ints:
    """Money is mostly little, and praise mostly much; other numbers are as likely one as the other."""
    if size <= 10 and _PRAISE.search(wish.name.lower()):  # noqa: PLR2004 - stars
        drawn = wish.stream.fractions(rows)
        return size - 1 - np.asarray((drawn * drawn * size).astype(np.int64))
    if not _MONEY.search(wish.name.lower()):
        return wish.stream.below_any(size, rows)
    drawn = wish.stream.fractions(rows)
    if size > _FLOATS:
        return np.asarray((drawn * drawn * _FLOATS).astype(np.int64).astype(object) * size // _FLOATS)
    return np.asarray((drawn * drawn * size).astype(np.int64))
