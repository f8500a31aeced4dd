"""What CHECK constraints say, so that rows are made as they want them."""

from seedbed.seeding.analysis.checks.column_facts import compared, narrowed, suggested, typed_bound
from seedbed.seeding.analysis.checks.evaluation import equal, evaluated, refused
from seedbed.seeding.analysis.checks.parser import Check, checks_of, columns_in
from seedbed.seeding.analysis.checks.type_coercion import as_numeric, cast
from seedbed.seeding.analysis.checks.vectors import BOOL, NotUnderstood, Vector, stored

__all__ = [
    "BOOL",
    "Check",
    "NotUnderstood",
    "Vector",
    "as_numeric",
    "cast",
    "checks_of",
    "columns_in",
    "compared",
    "equal",
    "evaluated",
    "narrowed",
    "refused",
    "stored",
    "suggested",
    "typed_bound",
]
