"""Which of Neon's branches are a project's own, and what is written on them."""

import re
from dataclasses import dataclass

from seedbed.branching.neon.models import Annotation, Endpoint, NeonBranch
from seedbed.branching.protocol import Branch
from seedbed.settings import Environment

OWNER_KEY, NAME_KEY, PARENT_KEY, ENVIRONMENT_KEY, REQUEST_ID_KEY = (
    "seedbed-owner", "seedbed-branch", "seedbed-parent", "seedbed-environment", "seedbed-call"
)  # fmt: skip
_UNFINISHED = " [preparing]"
"""Annotations cannot be changed once a branch is made, and its mark is only read by waking its compute: so a branch
has its own name from when it is ready, and until then this after it, for whoever looks at Neon's console."""
_REPLACED = re.compile(r" \[replaced [0-9a-f]{6}\]$")


@dataclass(frozen=True)
class AnnotatedBranch:
    """A branch of Neon's, with what Seedbed wrote on it."""

    neon_branch: NeonBranch
    annotation: Annotation

    @property
    def name(self) -> str:
        return self.neon_branch.name.removesuffix(_UNFINISHED)

    @property
    def is_ready(self) -> bool:
        return not self.neon_branch.name.endswith(_UNFINISHED)

    @property
    def is_replaced(self) -> bool:
        """Whether another branch has its name now, and it is there for its children alone."""
        return _REPLACED.sub("", self.neon_branch.name) == self._written(NAME_KEY) != self.neon_branch.name

    @property
    def owner(self) -> str | None:
        return self._written(OWNER_KEY)

    @property
    def request_id(self) -> str | None:
        return self._written(REQUEST_ID_KEY)

    def find_foreign_reason(self, owner: str) -> str | None:
        """Why this is no branch of a project, in words; None where it is one."""
        if self.neon_branch.default or self.neon_branch.primary:
            return "it is the default branch"
        if self.neon_branch.protected:
            return "it is protected"
        if self.neon_branch.parent_id is None:
            return "it is a root branch"
        whose = self.owner
        if whose is None:
            return "Seedbed did not make it"
        if whose != owner:
            return f"the project {whose} made it"
        if self._written(NAME_KEY) != self.name or self.read_environment() is None:
            return "it was made under another name"
        return None

    def to_branch(self, endpoints: list[Endpoint]) -> Branch:
        return Branch(
            name=self.name,
            parent=self._written(PARENT_KEY) or "",
            environment=self.read_environment() or Environment.PRODUCTION,
            ready=self.is_ready,
            created_at=self.neon_branch.created_at,
            expires_at=self.neon_branch.expires_at,
            owner=self.owner or "",
            sealed=self.is_ready and not any(endpoint.branch_id == self.neon_branch.id for endpoint in endpoints),
        )

    def read_environment(self) -> Environment | None:
        """What Seedbed wrote that it is for."""
        try:
            return Environment(self._written(ENVIRONMENT_KEY) or "")
        except ValueError:
            return None

    def _written(self, key: str) -> str | None:
        value = self.annotation.value.get(key)
        return value if isinstance(value, str) else None


def format_unfinished_name(name: str) -> str:
    return name + _UNFINISHED


def format_replaced_name(name: str, number: str) -> str:
    return f"{name} [replaced {number}]"


MAX_NAME_LENGTH = 256 - len(format_replaced_name("", "123456"))
"""Of Neon's 256 characters, what is left for a name."""
