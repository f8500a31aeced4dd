"""Arithmetic of PostgreSQL's types: exact where a type is, and refused where PostgreSQL refuses it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from seedbed.seeding.analysis.checks.constants import parse_constant
from seedbed.seeding.analysis.checks.type_coercion import coerce_to_common_type, convert
from seedbed.seeding.analysis.checks.vectors import (
    DATE,
    ERROR,
    FLOAT8,
    INTERVAL,
    NUMBERS,
    NUMERIC,
    TIMESTAMP,
    UnsupportedExpression,
    Vector,
    get_family,
    make_integers,
    merge_faults,
)
from seedbed.seeding.core import big_integers
from seedbed.seeding.core.postgres_types import MOMENTS, ColumnType
from seedbed.seeding.core.time_units import DAY

_DIGITS_PER_GROUP = 4
"""Decimals that PostgreSQL keeps in one digit of a numeric."""
_MIN_SIGNIFICANT_DIGITS, _MAX_SCALE = 16, 1_000
_LIMIT = 1 << 62

Operation = Callable[[Vector, Vector], Vector]


def add(left: Vector, right: Vector) -> Vector:
    left, right = _type_number_constants(left, right)
    if _are_numbers(left, right):
        return _compute(left, right, big_integers.add, np.add)
    for first, second in ((left, right), (right, left)):
        if first.column_type.name == "date" and get_family(second.column_type) == "integer":
            return _compute_times(first, _to_days(second), big_integers.add, DATE)
        if first.column_type.name == "date" and second.column_type.name == "time":
            return _compute_times(first, second, big_integers.add, TIMESTAMP)
        if second.column_type.name == "interval" and get_family(first.column_type) in _RESULT_OF_INTERVAL:
            return _compute_times(first, second, big_integers.add, _RESULT_OF_INTERVAL[get_family(first.column_type)])
    raise UnsupportedExpression(f"{left.column_type} + {right.column_type}")


def subtract(left: Vector, right: Vector) -> Vector:
    left, right = _type_number_constants(left, right)
    if _are_numbers(left, right):
        return _compute(left, right, big_integers.subtract, np.subtract)
    names = (left.column_type.name, right.column_type.name)
    if names == ("date", "date"):
        difference = _compute_times(left, right, big_integers.subtract, INTERVAL)
        return replace(difference, data=difference.data // DAY, column_type=ColumnType("int4"))
    if set(names) <= MOMENTS | {"date"} or names == ("time", "time"):
        return _compute_times(*coerce_to_common_type(left, right), big_integers.subtract, INTERVAL)
    if left.column_type.name == "date" and get_family(right.column_type) == "integer":
        return _compute_times(left, _to_days(right), big_integers.subtract, DATE)
    if right.column_type.name == "interval" and get_family(left.column_type) in _RESULT_OF_INTERVAL:
        return _compute_times(left, right, big_integers.subtract, _RESULT_OF_INTERVAL[get_family(left.column_type)])
    raise UnsupportedExpression(f"{left.column_type} - {right.column_type}")


def multiply(left: Vector, right: Vector) -> Vector:
    left, right = _type_number_constants(left, right)
    for first, second in ((left, right), (right, left)):
        if first.column_type.name == "interval" and get_family(second.column_type) == "integer":
            return _compute_times(first, second, big_integers.multiply, INTERVAL)
    if not _are_numbers(left, right):
        raise UnsupportedExpression(f"{left.column_type} * {right.column_type}")
    if not _are_numeric(left, right):
        return _compute(left, right, big_integers.multiply, np.multiply)
    data = big_integers.multiply(left.data, right.data)
    scale = _get_scale(left) + _get_scale(right)
    return Vector(data, left.nulls | right.nulls, ColumnType("numeric", scale=scale), merge_faults(left, right))


def divide(left: Vector, right: Vector) -> Vector:
    left, right = _type_number_constants(left, right)
    if not _are_numbers(left, right):
        raise UnsupportedExpression(f"{left.column_type} / {right.column_type}")
    left, right, is_zero = _replace_zero_divisors(
        *coerce_to_common_type(left, right) if not _are_numeric(left, right) else (left, right)
    )
    if _are_numeric(left, right):
        quotient = _divide_numeric(left, right)
    elif get_family(left.column_type) == "float":
        quotient, is_zero = _compute_floats(left, right, np.divide), is_zero & ~np.isnan(left.data)
    else:
        quotient = make_integers(
            big_integers.quotient(left.data, right.data),
            left.nulls | right.nulls,
            left.column_type,
            merge_faults(left, right),
        )
    return quotient.with_faults(is_zero & ~quotient.nulls, ERROR)


def compute_remainder(left: Vector, right: Vector) -> Vector:
    left, right = coerce_to_common_type(*_type_number_constants(left, right))
    if get_family(left.column_type) not in {"integer", "numeric"}:
        raise UnsupportedExpression(f"{left.column_type} % {right.column_type}")
    left, right, is_zero = _replace_zero_divisors(left, right)
    data = big_integers.remainder(left.data, right.data)
    result = Vector(data, left.nulls | right.nulls, left.column_type, merge_faults(left, right))
    return result.with_faults(is_zero & ~result.nulls, ERROR)


def negate(value: Vector) -> Vector:
    return _apply(value, np.negative)


def compute_absolute(value: Vector) -> Vector:
    if value.column_type.name == "interval":
        raise UnsupportedExpression("abs of an interval")
    return _apply(value, np.abs)


def round_half_away(value: Vector, places: int | None) -> Vector:
    """round(): of a numeric halves away from nought, of a float to the even neighbour."""
    if get_family(value.column_type) == "integer" and places is None:
        value = convert(value, FLOAT8)
    if get_family(value.column_type) == "float" and places is None:
        return replace(value, data=np.rint(value.data), column_type=FLOAT8)
    if get_family(value.column_type) == "integer":
        value = replace(value, column_type=NUMERIC)
    if value.column_type.name != "numeric":
        raise UnsupportedExpression(f"round of {value.column_type}")
    digits, own = places or 0, _get_scale(value)
    if digits >= own:
        return replace(
            value, data=big_integers.scale(value.data, digits - own), column_type=ColumnType("numeric", scale=digits)
        )
    data = big_integers.divide_half_away(value.data, 10 ** (own - digits))
    return replace(
        value, data=big_integers.scale(data, -min(digits, 0)), column_type=ColumnType("numeric", scale=max(digits, 0))
    )


_RESULT_OF_INTERVAL = {
    "date": TIMESTAMP, "timestamp": TIMESTAMP, "timestamptz": ColumnType("timestamptz"), "time": ColumnType("time"),
    "interval": INTERVAL,
}  # fmt: skip
"""What an interval makes of a time."""


def _type_number_constants(left: Vector, right: Vector) -> tuple[Vector, Vector]:
    """A quoted constant beside a number is one of its type."""
    for value, other in ((left, right), (right, left)):
        if value.column_type.name == "unknown" and get_family(other.column_type) not in NUMBERS:
            raise UnsupportedExpression(f"{value.text} beside {other.column_type}")
    if left.column_type.name == "unknown":
        left = parse_constant(left, right.column_type)
    if right.column_type.name == "unknown":
        right = parse_constant(right, left.column_type)
    return left, right


def _are_numbers(left: Vector, right: Vector) -> bool:
    return {get_family(left.column_type), get_family(right.column_type)} <= NUMBERS


def _are_numeric(left: Vector, right: Vector) -> bool:
    families = {get_family(left.column_type), get_family(right.column_type)}
    return "numeric" in families and families <= {"numeric", "integer"}


def _get_scale(value: Vector) -> int:
    return value.column_type.decimals if value.column_type.name == "numeric" else 0


def _compute(left: Vector, right: Vector, exact_function: Any, float_function: Any) -> Vector:
    left, right = coerce_to_common_type(left, right)
    if get_family(left.column_type) == "float":
        return _compute_floats(left, right, float_function)
    data, nulls, faults = exact_function(left.data, right.data), left.nulls | right.nulls, merge_faults(left, right)
    if left.column_type.name == "numeric":
        return Vector(data, nulls, left.column_type, faults)
    return make_integers(data, nulls, left.column_type, faults)


def _compute_floats(left: Vector, right: Vector, function: Any) -> Vector:
    a, b = left.data, right.data
    with np.errstate(all="ignore"):
        if left.column_type.name == "float4":
            result = np.asarray(function(a.astype(np.float32), b.astype(np.float32)), dtype=np.float64)
        else:
            result = np.asarray(function(a, b), dtype=np.float64)
    nulls = left.nulls | right.nulls
    is_invalid = np.isinf(result) & ~np.isinf(a) & ~np.isinf(b)
    if function in {np.multiply, np.divide}:
        is_invalid |= (result == 0) & (a != 0) & ~np.isinf(b) & ((b != 0) | (function is np.divide))
    vector = Vector(np.where(is_invalid, 0.0, result), nulls, left.column_type, merge_faults(left, right))
    return vector.with_faults(is_invalid & ~nulls, ERROR)


def _replace_zero_divisors(left: Vector, right: Vector) -> tuple[Vector, Vector, Any]:
    """The same with 1 in the place of a divisor of 0, and where that is."""
    is_zero = np.asarray(right.data == 0).astype(np.bool_)
    return (
        left,
        replace(right, data=np.where(is_zero, 1, right.data)) if is_zero.any() else right,
        is_zero & ~right.nulls,
    )


def _divide_numeric(left: Vector, right: Vector) -> Vector:
    """With as many decimals as PostgreSQL's select_div_scale() gives each row."""
    own, other = _get_scale(left), _get_scale(right)
    quotients: list[tuple[int, int]] = []
    for a, b in zip(left.data.tolist(), right.data.tolist(), strict=True):
        (weight, first), (other_weight, other_first) = _find_leading_digit(a, own), _find_leading_digit(b, other)
        weight -= other_weight + (1 if first <= other_first else 0)
        scale = min(max(_MIN_SIGNIFICANT_DIGITS - weight * _DIGITS_PER_GROUP, own, other, 0), _MAX_SCALE)
        top, bottom = abs(a) * 10 ** (scale + other), abs(b) * 10**own
        rounded = (2 * top + bottom) // (2 * bottom)
        quotients.append((rounded if (a < 0) == (b < 0) else -rounded, scale))
    max_scale = max((scale for _, scale in quotients), default=0)
    data = np.empty(len(quotients), dtype=object)
    data[:] = [number * 10 ** (max_scale - scale) for number, scale in quotients]
    return Vector(data, left.nulls | right.nulls, ColumnType("numeric", scale=max_scale), merge_faults(left, right))


