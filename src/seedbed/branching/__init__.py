"""Branches: copies of a database with a name, a parent and an expiry."""

from seedbed.branching.protocol import Branch, BranchProvider
from seedbed.branching.providers import get_branch_provider

__all__ = ["Branch", "BranchProvider", "get_branch_provider"]
