"""Arithmetic of PostgreSQL's types: exact where a type is, and refused where PostgreSQL refuses it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from seedbed.seeding.analysis.checks.type_coercion import (
    DATE,
    FLOAT8,
    INTERVAL,
    NUMBERS,
    NUMERIC,
    TIMESTAMP,
    constant,
    converted,
    together,
    whole,
)
from seedbed.seeding.analysis.checks.vectors import ERROR, NotUnderstood, Vector, family, faults_of
from seedbed.seeding.core import big_integers
from seedbed.seeding.core.column_types import MOMENTS, ColumnType
from seedbed.seeding.core.time_units import DAY

_DIGITS = 4
"""Decimals that PostgreSQL keeps in one digit of a numeric."""
_SIGNIFICANT, _MOST_SCALE = 16, 1_000
_LIMIT = 1 << 62

Operation = Callable[[Vector, Vector], Vector]


def add(left: Vector, right: Vector) -> Vector:
    left, right = _numbers_typed(left, right)
    if _are_numbers(left, right):
        return _counted(left, right, big_integers.add, np.add)
    for one, other in ((left, right), (right, left)):
        if one.kind.name == "date" and family(other.kind) == "integer":
            return _shifted(one, _days(other), big_integers.add, DATE)
        if one.kind.name == "date" and other.kind.name == "time":
            return _shifted(one, other, big_integers.add, TIMESTAMP)
        if other.kind.name == "interval" and family(one.kind) in _MOVED:
            return _shifted(one, other, big_integers.add, _MOVED[family(one.kind)])
    raise NotUnderstood(f"{left.kind} + {right.kind}")


def subtract(left: Vector, right: Vector) -> Vector:
    left, right = _numbers_typed(left, right)
    if _are_numbers(left, right):
        return _counted(left, right, big_integers.subtract, np.subtract)
    names = (left.kind.name, right.kind.name)
    if names == ("date", "date"):
        made = _shifted(left, right, big_integers.subtract, INTERVAL)
        return replace(made, data=made.data // DAY, kind=ColumnType("int4"))
    if set(names) <= MOMENTS | {"date"} or names == ("time", "time"):
        return _shifted(*together(left, right), big_integers.subtract, INTERVAL)
    if left.kind.name == "date" and family(right.kind) == "integer":
        return _shifted(left, _days(right), big_integers.subtract, DATE)
    if right.kind.name == "interval" and family(left.kind) in _MOVED:
        return _shifted(left, right, big_integers.subtract, _MOVED[family(left.kind)])
    raise NotUnderstood(f"{left.kind} - {right.kind}")


def multiply(left: Vector, right: Vector) -> Vector:
    left, right = _numbers_typed(left, right)
    for one, other in ((left, right), (right, left)):
        if one.kind.name == "interval" and family(other.kind) == "integer":
            return _shifted(one, other, big_integers.multiply, INTERVAL)
    if not _are_numbers(left, right):
        raise NotUnderstood(f"{left.kind} * {right.kind}")
    if not _are_numeric(left, right):
        return _counted(left, right, big_integers.multiply, np.multiply)
    data = big_integers.multiply(left.data, right.data)
    scale = _scale(left) + _scale(right)
    return Vector(data, left.nulls | right.nulls, ColumnType("numeric", scale=scale), faults_of(left, right))


def divide(left: Vector, right: Vector) -> Vector:
    left, right = _numbers_typed(left, right)
    if not _are_numbers(left, right):
        raise NotUnderstood(f"{left.kind} / {right.kind}")
    left, right, nought = _divisible(*together(left, right) if not _are_numeric(left, right) else (left, right))
    if _are_numeric(left, right):
        made = _quotients(left, right)
    elif family(left.kind) == "float":
        made, nought = _floated(left, right, np.divide), nought & ~np.isnan(left.data)
    else:
        made = whole(
            big_integers.quotient(left.data, right.data), left.nulls | right.nulls, left.kind, faults_of(left, right)
        )
    return made.with_faults(nought & ~made.nulls, ERROR)


def remainder(left: Vector, right: Vector) -> Vector:
    left, right = together(*_numbers_typed(left, right))
    if family(left.kind) not in {"integer", "numeric"}:
        raise NotUnderstood(f"{left.kind} % {right.kind}")
    left, right, nought = _divisible(left, right)
    data = big_integers.remainder(left.data, right.data)
    made = Vector(data, left.nulls | right.nulls, left.kind, faults_of(left, right))
    return made.with_faults(nought & ~made.nulls, ERROR)


def negative(value: Vector) -> Vector:
    return _unary(value, np.negative)


def absolute(value: Vector) -> Vector:
    if value.kind.name == "interval":
        raise NotUnderstood("abs of an interval")
    return _unary(value, np.abs)


def round_half_away(value: Vector, places: int | None) -> Vector:
    """round(): of a numeric halves away from nought, of a float to the even neighbour."""
    if family(value.kind) == "integer" and places is None:
        value = converted(value, FLOAT8)
    if family(value.kind) == "float" and places is None:
        return replace(value, data=np.rint(value.data), kind=FLOAT8)
    if family(value.kind) == "integer":
        value = replace(value, kind=NUMERIC)
    if value.kind.name != "numeric":
        raise NotUnderstood(f"round of {value.kind}")
    digits, own = places or 0, _scale(value)
    if digits >= own:
        return replace(
            value, data=big_integers.scale(value.data, digits - own), kind=ColumnType("numeric", scale=digits)
        )
    data = big_integers.divide_half_away(value.data, 10 ** (own - digits))
    return replace(
        value, data=big_integers.scale(data, -min(digits, 0)), kind=ColumnType("numeric", scale=max(digits, 0))
    )


_MOVED = {
    "date": TIMESTAMP, "timestamp": TIMESTAMP, "timestamptz": ColumnType("timestamptz"), "time": ColumnType("time"),
    "interval": INTERVAL,
}  # fmt: skip
"""What an interval makes of a time."""


def _numbers_typed(left: Vector, right: Vector) -> tuple[Vector, Vector]:
    """A quoted constant beside a number is one of its type."""
    for own, other in ((left, right), (right, left)):
        if own.kind.name == "unknown" and family(other.kind) not in NUMBERS:
            raise NotUnderstood(f"{own.text} beside {other.kind}")
    if left.kind.name == "unknown":
        left = constant(left, right.kind)
    if right.kind.name == "unknown":
        right = constant(right, left.kind)
    return left, right


def _are_numbers(left: Vector, right: Vector) -> bool:
    return {family(left.kind), family(right.kind)} <= NUMBERS


def _are_numeric(left: Vector, right: Vector) -> bool:
    found = {family(left.kind), family(right.kind)}
    return "numeric" in found and found <= {"numeric", "integer"}


def _scale(value: Vector) -> int:
    return value.kind.decimals if value.kind.name == "numeric" else 0


def _counted(left: Vector, right: Vector, exactly: Any, floating: Any) -> Vector:
    left, right = together(left, right)
    if family(left.kind) == "float":
        return _floated(left, right, floating)
    data, nulls, faults = exactly(left.data, right.data), left.nulls | right.nulls, faults_of(left, right)
    if left.kind.name == "numeric":
        return Vector(data, nulls, left.kind, faults)
    return whole(data, nulls, left.kind, faults)


def _floated(left: Vector, right: Vector, function: Any) -> Vector:
    a, b = left.data, right.data
    with np.errstate(all="ignore"):
        if left.kind.name == "float4":
            found = np.asarray(function(a.astype(np.float32), b.astype(np.float32)), dtype=np.float64)
        else:
            found = np.asarray(function(a, b), dtype=np.float64)
    nulls = left.nulls | right.nulls
    bad = np.isinf(found) & ~np.isinf(a) & ~np.isinf(b)
    if function in {np.multiply, np.divide}:
        bad |= (found == 0) & (a != 0) & ~np.isinf(b) & ((b != 0) | (function is np.divide))
    made = Vector(np.where(bad, 0.0, found), nulls, left.kind, faults_of(left, right))
    return made.with_faults(bad & ~nulls, ERROR)


def _divisible(left: Vector, right: Vector) -> tuple[Vector, Vector, Any]:
    """The same with 1 in the place of a divisor of 0, and where that is."""
    nought = np.asarray(right.data == 0).astype(np.bool_)
    return left, replace(right, data=np.where(nought, 1, right.data)) if nought.any() else right, nought & ~right.nulls


def _quotients(left: Vector, right: Vector) -> Vector:
    """With as many decimals as PostgreSQL's select_div_scale() gives each row."""
    own, other = _scale(left), _scale(right)
    found: list[tuple[int, int]] = []
    for a, b in zip(left.data.tolist(), right.data.tolist(), strict=True):
        (weight, first), (other_weight, other_first) = _leading(a, own), _leading(b, other)
        weight -= other_weight + (1 if first <= other_first else 0)
        scale = min(max(_SIGNIFICANT - weight * _DIGITS, own, other, 0), _MOST_SCALE)
        top, bottom = abs(a) * 10 ** (scale + other), abs(b) * 10**own
        rounded = (2 * top + bottom) // (2 * bottom)
        found.append((rounded if (a < 0) == (b < 0) else -rounded, scale))
    most = max((scale for _, scale in found), default=0)
    data = np.empty(len(found), dtype=object)
    data[:] = [number * 10 ** (most - scale) for number, scale in found]
    return Vector(data, left.nulls | right.nulls, ColumnType("numeric", scale=most), faults_of(left, right))


