"""Which type two values have together, and values of one type as another's, as PostgreSQL converts them."""

import re
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

import numpy as np

from seedbed.seeding.analysis.checks.vectors import (
    BOOL,
    ERROR,
    UnsupportedExpression,
    Vector,
    get_family,
    repeat,
    to_units,
)
from seedbed.seeding.core import big_integers
from seedbed.seeding.core.column_types import INTEGERS, MOMENTS, ColumnType
from seedbed.seeding.core.number_codec import encode_number
from seedbed.seeding.core.time_units import DAY

NUMBERS = frozenset({"integer", "numeric", "float"})
TEXT_TYPES = frozenset({"text", "varchar", "bpchar"})
FLOAT8, NUMERIC, TEXT, DATE = (
    ColumnType("float8"),
    ColumnType("numeric", scale=0),
    ColumnType("text"),
    ColumnType("date"),
)
TIMESTAMP, TIMESTAMPTZ, INTERVAL = ColumnType("timestamp"), ColumnType("timestamptz"), ColumnType("interval")

_UNITS = {
    "microsecond": 1, "millisecond": 1_000, "second": 1_000_000, "sec": 1_000_000, "minute": 60_000_000,
    "min": 60_000_000, "hour": 3_600_000_000, "day": DAY, "week": 7 * DAY,
}  # fmt: skip
_INTERVAL_PART = re.compile(r"\s*(-?\d{1,9})\s*([a-z]+?)s?(?=\s|$|-|\d)", re.IGNORECASE)
_DATE = re.compile(r"\d{4}-\d\d-\d\d")
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)?(?P<zone>Z|[+-]\d\d(?::?\d\d)?)?")
_TIME = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?")
_NUMBER = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,3})?\s*", re.IGNORECASE)
_INTEGER = re.compile(r"\s*[+-]?\d{1,40}\s*")
_TRUE, _FALSE = frozenset({"true", "t", "yes", "y", "on", "1"}), frozenset({"false", "f", "no", "n", "off", "0"})
_EXACT_FLOAT_LIMIT = 1 << 53
"""Whole numbers below it are floats as well."""
_EXACT_POWERS_OF_TEN = 22


def coerce_to_common_type(left: Vector, right: Vector) -> tuple[Vector, Vector]:
    """Both sides of an operator that takes two values of one type.

    Raises:
        NotUnderstood: there is no such operator, or it is not known here which one it is.
    """
    column_type = find_common_type(left.column_type, right.column_type)
    left, right = (parse_constant(v, column_type) if v.column_type.name == "unknown" else v for v in (left, right))
    column_type = find_common_type(left.column_type, right.column_type)
    return convert(left, column_type), convert(right, column_type)


def find_common_type(left: ColumnType, right: ColumnType) -> ColumnType:
    """The type in which PostgreSQL compares two values.

    Raises:
        NotUnderstood: it is not known here.
    """
    a, b = get_family(left), get_family(right)
    if "" in {a, b}:
        raise UnsupportedExpression(f"{left} beside {right}")
    if {a, b} == {"unknown"}:
        return TEXT
    if "unknown" in {a, b}:
        return right if a == "unknown" else left
    if {a, b} <= NUMBERS:
        return _find_common_number_type(left, right)
    if a == b == "text":
        names = {left.name, right.name}
        return ColumnType("bpchar") if "bpchar" in names and "text" not in names else TEXT
    if {a, b} <= {"date", "timestamp", "timestamptz"}:
        return max((left, right), key=lambda column_type: ["date", "timestamp", "timestamptz"].index(column_type.name))
    if a == b and (a != "enum" or left.labels == right.labels):
        return left
    raise UnsupportedExpression(f"{left} beside {right}")


def _find_common_number_type(left: ColumnType, right: ColumnType) -> ColumnType:
    if left.name in INTEGERS and right.name in INTEGERS:
        return max((left, right), key=lambda column_type: INTEGERS[column_type.name])
    if "float" in {get_family(left), get_family(right)}:
        return left if left.name == right.name == "float4" else FLOAT8
    return ColumnType("numeric", scale=max(_get_scale(left), _get_scale(right)))


