"""Arithmetic on integers of any size: NumPy's 64 bits where they suffice, Python integers elsewhere."""

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

Integers = npt.NDArray[Any]

_LIMIT = 1 << 62
"""What 64 bits hold with one to spare."""


def add(a: Integers, b: Integers) -> Integers:
    return np.add(*_widen(a, b, _max_magnitude(a) + _max_magnitude(b)))


def subtract(a: Integers, b: Integers) -> Integers:
    return np.subtract(*_widen(a, b, _max_magnitude(a) + _max_magnitude(b)))


def multiply(a: Integers, b: Integers) -> Integers:
    return np.multiply(*_widen(a, b, _max_magnitude(a) * _max_magnitude(b)))


def scale(data: Integers, places: int) -> Integers:
    """Numbers in units that are smaller by some decimals."""
    return data if places <= 0 else multiply(data, np.array(10**places))


def quotient(a: Integers, b: Integers) -> Integers:
    """Division that cuts off; no divisor may be 0."""
    a, b = _widen(a, b, _max_magnitude(a) + _max_magnitude(b))
    result = np.abs(a) // np.abs(b)
    return np.asarray(np.where((a < 0) != (b < 0), -result, result))


def remainder(a: Integers, b: Integers) -> Integers:
    """What such a division leaves, which has the sign of the dividend."""
    a, b = _widen(a, b, _max_magnitude(a) + _max_magnitude(b))
    result = np.abs(a) % np.abs(b)
    return np.asarray(np.where(a < 0, -result, result))


def divide_half_away(a: Integers, unit: int) -> Integers:
    """The nearest whole number of units, halves away from nought."""
    a, divisor = _widen(a, np.array(unit, dtype=object), 2 * _max_magnitude(a) + 2 * unit)
    result = (2 * np.abs(a) + divisor) // (2 * divisor)
    return np.asarray(np.where(a < 0, -result, result))


def compare(function: Callable[[Any, Any], Any], a: Integers, b: Integers) -> npt.NDArray[np.bool_]:
    return np.asarray(function(a, b)).astype(np.bool_)


def is_out_of_range(a: Integers, limit: int) -> npt.NDArray[np.bool_]:
    """Which numbers are not from -limit to limit - 1."""
    if a.dtype != object and limit >= 1 << 63:
        return np.zeros(a.shape, dtype=np.bool_)
    return compare(np.greater_equal, a, np.array(limit, dtype=a.dtype)) | compare(
        np.less, a, np.array(-limit, dtype=a.dtype)
    )


def shrink(a: Integers) -> Integers:
    """In 64 bits where all of them fit."""
    return a.astype(np.int64) if a.dtype == object and _max_magnitude(a) < _LIMIT else a


def _widen(a: Integers, b: Integers, most: int) -> tuple[Integers, Integers]:
    if most < _LIMIT and a.dtype.kind == b.dtype.kind == "i":
        return a, b
    if max(most, _max_magnitude(a), _max_magnitude(b)) < _LIMIT:
        return a.astype(np.int64), b.astype(np.int64)
    return a.astype(object), b.astype(object)


def _max_magnitude(a: Integers) -> int:
    return 0 if not a.size else max(int(a.max()), -int(a.min()))
