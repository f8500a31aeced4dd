"""The creation of a branch on Neon exactly once, even where an answer is lost, and the mark of the new copy."""

import secrets
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from seedbed.branching.neon.client import NeonClient
from seedbed.branching.neon.endpoints import BranchEndpoints
from seedbed.branching.neon.http import CONFLICT, LostAnswer, NeonRefusal
from seedbed.branching.neon.lookup import (
    ENVIRONMENT_KEY,
    NAME_KEY,
    OWNER_KEY,
    PARENT_KEY,
    REQUEST_ID_KEY,
    AnnotatedBranch,
    NeonBranchLookup,
    format_replaced_name,
    format_unfinished_name,
)
from seedbed.errors import (
    BranchError,
    BranchExists,
    BranchNotReady,
    NeonBranchLimitReached,
    NeonRequestRejected,
    NeonUnreachable,
    UnmarkedDatabase,
    UnmaskedProductionCopy,
)
from seedbed.postgres.connection import connect
from seedbed.postgres.environment_mark import PREPARING, find_tables_with_rows, mark_as_copy, read_copy_id, read_mark
from seedbed.settings import Environment

_ATTEMPTS = 4
_PAUSE_SECONDS = 0.25
_QUOTA_CODES = ("BRANCHES_LIMIT_EXCEEDED", "ROOT_BRANCHES_LIMIT_EXCEEDED")

_AWAKE_SECONDS = 60.0


@dataclass(frozen=True)
class BranchRequest:
    """A request for a branch. `request_id` is in the annotation of the branch that it creates."""

    lookup: NeonBranchLookup
    name: str
    request_id: str
    annotation: dict[str, str]

    @classmethod
    def create(cls, lookup: NeonBranchLookup, name: str, parent: str, environment: Environment) -> "BranchRequest":
        request_id = secrets.token_hex(8)
        annotation = {
            OWNER_KEY: lookup.owner, NAME_KEY: name, PARENT_KEY: parent, ENVIRONMENT_KEY: environment.value,
            REQUEST_ID_KEY: request_id,
        }  # fmt: skip
        return cls(lookup, name, request_id, annotation)

    def send(self, parent_id: str, expires_at: datetime | None, *, replaces_ready: bool = False) -> AnnotatedBranch:
        """Create the branch.

        Where the answer is lost, the branch is searched for in the list, and requested again only where it is missing.
        `replaces_ready` allows a ready branch of the same name, which the new one will replace.

        Raises:
            BranchExists: another call was faster; the branch of this request is deleted again.
            NeonBranchLimitReached, NeonUnreachable: no branch was created.
        """
        client = self.lookup.client
        reason = "the branch that it made is in no list"
        for attempt in range(_ATTEMPTS):
            try:
                client.create_branch(format_unfinished_name(self.name), parent_id, self.annotation, expires_at)
            except LostAnswer as error:
                reason = error.reason
                client.http.sleep(_PAUSE_SECONDS * attempt)
            except NeonRefusal as error:
                if error.neon_code in _QUOTA_CODES or any(word in error.explanation for word in _QUOTA_CODES):
                    raise NeonBranchLimitReached(client.count_branches(), error.explanation) from None
                if error.status != CONFLICT:
                    raise
            branches = self.lookup.find_by_name(self.name)
            created = [branch for branch in branches if branch.request_id == self.request_id]
            others = [
                branch
                for branch in branches
                if branch.request_id != self.request_id and not (replaces_ready and branch.is_ready)
            ]
            if others:
                for branch in created:
                    client.delete_branch(branch.neon_branch.id)
                raise BranchExists(self.name, others[0].to_branch([]).parent)
            if created:
                client.wait_for_operations(created[0].neon_branch.id)
                return created[0]
        raise NeonUnreachable(client.http.access.host_name, reason)

    def delete_created(self) -> None:
        """Delete the branch that this request created; Neon's errors are suppressed."""
        with suppress(BranchError):
            for branch in self.lookup.find_by_name(self.name):
                if branch.request_id == self.request_id and not branch.is_ready:
                    self.lookup.client.delete_branch(branch.neon_branch.id)

    def check_quota(self) -> None:
        """Check the number of branches before the request; where the limit is unknown, Neon checks it.

        Raises:
            NeonBranchLimitReached: the project has as many branches as the plan allows.
        """
        client = self.lookup.client
        limit = client.read_branch_limit()
        if limit is not None and (count := client.count_branches()) >= limit:
            raise NeonBranchLimitReached(count, f"the plan allows {limit:,}")


