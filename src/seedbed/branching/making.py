"""A branch made and ready in one call."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

from seedbed.branching.protocol import Branch, BranchProvider
from seedbed.errors import BranchError

SAFE = timedelta(days=7)


def make(
    provider: BranchProvider,
    name: str,
    *,
    parent: str | None = None,
    lasting: timedelta | None = None,
    force: bool = False,
    sealed: bool = False,
) -> Branch:
    """Make a branch that is for what its parent is for. When that fails half way, nothing is left of it.

    Raises as the provider's `create` does.
    """
    ending = datetime.now(UTC).replace(microsecond=0) + lasting if lasting is not None else None
    provider.create(name, parent=parent, expires_at=ending, force=force)
    try:
        return provider.finish(name, sealed=sealed)
    except BaseException:
        with suppress(BranchError):
            provider.delete(name)
        raise


def safety(provider: BranchProvider, *, force: bool = False) -> Branch:
    """A sealed copy of the environment's database as it is now, for a week: what there is to go back to.

    Raises as the provider's `create` does.
    """
    name = f"safety/{datetime.now(UTC):%Y%m%d-%H%M%S}"
    return make(provider, name, lasting=SAFE, force=force, sealed=True)
