"""Create, update and delete the preview of a pull request."""

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from seedbed.branching import Branch, BranchProvider, get_branch_provider
from seedbed.errors import (
    BranchError,
    BranchExists,
    BranchNotFound,
    BranchNotReady,
    DatabaseNotFound,
    DatabaseUnreachable,
    EditedAppliedRevision,
    NotAPreview,
    ProtectedPreviewBase,
)
from seedbed.postgres.database import Database
from seedbed.postgres.locks import preparation_lock
from seedbed.previews.base_branch import BASE_BRANCH
from seedbed.previews.preview_data import DataMode, PreviewData, get_branch_database, prepare_branch
from seedbed.seeding.masking import MaskingExceptions
from seedbed.settings import Configuration, DatabaseUrl, Environment

DEFAULT_LIFETIME = timedelta(days=14)
_LOCK_WAIT = timedelta(minutes=10)
_BASE_WAIT_SECONDS, _POLL_SECONDS = 60.0, 0.5
_TRIES = 5


@dataclass(frozen=True)
class Preview:
    """A preview that is ready. `created` tells whether this call created its branch, and `data` how it was filled.

    `direct_url` is for migrations and seeds, and `url` for a service. Both contain a password.
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
    exceptions: MaskingExceptions | None = None,
) -> Preview:
    """Create a preview, or update an existing one: its branch, migrations, rows, expiry, and its mark last.

    A preview is copied from `parent`, or else from the base of previews, or else from the environment's database. An
    existing preview is migrated, and keeps its parent and its rows. It expires `lifetime` from now, so the call can be
    repeated at each push. Of several calls at once one creates and fills the preview, and the others wait. If a step
    fails, a branch that this call created is deleted, and an existing one is kept. A preview that was left unfinished
    by a kill is completed. `allow_production` is for a user who has named the database whose rows are copied unchanged;
    masking and seeding do not need it. `report` gets the data that the revisions lose, before they are applied. The
    migrated schema is compared with the models.

    Raises:
        NotAPreview: a branch of this name has another purpose.
        UnmaskedProductionCopy: the preview would contain unmasked rows of production.
        BranchNotReady: the base was still being created after a minute.
        BranchLockTimeout: another call was still preparing the preview after ten minutes.
        BranchError: the branch cannot be created.
        EditedAppliedRevision: the file of a revision that the preview has was edited.
        MigrationError, SeedError: a revision or the seeds failed.
        PreviewSchemaMismatch: the migrated schema differs from the models.
    """
    provider = get_branch_provider(configuration)
    expires_at = _expires_at(lifetime)
    request = _PreviewRequest(
        configuration, provider, name, parent, data, expires_at, force, allow_production, report, exceptions
    )
    try:
        return request.run()
    except KeyboardInterrupt as interrupt:
        with suppress(BranchError):
            if not provider.get(name).ready:
                interrupt.add_note(
                    f"{name} is unfinished: seedbed preview up {name} completes it, and preview down deletes it."
                )
        raise


def list_previews(configuration: Configuration) -> list[Branch]:
    """List the previews of the project, without the base that they are copied from."""
    branches = get_branch_provider(configuration).list()
    return [b for b in branches if b.environment is Environment.PREVIEW and b.name != BASE_BRANCH and not b.sealed]


def delete(configuration: Configuration, name: str) -> bool:
    """Delete a preview. Return False if there is none, so that a pull request can be closed twice.

    Raises:
        ProtectedPreviewBase: this is the base that previews are copied from.
        NotAPreview: a branch of this name has another purpose.
        NotABranch: a database of this name does not belong to this project.
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
class _PreviewRequest:
    configuration: Configuration
    provider: BranchProvider
    name: str
    parent: str | None
    data: DataMode
    expires_at: datetime | None
    force: bool
    allow_production: bool
    report: Callable[[str], None]
    exceptions: MaskingExceptions | None

    def run(self) -> Preview:
        tries_left = _TRIES
        while True:
            tries_left -= 1
            branch, created = self.get_or_create()
            if branch.environment is not Environment.PREVIEW or branch.sealed:
                mark = "sealed, for previews to be copied from" if branch.sealed else branch.mark
                raise NotAPreview(self.name, mark)
            try:
                return self.prepare(branch, created=created)
            except (
                BranchNotFound,
                DatabaseUnreachable,
                DatabaseNotFound,
            ):  # the call that started it failed, and deleted it
                if created or branch.ready or not tries_left:
                    raise

    def get_or_create(self) -> tuple[Branch, bool]:
        """Return the branch, and whether this call created it."""
        try:
            return self.provider.get(self.name), False
        except BranchNotFound:
            pass
        try:
            branch = self.provider.create(
                self.name,
                parent=self.parent or self._wait_for_base(),
                environment=Environment.PREVIEW,
                expires_at=self.expires_at,
                force=self.force,
                allow_production=self.data.replaces_rows or (self.data is DataMode.COPY and self.allow_production),
            )
        except BranchExists:
            return self.provider.get(self.name), False
        return branch, True

    def _wait_for_base(self) -> str | None:
        """Return the name of the base if there is one, after any call that is creating it. Nothing else is copied
        instead.
        """
        deadline = time.monotonic() + _BASE_WAIT_SECONDS
        while base := next((branch for branch in self.provider.list() if branch.name == BASE_BRANCH), None):
            if base.ready:
                return BASE_BRANCH
            if time.monotonic() > deadline:
                raise BranchNotReady(BASE_BRANCH, finish="seedbed preview base")
            time.sleep(_POLL_SECONDS)
        return None

    def prepare(self, branch: Branch, *, created: bool) -> Preview:
        """Prepare the branch under a lock. If another call has prepared it in the meantime, keep its rows."""
        try:
            self.provider.wait_until_reachable(self.name)
            database = get_branch_database(self.provider, self.name)
            if branch.ready:
                preview_data = self._fill(database, DataMode.COPY, branch)
            else:
                with preparation_lock(database, self.name, wait=_LOCK_WAIT):
                    branch = self.provider.get(self.name)
                    preview_data = self._fill(database, DataMode.COPY if branch.ready else self.data, branch)
                    branch = self.provider.finish(self.name)
            if not created:
                branch = self.provider.set_expiry(self.name, self.expires_at)
        except BaseException:
            if created:
                self._delete_unfinished()
            raise
        direct, url = self.provider.url(self.name), self.provider.url(self.name, pooled=True)
        return Preview(branch, created, preview_data, direct, url)

    def _fill(self, database: Database, data: DataMode, branch: Branch) -> PreviewData:
        try:
            return prepare_branch(
                self.configuration,
                database,
                data,
                parent=branch.parent,
                allow_production=self.allow_production,
                comparison_name=self.name,
                report=self.report,
                exceptions=self.exceptions,
            )
        except EditedAppliedRevision as error:
            raise EditedAppliedRevision(error.revisions, error.database, preview=self.name) from error

    def _delete_unfinished(self) -> None:
        """Delete the branch that this call created, unless another call has finished it."""
        with suppress(BranchError):
            if not self.provider.get(self.name).ready:
                self.provider.delete(self.name)


def _expires_at(lifetime: timedelta | None) -> datetime | None:
    return datetime.now(UTC).replace(microsecond=0) + lifetime if lifetime is not None else None
