"""The constants of an SQL expression, as vectors and as Python values."""

import re
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal, InvalidOperation
from typing import Any
from uuid import UUID

import numpy as np
from sqlalchemy import Column
from sqlglot import exp

from seedbed.seeding.analysis.checks.table_checks import strip_parentheses
from seedbed.seeding.analysis.checks.vectors import (
    NUMBERS,
    UnsupportedExpression,
    Vector,
    convert_to_integer,
    get_family,
    repeat,
    to_units,
)
from seedbed.seeding.core.number_codec import encode_number
from seedbed.seeding.core.postgres_types import INTEGERS, ColumnType
from seedbed.seeding.core.time_units import DAY

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


def parse_constant(value: Vector, column_type: ColumnType) -> Vector:
    """A quoted constant, or NULL, as a value of a type.

    Raises:
        UnsupportedExpression: Seedbed does not know how the type reads the constant.
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
            return convert_to_integer(
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


def parse_number(text: str, size: int) -> Vector:
    """A constant number without quotes: an integer where it is written as one and fits, else a numeric."""
    if text.isdigit():
        for name in ("int4", "int8"):
            if int(text) < INTEGERS[name]:
                return repeat(int(text), size, ColumnType(name))
    return parse_numeric(text, size)


NOT_CONSTANT = object()
_INTEGER_TYPES, _NUMERIC_TYPES = (
    frozenset({"int", "bigint", "smallint"}),
    frozenset({"decimal", "numeric", "double precision"}),
)


def read_constant(expression: Any) -> Any:
    """A constant of SQL as Python's value, or something that stands for none."""
    expression = strip_parentheses(expression)
    if isinstance(expression, exp.Cast):
        return _cast_constant(read_constant(expression.this), expression.to.sql("postgres").lower())
    if isinstance(expression, exp.Neg):
        inner = read_constant(expression.this)
        return -inner if isinstance(inner, int | Decimal) and not isinstance(inner, bool) else NOT_CONSTANT
    if isinstance(expression, exp.Boolean):
        return bool(expression.this)
    if isinstance(expression, exp.Literal):
        if expression.is_string:
            return str(expression.this)
        number = Decimal(expression.this)
        return int(number) if number == int(number) else number
    return NOT_CONSTANT


def _cast_constant(value: Any, type_name: str) -> Any:
    """A constant with a cast that changes nothing of what it says."""
    try:
        if isinstance(value, str) and type_name == "date":
            return date.fromisoformat(value)
        if isinstance(value, str) and type_name.startswith("timestamp"):
            return datetime.fromisoformat(value) if "(" not in type_name else NOT_CONSTANT
        if isinstance(value, str) and type_name in _INTEGER_TYPES:
            return int(value)
        if isinstance(value, str) and type_name in _NUMERIC_TYPES:
            return Decimal(value)
    except (ValueError, ArithmeticError):
        return NOT_CONSTANT
    if isinstance(value, str):
        return value if "(" not in type_name else NOT_CONSTANT
    is_integer = isinstance(value, int) and not isinstance(value, bool) and type_name in _INTEGER_TYPES | _NUMERIC_TYPES
    return value if is_integer or (isinstance(value, Decimal) and type_name in _NUMERIC_TYPES) else NOT_CONSTANT


_PLAIN_COLLATIONS = frozenset({"C", "POSIX", "default", "ucs_basic", "C.UTF-8", "pg_c_utf8"})
"""Collations in which texts are equal only where their bytes are."""


def get_comparable_type(column_type: ColumnType, column: Column[Any]) -> ColumnType:
    """A column's type; one that is not known here where its collation may call different texts equal."""
    collation = getattr(column.type, "collation", None)
    return ColumnType("text of a collation") if collation and collation not in _PLAIN_COLLATIONS else column_type


def make_sample_value(column_type: ColumnType, column: Column[Any]) -> Vector:
    column_type = get_comparable_type(column_type, column)
    match get_family(column_type):
        case "":
            return Vector(np.zeros(1, dtype=np.bool_), np.zeros(1, dtype=np.bool_), column_type)
        case "text" | "citext":
            return repeat("a", 1, column_type)
        case "enum":
            return repeat(column_type.labels[0] if column_type.labels else "", 1, column_type)
        case "uuid":
            return repeat("00000000-0000-0000-0000-000000000000", 1, column_type)
        case "bool":
            return repeat(True, 1, column_type)
        case "float":
            return repeat(1.0, 1, column_type)
    return repeat(1, 1, column_type)
