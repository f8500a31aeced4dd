"""Personal data in a database replaced by values of nobody, so that its rows may be shown."""

from seedbed.seeding.masking.rewriting import Masked, mask, see_marks

__all__ = ["Masked", "mask", "see_marks"]
