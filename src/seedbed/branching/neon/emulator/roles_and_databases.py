"""The roles and the databases of an emulated branch, which are kept, made and removed in one way."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

from seedbed.branching.neon.emulator.models import Branch, Json, Operation, Refusal
from seedbed.branching.neon.emulator.project import Cloud, new_password


@dataclass(frozen=True)
class Contents(ABC):
    """What a branch has several of, each by a name; `kind` is what Neon calls one."""

    cloud: Cloud
    kind: ClassVar[str]

    @abstractmethod
    def names(self, branch: Branch) -> Iterable[str]: ...

    @abstractmethod
    def json(self, branch: Branch, name: str) -> Json: ...

    @abstractmethod
    def _dropped(self, branch: Branch, name: str) -> Callable[[], None]:
        """Take it out of what is known of the branch; what is left to do is returned."""

    def branch(self, branch_id: str, name: str) -> Branch:
        """A branch that has the one of that name."""
        branch = self.cloud.branch(branch_id)
        if name not in self.names(branch):
            raise Refusal(404, "", f"{self.kind} not found")
        return branch

    def remove(self, branch: Branch, name: str) -> list[Operation]:
        self.cloud.operations.see_idle()
        return [self.begin(branch, self._dropped(branch, name))]

    def see_new(self, branch: Branch, name: str) -> None:
        self.cloud.operations.see_idle()
        if name in self.names(branch):
            raise Refusal(409, "", f"{self.kind} already exists")

    def begin(self, branch: Branch, work: Callable[[], None]) -> Operation:
        return self.cloud.operations.begin("apply_config", work, branch)


@dataclass(frozen=True)
class Databases(Contents):
    kind = "database"

    def names(self, branch: Branch) -> Iterable[str]:
        return branch.databases

    def json(self, branch: Branch, name: str) -> Json:
        return branch.database_json(name)

    def add(self, branch: Branch, name: str, owner: str) -> list[Operation]:
        self.see_new(branch, name)
        if owner not in branch.passwords:
            raise Refusal(404, "", "role not found")
        branch.databases[name] = owner
        return [self.begin(branch, lambda: self.cloud.storage.make(branch.place(name), owner))]

    def _dropped(self, branch: Branch, name: str) -> Callable[[], None]:
        del branch.databases[name]
        return lambda: self.cloud.storage.drop(branch.place(name))


@dataclass(frozen=True)
class Roles(Contents):
    kind = "role"

    def names(self, branch: Branch) -> Iterable[str]:
        return branch.passwords

    def json(self, branch: Branch, name: str) -> Json:
        return branch.role_json(name)

    def add(self, branch: Branch, name: str) -> list[Operation]:
        self.see_new(branch, name)
        branch.passwords[name] = new_password()
        return [self.begin(branch, lambda: self.cloud.storage.make_role(name, self.cloud.computes.inner))]

    def renew_password(self, branch: Branch, name: str) -> list[Operation]:
        self.cloud.operations.see_idle()
        branch.passwords[name] = new_password()
        return [self.begin(branch, _nothing)]

    def _dropped(self, branch: Branch, name: str) -> Callable[[], None]:
        """The role itself is every branch's, and stays; nobody gets to this branch by it any more."""
        if name in branch.databases.values():
            raise Refusal(422, "", "role owns a database")
        del branch.passwords[name]
        return _nothing


def _nothing() -> None:
    pass
