"""The provider of branches on Neon."""

from seedbed.branching.neon.provider import NeonBranches

__all__ = ["NeonBranches"]
