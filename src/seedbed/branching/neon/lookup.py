"""The lookup of a project's branches on Neon, by the annotations that Seedbed writes on its own."""

import re
from dataclasses import dataclass

from seedbed.branching.neon.client import NeonClient
from seedbed.branching.neon.models import Annotation, Endpoint, NeonBranch
from seedbed.branching.protocol import Branch, is_environment_name
from seedbed.errors import BranchNotFound, BranchNotReady, NotABranch, UnownedNeonBranch
from seedbed.settings import Configuration, Environment

OWNER_KEY, NAME_KEY, PARENT_KEY, ENVIRONMENT_KEY, REQUEST_ID_KEY = (
    "seedbed-owner", "seedbed-branch", "seedbed-parent", "seedbed-environment", "seedbed-call"
)  # fmt: skip
_UNFINISHED_SUFFIX = " [preparing]"
"""The suffix of a branch's name until it is ready. An annotation never changes, and reading the mark would wake the
compute, so the name shows the state, also in Neon's console.
"""
_REPLACED_SUFFIX = re.compile(r" \[replaced [0-9a-f]{6}\]$")


@dataclass(frozen=True)
class AnnotatedBranch:
    """A branch of Neon with its annotation."""

    neon_branch: NeonBranch
    annotation: Annotation

    @property
    def name(self) -> str:
        return self.neon_branch.name.removesuffix(_UNFINISHED_SUFFIX)

    @property
    def is_ready(self) -> bool:
        return not self.neon_branch.name.endswith(_UNFINISHED_SUFFIX)

    @property
    def is_replaced(self) -> bool:
        """Whether another branch has its name, and it is kept only for its children."""
        return (
            _REPLACED_SUFFIX.sub("", self.neon_branch.name) == self._read_annotation(NAME_KEY) != self.neon_branch.name
        )

    @property
    def owner(self) -> str | None:
        return self._read_annotation(OWNER_KEY)

    @property
    def request_id(self) -> str | None:
        return self._read_annotation(REQUEST_ID_KEY)

    def find_foreign_reason(self, owner: str) -> str | None:
        """The reason why a branch is not the project's; None where it is."""
        if self.neon_branch.default or self.neon_branch.primary:
            return "it is the default branch"
        if self.neon_branch.protected:
            return "it is protected"
        if self.neon_branch.parent_id is None:
            return "it is a root branch"
        actual_owner = self.owner
        if actual_owner is None:
            return "Seedbed did not make it"
        if actual_owner != owner:
            return f"the project {actual_owner} made it"
        if self._read_annotation(NAME_KEY) != self.name or self.read_environment() is None:
            return "it was made under another name"
        return None

    def to_branch(self, endpoints: list[Endpoint]) -> Branch:
        return Branch(
            name=self.name,
            parent=self._read_annotation(PARENT_KEY) or "",
            environment=self.read_environment() or Environment.PRODUCTION,
            ready=self.is_ready,
            created_at=self.neon_branch.created_at,
            expires_at=self.neon_branch.expires_at,
            owner=self.owner or "",
            sealed=self.is_ready and not any(endpoint.branch_id == self.neon_branch.id for endpoint in endpoints),
        )

    def read_environment(self) -> Environment | None:
        """The environment in the annotation; None where there is none."""
        try:
            return Environment(self._read_annotation(ENVIRONMENT_KEY) or "")
        except ValueError:
            return None

    def _read_annotation(self, key: str) -> str | None:
        value = self.annotation.value.get(key)
        return value if isinstance(value, str) else None


def format_unfinished_name(name: str) -> str:
    return name + _UNFINISHED_SUFFIX


def format_replaced_name(name: str, number: str) -> str:
    return f"{name} [replaced {number}]"


MAX_NAME_LENGTH = 256 - len(format_replaced_name("", "123456"))
"""Neon's 256 characters without the longest suffix."""


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
