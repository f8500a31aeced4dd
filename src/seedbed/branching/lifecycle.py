"""A branch made and ready in one call, or there for as long as it is looked at."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

from seedbed.branching.protocol import Branch, BranchProvider
from seedbed.errors import BranchError
from seedbed.settings import DatabaseUrl

SAFETY_COPY_LIFETIME = timedelta(days=7)
TEMPORARY_BRANCH_LIFETIME = timedelta(hours=6)
"""When a copy ends that a kill kept from being deleted."""


def create_branch(
    provider: BranchProvider,
    name: str,
    *,
    parent: str | None = None,
    lifetime: timedelta | None = None,
    force: bool = False,
    sealed: bool = False,
) -> Branch:
    """Make a branch that is for what its parent is for. When that fails half way, nothing is left of it.

    Raises as the provider's `create_branch` does.
    """
    made = provider.create_ready(name, parent=parent, expires_at=_from_now(lifetime), force=force)
    if not sealed:
        return made
    try:
        return provider.finish(name, sealed=True)
    except BaseException:
        with suppress(BranchError):
            provider.delete(name)
        raise


def create_safety_copy(provider: BranchProvider, *, force: bool = False) -> Branch:
    """A sealed copy of the environment's database as it is now, for a week: what there is to go back to.

    Raises as the provider's `create` does.
    """
    name = f"safety/{datetime.now(UTC):%Y%m%d-%H%M%S}"
    return create_branch(provider, name, lifetime=SAFETY_COPY_LIFETIME, force=force, sealed=True)


@contextmanager
def temporary_branch(provider: BranchProvider, name: str, *, parent: str | None = None) -> Iterator[DatabaseUrl]:
    """A copy for the length of a block, marked preparing all the while, and deleted at its end, be it by Ctrl-C.

    Raises as the provider's `create` does.
    """
    provider.create(name, parent=parent, expires_at=_from_now(TEMPORARY_BRANCH_LIFETIME))
    try:
        yield provider.url(name, allow_unready=True)
    finally:
        provider.delete(name)


def _from_now(lasting: timedelta | None) -> datetime | None:
    return datetime.now(UTC).replace(microsecond=0) + lasting if lasting is not None else None