def _get_scale(column_type: ColumnType) -> int:
    return column_type.decimals if column_type.name == "numeric" else 0


def convert(value: Vector, column_type: ColumnType) -> Vector:
    """A value as the operator takes it, without a cast being written.

    Raises:
        NotUnderstood: nothing is known of such a conversion.
    """
    if value.column_type.name == "unknown":
        return parse_constant(value, column_type)
    if value.column_type.name == column_type.name and column_type.name != "numeric":
        return replace(value, column_type=column_type)
    if value.column_type.name == "bpchar" and column_type.name == "text":
        return replace(value, column_type=column_type)
    if column_type.name == "bpchar" and value.column_type.name in TEXT_TYPES:
        return replace(value, data=_apply(value, lambda text: text.rstrip(" ")), column_type=column_type)
    if {value.column_type.name, column_type.name} <= TEXT_TYPES:
        return replace(value, column_type=column_type)
    if get_family(value.column_type) in NUMBERS and column_type.name == "numeric":
        places = _get_scale(column_type) - _get_scale(value.column_type)
        if places < 0:
            raise UnsupportedExpression(f"{value.column_type} as {column_type}")
        return replace(value, data=big_integers.scale(value.data, places), column_type=column_type)
    if get_family(value.column_type) in NUMBERS and get_family(column_type) == "float":
        return replace(value, data=_to_floats(value), column_type=column_type)
    if value.column_type.name in INTEGERS and column_type.name in INTEGERS:
        return replace(value, column_type=column_type)
    if value.column_type.name in MOMENTS | {"date"} and column_type.name in MOMENTS:
        return replace(value, column_type=column_type)
    raise UnsupportedExpression(f"{value.column_type} as {column_type}")


def _to_floats(value: Vector) -> Any:
    if value.column_type.name != "numeric":
        return value.data.astype(np.float64)
    places, data = _get_scale(value.column_type), value.data
    if (
        data.dtype != object
        and places <= _EXACT_POWERS_OF_TEN
        and (not data.size or np.abs(data).max() < _EXACT_FLOAT_LIMIT)
    ):
        return data / 10.0**places
    return np.array([int(number) / 10**places for number in data])  # Python rounds to the nearest float


def _apply(value: Vector, function: Any) -> Any:
    data = np.empty(len(value.data), dtype=object)
    data[:] = [function(text) for text in value.data]
    return data


def parse_constant(value: Vector, column_type: ColumnType) -> Vector:
    """A quoted constant, or NULL, as a value of a type.

    Raises:
        NotUnderstood: it is not known here what the type makes of it.
    """
    size = len(value.nulls)
    if not get_family(column_type):
        raise UnsupportedExpression(str(column_type))
    if value.text is None:
        vector = _parse("0" if get_family(column_type) in NUMBERS else "", column_type, size)
        return replace(vector, nulls=value.nulls)
    try:
        return _parse(value.text, column_type, size)
    except (ValueError, ArithmeticError) as error:
        raise UnsupportedExpression(f"{value.text!r} as {column_type}") from error


def _parse(text: str, column_type: ColumnType, size: int) -> Vector:
    match get_family(column_type):
        case "text" | "citext":
            return repeat(text.rstrip(" ") if column_type.name == "bpchar" else text, size, column_type)
        case "enum":
            if text and text not in column_type.labels:
                raise ValueError(text)
            return repeat(text, size, column_type)
        case "uuid":
            return repeat(str(UUID(text)) if text else "", size, column_type)
        case "bool":
            return repeat(_parse_boolean(text), size, column_type)
        case "integer":
            return _convert_to_integer(
                repeat(int(_require_match(_INTEGER, text)), size, ColumnType("numeric", scale=0)), column_type
            )
        case "numeric":
            return parse_numeric(_require_match(_NUMBER, text).strip(), size)
        case "float":
            value = float(_require_match(_NUMBER, text))
            return repeat(float(np.float32(value)) if column_type.name == "float4" else value, size, column_type)
        case "interval":
            return repeat(parse_interval(text) if text else 0, size, column_type)
    return repeat(_parse_time(text, column_type) if text else 0, size, column_type)


