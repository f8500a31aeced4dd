"""Typed values of SQL for many rows side by side, NULLs and faults among them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime, time, timedelta
from decimal import ROUND_HALF_UP, Decimal, InvalidOperation, localcontext
from enum import Enum
from typing import Any
from uuid import UUID

import numpy as np
import numpy.typing as npt

from seedbed.seeding.core.batch import Batch, Bools, Coded, Numbers
from seedbed.seeding.core.column_types import INTEGERS, MOMENTS, ColumnType
from seedbed.seeding.core.number_codec import encode_number
from seedbed.seeding.core.time_units import DAY

Faults = npt.NDArray[np.uint8]

UNKNOWN, ERROR = 1, 2
"""Faults of a value: only PostgreSQL knows it, or PostgreSQL refuses to compute it."""

UNTYPED = ColumnType("unknown")
"""The type of a quoted constant or a NULL before its neighbour gives it one."""
BOOL = ColumnType("bool")

_WIDEST = 2_000
"""Digits that a numeric may have here: a little more than PostgreSQL allows a column."""


class NotUnderstood(ValueError):
    """A piece of a CHECK that is left to PostgreSQL."""


@dataclass(frozen=True, eq=False)
class Vector:
    """Values of one type: `nulls` says where there is none, `faults` where it could not be computed.

    A numeric is counted in units of its last decimal, a time in microseconds, a date as its midnight. Texts, labels
    and UUIDs are texts, a char(n) without the blanks that fill it up. `text` is what a constant without a type says.
    """

    data: npt.NDArray[Any]
    nulls: Bools
    kind: ColumnType
    faults: Faults | None = None
    text: str | None = None

    def with_faults(self, where: Bools, fault: int) -> "Vector":
        """The same with more faults, and stand-ins for the values they are of."""
        if not where.any():
            return self
        faults = np.where(where, np.uint8(fault), np.uint8(0))
        return replace(self, faults=faults if self.faults is None else np.maximum(self.faults, faults))


def family(kind: ColumnType) -> str:
    """What a type has in common with others that compare with it; empty where nothing is known of it."""
    if kind.element is not None:
        return ""
    if kind.name in INTEGERS:
        return "integer"
    if kind.name in {"float4", "float8"}:
        return "float"
    if kind.name in {"text", "varchar", "bpchar"}:
        return "text"
    known = {"numeric", "bool", "date", "time", "interval", "enum", "uuid", "citext", "unknown"} | MOMENTS
    return kind.name if kind.name in known else ""


def faults_of(*vectors: Vector) -> Faults | None:
    """The faults that a value computed from others has."""
    found = [vector.faults for vector in vectors if vector.faults is not None]
    return np.maximum.reduce(found) if found else None


def repeated(data: Any, size: int, kind: ColumnType) -> Vector:
    """A constant beside every row, in the form in which its type is held."""
    made = np.empty(size, dtype=_dtype(data, kind))
    made[:] = data
    return Vector(made, np.zeros(size, dtype=np.bool_), kind)


def untyped(text: str | None, size: int) -> Vector:
    """A quoted constant, or NULL, whose type its neighbour decides."""
    data = np.empty(size, dtype=object)
    data[:] = "" if text is None else text
    return Vector(data, np.full(size, text is None), UNTYPED, text=text)


def stored(batch: Batch, kind: ColumnType) -> Vector:
    """A column's values as PostgreSQL stores them; what its type does not take is left to PostgreSQL."""
    nulls = np.zeros(len(batch), dtype=np.bool_) if batch.nulls is None else batch.nulls
    held = family(kind)
    if not held:
        return Vector(np.zeros(len(batch), dtype=np.bool_), nulls, kind)
    if isinstance(batch, Numbers) and held not in {"text", "citext", "enum", "uuid"}:
        return Vector(_counted(batch.data, kind), nulls, kind)
    if isinstance(batch, Coded):
        codes, places = np.unique(batch.codes, return_inverse=True)
        made = _read(list(batch.pool.entries(codes)), kind)
        faults = None if made.faults is None else made.faults[places]
        return Vector(made.data[places], nulls | made.nulls[places], made.kind, faults)
    values = [None if gone else value for value, gone in zip(batch.values(), nulls.tolist(), strict=True)]
    made = _read(values, kind)
    return replace(made, nulls=nulls | made.nulls)


def all_of(left: Vector, right: Vector) -> Vector:
    """AND of three values: false AND NULL is false. The right side is not computed where the left one is false."""
    a, b = left.data & ~left.nulls, right.data & ~right.nulls
    false = (~left.data & ~left.nulls) | (~right.data & ~right.nulls)
    skipped = ~left.data & ~left.nulls
    return Vector(a & b, (left.nulls | right.nulls) & ~false, BOOL, _either(left, right, skipped))


def any_of(left: Vector, right: Vector) -> Vector:
    """OR of three values: true OR NULL is true. The right side is not computed where the left one is true."""
    skipped = left.data & ~left.nulls
    true = skipped | (right.data & ~right.nulls)
    return Vector(true, (left.nulls | right.nulls) & ~true, BOOL, _either(left, right, skipped))


def chosen(where: Bools, first: Vector, second: Vector) -> Vector:
    """The first of two vectors of one type where it says so, the second elsewhere."""
    faults = None
    if first.faults is not None or second.faults is not None:
        faults = np.where(where, _faults(first), _faults(second))
    data = np.where(where, first.data, second.data)
    return Vector(data, np.where(where, first.nulls, second.nulls), first.kind, faults)


