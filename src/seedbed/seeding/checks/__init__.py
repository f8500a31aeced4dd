"""What CHECK constraints say, so that rows are made as they want them."""

from seedbed.seeding.checks.evaluating import equal, evaluated, refused
from seedbed.seeding.checks.narrowing import compared, narrowed, suggested, typed_bound
from seedbed.seeding.checks.reading import Check, checks_of, columns_in
from seedbed.seeding.checks.types import as_numeric, cast
from seedbed.seeding.checks.vectors import BOOL, NotUnderstood, Vector, stored

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
