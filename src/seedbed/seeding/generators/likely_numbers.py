"""The numbers that are likely in a column, as its name and its table's say."""

import re

from seedbed.seeding.core.postgres_types import INTEGERS
from seedbed.seeding.generators.column_generator import ColumnRequest

_RANGES: tuple[tuple[str, float, float], ...] = (
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
_MONEY_RANGES = (
    (r"salary|income", 24_000, 120_000),
    (r"budget|revenue|turnover", 1_000, 250_000),
    (r"(shipping|delivery|handling)_(cost|fee|price)|(^|_)fee$", 0, 25),
    (r"(^|_)(discount|commission|tip|fine|vat|tax)(_amount)?$", 0, 25),
    (r"(^|_)fine_cents$", 0, 2_000),
    (r"principal|loan_amount|mortgage", 1_000, 250_000),
    (r"outstanding", 0, 100_000),
)
_PEOPLE_TABLES = re.compile(
    r"patient|person|people|user|member|student|athlete|player|employee|vital|measurement|profile"
)
_BODY_RANGES = ((r"height", 150, 195), (r"weight", 48, 110), (r"temp", 36, 39))
"""What is measured of people, where a table is of them."""
_CERTAIN = re.compile(
    r"(^|_)age$|year|_rate$|(^|_)apr$|pulse|systolic|diastolic|height|weight|temp|salary|income|altitude|battery|_off$"
)


def find_likely_range(request: ColumnRequest, low: float, high: float) -> tuple[float, float]:
    name = request.name.lower() if request.uses_name else ""
    if _PEOPLE_TABLES.search(request.table.sql.name.lower()):
        for pattern, small, large in _BODY_RANGES:
            if re.search(pattern, name):
                return small, large
    for pattern, least, most in (*_MONEY_RANGES, *_RANGES):
        if re.search(pattern, name) and (most >= 1 or request.column_type.name not in INTEGERS):
            return least, most
    return low, high


def has_certain_range(request: ColumnRequest) -> bool:
    """Whether its name tells for certain what a column can hold: an age, a year, a weight."""
    return request.uses_name and bool(_CERTAIN.search(request.name.lower()))
