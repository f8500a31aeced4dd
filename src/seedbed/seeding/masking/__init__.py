"""Masking: replacement of personal data in a database with fake values."""

from seedbed.seeding.masking.coverage import MaskingExceptions
from seedbed.seeding.masking.mask import MaskedDatabase, check_coverage, mask
from seedbed.seeding.masking.personal_columns import find_marked_columns

__all__ = ["MaskedDatabase", "MaskingExceptions", "check_coverage", "find_marked_columns", "mask"]