def create_replacement_request(lookup: NeonBranchLookup, replaced: AnnotatedBranch) -> BranchRequest:
    """A request for a new branch with the name, parent and environment of another."""
    branch = replaced.to_branch([])
    environment = replaced.read_environment() or Environment.PREVIEW
    return BranchRequest.create(lookup, branch.name, branch.parent, environment)


def rename_replaced(client: NeonClient, replaced: AnnotatedBranch) -> None:
    """Free the name of a replaced branch, which is deleted once its children are deleted."""
    client.update_branch(replaced.neon_branch.id, name=format_replaced_name(replaced.name, secrets.token_hex(3)))


def find_children(branches: Sequence[AnnotatedBranch], parent: AnnotatedBranch) -> list[AnnotatedBranch]:
    return [branch for branch in branches if branch.neon_branch.parent_id == parent.neon_branch.id]


def delete_unused_replaced(lookup: NeonBranchLookup) -> None:
    """Delete the replaced branches without children. Neon's errors are suppressed, and a later call tries again."""
    branches = lookup.list_all()
    for branch in branches:
        if branch.is_replaced and branch.owner == lookup.owner and not find_children(branches, branch):
            with suppress(BranchError):
                lookup.client.delete_branch(branch.neon_branch.id)


@dataclass(frozen=True)
class CopyMarker:
    """Marks copies `preparing`. A copy inherits its parent's mark, which tells whether it holds production data."""

    lookup: NeonBranchLookup
    endpoints: BranchEndpoints

    def mark_new(self, copy: AnnotatedBranch, *, is_inherited: bool = False, allow_production: bool = False) -> None:
        """Mark a copy that was just created, unless it would turn production data into another environment.

        `is_inherited` is for a copy whose environment is its parent's.

        Raises:
            BranchNotReady: the parent was being reset.
            UnmarkedDatabase: the copy has rows and no mark, so it counts as production.
            UnmaskedProductionCopy: the copy is marked production and meant for another environment.
            NeonRequestRejected: the parent is marked for another environment than its annotation.
        """
        self._mark(copy, is_new=True, is_inherited=is_inherited, allow_production=allow_production)

    def ensure_marked(self, copy: AnnotatedBranch) -> None:
        """Mark a copy that is not ready, where the command that created it was killed before. Raises as `mark_new`."""
        self._mark(copy, is_new=False)

    def _mark(
        self, copy: AnnotatedBranch, *, is_new: bool, is_inherited: bool = False, allow_production: bool = False
    ) -> None:
        self.lookup.client.wait_for_operations(copy.neon_branch.id)
        self.endpoints.ensure_compute(copy)
        branch = copy.to_branch([])
        self.endpoints.wait_until_awake(copy, _AWAKE_SECONDS)
        with connect(self.endpoints.get_database(copy)) as connection:
            mark = read_mark(connection)
            if mark == PREPARING:
                if is_new and read_copy_id(connection) != copy.neon_branch.id:  # the parent was reset at the same time
                    raise BranchNotReady(branch.parent)
                return  # another call for this branch was faster
            if is_new and mark == branch.environment and self.lookup.is_ready(copy.neon_branch.id, branch.name):
                return  # another call has even finished it
            if mark is None and (occupied := find_tables_with_rows(connection)):
                raise UnmarkedDatabase("copy", branch.parent, occupied)
            source_environment = mark or self.lookup.configuration.environment.value
            is_production_copy = (
                source_environment == Environment.PRODUCTION and branch.environment is not Environment.PRODUCTION
            )
            if is_production_copy and not allow_production:
                raise UnmaskedProductionCopy(branch.parent, branch.environment)
            if is_inherited and source_environment != branch.environment:
                raise NeonRequestRejected(
                    CONFLICT, f"{branch.parent} is marked {source_environment}, not {branch.environment}"
                )
            mark_as_copy(connection, source_environment, copy_id=copy.neon_branch.id)
            connection.commit()
