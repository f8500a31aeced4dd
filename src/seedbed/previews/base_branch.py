"""The base branch of previews: a sealed branch with rows that may be shown, from which previews are copied."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from seedbed.branching import Branch, BranchProvider, get_branch_provider
from seedbed.errors import (
    BranchExists,
    BranchLockTimeout,
    BranchNotFound,
    BranchNotReady,
    DatabaseNotFound,
    DatabaseUnreachable,
    NotAPreview,
    SealedBranch,
)
from seedbed.postgres.locks import preparation_lock
from seedbed.previews.preview_data import DataMode, PreviewData, check_data_mode, get_branch_database, prepare_branch
from seedbed.seeding.masking import MaskingExceptions
from seedbed.settings import Configuration, Environment

BASE_BRANCH = "preview/base"
_LOCK_WAIT = timedelta(minutes=10)
_POLL_SECONDS = 0.5
_SIMULTANEOUS = timedelta(minutes=1)
"""A base that another call began this long before the current call still satisfies it; clocks may differ a little."""


@dataclass(frozen=True)
class PreviewBase:
    """The base branch, whether this call created it, and the source of its rows.

    `data` is None if another call created the base at the same time.
    """

    branch: Branch
    created: bool
    data: PreviewData | None


def create_base(
    configuration: Configuration, data: DataMode, *, force: bool = False, exceptions: MaskingExceptions | None = None
) -> PreviewBase:
    """Create the base branch of previews from the environment's database, or create it again from the current state.

    Existing previews stay as they are. The base does not expire, because a Neon branch that expires can have no
    children. Nobody can connect to it, so it can be copied at any time. Seeds that cannot be planned, and marks or
    tables that a mask refuses, are reported before the old base is changed. If a later step fails, the base stays
    marked as preparing, nothing is copied from it, and the next call starts again. Of several calls at once, one
    creates the base, with the rows that it was asked for; the others wait and return the same base.

    Raises:
        NotAPreview: a branch of this name has another purpose.
        UnmaskedProductionCopy: the base would contain unmasked rows of production.
        BranchLockTimeout: another call was still creating it after ten minutes.
        BranchError, MigrationError, SeedError: the errors of a preview.
    """
    check_data_mode(configuration, data, exceptions)
    request = _BaseRequest(
        configuration, get_branch_provider(configuration), data, force, exceptions, datetime.now(UTC)
    )
    deadline = time.monotonic() + _LOCK_WAIT.total_seconds()
    while True:
        failure: Exception = BranchLockTimeout(BASE_BRANCH, _LOCK_WAIT.total_seconds())
        try:
            started = request.start()
            if started is not None and (base := request.prepare(*started)) is not None:
                return base
        except (
            BranchNotFound,
            SealedBranch,
            DatabaseUnreachable,
            DatabaseNotFound,
        ) as error:  # another call has finished it
            failure = error
        time.sleep(_POLL_SECONDS)
        if (other_base := request.find_finished()) is not None:
            return PreviewBase(other_base, created=False, data=None)
        if time.monotonic() > deadline:
            raise failure


@dataclass(frozen=True)
class _BaseRequest:
    configuration: Configuration
    provider: BranchProvider
    data: DataMode
    force: bool
    exceptions: MaskingExceptions | None
    started_at: datetime

    def start(self) -> tuple[Branch, bool, bool] | None:
        """Return the base to prepare, whether this call started it, and whether there was none before.

        Return None while another call is replacing the base.
        """
        replaces_rows = self.data.replaces_rows
        try:
            existing = self.provider.get(BASE_BRANCH)
        except BranchNotFound:
            try:
                branch = self.provider.create(
                    BASE_BRANCH, environment=Environment.PREVIEW, force=self.force, allow_production=replaces_rows
                )
            except BranchExists:
                return None
            return branch, True, True
        if existing.environment is not Environment.PREVIEW:
            raise NotAPreview(BASE_BRANCH, existing.mark)
        if not existing.ready:
            return existing, False, False
        try:
            branch = self.provider.reset(
                BASE_BRANCH, force=self.force, allow_production=replaces_rows, require_ready=True
            )
        except (BranchNotReady, BranchExists):
            return None
        return branch, True, False

    def prepare(self, branch: Branch, is_own: bool, created: bool) -> PreviewBase | None:
        """Fill the copy after any other call that is working on it; None if that call was killed a while ago."""
        self.provider.wait_until_reachable(BASE_BRANCH)
        database = get_branch_database(self.provider, BASE_BRANCH)
        with preparation_lock(database, BASE_BRANCH, wait=_LOCK_WAIT):
            if not is_own and branch.created_at < self.started_at - _SIMULTANEOUS:
                self.provider.delete(BASE_BRANCH)
                return None
            data = prepare_branch(
                self.configuration,
                database,
                self.data,
                parent=self.configuration.environment,
                exceptions=self.exceptions,
            )
            return PreviewBase(self.provider.finish(BASE_BRANCH, sealed=True), created, data)

    def find_finished(self) -> Branch | None:
        try:
            existing = self.provider.get(BASE_BRANCH)
        except BranchNotFound:
            return None
        return existing if existing.sealed and existing.created_at >= self.started_at - _SIMULTANEOUS else None
