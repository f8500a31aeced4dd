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
    NotUnderstood,
    Vector,
    family,
    repeated,
    units,
)
from seedbed.seeding.core import big_integers
from seedbed.seeding.core.column_types import INTEGERS, MOMENTS, ColumnType
from seedbed.seeding.core.number_codec import encode_number
from seedbed.seeding.core.time_units import DAY

NUMBERS = frozenset({"integer", "numeric", "float"})
WORDS = frozenset({"text", "varchar", "bpchar"})
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
_LENGTH = re.compile(r"\s*(-?\d{1,9})\s*([a-z]+?)s?(?=\s|$|-|\d)", re.IGNORECASE)
_DAY = re.compile(r"\d{4}-\d\d-\d\d")
_MOMENT = re.compile(r"\d{4}-\d\d-\d\d(?:[T ]\d\d:\d\d(?::\d\d(?:\.\d{1,6})?)?)?(?P<zone>Z|[+-]\d\d(?::?\d\d)?)?")
_CLOCK = re.compile(r"(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d{1,6})?)?")
_NUMBER = re.compile(r"\s*[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d{1,3})?\s*", re.IGNORECASE)
_WHOLE = re.compile(r"\s*[+-]?\d{1,40}\s*")
_TRUE, _FALSE = frozenset({"true", "t", "yes", "y", "on", "1"}), frozenset({"false", "f", "no", "n", "off", "0"})
_EXACT = 1 << 53
"""Whole numbers below it are floats as well."""
_EXACT_TENS = 22


def together(left: Vector, right: Vector) -> tuple[Vector, Vector]:
    """Both sides of an operator that takes two values of one type.

    Raises:
        NotUnderstood: there is no such operator, or it is not known here which one it is.
    """
    kind = common(left.kind, right.kind)
    left, right = (constant(v, kind) if v.kind.name == "unknown" else v for v in (left, right))
    kind = common(left.kind, right.kind)
    return converted(left, kind), converted(right, kind)


def common(left: ColumnType, right: ColumnType) -> ColumnType:
    """The type in which PostgreSQL compares two values.

    Raises:
        NotUnderstood: it is not known here.
    """
    a, b = family(left), family(right)
    if "" in {a, b}:
        raise NotUnderstood(f"{left} beside {right}")
    if {a, b} == {"unknown"}:
        return TEXT
    if "unknown" in {a, b}:
        return right if a == "unknown" else left
    if {a, b} <= NUMBERS:
        return _number(left, right)
    if a == b == "text":
        names = {left.name, right.name}
        return ColumnType("bpchar") if "bpchar" in names and "text" not in names else TEXT
    if {a, b} <= {"date", "timestamp", "timestamptz"}:
        return max((left, right), key=lambda kind: ["date", "timestamp", "timestamptz"].index(kind.name))
    if a == b and (a != "enum" or left.labels == right.labels):
        return left
    raise NotUnderstood(f"{left} beside {right}")


def _number(left: ColumnType, right: ColumnType) -> ColumnType:
    if left.name in INTEGERS and right.name in INTEGERS:
        return max((left, right), key=lambda kind: INTEGERS[kind.name])
    if "float" in {family(left), family(right)}:
        return left if left.name == right.name == "float4" else FLOAT8
    return ColumnType("numeric", scale=max(_scale(left), _scale(right)))


def _scale(kind: ColumnType) -> int:
    return kind.decimals if kind.name == "numeric" else 0


def converted(value: Vector, kind: ColumnType) -> Vector:
    """A value as the operator takes it, without a cast being written.

    Raises:
        NotUnderstood: nothing is known of such a conversion.
    """
    if value.kind.name == "unknown":
        return constant(value, kind)
    if value.kind.name == kind.name and kind.name != "numeric":
        return replace(value, kind=kind)
    if value.kind.name == "bpchar" and kind.name == "text":
        return replace(value, kind=kind)
    if kind.name == "bpchar" and value.kind.name in WORDS:
        return replace(value, data=_each(value, lambda text: text.rstrip(" ")), kind=kind)
    if {value.kind.name, kind.name} <= WORDS:
        return replace(value, kind=kind)
    if family(value.kind) in NUMBERS and kind.name == "numeric":
        places = _scale(kind) - _scale(value.kind)
        if places < 0:
            raise NotUnderstood(f"{value.kind} as {kind}")
        return replace(value, data=big_integers.scale(value.data, places), kind=kind)
    if family(value.kind) in NUMBERS and family(kind) == "float":
        return replace(value, data=_floats(value), kind=kind)
    if value.kind.name in INTEGERS and kind.name in INTEGERS:
        return replace(value, kind=kind)
    if value.kind.name in MOMENTS | {"date"} and kind.name in MOMENTS:
        return replace(value, kind=kind)
    raise NotUnderstood(f"{value.kind} as {kind}")


