"""The analysis and evaluation of CHECK constraints, so that generated rows satisfy them."""

from seedbed.seeding.analysis.checks.column_constraints import (
    convert_bound,
    find_compared_constants,
    find_suggested_texts,
    narrow,
)
from seedbed.seeding.analysis.checks.comparison import are_equal
from seedbed.seeding.analysis.checks.evaluation import evaluate, find_violations
from seedbed.seeding.analysis.checks.table_checks import Check, find_columns, read_checks
from seedbed.seeding.analysis.checks.type_coercion import cast, cast_to_numeric
from seedbed.seeding.analysis.checks.vectors import BOOL, UnsupportedExpression, Vector, read_batch

__all__ = [
    "BOOL",
    "Check",
    "UnsupportedExpression",
    "Vector",
    "are_equal",
    "cast",
    "cast_to_numeric",
    "convert_bound",
    "evaluate",
    "find_columns",
    "find_compared_constants",
    "find_suggested_texts",
    "find_violations",
    "narrow",
    "read_batch",
    "read_checks",
]
