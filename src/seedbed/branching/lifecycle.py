"""Branches for a purpose: ready and sealed ones, safety copies, and temporary ones."""

from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime, timedelta

from seedbed.branching.protocol import Branch, BranchProvider
from seedbed.errors import BranchError
from seedbed.settings import DatabaseUrl

SAFETY_COPY_LIFETIME = timedelta(days=7)
TEMPORARY_BRANCH_LIFETIME = timedelta(hours=6)
"""The expiry of a temporary branch that a killed process does not delete."""


def create_branch(
    provider: BranchProvider,
    name: str,
    *,
    parent: str | None = None,
    lifetime: timedelta | None = None,
    force: bool = False,
    sealed: bool = False,
) -> Branch:
    """Create a branch for its parent's environment, and delete it again where a step fails.

    Raises as the provider's `create_ready` does.
    """
    branch = provider.create_ready(name, parent=parent, expires_at=_compute_expiry(lifetime), force=force)
    if not sealed:
        return branch
    try:
        return provider.finish(name, sealed=True)
    except BaseException:
        with suppress(BranchError):
            provider.delete(name)
        raise


def create_safety_copy(provider: BranchProvider, *, force: bool = False) -> Branch:
    """Create a sealed copy of the environment's database, which expires after a week.

    Raises as the provider's `create` does.
    """
    name = f"safety/{datetime.now(UTC):%Y%m%d-%H%M%S}"
    return create_branch(provider, name, lifetime=SAFETY_COPY_LIFETIME, force=force, sealed=True)


@contextmanager
def temporary_branch(provider: BranchProvider, name: str, *, parent: str | None = None) -> Iterator[DatabaseUrl]:
    """Create a branch for the length of a block, marked `preparing`; it is deleted at the end, even after Ctrl-C.

    Raises as the provider's `create` does.
    """
    provider.create(name, parent=parent, expires_at=_compute_expiry(TEMPORARY_BRANCH_LIFETIME))
    try:
        yield provider.url(name, allow_unready=True)
    finally:
        provider.delete(name)


def _compute_expiry(lifetime: timedelta | None) -> datetime | None:
    return datetime.now(UTC).replace(microsecond=0) + lifetime if lifetime is not None else None
