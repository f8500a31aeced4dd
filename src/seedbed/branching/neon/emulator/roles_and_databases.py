"""The roles and databases of an emulated branch."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import ClassVar

from seedbed.branching.neon.emulator.models import ApiError, EmulatedBranch, EmulatedOperation, Json
from seedbed.branching.neon.emulator.project import EmulatedProject, generate_password


@dataclass(frozen=True)
class NamedObjects(ABC):
    """The named objects of one type in a branch; `kind` is Neon's word for the type."""

    cloud: EmulatedProject
    kind: ClassVar[str]

    @abstractmethod
    def names(self, branch: EmulatedBranch) -> Iterable[str]: ...

    @abstractmethod
    def json(self, branch: EmulatedBranch, name: str) -> Json: ...

    @abstractmethod
    def _drop(self, branch: EmulatedBranch, name: str) -> Callable[[], None]:
        """Remove the object from the branch's state; returns the work that is left for the server."""

    def branch(self, branch_id: str, name: str) -> EmulatedBranch:
        """The branch, which must have an object of that name."""
        branch = self.cloud.get_branch(branch_id)
        if name not in self.names(branch):
            raise ApiError(404, "", f"{self.kind} not found")
        return branch

    def remove(self, branch: EmulatedBranch, name: str) -> list[EmulatedOperation]:
        self.cloud.operations.check_idle()
        return [self.schedule(branch, self._drop(branch, name))]

    def check_new(self, branch: EmulatedBranch, name: str) -> None:
        self.cloud.operations.check_idle()
        if name in self.names(branch):
            raise ApiError(409, "", f"{self.kind} already exists")

    def schedule(self, branch: EmulatedBranch, work: Callable[[], None]) -> EmulatedOperation:
        return self.cloud.operations.schedule("apply_config", work, branch)


@dataclass(frozen=True)
class Databases(NamedObjects):
    kind = "database"

    def names(self, branch: EmulatedBranch) -> Iterable[str]:
        return branch.databases

    def json(self, branch: EmulatedBranch, name: str) -> Json:
        return branch.database_json(name)

    def add(self, branch: EmulatedBranch, name: str, owner: str) -> list[EmulatedOperation]:
        self.check_new(branch, name)
        if owner not in branch.passwords:
            raise ApiError(404, "", "role not found")
        branch.databases[name] = owner
        return [
            self.schedule(branch, lambda: self.cloud.storage.create_database(branch.get_database_name(name), owner))
        ]

    def _drop(self, branch: EmulatedBranch, name: str) -> Callable[[], None]:
        del branch.databases[name]
        return lambda: self.cloud.storage.drop_database(branch.get_database_name(name))


@dataclass(frozen=True)
class Roles(NamedObjects):
    kind = "role"

    def names(self, branch: EmulatedBranch) -> Iterable[str]:
        return branch.passwords

    def json(self, branch: EmulatedBranch, name: str) -> Json:
        return branch.role_json(name)

    def add(self, branch: EmulatedBranch, name: str) -> list[EmulatedOperation]:
        self.check_new(branch, name)
        branch.passwords[name] = generate_password()
        return [self.schedule(branch, lambda: self.cloud.storage.create_role(name, self.cloud.computes.proxy_password))]

    def renew_password(self, branch: EmulatedBranch, name: str) -> list[EmulatedOperation]:
        self.cloud.operations.check_idle()
        branch.passwords[name] = generate_password()
        return [self.schedule(branch, _do_nothing)]

    def _drop(self, branch: EmulatedBranch, name: str) -> Callable[[], None]:
        """Remove the role from this branch only: all branches share the server's role."""
        if name in branch.databases.values():
            raise ApiError(422, "", "role owns a database")
        del branch.passwords[name]
        return _do_nothing


def _do_nothing() -> None:
    pass
