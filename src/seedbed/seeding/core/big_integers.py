"""Whole numbers of any size in vectors: 64 bits where they do, Python's own where they do not."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Wholes = npt.NDArray[Any]

_LIMIT = 1 << 62
"""What 64 bits hold with one to spare."""


def add(a: Wholes, b: Wholes) -> Wholes:
    return np.add(*_room(a, b, _most(a) + _most(b)))


def subtract(a: Wholes, b: Wholes) -> Wholes:
    return np.subtract(*_room(a, b, _most(a) + _most(b)))


def multiply(a: Wholes, b: Wholes) -> Wholes:
    return np.multiply(*_room(a, b, _most(a) * _most(b)))


def scaled(data: Wholes, places: int) -> Wholes:
    """Numbers in units that are smaller by some decimals."""
    return data if places <= 0 else multiply(data, np.array(10**places))


def quotient(a: Wholes, b: Wholes) -> Wholes:
    """Division that cuts off; no divisor may be 0."""
    a, b = _room(a, b, _most(a) + _most(b))
    found = np.abs(a) // np.abs(b)
    return np.asarray(np.where((a < 0) != (b < 0), -found, found))


def remainder(a: Wholes, b: Wholes) -> Wholes:
    """What such a division leaves, which has the sign of the dividend."""
    a, b = _room(a, b, _most(a) + _most(b))
    found = np.abs(a) % np.abs(b)
    return np.asarray(np.where(a < 0, -found, found))


def half_away(a: Wholes, unit: int) -> Wholes:
    """The nearest whole number of units, halves away from nought."""
    a, divisor = _room(a, np.array(unit, dtype=object), 2 * _most(a) + 2 * unit)
    found = (2 * np.abs(a) + divisor) // (2 * divisor)
    return np.asarray(np.where(a < 0, -found, found))


def compare(function: Callable[[Any, Any], Any], a: Wholes, b: Wholes) -> npt.NDArray[np.bool_]:
    return np.asarray(function(a, b)).astype(np.bool_)


def beyond(a: Wholes, limit: int) -> npt.NDArray[np.bool_]:
    """Which numbers are not from -limit to limit - 1."""
    if a.dtype != object and limit >= 1 << 63:
        return np.zeros(a.shape, dtype=np.bool_)
    return compare(np.greater_equal, a, np.array(limit, dtype=a.dtype)) | compare(
        np.less, a, np.array(-limit, dtype=a.dtype)
    )


def short(a: Wholes) -> Wholes:
    """In 64 bits where all of them fit."""
    return a.astype(np.int64) if a.dtype == object and _most(a) < _LIMIT else a


def _room(a: Wholes, b: Wholes, most: int) -> tuple[Wholes, Wholes]:
    if most < _LIMIT and a.dtype.kind == b.dtype.kind == "i":
        return a, b
    if max(most, _most(a), _most(b)) < _LIMIT:
        return a.astype(np.int64), b.astype(np.int64)
    return a.astype(object), b.astype(object)


def _most(a: Wholes) -> int:
    return 0 if not a.size else max(int(a.max()), -int(a.min()))
