"""A project's branches on Neon looked up by name, among those of everybody else."""

from dataclasses import dataclass

from seedbed.branching.names import is_environment_name
from seedbed.branching.neon.annotations import AnnotatedBranch, format_unfinished_name
from seedbed.branching.neon.client import NeonClient
from seedbed.errors import BranchNotFound, BranchNotReady, NotABranch, UnownedNeonBranch
from seedbed.settings import Configuration


@dataclass(frozen=True)
class NeonBranchLookup:
    client: NeonClient
    configuration: Configuration

    @property
    def owner(self) -> str:
        return self.configuration.project.identifier

    def list_all(self, search: str | None = None) -> list[AnnotatedBranch]:
        """Every branch of the Neon project, whoever made it, or those whose name or id has `search` in it."""
        return [AnnotatedBranch(branch, annotation) for branch, annotation in self.client.list_branches(search=search)]

    def list_owned(self) -> list[AnnotatedBranch]:
        """Every branch of the project, one of each name."""
        found: dict[str, AnnotatedBranch] = {}
        for one in self.list_all():
            if one.find_foreign_reason(self.owner) is None and (one.is_ready or one.name not in found):
                found[one.name] = one
        return list(found.values())

    def find_by_name(self, name: str) -> list[AnnotatedBranch]:
        """The project's branch of a name, and after it one that was begun when it was there already: two made it at
        once, and the slower one was killed before it saw that.

        Raises:
            NotABranch: it is an environment's, or somebody else's.
        """
        if is_environment_name(name):
            raise NotABranch(
                name, "it is an environment's own database", remedy="seedbed branch list shows the branches."
            )
        found = [one for one in self.list_all(name) if one.neon_branch.name in {name, format_unfinished_name(name)}]
        ours = [one for one in found if one.find_foreign_reason(self.owner) is None]
        for other in found:
            if not ours and (whose := other.find_foreign_reason(self.owner)) is not None:
                raise UnownedNeonBranch(other.neon_branch.name, whose)
        return sorted(ours, key=lambda one: not one.is_ready)

    def get_branch(self, name: str, *, require_ready: bool = False) -> AnnotatedBranch:
        found = self.find_by_name(name)
        if not found:
            raise BranchNotFound(name)
        return _ready(found[0]) if require_ready else found[0]

    def is_ready(self, branch_id: str, name: str) -> bool:
        """Whether the very branch with that id is ready by now."""
        return any(one.neon_branch.id == branch_id and one.is_ready for one in self.list_all(name))

    def find_source(self, name: str | None) -> AnnotatedBranch:
        """What is to be copied: the branch that DATABASE_URL leads to, the default one, or one by its name."""
        everything = self.list_all()
        if name is None or name == self.configuration.environment:
            wanted = self._own_branch()
            chosen = [f for f in everything if (f.neon_branch.id == wanted if wanted else f.neon_branch.default or f.neon_branch.primary)]
        else:
            chosen = [found for found in everything if name in {found.neon_branch.name, found.name}]
        if not chosen:
            raise BranchNotFound(name or self.configuration.environment.value)
        return _ready(chosen[0])

    def find_parent_of(self, found: AnnotatedBranch) -> AnnotatedBranch:
        """What a branch was copied from, or what has that one's name now."""
        for one in self.list_all():
            if one.neon_branch.id == found.neon_branch.parent_id:
                return self.get_branch(found.to_branch([]).parent, require_ready=True) if one.is_replaced else _ready(one)
        raise BranchNotFound(found.to_branch([]).parent)

    def _own_branch(self) -> str | None:
        """The id of the branch whose compute DATABASE_URL names."""
        url = self.configuration.settings.database_url
        if url is None or not url.is_neon:
            return None
        label = (url.direct.host or "").partition(".")[0]
        for endpoint in self.client.list_endpoints():
            if endpoint.id == label:
                return endpoint.branch_id
        raise BranchNotFound(url.address)


def _ready(parent: AnnotatedBranch) -> AnnotatedBranch:
    if not parent.is_ready:
        raise BranchNotReady(parent.name)
    return parent