def _floats(value: Vector) -> Any:
    if value.kind.name != "numeric":
        return value.data.astype(np.float64)
    places, data = _scale(value.kind), value.data
    if data.dtype != object and places <= _EXACT_TENS and (not data.size or np.abs(data).max() < _EXACT):
        return data / 10.0**places
    return np.array([int(number) / 10**places for number in data])  # Python rounds to the nearest float


def _each(value: Vector, function: Any) -> Any:
    data = np.empty(len(value.data), dtype=object)
    data[:] = [function(text) for text in value.data]
    return data


def constant(value: Vector, kind: ColumnType) -> Vector:
    """A quoted constant, or NULL, as a value of a type.

    Raises:
        NotUnderstood: it is not known here what the type makes of it.
    """
    size = len(value.nulls)
    if not family(kind):
        raise NotUnderstood(str(kind))
    if value.text is None:
        made = _plain("0" if family(kind) in NUMBERS else "", kind, size)
        return replace(made, nulls=value.nulls)
    try:
        return _plain(value.text, kind, size)
    except (ValueError, ArithmeticError) as error:
        raise NotUnderstood(f"{value.text!r} as {kind}") from error


def _plain(text: str, kind: ColumnType, size: int) -> Vector:
    match family(kind):
        case "text" | "citext":
            return repeated(text.rstrip(" ") if kind.name == "bpchar" else text, size, kind)
        case "enum":
            if text and text not in kind.labels:
                raise ValueError(text)
            return repeated(text, size, kind)
        case "uuid":
            return repeated(str(UUID(text)) if text else "", size, kind)
        case "bool":
            return repeated(_truth(text), size, kind)
        case "integer":
            return _in_range(repeated(int(_matched(_WHOLE, text)), size, ColumnType("numeric", scale=0)), kind)
        case "numeric":
            return number(_matched(_NUMBER, text).strip(), size)
        case "float":
            found = float(_matched(_NUMBER, text))
            return repeated(float(np.float32(found)) if kind.name == "float4" else found, size, kind)
        case "interval":
            return repeated(length(text) if text else 0, size, kind)
    return repeated(_moment(text, kind) if text else 0, size, kind)


def _matched(pattern: re.Pattern[str], text: str) -> str:
    if pattern.fullmatch(text) is None:
        raise ValueError(text)
    return text


def _truth(text: str) -> bool:
    word = text.strip().lower()
    if word and word not in _TRUE | _FALSE:
        raise ValueError(text)
    return word in _TRUE


def number(text: str, size: int) -> Vector:
    """A constant number: an integer where it is written as one and fits, else a numeric."""
    found = Decimal(text)
    if not found.is_finite():
        raise InvalidOperation
    scale = max(0, -int(found.as_tuple().exponent))
    return repeated(units(found, scale), size, ColumnType("numeric", scale=scale))


def length(text: str) -> int:
    """An interval in microseconds.

    Raises:
        ValueError: it has months, whose length depends on where they begin, or is written in another way.
    """
    total, at = 0, 0
    while at < len(text):
        found = _LENGTH.match(text, at)
        if found is None or found[2].lower() not in _UNITS:
            raise ValueError(text)
        total, at = total + int(found[1]) * _UNITS[found[2].lower()], found.end()
        if not text[at:].strip():
            break
    return total


def _moment(text: str, kind: ColumnType) -> int:
    text = text.strip()
    if kind.name == "time":
        found: Any = time.fromisoformat(_matched(_CLOCK, text))
    elif kind.name == "date":
        found = date.fromisoformat(_matched(_DAY, text))
    else:
        match = _MOMENT.fullmatch(text)
        if match is None or (match["zone"] and kind.name == "timestamp"):
            raise ValueError(text)
        found = datetime.fromisoformat(text)
    return int(encode_number(found, kind) or 0) * (DAY if kind.name == "date" else 1)


