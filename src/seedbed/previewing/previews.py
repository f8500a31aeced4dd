"""Previews brought up and taken down, each by a call that can be made again."""

from contextlib import suppress
from dataclasses import dataclass
from enum import StrEnum

from seedbed.branching import Branch, BranchProvider, provider_of
from seedbed.errors import BranchError, BranchExists, BranchNotFound, NotAPreview, SeedsNotFound
from seedbed.migrating.applying import Applied, apply
from seedbed.modelling import load_schema
from seedbed.postgres.connecting import connect
from seedbed.postgres.databases import Database
from seedbed.postgres.marks import tables_with_rows
from seedbed.seeding.plan import plan
from seedbed.seeding.running import Seeded, run
from seedbed.settings import Configuration, DatabaseUrl, Environment, Origin
from seedbed.settings.sources import Kind


class Rows(StrEnum):
    """Where a preview's rows come from."""

    COPIED = "copied"
    KEPT = "kept"
    SEEDED = "seeded"
    NONE = "none"


@dataclass(frozen=True)
class Preview:
    """A preview that is up. `created` says whether this call made its branch, `seeded` is None where it loaded nothing.

    The URL is the direct one, and holds a password.
    """

    branch: Branch
    created: bool
    applied: Applied
    rows: Rows
    seeded: Seeded | None
    url: DatabaseUrl


def up(configuration: Configuration, name: str, *, parent: str | None = None, force: bool = False) -> Preview:
    """Bring a preview up: its branch, the newest migrations, rows where it has none, and its mark last.

    `configuration` is of the environment whose database is copied, unless `parent` names a branch. A preview that is
    there is migrated, and keeps its parent and its rows, so that the call can be made again at each push. A copy of
    rows is a copy: it is not seeded over. When a step fails, a branch that this call made is deleted again, and one
    that was there stays as it is.

    Raises:
        NotAPreview: there is a branch of that name which is for something else.
        BranchError: the branch cannot be made.
        MigrationError, SeedError: a revision or the seeds failed.
    """
    provider = provider_of(configuration)
    branch, created = _ensured(provider, name, parent, force=force)
    if branch.environment is not Environment.PREVIEW:
        raise NotAPreview(name, branch.mark)
    try:
        url = provider.url(name, unfinished=True)
        database = Database(url, url, Environment.PREVIEW, Origin(Kind.DERIVED, f"branch {name}"))
        applied = apply(configuration.project, database, contract=True)
        rows, seeded = _seeded(configuration, database, applied, there=Rows.COPIED if created else Rows.KEPT)
        branch = provider.finish(name)
    except BaseException:
        if created:
            with suppress(BranchError):
                provider.delete(name)
        raise
    return Preview(branch, created, applied, rows, seeded, provider.url(name))


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


def _ensured(provider: BranchProvider, name: str, parent: str | None, *, force: bool) -> tuple[Branch, bool]:
    """The branch, and whether it was made here rather than found or made by somebody who was quicker."""
    try:
        return provider.get(name), False
    except BranchNotFound:
        pass
    try:
        return provider.create(name, parent=parent, environment=Environment.PREVIEW, force=force), True
    except BranchExists:
        return provider.get(name), False


def _seeded(
    configuration: Configuration, database: Database, applied: Applied, *, there: Rows
) -> tuple[Rows, Seeded | None]:
    with connect(database) as connection:
        if tables_with_rows(connection):
            return there, None
    try:
        wanted = plan(configuration.project, load_schema(configuration.project), Environment.PREVIEW)
    except SeedsNotFound:
        return Rows.NONE, None
    return Rows.SEEDED, run(wanted, database, revision=applied.revision)
