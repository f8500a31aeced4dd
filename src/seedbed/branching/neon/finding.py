"""Which of Neon's branches are a project's own, and what is written on them."""

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
        whose = self._written(OWNER)
        if whose is None:
            return "Seedbed did not make it"
        if whose != owner:
            return f"the project {whose} made it"
        if self._written(NAME) != self.name or self._environment() is None:
            return "it was made under another name"
        return None

    def branch(self, endpoints: list[Endpoint]) -> Branch:
        return Branch(
            name=self.name,
            parent=self._written(PARENT) or "",
            environment=self._environment() or Environment.PRODUCTION,
            ready=self.ready,
            created_at=self.neon.created_at,
            expires_at=self.neon.expires_at,
            owner=self._written(OWNER) or "",
            sealed=self.ready and not any(endpoint.branch_id == self.neon.id for endpoint in endpoints),
        )

    def _environment(self) -> Environment | None:
        try:
            return Environment(self._written(ENVIRONMENT) or "")
        except ValueError:
            return None

    def _written(self, key: str) -> str | None:
        value = self.annotation.value.get(key)
        return value if isinstance(value, str) else None


def unfinished(name: str) -> str:
    return name + _UNFINISHED


LONGEST = 256 - len(_UNFINISHED)
"""Of Neon's 256 characters, what is left for a name."""