def _faults(vector: Vector) -> Faults:
    return np.zeros(len(vector.nulls), dtype=np.uint8) if vector.faults is None else vector.faults


def _either(left: Vector, right: Vector, skipped: Bools) -> Faults | None:
    if left.faults is None and right.faults is None:
        return None
    own, other = _faults(left), _faults(right)
    return np.where(own > 0, own, np.where(skipped, np.uint8(0), other))


def _dtype(value: Any, kind: ColumnType) -> Any:
    match family(kind):
        case "bool":
            return np.bool_
        case "float":
            return np.float64
        case "text" | "enum" | "uuid" | "citext" | "unknown":
            return object
    return np.int64 if abs(value) < 1 << 63 else object


def _counted(data: npt.NDArray[Any], kind: ColumnType) -> npt.NDArray[Any]:
    match kind.name:
        case "date":
            return np.asarray(data * DAY)
        case "bool":
            return data.astype(np.bool_)
        case "float4":
            with np.errstate(over="ignore"):
                return data.astype(np.float32).astype(np.float64)
    return data


def _read(values: Sequence[Any], kind: ColumnType) -> Vector:
    """Python's values in the form in which their type is held."""
    size = len(values)
    nulls = np.fromiter((value is None for value in values), dtype=np.bool_, count=size)
    read, empty = _readers(kind)
    found, unknown = [], np.zeros(size, dtype=np.bool_)
    for at, value in enumerate(values):
        try:
            found.append(empty if value is None else read(value))
        except (ValueError, TypeError, AttributeError, ArithmeticError):
            found.append(empty)
            unknown[at] = True
    if kind.name == "numeric":
        return _numeric(found, nulls, kind).with_faults(unknown, UNKNOWN)
    data = np.empty(size, dtype=_dtype(empty, kind))
    for at, value in enumerate(found):
        data[at] = value
    return Vector(data, nulls, kind).with_faults(unknown, UNKNOWN)


def _numeric(found: Sequence[Decimal], nulls: Bools, kind: ColumnType) -> Vector:
    scale = kind.scale
    if scale is None:
        scale = max((max(0, -int(number.as_tuple().exponent)) for number in found), default=0)
    numbers = [units(number, scale) for number in found]
    wide = any(abs(number) >= 1 << 63 for number in numbers)
    data = np.empty(len(numbers), dtype=object if wide else np.int64)
    data[:] = numbers
    return Vector(data, nulls, replace(kind, scale=scale))


def units(number: Decimal, scale: int) -> int:
    """A number in units of its last decimal, halves away from nought.

    Raises:
        ArithmeticError: it is no number, or none that a numeric holds.
    """
    with localcontext() as context:
        context.prec = _WIDEST
        return int(number.scaleb(scale).to_integral_value(rounding=ROUND_HALF_UP))


def _readers(kind: ColumnType) -> tuple[Callable[[Any], Any], Any]:
    """What reads a value of Python, and what stands for none."""
    match family(kind):
        case "bool":
            return _truth, False
        case "integer":
            return _whole(INTEGERS[kind.name]), 0
        case "numeric":
            return _decimal, Decimal(0)
        case "float":
            single = kind.name == "float4"
            return (lambda value: float(np.float32(value)) if single else float(value)), 0.0
        case "text" | "citext" | "enum":
            return (lambda value: _words(value).rstrip(" ")) if kind.name == "bpchar" else _words, ""
        case "uuid":
            return (lambda value: str(value if isinstance(value, UUID) else UUID(value))), ""
    return _moment(kind), 0


def _truth(value: Any) -> bool:
    if isinstance(value, str):
        return {"t": True, "true": True, "f": False, "false": False}.get(value.lower()) or _not(value)
    if not isinstance(value, bool | int):
        raise TypeError(value)
    return bool(value)


def _not(value: str) -> bool:
    if value.lower() not in {"f", "false"}:
        raise ValueError(value)
    return False


def _whole(limit: int) -> Callable[[Any], int]:
    def whole(value: Any) -> int:
        number = int(value)
        if not -limit <= number < limit:
            raise ValueError(value)
        return number

    return whole


def _decimal(value: Any) -> Decimal:
    number = value if isinstance(value, Decimal) else Decimal(str(value))
    if not number.is_finite() or number.adjusted() > _WIDEST or int(number.as_tuple().exponent) < -_WIDEST:
        raise InvalidOperation
    return number


def _words(value: Any) -> str:
    if isinstance(value, Enum):
        value = value.value if isinstance(value.value, str) else value.name
    return str(value)


def _moment(kind: ColumnType) -> Callable[[Any], int]:
    readers: dict[str, Callable[[str], Any]] = {
        "date": date.fromisoformat, "timestamp": datetime.fromisoformat, "timestamptz": datetime.fromisoformat,
        "time": time.fromisoformat,
    }  # fmt: skip

    def moment(value: Any) -> int:
        value = readers[kind.name](value) if isinstance(value, str) and kind.name in readers else value
        if not isinstance(value, date | time | timedelta):
            raise TypeError(value)
        number = encode_number(value, kind)
        if isinstance(value, date) and not isinstance(value, datetime):
            return int(number or 0) * DAY
        return int(number or 0) * (DAY if kind.name == "date" else 1)

    return moment
