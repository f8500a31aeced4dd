"""Values of SQL for many rows side by side, NULLs among them."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any

import numpy as np
import numpy.typing as npt

from seedbed.seeding.batches import Batch, Bools, Numbers
from seedbed.seeding.folding import DAY, folded, microseconds
from seedbed.seeding.kinds import Kind


@dataclass(frozen=True, eq=False)
class Vector:
    """`nulls` says where there is none. Times are counted in microseconds, and dates are their midnights."""

    data: npt.NDArray[Any]
    nulls: Bools


def stored(batch: Batch) -> Vector:
    """A column's values."""
    nulls = np.zeros(len(batch), dtype=np.bool_) if batch.nulls is None else batch.nulls
    if isinstance(batch, Numbers):
        return Vector(_natural(batch.data, batch.kind), nulls)
    data = np.empty(len(batch), dtype=object)
    data[:] = [_plain(value) for value in batch.values()]
    known = [value for value, gone in zip(data, nulls, strict=True) if not gone]
    if known and all(isinstance(value, int | float | bool) for value in known):
        data[nulls] = 0
        return Vector(data.astype(np.float64), nulls)
    return Vector(data, nulls)


def repeated(value: Any, size: int) -> Vector:
    """A constant beside every row."""
    plain = _plain(value)
    data = np.empty(size, dtype=object) if isinstance(plain, str) else np.empty(size, type(plain))
    data[:] = plain
    return Vector(data, np.zeros(size, dtype=np.bool_))


def all_of(left: Vector, right: Vector) -> Vector:
    """AND of three values: false AND NULL is false."""
    a, b = left.data.astype(np.bool_), right.data.astype(np.bool_)
    false = (~a & ~left.nulls) | (~b & ~right.nulls)
    return Vector(a & b & ~false, (left.nulls | right.nulls) & ~false)


def any_of(left: Vector, right: Vector) -> Vector:
    """OR of three values: true OR NULL is true."""
    a, b = left.data.astype(np.bool_), right.data.astype(np.bool_)
    true = (a & ~left.nulls) | (b & ~right.nulls)
    return Vector(true, (left.nulls | right.nulls) & ~true)


def rounded(data: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Halves away from nought, as PostgreSQL rounds a numeric; what is a half but for a float's last bits is one."""
    return np.asarray(np.copysign(np.floor(np.abs(data) + 0.5 + 1e-6), data))


def divided(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Whole numbers by whole numbers give whole ones. What is divided by nought is left to PostgreSQL to refuse."""
    with np.errstate(divide="ignore", invalid="ignore"):
        if a.dtype.kind == "i" and b.dtype.kind == "i":
            return np.fmod(a, 1) if not len(b) else np.trunc(a / np.where(b == 0, 1, b)).astype(np.int64)
        return np.asarray(a / np.where(b == 0, np.nan, b))


def _natural(data: npt.NDArray[Any], kind: Kind) -> npt.NDArray[Any]:
    if kind.name == "numeric":
        return data / 10.0**kind.decimals
    return data * DAY if kind.name == "date" else data


def _plain(value: Any) -> Any:
    match value:
        case bool() | str() | int() | float():
            return value
        case Decimal():
            return float(value)
        case datetime():
            return microseconds(value)
        case date():
            return (folded(value, Kind("date")) or 0) * DAY
        case timedelta():
            return folded(value, Kind("interval"))
    name = getattr(value, "name", None)
    return name if isinstance(name, str) else value
