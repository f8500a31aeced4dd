"""What a branch is, and what every provider of branches can do."""

from dataclasses import dataclass
from datetime import datetime
from typing import Protocol

from seedbed.postgres.database import Database
from seedbed.postgres.environment_mark import PREPARING
from seedbed.settings import DatabaseUrl, Environment


@dataclass(frozen=True)
class Branch:
    """A copy of a database, as it was when it was made.

    `parent` is the branch it was copied from, or the environment whose database that was. `environment` is what the
    copy is for, and its mark once it is `ready`. `owner` is the project that made it: no other one changes or deletes
    it. Nobody can connect to a `sealed` one, which is there to be copied.
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
        """What the database says it is: `preparing` until it is ready."""
        return self.environment.value if self.ready else PREPARING


class BranchProvider(Protocol):
    """Makes, finds and deletes branches. It knows nothing of what is in them: no migrations, no seeds."""

    def get_environment_database(self) -> Database:
        """The environment's own database, which branches are copied from where no parent is named."""

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
        """Copy a database, and leave the copy marked `preparing`: `finish` is the last step.

        Without `parent` it is the environment's own database, and without `environment` the copy is for what its
        parent is for. `force` ends sessions that are idle on the parent, where there must be none. `allow_production`
        is for callers that replace personal data before they finish, or whose user has named the database.

        Raises:
            InvalidBranchName: it cannot be called that.
            BranchExists: there is one of that name, be it ready or not.
            BranchNotFound, BranchNotReady: the parent is missing, or is being prepared.
            UnmaskedProductionCopy: the parent is marked production, and the copy was to be for something else.
            UnmarkedDatabase: the parent has rows and no mark, so it counts as production.
            ParentInUse, BranchCopyFailure: nothing was made.
        """

    def create_ready(
        self, name: str, *, parent: str | None = None, expires_at: datetime | None = None, force: bool = False
    ) -> Branch:
        """Copy a database, as what its parent is, and leave the copy ready at once. When it fails, nothing is left.

        Raises as `create` does.
        """

    def finish(self, name: str, *, sealed: bool = False) -> Branch:
        """Mark a branch with its own environment, which makes it ready; one that is ready stays so.

        Nobody can connect to a `sealed` one from then on, so it can be copied at any time.
        """

    def reset(
        self, name: str, *, force: bool = False, allow_production: bool = False, require_ready: bool = False
    ) -> Branch:
        """Make a branch anew from its parent as that is now, and leave it marked `preparing`; sessions on it are ended.

        What was in it is lost only when the new copy is there. `require_ready` takes nothing from a call that is making it
        anew at the moment. Raises as `get` does for the branch, and as `create` does for its parent.

        Raises:
            BranchNotReady: with `require_ready`, it is being prepared.
        """

    def set_expiry(self, name: str, at: datetime | None) -> Branch:
        """Set when a branch ends, or that it does not. Raises as `get` does.

        Raises:
            InvalidExpiry: the moment is past, or too far away for the provider.
        """

    def wait_until_reachable(self, name: str, *, seconds: float = 60.0) -> None:
        """Wait until a branch takes connections.

        Raises:
            DatabaseUnreachable: it did not in time; besides what `get` raises.
        """

    def get(self, name: str) -> Branch:
        """Find a branch.

        Raises:
            BranchNotFound: there is none of that name.
            NotABranch: there is a database in its place that this project did not make.
        """

    def list(self) -> tuple[Branch, ...]:
        """Every branch that this project made, by name."""

    def delete(self, name: str) -> None:
        """Delete a branch with all that is in it, ending the sessions on it. Raises as `get` does."""

    def url(self, name: str, *, allow_unready: bool = False, pooled: bool = False) -> DatabaseUrl:
        """The way to a branch: direct, for whatever migrates or loads, or through the provider's pooler for a service,
        where it has one. One that is not ready is withheld, unless it is to be made ready.

        Raises:
            BranchNotReady, SealedBranch: besides what `get` raises.
        """
