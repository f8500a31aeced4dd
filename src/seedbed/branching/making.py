"""A branch made and ready in one call."""

from contextlib import suppress

from seedbed.branching.protocol import Branch, BranchProvider
from seedbed.errors import BranchError


def make(provider: BranchProvider, name: str, *, parent: str | None = None, force: bool = False) -> Branch:
    """Make a branch that is for what its parent is for. When that fails half way, nothing is left of it.

    Raises as the provider's `create` does.
    """
    provider.create(name, parent=parent, force=force)
    try:
        return provider.finish(name)
    except BaseException:
        with suppress(BranchError):
            provider.delete(name)
        raise
