"""Previews brought up and taken down, each by a call that can be made again."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from seedbed.branching import Branch, BranchProvider, get_branch_provider
from seedbed.errors import (
    EditedAppliedRevision,
    BranchError,
    BranchExists,
    BranchNotFound,
    BranchNotReady,
    DatabaseNotFound,
    NotAPreview,
    ProtectedPreviewBase,
    DatabaseUnreachable,
)
from seedbed.postgres.database import Database
from seedbed.postgres.locks import preparation_lock
from seedbed.previews.base_branch import BASE_BRANCH
from seedbed.previews.preview_data import DataMode, PreviewData, get_branch_database, prepare_branch
from seedbed.seeding.masking import Exceptions
from seedbed.settings import Configuration, DatabaseUrl, Environment

DEFAULT_LIFETIME = timedelta(days=14)
_WAIT = timedelta(minutes=10)
_BASE_SECONDS, _POLL_SECONDS = 60.0, 0.5
_TRIES = 5


@dataclass(frozen=True)
class Preview:
    """A preview that is up. `created` says whether this call made its branch, `data` what it migrated and loaded.

    `direct_url` is for whatever migrates or loads, and `url` for a service; both hold a password.
    """

    branch: Branch
    created: bool
    data: PreviewData
    direct_url: DatabaseUrl
    url: DatabaseUrl


def create_or_update(
    configuration: Configuration,
    name: str,
    *,
    parent: str | None = None,
    data: DataMode = DataMode.AUTO,
    lifetime: timedelta | None = DEFAULT_LIFETIME,
    force: bool = False,
    allow_production: bool = False,
    report: Callable[[str], None] = lambda _: None,
    exceptions: Exceptions | None = None,
) -> Preview:
    """Bring a preview up: its branch, the newest migrations, its rows, its end, and its mark last.

    Once it is migrated, the database's schema is compared with the models.

    It is copied from `parent`, else from the base of previews where there is one, else from the environment's database.
    A preview that is there is migrated and keeps its parent and its rows, and its end is `lifetime` from now, so that
    the call can be made again at each push. Of several calls at once one makes and fills it, and the others wait. When
    a step fails, a branch that this call made is deleted again, and one that was there stays as it is. One that a kill
    left half made is gone on with. `allow_production` is for a user who has named the database whose rows are copied as
    they are; masking and seeding do without. `report` is told what the revisions lose before they are applied.

    Raises:
        NotAPreview: there is a branch of that name which is for something else.
        UnmaskedProductionCopy: rows of production would be in it as they are.
        BranchNotReady: the base is being made, and was not done within a minute.
        BranchLockTimeout: another call is still at work on it after ten minutes.
        BranchError: the branch cannot be made.
        EditedAppliedRevision: it has had a revision whose file does something else now.
        MigrationError, SeedError: a revision or the seeds failed.
        PreviewSchemaMismatch: the migrated database does not have the schema of the models.
    """
    provider = get_branch_provider(configuration)
    ending = _ending(lifetime)
    asked = _Asked(configuration, provider, name, parent, data, ending, force, allow_production, report, exceptions)
    try:
        return asked.up()
    except KeyboardInterrupt as interrupt:
        with suppress(BranchError):
            if not provider.get(name).ready:
                interrupt.add_note(
                    f"{name} is half made: seedbed preview up {name} goes on with it, and preview down deletes it."
                )
        raise


def delete(configuration: Configuration, name: str) -> bool:
    """Delete a preview; False when there is none, so that a pull request may be closed twice.

    Raises:
        ProtectedPreviewBase: it is the base that previews are copied from.
        NotAPreview: there is a branch of that name which is for something else.
        NotABranch: there is a database in its place that this project did not make.
    """
    provider = get_branch_provider(configuration)
    try:
        branch = provider.get(name)
        if name == BASE_BRANCH or (branch.environment is Environment.PREVIEW and branch.sealed):
            raise ProtectedPreviewBase(name)
        if branch.environment is not Environment.PREVIEW:
            raise NotAPreview(name, branch.mark)
        provider.delete(name)
    except BranchNotFound:
        return False
    return True


@dataclass(frozen=True)
class _Asked:
    configuration: Configuration
    provider: BranchProvider
    name: str
    parent: str | None
    data: DataMode
    ending: datetime | None
    force: bool
    even_production: bool
    say: Callable[[str], None]
    exceptions: Exceptions | None

    def up(self) -> Preview:
        tries_left = _TRIES
        while True:
            tries_left -= 1
            branch, created = self.ensured()
            if branch.environment is not Environment.PREVIEW or branch.sealed:
                mark = "sealed, for previews to be copied from" if branch.sealed else branch.mark
                raise NotAPreview(self.name, mark)
            try:
                return self.brought_up(branch, created=created)
            except (BranchNotFound, DatabaseUnreachable, DatabaseNotFound):  # whoever had begun it failed, and deleted it again
                if created or branch.ready or not tries_left:
                    raise

    def ensured(self) -> tuple[Branch, bool]:
        """The branch, and whether it was made here rather than found or made by somebody who was quicker."""
        try:
            return self.provider.get(self.name), False
        except BranchNotFound:
            pass
        try:
            made = self.provider.create(
                self.name,
                parent=self.parent or self._base(),
                environment=Environment.PREVIEW,
                expires_at=self.ending,
                force=self.force,
                allow_production=self.data.replaces_rows or (self.data is DataMode.COPY and self.even_production),
            )
        except BranchExists:
            return self.provider.get(self.name), False
        return made, True

    def _base(self) -> str | None:
        """The base, where there is one; while it is made anew it is waited for, and nothing else is copied instead."""
        until = time.monotonic() + _BASE_SECONDS
        while base := next((branch for branch in self.provider.list() if branch.name == BASE_BRANCH), None):
            if base.ready:
                return BASE_BRANCH
            if time.monotonic() > until:
                raise BranchNotReady(BASE_BRANCH, finish="seedbed preview base")
            time.sleep(_POLL_SECONDS)
        return None

    def brought_up(self, branch: Branch, *, created: bool) -> Preview:
        """One at a time prepares a branch; whoever waited for another finds it ready, and leaves its rows alone."""
        try:
            self.provider.wait_until_reachable(self.name)
            database = get_branch_database(self.provider, self.name)
            if branch.ready:
                filled = self._filled(database, DataMode.COPY, branch)
            else:
                with preparation_lock(database, self.name, wait=_WAIT):
                    branch = self.provider.get(self.name)
                    filled = self._filled(database, DataMode.COPY if branch.ready else self.data, branch)
                    branch = self.provider.finish(self.name)
            if not created:
                branch = self.provider.set_expiry(self.name, self.ending)
        except BaseException:
            if created:
                self._undo()
            raise
        direct, url = self.provider.url(self.name), self.provider.url(self.name, pooled=True)
        return Preview(branch, created, filled, direct, url)

    def _filled(self, database: Database, data: DataMode, branch: Branch) -> PreviewData:
        try:
            return prepare_branch(
                self.configuration,
                database,
                data,
                parent=branch.parent,
                allow_production=self.even_production,
                comparison_name=self.name,
                report=self.say,
                exceptions=self.exceptions,
            )
        except EditedAppliedRevision as error:
            raise EditedAppliedRevision(error.revisions, error.database, preview=self.name) from error

    def _undo(self) -> None:
        """Delete the branch that was made here, unless somebody else has finished it and uses it."""
        with suppress(BranchError):
            if not self.provider.get(self.name).ready:
                self.provider.delete(self.name)


def _ending(lasting: timedelta | None) -> datetime | None:
    return datetime.now(UTC).replace(microsecond=0) + lasting if lasting is not None else None
