"""Vectors of SQL values of one type, with NULLs and faults."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, localcontext
from enum import Enum
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt

from seedbed.seeding.core import big_integers
from seedbed.seeding.core.column_batch import Batch, Bools, Coded, Numbers
from seedbed.seeding.core.number_codec import encode_number
from seedbed.seeding.core.postgres_types import INTEGERS, MOMENTS, ColumnType
from seedbed.seeding.core.time_units import DAY

Faults = npt.NDArray[np.uint8]
UNKNOWN, ERROR = 1, 2
"""Faults of a value: only PostgreSQL can compute it, or PostgreSQL raises an error."""
UNKNOWN_TYPE = ColumnType("unknown")
"""The type of a quoted constant or a NULL before its neighbour gives it one."""
BOOL = ColumnType("bool")
NUMBERS = frozenset({"integer", "numeric", "float"})
TEXT_TYPES = frozenset({"text", "varchar", "bpchar"})
FLOAT8, NUMERIC, TEXT, DATE = (
    ColumnType("float8"),
    ColumnType("numeric", scale=0),
    ColumnType("text"),
    ColumnType("date"),
)
TIMESTAMP, TIMESTAMPTZ, INTERVAL = ColumnType("timestamp"), ColumnType("timestamptz"), ColumnType("interval")
_MAX_DIGITS = 2_000
"""Digits that a numeric may have here: a little more than PostgreSQL allows a column."""


class UnsupportedExpression(ValueError):
    """Seedbed cannot evaluate an expression as PostgreSQL does, and leaves it to the server."""


@dataclass(frozen=True, eq=False)
class Vector:
    """Values of one type: `nulls` says where there is none, `faults` where it could not be computed.

    A numeric is counted in units of its last decimal, a time in microseconds, a date as its midnight. Texts, labels
    and UUIDs are texts, a char(n) without the blanks that fill it up. `text` is what a constant without a type says.
    """

    data: npt.NDArray[Any]
    nulls: Bools
    column_type: ColumnType
    faults: Faults | None = None
    text: str | None = None

    def with_faults(self, where: Bools, fault: int) -> "Vector":
        """Return the same vector with further faults."""
        if not where.any():
            return self
        faults = np.where(where, np.uint8(fault), np.uint8(0))
        return replace(self, faults=faults if self.faults is None else np.maximum(self.faults, faults))


def get_family(column_type: ColumnType) -> str:
    """Return the family of types that compare with each other, or an empty string for an unknown type."""
    if column_type.element is not None:
        return ""
    if column_type.name in INTEGERS:
        return "integer"
    if column_type.name in {"float4", "float8"}:
        return "float"
    if column_type.name in {"text", "varchar", "bpchar"}:
        return "text"
    other_families = {"numeric", "bool", "date", "time", "interval", "enum", "uuid", "citext", "unknown"} | MOMENTS
    return column_type.name if column_type.name in other_families else ""


def merge_faults(*vectors: Vector) -> Faults | None:
    """Combine the faults of several vectors."""
    faults = [vector.faults for vector in vectors if vector.faults is not None]
    return np.maximum.reduce(faults) if faults else None


def repeat(data: Any, size: int, column_type: ColumnType) -> Vector:
    """Make a vector that repeats a constant."""
    values = np.empty(size, dtype=_get_dtype(data, column_type))
    values[:] = data
    return Vector(values, np.zeros(size, dtype=np.bool_), column_type)


def make_unknown(text: str | None, size: int) -> Vector:
    """A quoted constant, or NULL, whose type its neighbour decides."""
    data = np.empty(size, dtype=object)
    data[:] = "" if text is None else text
    return Vector(data, np.full(size, text is None), UNKNOWN_TYPE, text=text)


def read_batch(batch: Batch, column_type: ColumnType) -> Vector:
    """Make a vector of a column's values as PostgreSQL stores them. Values that cannot be converted get a fault."""
    nulls = np.zeros(len(batch), dtype=np.bool_) if batch.nulls is None else batch.nulls
    type_family = get_family(column_type)
    if not type_family:
        return Vector(np.zeros(len(batch), dtype=np.bool_), nulls, column_type)
    if isinstance(batch, Numbers) and type_family not in {"text", "citext", "enum", "uuid"}:
        return Vector(_convert_numbers(batch.data, column_type), nulls, column_type)
    if isinstance(batch, Coded):
        codes, places = np.unique(batch.codes, return_inverse=True)
        vector = _read_values(list(batch.pool.entries(codes)), column_type)
        faults = None if vector.faults is None else vector.faults[places]
        return Vector(vector.data[places], nulls | vector.nulls[places], vector.column_type, faults)
    values = [None if gone else value for value, gone in zip(batch.values(), nulls.tolist(), strict=True)]
    vector = _read_values(values, column_type)
    return replace(vector, nulls=nulls | vector.nulls)


def _get_dtype(value: Any, column_type: ColumnType) -> Any:
    match get_family(column_type):
        case "bool":
            return np.bool_
        case "float":
            return np.float64
        case "text" | "enum" | "uuid" | "citext" | "unknown":
            return object
    return np.int64 if abs(value) < 1 << 63 else object


