"""Conversion of Python values to the numbers of a batch, and back."""

import math
from datetime import date, datetime, time, timedelta
from decimal import Decimal
from fractions import Fraction
from typing import Any

import numpy.typing as npt

from seedbed.seeding.core.postgres_types import ColumnType
from seedbed.seeding.core.time_units import DAY, EPOCH, MICROSECOND, microseconds


def decode_numbers(data: npt.NDArray[Any], column_type: ColumnType) -> list[Any]:
    """Convert the numbers of a batch to Python values."""
    numbers = data.tolist()
    match column_type.name:
        case "numeric":
            return [make_decimal(number, column_type.decimals) for number in numbers]
        case "date":
            return [date.fromordinal(number + EPOCH.toordinal()) for number in numbers]
        case "timestamptz":
            return [EPOCH + timedelta(microseconds=number) for number in numbers]
        case "timestamp":
            start = EPOCH.replace(tzinfo=None)
            return [start + timedelta(microseconds=number) for number in numbers]
        case "interval":
            return [timedelta(microseconds=number) for number in numbers]
        case "time":
            midnight = datetime(1970, 1, 1)  # noqa: DTZ001 - a time of day has no zone
            return [(midnight + timedelta(microseconds=number)).time() for number in numbers]
        case "timetz":
            midnight = EPOCH
            return [(midnight + timedelta(microseconds=number)).timetz() for number in numbers]
        case "bool":
            return [bool(number) for number in numbers]
    return list(numbers)


def encode_number(value: Any, column_type: ColumnType) -> int | float | None:
    """Convert a Python value to its number in a batch, or return None if it has none."""
    match value:
        case bool():
            return int(value)
        case datetime():
            return microseconds(value) // (DAY if column_type.name == "date" else 1)
        case date():
            return value.toordinal() - EPOCH.toordinal()
        case time():
            return ((value.hour * 60 + value.minute) * 60 + value.second) * 1_000_000 + value.microsecond
        case timedelta():
            return value // MICROSECOND
        case int() | float() | Decimal():
            if column_type.name == "numeric":
                return round(Fraction(str(value)) * 10**column_type.decimals) if math.isfinite(value) else None
            return value if isinstance(value, int) else float(value)
    return None


def make_decimal(number: int, decimals: int) -> Decimal:
    """Make a decimal from units of its last digit, independently of the context's precision."""
    return Decimal((int(number < 0), tuple(map(int, str(abs(number)))), -decimals))
