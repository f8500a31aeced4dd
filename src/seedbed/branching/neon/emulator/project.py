"""An emulated Neon project: its branches, and the rules by which they are created, restored and deleted."""

import secrets
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from seedbed.branching.neon.emulator.branch_storage import BranchStorage
from seedbed.branching.neon.emulator.computes import Computes
from seedbed.branching.neon.emulator.models import (
    ApiError,
    EmulatedBranch,
    EmulatedEndpoint,
    EmulatedOperation,
    get_current_time,
)
from seedbed.branching.neon.emulator.operation_queue import OperationQueue

ROLE, DATABASE = "neondb_owner", "neondb"
_MAX_LIFETIME = timedelta(days=30)
_TICK_SECONDS = 0.1


@dataclass
class EmulatedProject:
    """The state of the project, in memory as long as its temporary server runs. Readers and writers hold the lock."""

    storage: BranchStorage
    operations: OperationQueue
    limit: int = 10
    root_limit: int = 3
    branches: dict[str, EmulatedBranch] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    """The ids of deleted branches: deleting them again is no error."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    computes: Computes = field(init=False)

    def __post_init__(self) -> None:
        self.computes = Computes(self.storage, self.operations, self.branches, self.lock)

    @property
    def project(self) -> str:
        return self.operations.project

    @contextmanager
    def running(self) -> Iterator[None]:
        """Create the default branch `main`, and run operations for the length of a block."""
        self.storage.create_role(ROLE, self.computes.proxy_password)
        main = EmulatedBranch(
            f"br-main-{secrets.token_hex(4)}", "main", None, self.project, default=True, state="ready"
        )
        main.databases[DATABASE] = ROLE
        main.passwords[ROLE] = generate_password()
        self.storage.create_database(main.get_database_name(DATABASE), ROLE)
        self.branches[main.id] = main
        self.computes.create(main).state = "active"
        expiring = threading.Thread(target=self._expire, name="seedbed-emulator-expiry")
        with self.operations.running():
            expiring.start()
            yield
        expiring.join()

    @property
    def default(self) -> EmulatedBranch:
        return next(branch for branch in self.branches.values() if branch.default)

    def check_project(self, project: str) -> None:
        if project != self.project:
            raise ApiError(404, "", "project not found")

    def get_branch(self, branch_id: str) -> EmulatedBranch:
        if branch_id not in self.branches:
            raise ApiError(404, "", "branch not found")
        return self.branches[branch_id]

    def find_children(self, branch_id: str) -> list[EmulatedBranch]:
        return [branch for branch in self.branches.values() if branch.parent_id == branch_id]

    def create(
        self,
        name: str | None,
        parent_id: str | None,
        types: Iterable[str],
        *,
        schema_only: bool = False,
        expires_at: datetime | None = None,
        protected: bool = False,
        annotation: dict[str, str] | None = None,
    ) -> tuple[EmulatedBranch, list[EmulatedEndpoint], list[EmulatedOperation]]:
        self.operations.check_idle()
        parent = self.get_branch(parent_id) if parent_id else self.default
        branch_id = f"br-quiet-{secrets.token_hex(4)}"
        name = name or branch_id
        self._check_name(name)
        self._check_limit()
        if schema_only and sum(b.parent_id is None for b in self.branches.values()) >= self.root_limit:
            raise ApiError(422, "ROOT_BRANCHES_LIMIT_EXCEEDED", "root branches limit exceeded")
        if parent.expires_at is not None and not schema_only:
            raise ApiError(422, "", "cannot create a branch from a parent that has an expiration")
        check_expiry(expires_at)
        if protected and expires_at is not None:
            raise ApiError(422, "", "a protected branch cannot expire")
        branch = EmulatedBranch(
            branch_id, name, None if schema_only else parent.id, self.project, protected=protected,
            init_source="schema-only" if schema_only else "parent-data", expires_at=expires_at, annotation=annotation,
            databases=dict(parent.databases),
            passwords={
                role: generate_password() if parent.protected else password
                for role, password in parent.passwords.items()
            },
        )  # fmt: skip
        self.branches[branch.id] = branch

        def copy() -> None:
            for database, owner in branch.databases.items():
                self.storage.copy_database(
                    parent.get_database_name(database),
                    branch.get_database_name(database),
                    owner,
                    schema_only=schema_only,
                )
            branch.state = "ready"

        operations = [self.operations.schedule("create_branch", copy, branch)]
        endpoints = [self.computes.create(branch, kind) for kind in types]
        operations += [self.computes.start(endpoint) for endpoint in endpoints]
        return branch, endpoints, operations

    def restore(self, branch: EmulatedBranch, source: EmulatedBranch, preserve: str | None) -> list[EmulatedOperation]:
        self.operations.check_idle()
        if branch.protected:
            raise ApiError(422, "", "branch is protected")
        children = self.find_children(branch.id)
        if (children or source.id == branch.id) and not preserve:
            raise ApiError(422, "", "preserve_under_name is required: the branch has children or is its own source")
        kept: EmulatedBranch | None = None
        if preserve:
            self._check_name(preserve)
            self._check_limit()
            kept = EmulatedBranch(
                f"br-kept-{secrets.token_hex(4)}", preserve, branch.parent_id, self.project, state="ready",
                databases=dict(branch.databases), passwords=dict(branch.passwords),
            )  # fmt: skip
            self.branches[kept.id] = kept
            for child in children:
                child.parent_id = kept.id
        branch.state, branch.updated_at = "resetting", get_current_time()
        origin = kept if kept is not None and source.id == branch.id else source

        def restore_databases() -> None:
            for database, owner in branch.databases.items():
                if kept is not None:
                    self.storage.terminate_sessions(branch.get_database_name(database))
                    self.storage.copy_database(
                        branch.get_database_name(database), kept.get_database_name(database), owner
                    )
                self.storage.drop_database(branch.get_database_name(database))
            branch.databases = dict(origin.databases)
            for database, owner in branch.databases.items():
                self.storage.copy_database(
                    origin.get_database_name(database), branch.get_database_name(database), owner
                )
            branch.state, branch.last_reset_at = "ready", get_current_time()

        return [self.operations.schedule("create_branch", restore_databases, branch)]

    def update(
        self, branch: EmulatedBranch, name: str | None, expiry: datetime | None, protected: bool | None
    ) -> list[EmulatedOperation]:
        self.operations.check_idle()
        if name is not None and name != branch.name:
            self._check_name(name)
        protected = branch.protected if protected is None else protected
        if expiry is not None and (branch.default or protected or self.find_children(branch.id)):
            raise ApiError(422, "", "a default or protected branch, or one with children, cannot expire")
        if expiry != branch.expires_at:
            check_expiry(expiry)
        branch.name, branch.expires_at, branch.protected = name or branch.name, expiry, protected
        branch.updated_at = get_current_time()
        return []

    def delete(self, branch: EmulatedBranch) -> list[EmulatedOperation]:
        self.operations.check_idle()
        if branch.default or branch.protected or (branch.parent_id is None and branch.init_source == "parent-data"):
            raise ApiError(422, "", "cannot delete the default, a protected or the root branch")
        if self.find_children(branch.id):
            raise ApiError(422, "", "cannot delete branch that has children")
        del self.branches[branch.id]
        self.deleted.add(branch.id)
        for endpoint in self.computes.list_of_branch(branch.id):
            self.computes.forget(endpoint)

        def drop() -> None:
            for database in branch.databases:
                self.storage.drop_database(branch.get_database_name(database))

        return [self.operations.schedule("delete_timeline", drop, branch)]

    def _check_limit(self) -> None:
        if len(self.branches) >= self.limit:
            raise ApiError(422, "BRANCHES_LIMIT_EXCEEDED", "branches limit exceeded")

    def _check_name(self, name: str) -> None:
        if any(branch.name == name for branch in self.branches.values()):
            raise ApiError(409, "BRANCH_ALREADY_EXISTS", f'branch already exists; branch_name:"{name}"')

    def _expire(self) -> None:
        """Delete expired branches, once no operation is running."""
        while not self.operations.stopped.wait(_TICK_SECONDS):
            with self.lock:
                for branch in list(self.branches.values()):
                    if branch.expires_at is not None and branch.expires_at <= get_current_time():
                        with suppress(ApiError):  # an operation is running, or the branch may not be deleted
                            self.delete(branch)


def generate_password() -> str:
    return f"npg_{secrets.token_hex(8)}"


def check_expiry(at: datetime | None) -> None:
    if at is not None and not get_current_time() < at <= get_current_time() + _MAX_LIFETIME:
        raise ApiError(400, "", "expires_at must be in the future, and at most 30 days away")
