"""One value of each type, on which it is tried whether a CHECK is understood."""

from typing import Any

import numpy as np
from sqlalchemy import Column

from seedbed.seeding.analysis.checks.vectors import Vector, get_family, repeat
from seedbed.seeding.core.column_types import ColumnType

_PLAIN_COLLATIONS = frozenset({"C", "POSIX", "default", "ucs_basic", "C.UTF-8", "pg_c_utf8"})
"""Collations in which texts are equal only where their bytes are."""


def get_comparable_type(kind: ColumnType, column: Column[Any]) -> ColumnType:
    """A column's type; one that is not known here where its collation may call different texts equal."""
    collation = getattr(column.type, "collation", None)
    return ColumnType("text of a collation") if collation and collation not in _PLAIN_COLLATIONS else kind


def make_sample_value(kind: ColumnType, column: Column[Any]) -> Vector:
    kind = get_comparable_type(kind, column)
    match get_family(kind):
        case "":
            return Vector(np.zeros(1, dtype=np.bool_), np.zeros(1, dtype=np.bool_), kind)
        case "text" | "citext":
            return repeat("a", 1, kind)
        case "enum":
            return repeat(kind.labels[0] if kind.labels else "", 1, kind)
        case "uuid":
            return repeat("00000000-0000-0000-0000-000000000000", 1, kind)
        case "bool":
            return repeat(True, 1, kind)
        case "float":
            return repeat(1.0, 1, kind)
    return repeat(1, 1, kind)