def cast(value: Vector, kind: ColumnType, words: str) -> Vector:
    """A value as a cast makes it; `words` is the type as it is written.

    Raises:
        NotUnderstood: nothing is known of such a cast.
    """
    if "(" in words and kind.name not in WORDS | {"numeric"}:
        raise NotUnderstood(words)
    if value.kind.name == "unknown" and kind.name not in WORDS and kind.name != "numeric":
        return constant(value, kind)
    if value.kind.name == "unknown":
        value = constant(value, TEXT if kind.name in WORDS else NUMERIC)
    source, target = family(value.kind), family(kind)
    if kind.name in WORDS:
        return _as_text(value, kind)
    if source == "integer" and kind.name == "bool" and value.kind.name == "int4":
        return replace(value, data=value.data != 0, kind=BOOL)
    if source == "bool" and kind.name == "int4":
        return replace(value, data=value.data.astype(np.int64), kind=kind)
    if source in NUMBERS and target in NUMBERS:
        return _as_number(value, kind)
    if value.kind.name in MOMENTS and kind.name == "date":
        return replace(value, data=value.data // DAY * DAY, kind=kind)
    if value.kind.name in MOMENTS and kind.name == "time":
        return replace(value, data=value.data % DAY, kind=kind)
    return converted(value, kind)


def _as_text(value: Vector, kind: ColumnType) -> Vector:
    if value.kind.name in INTEGERS and kind.name != "bpchar":
        value = replace(value, data=_each(value, str), kind=TEXT)
    if family(value.kind) not in {"text", "enum", "citext"}:
        raise NotUnderstood(f"{value.kind} as {kind}")
    if value.kind.name == "bpchar" and kind.name == "bpchar" and kind.size is not None:
        raise NotUnderstood(f"{value.kind} as {kind}")
    if value.kind.name == "bpchar" and kind.name != "bpchar":
        value = converted(value, TEXT)
    if kind.size is not None:
        value = replace(value, data=_each(value, lambda text: text[: kind.size]))
    if kind.name == "bpchar":
        value = replace(value, data=_each(value, lambda text: text.rstrip(" ")))
    return replace(value, kind=kind)


def _as_number(value: Vector, kind: ColumnType) -> Vector:
    if kind.name == value.kind.name and kind.name != "numeric":
        return value
    if kind.name == "float8":
        return converted(value, kind)
    if kind.name == "float4":
        if value.kind.name == "numeric":
            raise NotUnderstood(f"{value.kind} as {kind}")
        with np.errstate(over="ignore"):
            data = converted(value, FLOAT8).data.astype(np.float32).astype(np.float64)
        return replace(value, data=data, kind=kind).with_faults(np.isinf(data) & ~value.nulls, ERROR)
    if family(value.kind) == "float":
        if kind.name == "numeric":
            raise NotUnderstood(f"{value.kind} as {kind}")
        whole = np.rint(value.data)
        limit = float(INTEGERS[kind.name])
        bad = ~((whole >= -limit) & (whole < limit))
        made = replace(value, data=np.where(bad, 0, whole).astype(np.int64), kind=kind)
        return made.with_faults(bad & ~value.nulls, ERROR)
    if kind.name == "numeric":
        return as_numeric(value, kind)
    places = _scale(value.kind)
    return _in_range(replace(value, data=big_integers.divide_half_away(value.data, 10**places), kind=NUMERIC), kind)


def as_numeric(value: Vector, kind: ColumnType) -> Vector:
    """A number with the decimals that a numeric has, in its range; as it is where the numeric says nothing of them."""
    if kind.size is None and kind.scale is None:
        return value if value.kind.name == "numeric" else replace(value, kind=NUMERIC)
    target, own = kind.decimals, _scale(value.kind)
    data = big_integers.scale(value.data, target - own)
    if own > target:
        data = big_integers.divide_half_away(value.data, 10 ** (own - target))
    made = replace(value, data=data, kind=ColumnType("numeric", scale=target))
    if kind.size is None:
        return made
    wide = big_integers.compare(np.greater_equal, np.abs(data), np.array(10**kind.size, dtype=object))
    return made.with_faults(wide & ~value.nulls, ERROR)


def _in_range(value: Vector, kind: ColumnType) -> Vector:
    """Whole numbers as those of a type that may be too small for them."""
    bad = big_integers.is_out_of_range(value.data, INTEGERS[kind.name])
    data = np.where(bad, 0, value.data).astype(np.int64) if bad.any() else value.data.astype(np.int64)
    return replace(value, data=data, kind=kind).with_faults(bad & ~value.nulls, ERROR)


def whole(data: Any, nulls: Any, kind: ColumnType, faults: Any = None) -> Vector:
    """The result of whole numbers' arithmetic, which PostgreSQL refuses where it is too large for its type."""
    return _in_range(Vector(data, nulls, NUMERIC, faults), kind)


def typed(text: str, size: int) -> Vector:
    """A constant number without quotes: an integer where it is written as one and fits, else a numeric."""
    if text.isdigit():
        for name in ("int4", "int8"):
            if int(text) < INTEGERS[name]:
                return repeated(int(text), size, ColumnType(name))
    return number(text, size)
