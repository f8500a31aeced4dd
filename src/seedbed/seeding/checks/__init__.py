"""What CHECK constraints say, so that rows are made as they want them."""

from seedbed.seeding.checks.evaluating import NotUnderstood, evaluated, refused
from seedbed.seeding.checks.narrowing import compared, narrowed, suggested, typed_bound
from seedbed.seeding.checks.reading import Check, checks_of, columns_in
from seedbed.seeding.checks.vectors import rounded

__all__ = [
    "Check",
    "NotUnderstood",
    "checks_of",
    "columns_in",
    "compared",
    "evaluated",
    "narrowed",
    "refused",
    "rounded",
    "suggested",
    "typed_bound",
]
