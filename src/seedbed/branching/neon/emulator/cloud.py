"""One Neon project as the emulator keeps it: its branches, their computes, and operations done one after another."""

import secrets
import threading
import time
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from queue import Queue

from seedbed.branching.neon.emulator.proxy import NoWay, Way
from seedbed.branching.neon.emulator.records import Branch, Endpoint, Operation, now
from seedbed.branching.neon.emulator.storage import Storage

ROLE, DATABASE = "neondb_owner", "neondb"
_FARTHEST = timedelta(days=30)
_TICK = 0.1


class Refusal(Exception):
    """A request refused as Neon refuses it."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(message)
        self.status, self.code, self.message = status, code, message


@dataclass
class Cloud:
    """State is kept in memory: it lives as long as the throw-away server whose databases it is about, and no longer."""

    storage: Storage
    project: str
    limit: int = 10
    root_limit: int = 3
    step: float = 0.05
    """Seconds that an operation takes to begin, and again to end."""
    asleep: int = 0
    """How many connections to a compute fail from now on, as while one wakes with difficulty."""
    branches: dict[str, Branch] = field(default_factory=dict)
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    operations: list[Operation] = field(default_factory=list)
    deleted: set[str] = field(default_factory=set)
    """Ids of branches and computes that were there: deleting them again is no error."""
    lock: threading.RLock = field(default_factory=threading.RLock)
    _queue: "Queue[Operation | None]" = field(default_factory=Queue)
    inner: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)

    @contextmanager
    def running(self) -> Iterator[None]:
        """Begin with a default branch `main`, and do operations for the length of a block."""
        self.storage.make_role(ROLE, self.inner)
        main = Branch(f"br-main-{secrets.token_hex(4)}", "main", None, self.project, default=True, state="ready")
        main.databases[DATABASE] = ROLE
        main.passwords[ROLE] = new_password()
        self.storage.make(main.place(DATABASE), ROLE)
        self.branches[main.id] = main
        endpoint = self._new_endpoint(main)
        endpoint.state = "active"
        threads = [threading.Thread(target=self._work), threading.Thread(target=self._expire)]
        for thread in threads:
            thread.start()
        try:
            yield
        finally:
            self._queue.put(None)
            for thread in threads:
                thread.join()

    def see_project(self, project: str) -> None:
        if project != self.project:
            raise Refusal(404, "", "project not found")

    def branch(self, branch_id: str) -> Branch:
        if branch_id not in self.branches:
            raise Refusal(404, "", "branch not found")
        return self.branches[branch_id]

    def endpoint(self, endpoint_id: str) -> Endpoint:
        if endpoint_id not in self.endpoints:
            raise Refusal(404, "", "endpoint not found")
        return self.endpoints[endpoint_id]

    def of_branch(self, branch_id: str) -> list[Endpoint]:
        return [endpoint for endpoint in self.endpoints.values() if endpoint.branch_id == branch_id]

    def children(self, branch_id: str) -> list[Branch]:
        return [branch for branch in self.branches.values() if branch.parent_id == branch_id]

    def see_idle(self) -> None:
        if any(operation.under_way for operation in self.operations):
            raise Refusal(
                423, "", "project already has running conflicting operations, scheduling of new ones is prohibited"
            )

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
    ) -> tuple[Branch, list[Endpoint], list[Operation]]:
        self.see_idle()
        parent = self.branch(parent_id) if parent_id else next(b for b in self.branches.values() if b.default)
        made_id = f"br-quiet-{secrets.token_hex(4)}"
        name = name or made_id
        self._see_name(name)
        if len(self.branches) >= self.limit:
            raise Refusal(422, "BRANCHES_LIMIT_EXCEEDED", "branches limit exceeded")
        if schema_only and sum(b.parent_id is None for b in self.branches.values()) >= self.root_limit:
            raise Refusal(422, "ROOT_BRANCHES_LIMIT_EXCEEDED", "root branches limit exceeded")
        if parent.expires_at is not None and not schema_only:
            raise Refusal(422, "", "cannot create a branch from a parent that has an expiration")
        see_expiry(expires_at)
        branch = Branch(
            made_id, name, None if schema_only else parent.id, self.project, protected=protected,
            init_source="schema-only" if schema_only else "parent-data", expires_at=expires_at, annotation=annotation,
            databases=dict(parent.databases),
            passwords={role: new_password() if parent.protected else known for role, known in parent.passwords.items()},
        )  # fmt: skip
        self.branches[branch.id] = branch

        def copy() -> None:
            for database, owner in branch.databases.items():
                self.storage.copy(parent.place(database), branch.place(database), owner, schema_only=schema_only)
            branch.state = "ready"

        operations = [self.begin("create_branch", copy, branch)]
        endpoints = [self._new_endpoint(branch, kind) for kind in types]
        operations += [self.start(endpoint) for endpoint in endpoints]
        return branch, endpoints, operations

    def restore(self, branch: Branch, source: Branch, preserve: str | None) -> list[Operation]:
        self.see_idle()
        if branch.protected:
            raise Refusal(422, "", "branch is protected")
        children = self.children(branch.id)
        if (children or source.id == branch.id) and not preserve:
            raise Refusal(422, "", "preserve_under_name is required: the branch has children or is its own source")
        kept: Branch | None = None
        if preserve:
            self._see_name(preserve)
            kept = Branch(
                f"br-kept-{secrets.token_hex(4)}", preserve, branch.parent_id, self.project, state="ready",
                databases=dict(branch.databases), passwords=dict(branch.passwords),
            )  # fmt: skip
            self.branches[kept.id] = kept
            for child in children:
                child.parent_id = kept.id
        branch.state = "resetting"
        origin = kept if kept is not None and source.id == branch.id else source

        def again() -> None:
            for database, owner in branch.databases.items():
                if kept is not None:
                    self.storage.end_sessions(branch.place(database))
                    self.storage.copy(branch.place(database), kept.place(database), owner)
                self.storage.drop(branch.place(database))
            branch.databases = dict(origin.databases)
            for database, owner in branch.databases.items():
                self.storage.copy(origin.place(database), branch.place(database), owner)
            branch.state, branch.last_reset_at = "ready", now()

        return [self.begin("create_branch", again, branch)]

    def update(
        self, branch: Branch, name: str | None, expiry: "datetime | bool | None", protected: bool | None
    ) -> list[Operation]:
        """`expiry` is False where it is not to be changed."""
        self.see_idle()
        if name is not None and name != branch.name:
            self._see_name(name)
        if not isinstance(expiry, bool):
            if expiry is not None and (branch.default or branch.protected or self.children(branch.id)):
                raise Refusal(422, "", "a default or protected branch, or one with children, cannot expire")
            see_expiry(expiry)
            branch.expires_at = expiry
        if protected is not None:
            branch.protected = protected
        branch.name = name or branch.name
        branch.updated_at = now()
        return []

    def delete(self, branch: Branch) -> list[Operation]:
        self.see_idle()
        if branch.default or branch.protected or (branch.parent_id is None and branch.init_source == "parent-data"):
            raise Refusal(422, "", "cannot delete the default, a protected or the root branch")
        if self.children(branch.id):
            raise Refusal(422, "", "cannot delete branch that has children")
        del self.branches[branch.id]
        self.deleted.add(branch.id)
        for endpoint in self.of_branch(branch.id):
            del self.endpoints[endpoint.id]
            self.deleted.add(endpoint.id)

        def drop() -> None:
            for database in branch.databases:
                self.storage.drop(branch.place(database))

        return [self.begin("delete_timeline", drop, branch)]

    def add_endpoint(self, branch: Branch, kind: str) -> tuple[Endpoint, list[Operation]]:
        self.see_idle()
        if kind == "read_write" and any(endpoint.type == kind for endpoint in self.of_branch(branch.id)):
            raise Refusal(409, "", "read_write endpoint already exists")
        endpoint = self._new_endpoint(branch, kind)
        return endpoint, [self.start(endpoint)]

    def remove_endpoint(self, endpoint: Endpoint) -> list[Operation]:
        operations = [self.suspend(endpoint)]
        del self.endpoints[endpoint.id]
        self.deleted.add(endpoint.id)
        return operations

    def start(self, endpoint: Endpoint) -> Operation:
        endpoint.state = "init" if endpoint.state == "init" else endpoint.state

        def wake() -> None:
            endpoint.state = "active"

        return self.begin("start_compute", wake, self.branches.get(endpoint.branch_id), endpoint)

    def suspend(self, endpoint: Endpoint) -> Operation:
        self.see_idle()
        branch = self.branch(endpoint.branch_id)

        def sleep() -> None:
            for database in branch.databases:
                self.storage.end_sessions(branch.place(database))
            endpoint.state = "idle"

        return self.begin("suspend_compute", sleep, branch, endpoint)

    def way(self, compute: str, database: str, role: str) -> Way:
        """Where a connection goes; a sleeping compute wakes by it."""
        with self.lock:
            endpoint = self.endpoints.get(compute)
            if endpoint is None:
                raise NoWay("XX000", "The requested endpoint could not be found, or you don't have access to it.")
            if self.asleep > 0:
                self.asleep -= 1
                raise NoWay("08006", "Couldn't connect to compute node")
            branch = self.branches[endpoint.branch_id]
            if role not in branch.passwords:
                raise NoWay("28P01", f"password authentication failed for user '{role}'")
            if branch.state != "ready" or endpoint.state == "init":
                raise NoWay("08006", "Couldn't connect to compute node: it is being made")
            sleeping = endpoint.state == "idle"
            endpoint.state = "active"
        if sleeping:
            time.sleep(self.step)
        return Way(branch.passwords[role], branch.place(database), self.inner)

    def _new_endpoint(self, branch: Branch, kind: str = "read_write") -> Endpoint:
        endpoint = Endpoint(f"ep-calm-{secrets.token_hex(4)}", branch.id, self.project, kind)
        self.endpoints[endpoint.id] = endpoint
        return endpoint

    def _see_name(self, name: str) -> None:
        if any(branch.name == name for branch in self.branches.values()):
            raise Refusal(409, "BRANCH_ALREADY_EXISTS", f'branch already exists; branch_name:"{name}"')

    def begin(
        self, action: str, work: Callable[[], None], branch: Branch | None, endpoint: Endpoint | None = None
    ) -> Operation:
        operation = Operation(
            action, self.project, branch.id if branch else None, endpoint.id if endpoint else None, work
        )
        self.operations.append(operation)
        self._queue.put(operation)
        return operation

    def _work(self) -> None:
        while (operation := self._queue.get()) is not None:
            time.sleep(self.step)
            operation.status = "running"
            try:
                operation.work()
                time.sleep(self.step)
                operation.status = "finished"
            except Exception as error:
                operation.status, operation.error = "failed", str(error)
        self._queue.put(None)

    def _expire(self) -> None:
        """Delete what has come to its end, once nothing else is under way."""
        while not (self._queue.qsize() and self._queue.queue[0] is None):
            time.sleep(_TICK)
            with self.lock:
                for branch in list(self.branches.values()):
                    over = branch.expires_at is not None and branch.expires_at <= now()
                    if over:
                        with suppress(Refusal):  # something is under way, or it may not be deleted after all
                            self.delete(branch)


def new_password() -> str:
    return f"npg_{secrets.token_hex(8)}"


def see_expiry(at: datetime | None) -> None:
    if at is not None and not now() < at <= now() + _FARTHEST:
        raise Refusal(400, "", "expires_at must be in the future, and at most 30 days away")
