"""Personal data in a database replaced with fake values, so that its rows may be shown."""

from seedbed.seeding.masking.columns import marked_columns
from seedbed.seeding.masking.exceptions import Exceptions
from seedbed.seeding.masking.masking import Masked, check_coverage, mask

__all__ = ["Exceptions", "Masked", "check_coverage", "marked_columns", "mask"]
