"""Personal data in a database replaced with fake values, so that its rows may be shown."""

from seedbed.seeding.masking.exceptions import Exceptions
from seedbed.seeding.masking.mask import Masked, check_coverage, mask
from seedbed.seeding.masking.personal_columns import marked_columns

__all__ = ["Exceptions", "Masked", "check_coverage", "marked_columns", "mask"]
