"""Data made from the models: what a seeds file imports."""

from seedbed.seeding.seedfile import Seeds
from seedbed.seeding.values import choice, constant, faker, per

__all__ = ["Seeds", "choice", "constant", "faker", "per"]
