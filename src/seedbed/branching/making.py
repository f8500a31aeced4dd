"""A branch made and ready in one call."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from seedbed.branching.protocol import Branch, BranchProvider
from seedbed.errors import BranchError


def make(
    provider: BranchProvider,
    name: str,
    *,
    parent: str | None = None,
    lasting: timedelta | None = None,
    force: bool = False,
) -> Branch:
    """Make a branch that is for what its parent is for. When that fails half way, nothing is left of it.

    Raises as the provider's `create` does.
    """
    ending = datetime.now(UTC).replace(microsecond=0) + lasting if lasting is not None else None
    provider.create(name, parent=parent, expires_at=ending, force=force)
    try:
        return provider.finish(name)
    except BaseException:
        with suppress(BranchError):
            provider.delete(name)
        raise
