"""A branch asked of Neon, so that there is one and no more, whatever becomes of the answer."""

import secrets
from contextlib import suppress
from dataclasses import dataclass
from datetime import datetime

from seedbed.branching.neon.annotations import REQUEST_ID_KEY, ENVIRONMENT_KEY, NAME_KEY, OWNER_KEY, PARENT_KEY, AnnotatedBranch, format_unfinished_name
from seedbed.branching.neon.http import CONFLICT, Refused, Unanswered
from seedbed.branching.neon.lookup import NeonBranchLookup
from seedbed.errors import BranchError, BranchExists, NeonBranchLimitReached, NeonUnreachable
from seedbed.settings import Environment

_TRIES = 4
_PAUSE_SECONDS = 0.25
_QUOTA = ("BRANCHES_LIMIT_EXCEEDED", "ROOT_BRANCHES_LIMIT_EXCEEDED")


@dataclass(frozen=True)
class Request:
    """`request_id` is this request's own number, by which the branch that it made is known."""

    lookup: NeonBranchLookup
    name: str
    request_id: str
    annotation: dict[str, str]

    @classmethod
    def create(cls, looking: NeonBranchLookup, name: str, parent: str, environment: Environment) -> "Request":
        call = secrets.token_hex(8)
        annotation = {
            OWNER_KEY: looking.owner, NAME_KEY: name, PARENT_KEY: parent, ENVIRONMENT_KEY: environment.value, REQUEST_ID_KEY: call
        }  # fmt: skip
        return cls(looking, name, call, annotation)

    def send(self, parent_id: str, expires_at: datetime | None, *, replaces_ready: bool = False) -> AnnotatedBranch:
        """The branch, made by this request. Where there was no answer it is looked for in the list, and asked for again
        only where it is not there. `replaces_ready` says that it may stand beside one that is ready, whose place it will take.

        Raises:
            BranchExists: somebody else was quicker; what this request made is gone again.
            NeonBranchLimitReached, NeonUnreachable: there is none.
        """
        client = self.lookup.client
        reason = "the branch that it made is in no list"
        for attempt in range(_TRIES):
            try:
                client.create_branch(format_unfinished_name(self.name), parent_id, self.annotation, expires_at)
            except Unanswered as error:
                reason = error.reason
                client.http.sleep(_PAUSE_SECONDS * attempt)
            except Refused as error:
                if error.neon_code in _QUOTA or any(word in error.explanation for word in _QUOTA):
                    raise NeonBranchLimitReached(client.count_branches(), error.explanation) from None
                if error.status != CONFLICT:
                    raise
            found = self.lookup.find_by_name(self.name)
            mine = [one for one in found if one.request_id == self.request_id]
            if others := [one for one in found if one.request_id != self.request_id and not (replaces_ready and one.is_ready)]:
                for one in mine:
                    client.delete_branch(one.neon_branch.id)
                raise BranchExists(self.name, others[0].to_branch([]).parent)
            if mine:
                client.wait_for_operations(mine[0].neon_branch.id)
                return mine[0]
        raise NeonUnreachable(client.http.access.host_name, reason)

    def delete_created(self) -> None:
        """Delete what this request made, as far as Neon lets it."""
        with suppress(BranchError):
            for one in self.lookup.find_by_name(self.name):
                if one.request_id == self.request_id and not one.is_ready:
                    self.lookup.client.delete_branch(one.neon_branch.id)

    def check_quota(self) -> None:
        """Look at the count before, so that a full project is a sentence; where the limit is not said, Neon says it.

        Raises:
            NeonBranchLimitReached: with how many there are.
        """
        client = self.lookup.client
        limit = client.read_branch_limit()
        if limit is not None and (count := client.count_branches()) >= limit:
            raise NeonBranchLimitReached(count, f"the plan allows {limit:,}")
