"""Previews brought up and taken down, each by a call that can be made again."""

from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from seedbed.branching import Branch, BranchProvider, provider_of
from seedbed.errors import BranchError, BranchExists, BranchNotFound, NotAPreview
from seedbed.previewing.bases import BASE
from seedbed.previewing.data import Data, Filled, fill
from seedbed.settings import Configuration, DatabaseUrl, Environment

LASTING = timedelta(days=14)


@dataclass(frozen=True)
class Preview:
    """A preview that is up. `created` says whether this call made its branch, `filled` what it migrated and loaded.

    `direct` is for whatever migrates or loads, and `url` for a service; both hold a password.
    """

    branch: Branch
    created: bool
    filled: Filled
    direct: DatabaseUrl
    url: DatabaseUrl


def up(
    configuration: Configuration,
    name: str,
    *,
    parent: str | None = None,
    data: Data = Data.AUTO,
    lasting: timedelta | None = LASTING,
    force: bool = False,
    even_production: bool = False,
) -> Preview:
    """Bring a preview up: its branch, the newest migrations, its rows, its end, and its mark last.

    It is copied from `parent`, else from the base of previews where there is one, else from the environment's database.
    A preview that is there is migrated and keeps its parent and its rows, and its end is `lasting` from now, so that
    the call can be made again at each push. When a step fails, a branch that this call made is deleted again, and one
    that was there stays as it is. `even_production` is for a user who has named the database whose rows are copied as
    they are; masking does without.

    Raises:
        NotAPreview: there is a branch of that name which is for something else.
        ProductionCopied: rows of production would be in it as they are.
        BranchError: the branch cannot be made.
        MigrationError, SeedError: a revision or the seeds failed.
    """
    provider = provider_of(configuration)
    ending = _ending(lasting)
    allowed = data is Data.MASKED or (data is Data.COPY and even_production)
    branch, created = _ensured(provider, name, parent, ending, force=force, even_production=allowed)
    if branch.environment is not Environment.PREVIEW or branch.sealed:
        raise NotAPreview(name, "sealed, for previews to be copied from" if branch.sealed else branch.mark)
    try:
        filled = fill(configuration, provider, name, data if not branch.ready else Data.COPY)
        if not created:
            provider.expire(name, ending)
        branch = provider.finish(name)
    except BaseException:
        if created:
            with suppress(BranchError):
                provider.delete(name)
        raise
    return Preview(branch, created, filled, provider.url(name), provider.url(name, pooled=True))


def down(configuration: Configuration, name: str) -> bool:
    """Delete a preview; False when there is none, so that a pull request may be closed twice.

    Raises:
        NotAPreview: there is a branch of that name which is for something else.
        NotABranch: there is a database in its place that this project did not make.
    """
    provider = provider_of(configuration)
    try:
        branch = provider.get(name)
        if branch.environment is not Environment.PREVIEW:
            raise NotAPreview(name, branch.mark)
        provider.delete(name)
    except BranchNotFound:
        return False
    return True


def _ensured(
    provider: BranchProvider,
    name: str,
    parent: str | None,
    ending: datetime | None,
    *,
    force: bool,
    even_production: bool,
) -> tuple[Branch, bool]:
    """The branch, and whether it was made here rather than found or made by somebody who was quicker."""
    try:
        return provider.get(name), False
    except BranchNotFound:
        pass
    if parent is None and any(branch.name == BASE and branch.ready for branch in provider.list()):
        parent = BASE
    try:
        made = provider.create(
            name,
            parent=parent,
            environment=Environment.PREVIEW,
            expires_at=ending,
            force=force,
            even_production=even_production,
        )
    except BranchExists:
        return provider.get(name), False
    return made, True


def _ending(lasting: timedelta | None) -> datetime | None:
    return datetime.now(UTC).replace(microsecond=0) + lasting if lasting is not None else None
