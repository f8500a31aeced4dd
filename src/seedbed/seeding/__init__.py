"""Data made from the models: what a seeds file imports."""

from seedbed.seeding.seedfile import Seeds
from seedbed.seeding.values import choice, constant, derive, faker, fixed, from_file, per, same, template, zipf

__all__ = [
    "Seeds", "choice", "constant", "derive", "faker", "fixed", "from_file", "per", "same", "template", "zipf",
]  # fmt: skip
