"""Branches on Neon, by its API."""

from seedbed.branching.neon.provider import NeonBranches

__all__ = ["NeonBranches"]
