"""One value of each type, on which it is tried whether a CHECK is understood."""

from typing import Any

import numpy as np
from sqlalchemy import Column

from seedbed.seeding.analysis.checks.vectors import Vector, get_family, repeat
from seedbed.seeding.core.column_types import ColumnType

_PLAIN_COLLATIONS = frozenset({"C", "POSIX", "default", "ucs_basic", "C.UTF-8", "pg_c_utf8"})
"""Collations in which texts are equal only where their bytes are."""


def get_comparable_type(column_type: ColumnType, column: Column[Any]) -> ColumnType:
    """A column's type; one that is not known here where its collation may call different texts equal."""
    collation = getattr(column.type, "collation", None)
    return ColumnType("text of a collation") if collation and collation not in _PLAIN_COLLATIONS else column_type


def make_sample_value(column_type: ColumnType, column: Column[Any]) -> Vector:
    column_type = get_comparable_type(column_type, column)
    match get_family(column_type):
        case "":
            return Vector(np.zeros(1, dtype=np.bool_), np.zeros(1, dtype=np.bool_), column_type)
        case "text" | "citext":
            return repeat("a", 1, column_type)
        case "enum":
            return repeat(column_type.labels[0] if column_type.labels else "", 1, column_type)
        case "uuid":
            return repeat("00000000-0000-0000-0000-000000000000", 1, column_type)
        case "bool":
            return repeat(True, 1, column_type)
        case "float":
            return repeat(1.0, 1, column_type)
    return repeat(1, 1, column_type)
