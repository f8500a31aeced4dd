"""Branches: copies of a database that have a name, a parent and an end, whoever provides them."""

from seedbed.branching.protocol import Branch, BranchProvider
from seedbed.branching.providers import provider_of

__all__ = ["Branch", "BranchProvider", "provider_of"]
