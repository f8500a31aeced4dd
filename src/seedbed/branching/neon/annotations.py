"""Neon's branches with the annotations that Seedbed writes on its own."""

import re
from dataclasses import dataclass

from seedbed.branching.neon.models import Annotation, Endpoint, NeonBranch
from seedbed.branching.protocol import Branch
from seedbed.settings import Environment

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
