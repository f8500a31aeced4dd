"""The lookup of a project's branches among all branches of the Neon project."""

from dataclasses import dataclass

from seedbed.branching.names import is_environment_name
from seedbed.branching.neon.annotations import AnnotatedBranch, format_unfinished_name
from seedbed.branching.neon.client import NeonClient
from seedbed.errors import BranchNotFound, BranchNotReady, NotABranch, UnownedNeonBranch
from seedbed.settings import Configuration


@dataclass(frozen=True)
class NeonBranchLookup:
    """Finds branches by name, by the owner in their annotations."""

    client: NeonClient
    configuration: Configuration

    @property
    def owner(self) -> str:
        return self.configuration.project.identifier

    def list_all(self, search: str | None = None) -> list[AnnotatedBranch]:
        """Every branch of the Neon project, or those whose name or id contains `search`."""
        return [AnnotatedBranch(branch, annotation) for branch, annotation in self.client.list_branches(search=search)]

    def list_owned(self) -> list[AnnotatedBranch]:
        """The project's branches, one per name; a ready one is preferred."""
        owned: dict[str, AnnotatedBranch] = {}
        for branch in self.list_all():
            if branch.find_foreign_reason(self.owner) is None and (branch.is_ready or branch.name not in owned):
                owned[branch.name] = branch
        return list(owned.values())

    def find_by_name(self, name: str) -> list[AnnotatedBranch]:
        """The project's branches of a name, a ready one first.

        There are two where two calls created the branch at once, and the slower one was killed before it noticed.

        Raises:
            NotABranch: the name is an environment's.
            UnownedNeonBranch: the branch is not the project's.
        """
        if is_environment_name(name):
            raise NotABranch(
                name, "it is an environment's own database", remedy="seedbed branch list shows the branches."
            )
        names = {name, format_unfinished_name(name)}
        branches = [branch for branch in self.list_all(name) if branch.neon_branch.name in names]
        owned = [branch for branch in branches if branch.find_foreign_reason(self.owner) is None]
        for branch in branches:
            if not owned and (reason := branch.find_foreign_reason(self.owner)) is not None:
                raise UnownedNeonBranch(branch.neon_branch.name, reason)
        return sorted(owned, key=lambda branch: not branch.is_ready)

    def get_branch(self, name: str, *, require_ready: bool = False) -> AnnotatedBranch:
        branches = self.find_by_name(name)
        if not branches:
            raise BranchNotFound(name)
        return _check_ready(branches[0]) if require_ready else branches[0]

    def is_ready(self, branch_id: str, name: str) -> bool:
        """Whether the branch with that id is ready now."""
        return any(branch.neon_branch.id == branch_id and branch.is_ready for branch in self.list_all(name))

    def find_source(self, name: str | None) -> AnnotatedBranch:
        """The branch to copy: the one of a name, or without a name that of DATABASE_URL, or the default branch."""
        branches = self.list_all()
        if name is None or name == self.configuration.environment:
            branch_id = self._find_configured_branch_id()
            sources = [
                branch
                for branch in branches
                if (
                    branch.neon_branch.id == branch_id
                    if branch_id
                    else branch.neon_branch.default or branch.neon_branch.primary
                )
            ]
        else:
            sources = [branch for branch in branches if name in {branch.neon_branch.name, branch.name}]
        if not sources:
            raise BranchNotFound(name or self.configuration.environment.value)
        return _check_ready(sources[0])

    def find_parent_of(self, branch: AnnotatedBranch) -> AnnotatedBranch:
        """The branch that another was copied from, or the one that has replaced it."""
        parent_name = branch.to_branch([]).parent
        for parent in self.list_all():
            if parent.neon_branch.id == branch.neon_branch.parent_id:
                return self.get_branch(parent_name, require_ready=True) if parent.is_replaced else _check_ready(parent)
        raise BranchNotFound(parent_name)

    def _find_configured_branch_id(self) -> str | None:
        """The id of the branch whose compute is in DATABASE_URL."""
        url = self.configuration.settings.database_url
        if url is None or not url.is_neon:
            return None
        label = (url.direct.host or "").partition(".")[0]
        for endpoint in self.client.list_endpoints():
            if endpoint.id == label:
                return endpoint.branch_id
        raise BranchNotFound(url.address)


def _check_ready(branch: AnnotatedBranch) -> AnnotatedBranch:
    if not branch.is_ready:
        raise BranchNotReady(branch.name)
    return branch
