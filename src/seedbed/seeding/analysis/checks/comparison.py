"""Compare vectors and combine conditions as PostgreSQL does, NULLs and faults included."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np

from seedbed.seeding.analysis.checks.constants import parse_constant
from seedbed.seeding.analysis.checks.type_coercion import coerce_to_common_type
from seedbed.seeding.analysis.checks.vectors import (
    BOOL,
    UNKNOWN,
    Faults,
    UnsupportedExpression,
    Vector,
    get_family,
    merge_faults,
)
from seedbed.seeding.core import big_integers
from seedbed.seeding.core.column_batch import Bools


def and_(left: Vector, right: Vector) -> Vector:
    """Combine conditions with AND. The faults of the right side do not count where the left side is false."""
    a, b = left.data & ~left.nulls, right.data & ~right.nulls
    false = (~left.data & ~left.nulls) | (~right.data & ~right.nulls)
    skipped = ~left.data & ~left.nulls
    return Vector(a & b, (left.nulls | right.nulls) & ~false, BOOL, _merge_faults(left, right, skipped))


def or_(left: Vector, right: Vector) -> Vector:
    """Combine conditions with OR. The faults of the right side do not count where the left side is true."""
    skipped = left.data & ~left.nulls
    true = skipped | (right.data & ~right.nulls)
    return Vector(true, (left.nulls | right.nulls) & ~true, BOOL, _merge_faults(left, right, skipped))


def select(where: Bools, first: Vector, second: Vector) -> Vector:
    """The first of two vectors of one type where it says so, the second elsewhere."""
    faults = None
    if first.faults is not None or second.faults is not None:
        faults = np.where(where, _get_faults(first), _get_faults(second))
    data = np.where(where, first.data, second.data)
    return Vector(data, np.where(where, first.nulls, second.nulls), first.column_type, faults)


def _get_faults(vector: Vector) -> Faults:
    return np.zeros(len(vector.nulls), dtype=np.uint8) if vector.faults is None else vector.faults


def _merge_faults(left: Vector, right: Vector, skipped: Bools) -> Faults | None:
    if left.faults is None and right.faults is None:
        return None
    own, other = _get_faults(left), _get_faults(right)
    return np.where(own > 0, own, np.where(skipped, np.uint8(0), other))


def are_equal(left: Vector, right: Vector) -> Bools:
    """Tell where two vectors are equal, after conversion to a common type."""
    return np.asarray(compare(*coerce_to_common_type(left, right), np.equal).data)


def require_boolean(value: Vector) -> Vector:
    """Return a value if it is a boolean.

    Raises:
        UnsupportedExpression: the value is of another type.
    """
    if value.column_type.name == "unknown":
        return parse_constant(value, BOOL)
    if value.column_type.name != "bool":
        raise UnsupportedExpression(f"{value.column_type} as a condition")
    return value


def not_(value: Vector) -> Vector:
    return replace(value, data=~value.data)


def compare(left: Vector, right: Vector, function: Callable[[Any, Any], Any]) -> Vector:
    """Compare vectors of one type as PostgreSQL does."""
    type_family, nulls, faults = get_family(left.column_type), left.nulls | right.nulls, merge_faults(left, right)
    is_ordering = function not in {np.equal, np.not_equal}
    a, b = left.data, right.data
    if is_ordering and type_family in {"text", "citext"}:
        raise UnsupportedExpression("an order of texts, which is the collation's")
    if is_ordering and type_family == "enum":
        places = {label: place for place, label in enumerate(left.column_type.labels)}
        a, b = (np.array([places.get(label, 0) for label in data], dtype=np.int64) for data in (a, b))
    if type_family == "citext":
        is_locale_dependent = np.array(
            [not (x.isascii() and y.isascii()) for x, y in zip(a, b, strict=True)], dtype=np.bool_
        )
        a, b = (np.array([*(text.lower() for text in data), None], dtype=object)[:-1] for data in (a, b))
        return Vector(big_integers.compare(function, a, b), nulls, BOOL, faults).with_faults(
            is_locale_dependent & ~nulls, UNKNOWN
        )
    if type_family == "float" and (np.isnan(a).any() or np.isnan(b).any()):
        a, b = _rank_floats(a, b)
    return Vector(big_integers.compare(function, a, b), nulls, BOOL, faults)


def _rank_floats(a: Any, b: Any) -> tuple[Any, Any]:
    """Floats by their order, in which NaN is itself and more than any number."""
    places = np.unique(np.concatenate([a, b]), return_inverse=True, equal_nan=True)[1]
    return places[: len(a)], places[len(a) :]


def keep_first_fault(first: Vector, then: Vector) -> Any:
    """Keep the faults of the vector that is computed first."""
    if first.faults is None:
        return then.faults
    return first.faults if then.faults is None else np.where(first.faults > 0, first.faults, then.faults)
