"""A branch, its name, and the protocol of a branch provider."""

import re
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from typing import Protocol

from seedbed.errors import InvalidBranchName
from seedbed.postgres.database import Database
from seedbed.postgres.environment_mark import PREPARING
from seedbed.settings import DatabaseUrl, Environment

_MAX_NAME_LENGTH = 256
_MAX_IDENTIFIER_BYTES = 63
"""PostgreSQL's NAMEDATALEN minus one, in bytes; PostgreSQL truncates longer names without an error."""

_HASH_LENGTH = 8
_PLAIN = re.compile(r"[a-z0-9_]+")
_LOOKS_HASHED = re.compile(rf"(.*_)?[0-9a-f]{{{_HASH_LENGTH}}}")


def check_branch_name(name: str) -> None:
    """Check the name of a new branch.

    Raises:
        InvalidBranchName: the name cannot be used.
    """
    if not name or name != name.strip():
        raise InvalidBranchName(name, "it is empty, or begins or ends with a space")
    if len(name) > _MAX_NAME_LENGTH or not name.isprintable():
        raise InvalidBranchName(
            name[:_MAX_NAME_LENGTH], f"it is longer than {_MAX_NAME_LENGTH} characters, or has one without a shape"
        )
    if is_environment_name(name):
        raise InvalidBranchName(name, "it is an environment's name")


def is_environment_name(name: str) -> bool:
    return name in [environment.value for environment in Environment]


def build_database_name(project: str, branch: str) -> str:
    """The name of a branch's database: the project's name and a readable form of the branch's.

    Where that form differs from the branch's name, a hash is added, so that no two branches share a database:
    `preview/pr-42` of shop is shop_preview_pr_42_2ffcc8e6.
    """
    room = _MAX_IDENTIFIER_BYTES - len(project) - 1
    if _PLAIN.fullmatch(branch) and not _LOOKS_HASHED.fullmatch(branch) and len(branch) <= room:
        return f"{project}_{branch}"
    slug = re.sub(r"[^a-z0-9]+", "_", branch.lower()).strip("_")[: room - _HASH_LENGTH - 1].rstrip("_")
    return "_".join(filter(None, (project, slug, _digest(branch))))


def build_unfinished_name(database: str) -> str:
    """The name of a branch's database until its copy and its comment are complete."""
    return f"seedbed_building_{_digest(database)}"


def build_replaced_name(database: str) -> str:
    """The name of a replaced database until it is dropped."""
    return f"seedbed_replaced_{_digest(database)}"


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:_HASH_LENGTH]


@dataclass(frozen=True)
class Branch:
    """A copy of a database, as it was at its creation.

    `parent` is the branch that it was copied from, or the environment whose database was copied. `environment` becomes
    its mark once it is `ready`. `owner` is the project that created it; no other project changes or deletes it. Nobody
    can connect to a `sealed` branch, which is only there to be copied.
    """

    name: str
    parent: str
    environment: Environment
    ready: bool
    created_at: datetime
    expires_at: datetime | None
    owner: str
    sealed: bool = False

    @property
    def mark(self) -> str:
        """The mark of its database: `preparing` until it is ready."""
        return self.environment.value if self.ready else PREPARING


class BranchProvider(Protocol):
    """Creates, finds and deletes branches; it knows nothing about migrations and seeds in them."""

    def get_environment_database(self) -> Database:
        """The environment's own database, the default parent of branches."""

    def create(
        self,
        name: str,
        *,
        parent: str | None = None,
        environment: Environment | None = None,
        expires_at: datetime | None = None,
        force: bool = False,
        allow_production: bool = False,
    ) -> Branch:
        """Copy a database and mark the copy `preparing`; `finish` is the last step.

        The default parent is the environment's own database, and the default environment is the parent's. `force`
        terminates idle sessions on the parent, where the provider needs it unused. `allow_production` is for callers
        that replace personal data before they finish, or whose user has named the database.

        Raises:
            InvalidBranchName: the name cannot be used.
            BranchExists: there is a branch of that name, ready or not.
            BranchNotFound, BranchNotReady: the parent is missing or being prepared.
            UnmaskedProductionCopy: the parent is marked production, and the copy is for another environment.
            UnmarkedDatabase: the parent has rows and no mark, so it counts as production.
            ParentInUse, BranchCopyFailure: no copy was created.
        """

    def create_ready(
        self, name: str, *, parent: str | None = None, expires_at: datetime | None = None, force: bool = False
    ) -> Branch:
        """Copy a database for its parent's environment, ready at once. Where a step fails, the copy is deleted.

        Raises as `create` does.
        """

    def finish(self, name: str, *, sealed: bool = False) -> Branch:
        """Mark a branch with its environment, which makes it ready; a ready branch stays ready.

        Nobody can connect to a `sealed` branch afterwards, so it can be copied at any time.
        """

    def reset(
        self, name: str, *, force: bool = False, allow_production: bool = False, require_ready: bool = False
    ) -> Branch:
        """Create a branch again from its parent's current state, marked `preparing`, and terminate the sessions on it.

        The old content is kept until the new copy exists. With `require_ready` a branch that another call is resetting
        stays untouched. Raises as `get` does for the branch, and as `create` does for its parent.

        Raises:
            BranchNotReady: with `require_ready`, the branch is being prepared.
        """

    def set_expiry(self, name: str, at: datetime | None) -> Branch:
        """Set or remove the expiry of a branch. Raises as `get` does.

        Raises:
            InvalidExpiry: the time is past, or later than the provider allows.
        """

    def wait_until_reachable(self, name: str, *, seconds: float = 60.0) -> None:
        """Wait until a branch accepts connections.

        Raises:
            DatabaseUnreachable: it did not in time. Raises as `get` does too.
        """

    def get(self, name: str) -> Branch:
        """Find a branch.

        Raises:
            BranchNotFound: there is no branch of that name.
            NotABranch: the project did not create the database of that name.
        """

    def list(self) -> tuple[Branch, ...]:
        """The project's branches, sorted by name."""

    def delete(self, name: str) -> None:
        """Delete a branch and terminate the sessions on it. Raises as `get` does."""

    def url(self, name: str, *, allow_unready: bool = False, pooled: bool = False) -> DatabaseUrl:
        """The URL of a branch: direct for migrations and loads, or through the provider's pooler where it has one.

        The URL of a branch that is not ready is withheld without `allow_unready`.

        Raises:
            BranchNotReady, SealedBranch: it is not ready, or nobody can connect. Raises as `get` does too.
        """