def _convert_numbers(data: npt.NDArray[Any], column_type: ColumnType) -> npt.NDArray[Any]:
    match column_type.name:
        case "date":
            return np.asarray(data * DAY)
        case "bool":
            return data.astype(np.bool_)
        case "float4":
            with np.errstate(over="ignore"):
                return data.astype(np.float32).astype(np.float64)
    return data


def _read_values(values: Sequence[Any], column_type: ColumnType) -> Vector:
    """Python's values in the form in which their type is held."""
    size = len(values)
    nulls = np.fromiter((value is None for value in values), dtype=np.bool_, count=size)
    convert, placeholder = _find_reader(column_type)
    converted, is_unreadable = [], np.zeros(size, dtype=np.bool_)
    for at, value in enumerate(values):
        try:
            converted.append(placeholder if value is None else convert(value))
        except (ValueError, TypeError, AttributeError, ArithmeticError):
            converted.append(placeholder)
            is_unreadable[at] = True
    if column_type.name == "numeric":
        return _make_numeric(converted, nulls, column_type).with_faults(is_unreadable, UNKNOWN)
    data = np.empty(size, dtype=_get_dtype(placeholder, column_type))
    for at, value in enumerate(converted):
        data[at] = value
    return Vector(data, nulls, column_type).with_faults(is_unreadable, UNKNOWN)


def _make_numeric(values: Sequence[Decimal], nulls: Bools, column_type: ColumnType) -> Vector:
    scale = column_type.scale
    if scale is None:
        scale = max((max(0, -int(number.as_tuple().exponent)) for number in values), default=0)
    numbers = [to_units(number, scale) for number in values]
    is_wide = any(abs(number) >= 1 << 63 for number in numbers)
    data = np.empty(len(numbers), dtype=object if is_wide else np.int64)
    data[:] = numbers
    return Vector(data, nulls, replace(column_type, scale=scale))


def to_units(number: Decimal, scale: int) -> int:
    """A number in units of its last decimal, halves away from nought.

    Raises:
        ArithmeticError: it is no number, or none that a numeric holds.
    """
    with localcontext() as context:
        context.prec = _MAX_DIGITS
        return int(number.scaleb(scale).to_integral_value(rounding=ROUND_HALF_UP))


def _find_reader(column_type: ColumnType) -> tuple[Callable[[Any], Any], Any]:
    """What reads a value of Python, and what stands for none."""
    match get_family(column_type):
        case "bool":
            return _read_boolean, False
        case "integer":
            return _make_integer_reader(INTEGERS[column_type.name]), 0
        case "numeric":
            return _read_decimal, Decimal(0)
        case "float":
            single = column_type.name == "float4"
            return (lambda value: float(np.float32(value)) if single else float(value)), 0.0
        case "text" | "citext" | "enum":
            return (lambda value: _read_text(value).rstrip(" ")) if column_type.name == "bpchar" else _read_text, ""
        case "uuid":
            return (lambda value: str(value if isinstance(value, UUID) else UUID(value))), ""
    return _make_time_reader(column_type), 0


def _read_boolean(value: Any) -> bool:
    if isinstance(value, str):
        return {"t": True, "true": True, "f": False, "false": False}.get(value.lower()) or _read_false(value)
    if not isinstance(value, bool | int):
        raise TypeError(value)
    return bool(value)


def _read_false(value: str) -> bool:
    if value.lower() not in {"f", "false"}:
        raise ValueError(value)
    return False


def _make_integer_reader(limit: int) -> Callable[[Any], int]:
    def read_integer(value: Any) -> int:
        number = int(value)
        if not -limit <= number < limit:
            raise ValueError(value)
        return number

    return read_integer


def _read_decimal(value: Any) -> Decimal:
    number = value if isinstance(value, Decimal) else Decimal(str(value))
    if not number.is_finite() or number.adjusted() > _MAX_DIGITS or int(number.as_tuple().exponent) < -_MAX_DIGITS:
        raise InvalidOperation
    return number


def _read_text(value: Any) -> str:
    if isinstance(value, Enum):
        value = value.value if isinstance(value.value, str) else value.name
    return str(value)


def _make_time_reader(column_type: ColumnType) -> Callable[[Any], int]:
    readers: dict[str, Callable[[str], Any]] = {
        "date": date.fromisoformat, "timestamp": datetime.fromisoformat, "timestamptz": datetime.fromisoformat,
        "time": time.fromisoformat,
    }  # fmt: skip

    def read_time(value: Any) -> int:
        value = readers[column_type.name](value) if isinstance(value, str) and column_type.name in readers else value
        if not isinstance(value, date | time | timedelta):
            raise TypeError(value)
        number = encode_number(value, column_type)
        if isinstance(value, date) and not isinstance(value, datetime):
            return int(number or 0) * DAY
        return int(number or 0) * (DAY if column_type.name == "date" else 1)

    return read_time


def convert_to_integer(value: Vector, column_type: ColumnType) -> Vector:
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
    return convert_to_integer(Vector(data, nulls, NUMERIC, faults), column_type)