def _leading(number: int, scale: int) -> tuple[int, int]:
    """The place of the first digit to the base of 10,000, and that digit."""
    if not number:
        return 0, 0
    after = -(-scale // _DIGITS)
    number = abs(number) * 10 ** (after * _DIGITS - scale)
    groups = 0
    while number >= 10 ** (_DIGITS * (groups + 1)):
        groups += 1
    return groups - after, number // 10 ** (_DIGITS * groups)


def _days(value: Vector) -> Vector:
    return replace(value, data=big_integers.multiply(value.data, np.array(DAY)))


def _shifted(left: Vector, right: Vector, function: Any, kind: ColumnType) -> Vector:
    data = function(left.data, right.data)
    if kind.name == "time":
        data = data % DAY
    made = Vector(data, left.nulls | right.nulls, kind, faults_of(left, right))
    if data.dtype != object:
        return made
    bad = big_integers.is_out_of_range(data, _LIMIT)
    made = replace(made, data=np.where(bad, 0, data).astype(np.int64))
    return made.with_faults(bad & ~made.nulls, ERROR)


def _unary(value: Vector, function: Any) -> Vector:
    if family(value.kind) == "integer":
        data = function(value.data.astype(object)) if value.kind.name == "int8" else function(value.data)
        return whole(data, value.nulls, value.kind, value.faults)
    if family(value.kind) not in NUMBERS | {"interval"}:
        raise NotUnderstood(str(value.kind))
    return replace(value, data=function(value.data))