def _require_match(pattern: re.Pattern[str], text: str) -> str:
    if pattern.fullmatch(text) is None:
        raise ValueError(text)
    return text


def _parse_boolean(text: str) -> bool:
    text_value = text.strip().lower()
    if text_value and text_value not in _TRUE | _FALSE:
        raise ValueError(text)
    return text_value in _TRUE


def parse_numeric(text: str, size: int) -> Vector:
    """A constant number: an integer where it is written as one and fits, else a numeric."""
    value = Decimal(text)
    if not value.is_finite():
        raise InvalidOperation
    scale = max(0, -int(value.as_tuple().exponent))
    return repeat(to_units(value, scale), size, ColumnType("numeric", scale=scale))


def parse_interval(text: str) -> int:
    """An interval in microseconds.

    Raises:
        ValueError: it has months, whose length depends on where they begin, or is written in another way.
    """
    total, at = 0, 0
    while at < len(text):
        match = _INTERVAL_PART.match(text, at)
        if match is None or match[2].lower() not in _UNITS:
            raise ValueError(text)
        total, at = total + int(match[1]) * _UNITS[match[2].lower()], match.end()
        if not text[at:].strip():
            break
    return total


def _parse_time(text: str, column_type: ColumnType) -> int:
    text = text.strip()
    if column_type.name == "time":
        value: Any = time.fromisoformat(_require_match(_TIME, text))
    elif column_type.name == "date":
        value = date.fromisoformat(_require_match(_DATE, text))
    else:
        match = _TIMESTAMP.fullmatch(text)
        if match is None or (match["zone"] and column_type.name == "timestamp"):
            raise ValueError(text)
        value = datetime.fromisoformat(text)
    return int(encode_number(value, column_type) or 0) * (DAY if column_type.name == "date" else 1)