def _find_leading_digit(number: int, scale: int) -> tuple[int, int]:
    """The place of the first digit to the base of 10,000, and that digit."""
    if not number:
        return 0, 0
    fraction_groups = -(-scale // _DIGITS_PER_GROUP)
    number = abs(number) * 10 ** (fraction_groups * _DIGITS_PER_GROUP - scale)
    groups = 0
    while number >= 10 ** (_DIGITS_PER_GROUP * (groups + 1)):
        groups += 1
    return groups - fraction_groups, number // 10 ** (_DIGITS_PER_GROUP * groups)


def _to_days(value: Vector) -> Vector:
    return replace(value, data=big_integers.multiply(value.data, np.array(DAY)))


def _compute_times(left: Vector, right: Vector, function: Any, column_type: ColumnType) -> Vector:
    data = function(left.data, right.data)
    if column_type.name == "time":
        data = data % DAY
    vector = Vector(data, left.nulls | right.nulls, column_type, merge_faults(left, right))
    if data.dtype != object:
        return vector
    is_out_of_range = big_integers.is_out_of_range(data, _LIMIT)
    vector = replace(vector, data=np.where(is_out_of_range, 0, data).astype(np.int64))
    return vector.with_faults(is_out_of_range & ~vector.nulls, ERROR)


def _apply(value: Vector, function: Any) -> Vector:
    if get_family(value.column_type) == "integer":
        data = function(value.data.astype(object)) if value.column_type.name == "int8" else function(value.data)
        return make_integers(data, value.nulls, value.column_type, value.faults)
    if get_family(value.column_type) not in NUMBERS | {"interval"}:
        raise UnsupportedExpression(str(value.column_type))
    return replace(value, data=function(value.data))
