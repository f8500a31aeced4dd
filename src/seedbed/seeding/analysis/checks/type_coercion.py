"""Type conversion as PostgreSQL does it: common types, implicit conversions and casts."""

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce
from typing import Any

import numpy as np

from seedbed.seeding.analysis.checks.constants import parse_constant
from seedbed.seeding.analysis.checks.vectors import (
    BOOL,
    ERROR,
    FLOAT8,
    NUMBERS,
    NUMERIC,
    TEXT,
    TEXT_TYPES,
    UnsupportedExpression,
    Vector,
    convert_to_integer,
    get_family,
)
from seedbed.seeding.core import big_integers
from seedbed.seeding.core.postgres_types import INTEGERS, MOMENTS, ColumnType
from seedbed.seeding.core.time_units import DAY

_EXACT_FLOAT_LIMIT = 1 << 53
"""Whole numbers below it are floats as well."""
_EXACT_POWERS_OF_TEN = 22


def coerce_to_common_type(left: Vector, right: Vector) -> tuple[Vector, Vector]:
    """Both sides of an operator that takes two values of one type.

    Raises:
        UnsupportedExpression: there is no such operator, or Seedbed does not know which one PostgreSQL chooses.
    """
    column_type = find_common_type(left.column_type, right.column_type)
    left, right = (parse_constant(v, column_type) if v.column_type.name == "unknown" else v for v in (left, right))
    column_type = find_common_type(left.column_type, right.column_type)
    return convert(left, column_type), convert(right, column_type)


def find_common_type(left: ColumnType, right: ColumnType) -> ColumnType:
    """The type in which PostgreSQL compares two values.

    Raises:
        UnsupportedExpression: Seedbed does not know the common type.
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
    """Convert a vector implicitly, as for an operator.

    Raises:
        UnsupportedExpression: Seedbed does not know the conversion.
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


def cast(value: Vector, column_type: ColumnType, type_name: str) -> Vector:
    """Cast a vector. `type_name` is the type as written in SQL.

    Raises:
        UnsupportedExpression: Seedbed does not know the cast.
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
    return convert_to_integer(
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


def convert_to_common_type(values: Sequence[Vector]) -> list[Vector]:
    """Values of which one is taken, as the type that they have together.

    Raises:
        UnsupportedExpression: Seedbed does not know which type PostgreSQL chooses.
    """
    check_float_mix(values)
    names = {vector.column_type.name for vector in values}
    if "bpchar" in names and names - {"bpchar", "unknown"}:
        raise UnsupportedExpression("char beside other texts")
    if names == {"unknown"}:
        return [parse_constant(vector, TEXT) for vector in values]
    common_type = reduce(
        find_common_type, [vector.column_type for vector in values if vector.column_type.name != "unknown"]
    )
    if common_type.name == "bpchar" and "unknown" in names:
        common_type = ColumnType("bpchar")  # a constant is not filled up with blanks as a column's values are
    typed_values = [parse_constant(v, common_type) if v.column_type.name == "unknown" else v for v in values]
    common_type = reduce(find_common_type, [vector.column_type for vector in typed_values])
    return [convert(vector, common_type) for vector in typed_values]


def check_float_mix(values: Sequence[Vector]) -> None:
    """Beside a real and no double precision, PostgreSQL makes reals of other numbers in a list.

    Raises:
        UnsupportedExpression: the values mix a real with other numbers.
    """
    names = {vector.column_type.name for vector in values} - {"unknown"}
    if "float4" in names and names != {"float4"}:
        raise UnsupportedExpression("a real beside other numbers")
