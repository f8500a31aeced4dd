"""Which of Neon's branches are a project's own, and what is written on them."""

import re
from dataclasses import dataclass

from seedbed.branching.neon.models import Annotation, Endpoint, NeonBranch
from seedbed.branching.protocol import Branch
from seedbed.settings import Environment

OWNER, NAME, PARENT, ENVIRONMENT, CALL = (
    "seedbed-owner", "seedbed-branch", "seedbed-parent", "seedbed-environment", "seedbed-call"
)  # fmt: skip
_UNFINISHED = " [preparing]"
"""Annotations cannot be changed once a branch is made, and its mark is only read by waking its compute: so a branch
has its own name from when it is ready, and until then this after it, for whoever looks at Neon's console."""
_REPLACED = re.compile(r" \[replaced [0-9a-f]{6}\]$")


@dataclass(frozen=True)
class Found:
    """A branch of Neon's, with what Seedbed wrote on it."""

    neon: NeonBranch
    annotation: Annotation

    @property
    def name(self) -> str:
        return self.neon.name.removesuffix(_UNFINISHED)

    @property
    def ready(self) -> bool:
        return not self.neon.name.endswith(_UNFINISHED)

    @property
    def replaced(self) -> bool:
        """Whether another branch has its name now, and it is there for its children alone."""
        return _REPLACED.sub("", self.neon.name) == self._written(NAME) != self.neon.name

    @property
    def owner(self) -> str | None:
        return self._written(OWNER)

    @property
    def call(self) -> str | None:
        return self._written(CALL)

    def stranger(self, owner: str) -> str | None:
        """Why this is no branch of a project, in words; None where it is one."""
        if self.neon.default or self.neon.primary:
            return "it is the default branch"
        if self.neon.protected:
            return "it is protected"
        if self.neon.parent_id is None:
            return "it is a root branch"
        whose = self.owner
        if whose is None:
            return "Seedbed did not make it"
        if whose != owner:
            return f"the project {whose} made it"
        if self._written(NAME) != self.name or self.environment() is None:
            return "it was made under another name"
        return None

    def branch(self, endpoints: list[Endpoint]) -> Branch:
        return Branch(
            name=self.name,
            parent=self._written(PARENT) or "",
            environment=self.environment() or Environment.PRODUCTION,
            ready=self.ready,
            created_at=self.neon.created_at,
            expires_at=self.neon.expires_at,
            owner=self.owner or "",
            sealed=self.ready and not any(endpoint.branch_id == self.neon.id for endpoint in endpoints),
        )

    def environment(self) -> Environment | None:
        """What Seedbed wrote that it is for."""
        try:
            return Environment(self._written(ENVIRONMENT) or "")
        except ValueError:
            return None

    def _written(self, key: str) -> str | None:
        value = self.annotation.value.get(key)
        return value if isinstance(value, str) else None


def unfinished(name: str) -> str:
    return name + _UNFINISHED


def replaced(name: str, number: str) -> str:
    return f"{name} [replaced {number}]"


LONGEST = 256 - len(replaced("", "123456"))
"""Of Neon's 256 characters, what is left for a name."""
