"""The base of previews: one branch with rows that may be shown, sealed, from which previews are copied."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from seedbed.branching import Branch, BranchProvider, provider_of
from seedbed.errors import (
    BranchLockTimeout,
    BranchExists,
    BranchNotFound,
    BranchNotReady,
    SealedBranch,
    DatabaseNotFound,
    NotAPreview,
    DatabaseUnreachable,
)
from seedbed.postgres.locks import preparation_lock
from seedbed.previews.preview_data import DataMode, PreviewData, get_branch_database, prepare_branch, check_data_mode
from seedbed.seeding.masking import Exceptions
from seedbed.settings import Configuration, Environment

BASE_BRANCH = "preview/base"
_WAIT = timedelta(minutes=10)
_POLL_SECONDS = 0.5
_AT_ONCE = timedelta(minutes=1)
"""A base that was begun so long before a call, or less, is what that call wants; clocks may differ a little."""


@dataclass(frozen=True)
class PreviewBase:
    """The base as it is now, whether this call made it, and where its rows come from; None where another call that was
    at work at the same moment knows that.
    """

    branch: Branch
    created: bool
    data: PreviewData | None


def create_base(
    configuration: Configuration, data: DataMode, *, force: bool = False, exceptions: Exceptions | None = None
) -> PreviewBase:
    """Make the base of previews from the environment's database, or make it anew from that as it is now.

    Previews that were copied from it before stay as they are. It has no end, since branches with an end have no
    children on Neon, and nobody can connect to it, so it can be copied at any time. Seeds that cannot be planned, and
    marks and tables that a mask would refuse, are found while the base is still as it was. When a later step fails it
    is left marked preparing, nothing is copied from it, and the next call begins again. Of several calls at once one
    makes it, and the others wait and have that one: so the rows are those that the first one asked for.

    Raises:
        NotAPreview: there is a branch of its name which is for something else.
        UnmaskedProductionCopy: rows of production would be in it as they are.
        BranchLockTimeout: another call is still at work on it after ten minutes.
        BranchError, MigrationError, SeedError: as for a preview.
    """
    check_data_mode(configuration, data, exceptions)
    asked = _Asked(configuration, provider_of(configuration), data, force, exceptions, datetime.now(UTC))
    until = time.monotonic() + _WAIT.total_seconds()
    while True:
        lost: Exception = BranchLockTimeout(BASE_BRANCH, _WAIT.total_seconds())
        try:
            begun = asked.begun()
            if begun is not None and (made := asked.prepared(*begun)) is not None:
                return made
        except (BranchNotFound, SealedBranch, DatabaseUnreachable, DatabaseNotFound) as error:  # as another call has finished it
            lost = error
        time.sleep(_POLL_SECONDS)
        if (theirs := asked.made_meanwhile()) is not None:
            return PreviewBase(theirs, created=False, data=None)
        if time.monotonic() > until:
            raise lost


@dataclass(frozen=True)
class _Asked:
    configuration: Configuration
    provider: BranchProvider
    data: DataMode
    force: bool
    exceptions: Exceptions | None
    at: datetime

    def begun(self) -> tuple[Branch, bool, bool] | None:
        """The base as a copy that is to be prepared, whether it was begun here, and whether there was none before;
        None while another call is about to replace it.
        """
        copied = self.data.replaces_rows
        try:
            there = self.provider.get(BASE_BRANCH)
        except BranchNotFound:
            try:
                made = self.provider.create(
                    BASE_BRANCH, environment=Environment.PREVIEW, force=self.force, even_production=copied
                )
            except BranchExists:
                return None
            return made, True, True
        if there.environment is not Environment.PREVIEW:
            raise NotAPreview(BASE_BRANCH, there.mark)
        if not there.ready:
            return there, False, False
        try:
            anew = self.provider.reset(BASE_BRANCH, force=self.force, even_production=copied, only_ready=True)
        except (BranchNotReady, BranchExists):
            return None
        return anew, True, False

    def prepared(self, branch: Branch, mine: bool, created: bool) -> PreviewBase | None:
        """Fill the copy, once whoever is at work on it has ended; None where that one was killed a while ago."""
        self.provider.wait(BASE_BRANCH)
        database = get_branch_database(self.provider, BASE_BRANCH)
        with preparation_lock(database, BASE_BRANCH, wait=_WAIT):
            if not mine and branch.created_at < self.at - _AT_ONCE:
                self.provider.delete(BASE_BRANCH)
                return None
            filled = prepare_branch(
                self.configuration,
                database,
                self.data,
                parent=self.configuration.environment,
                exceptions=self.exceptions,
            )
            return PreviewBase(self.provider.finish(BASE_BRANCH, sealed=True), created, filled)

    def made_meanwhile(self) -> Branch | None:
        try:
            there = self.provider.get(BASE_BRANCH)
        except BranchNotFound:
            return None
        return there if there.sealed and there.created_at >= self.at - _AT_ONCE else None
