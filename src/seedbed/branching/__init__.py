"""Branches: copies of a database that have a name, a parent and an end, whoever provides them."""

from seedbed.branching.protocol import Branch, BranchProvider
from seedbed.branching.providers import get_branch_provider

__all__ = ["Branch", "BranchProvider", "get_branch_provider"]
