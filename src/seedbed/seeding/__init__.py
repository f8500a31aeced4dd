"""Data made from the models: what a seeds file imports."""

from seedbed.seeding.api.rules import choice, constant, derive, faker, fixed, from_file, per, same, template, zipf
from seedbed.seeding.api.seeds_file import Seeds

__all__ = [
    "Seeds", "choice", "constant", "derive", "faker", "fixed", "from_file", "per", "same", "template", "zipf",
]  # fmt: skip