def cast(value: Vector, column_type: ColumnType, type_name: str) -> Vector:
    """A value as a cast makes it; `words` is the type as it is written.

    Raises:
        NotUnderstood: nothing is known of such a cast.
    """
    if "(" in type_name and column_type.name not in TEXT_TYPES | {"numeric"}:
        raise UnsupportedExpression(type_name)
    if value.column_type.name == "unknown" and column_type.name not in TEXT_TYPES and column_type.name != "numeric":
        return parse_constant(value, column_type)
    if value.column_type.name == "unknown":
        value = parse_constant(value, TEXT if column_type.name in TEXT_TYPES else NUMERIC)
    source, target = get_family(value.column_type), get_family(column_type)
    if column_type.name in TEXT_TYPES:
        return _cast_to_text(value, column_type)
    if source == "integer" and column_type.name == "bool" and value.column_type.name == "int4":
        return replace(value, data=value.data != 0, column_type=BOOL)
    if source == "bool" and column_type.name == "int4":
        return replace(value, data=value.data.astype(np.int64), column_type=column_type)
    if source in NUMBERS and target in NUMBERS:
        return _cast_to_number(value, column_type)
    if value.column_type.name in MOMENTS and column_type.name == "date":
        return replace(value, data=value.data // DAY * DAY, column_type=column_type)
    if value.column_type.name in MOMENTS and column_type.name == "time":
        return replace(value, data=value.data % DAY, column_type=column_type)
    return convert(value, column_type)


def _cast_to_text(value: Vector, column_type: ColumnType) -> Vector:
    if value.column_type.name in INTEGERS and column_type.name != "bpchar":
        value = replace(value, data=_apply(value, str), column_type=TEXT)
    if get_family(value.column_type) not in {"text", "enum", "citext"}:
        raise UnsupportedExpression(f"{value.column_type} as {column_type}")
    if value.column_type.name == "bpchar" and column_type.name == "bpchar" and column_type.size is not None:
        raise UnsupportedExpression(f"{value.column_type} as {column_type}")
    if value.column_type.name == "bpchar" and column_type.name != "bpchar":
        value = convert(value, TEXT)
    if column_type.size is not None:
        value = replace(value, data=_apply(value, lambda text: text[: column_type.size]))
    if column_type.name == "bpchar":
        value = replace(value, data=_apply(value, lambda text: text.rstrip(" ")))
    return replace(value, column_type=column_type)


def _cast_to_number(value: Vector, column_type: ColumnType) -> Vector:
    if column_type.name == value.column_type.name and column_type.name != "numeric":
        return value
    if column_type.name == "float8":
        return convert(value, column_type)
    if column_type.name == "float4":
        if value.column_type.name == "numeric":
            raise UnsupportedExpression(f"{value.column_type} as {column_type}")
        with np.errstate(over="ignore"):
            data = convert(value, FLOAT8).data.astype(np.float32).astype(np.float64)
        return replace(value, data=data, column_type=column_type).with_faults(np.isinf(data) & ~value.nulls, ERROR)
    if get_family(value.column_type) == "float":
        if column_type.name == "numeric":
            raise UnsupportedExpression(f"{value.column_type} as {column_type}")
        rounded = np.rint(value.data)
        limit = float(INTEGERS[column_type.name])
        is_out_of_range = ~((rounded >= -limit) & (rounded < limit))
        vector = replace(value, data=np.where(is_out_of_range, 0, rounded).astype(np.int64), column_type=column_type)
        return vector.with_faults(is_out_of_range & ~value.nulls, ERROR)
    if column_type.name == "numeric":
        return cast_to_numeric(value, column_type)
    places = _get_scale(value.column_type)
    return _convert_to_integer(
        replace(value, data=big_integers.divide_half_away(value.data, 10**places), column_type=NUMERIC), column_type
    )


def cast_to_numeric(value: Vector, column_type: ColumnType) -> Vector:
    """A number with the decimals that a numeric has, in its range; as it is where the numeric says nothing of them."""
    if column_type.size is None and column_type.scale is None:
        return value if value.column_type.name == "numeric" else replace(value, column_type=NUMERIC)
    target, scale = column_type.decimals, _get_scale(value.column_type)
    data = big_integers.scale(value.data, target - scale)
    if scale > target:
        data = big_integers.divide_half_away(value.data, 10 ** (scale - target))
    vector = replace(value, data=data, column_type=ColumnType("numeric", scale=target))
    if column_type.size is None:
        return vector
    is_too_wide = big_integers.compare(np.greater_equal, np.abs(data), np.array(10**column_type.size, dtype=object))
    return vector.with_faults(is_too_wide & ~value.nulls, ERROR)


def _convert_to_integer(value: Vector, column_type: ColumnType) -> Vector:
    """Whole numbers as those of a type that may be too small for them."""
    is_out_of_range = big_integers.is_out_of_range(value.data, INTEGERS[column_type.name])
    data = (
        np.where(is_out_of_range, 0, value.data).astype(np.int64)
        if is_out_of_range.any()
        else value.data.astype(np.int64)
    )
    return replace(value, data=data, column_type=column_type).with_faults(is_out_of_range & ~value.nulls, ERROR)


def make_integers(data: Any, nulls: Any, column_type: ColumnType, faults: Any = None) -> Vector:
    """The result of whole numbers' arithmetic, which PostgreSQL refuses where it is too large for its type."""
    return _convert_to_integer(Vector(data, nulls, NUMERIC, faults), column_type)


def parse_number(text: str, size: int) -> Vector:
    """A constant number without quotes: an integer where it is written as one and fits, else a numeric."""
    if text.isdigit():
        for name in ("int4", "int8"):
            if int(text) < INTEGERS[name]:
                return repeat(int(text), size, ColumnType(name))
    return parse_numeric(text, size)
