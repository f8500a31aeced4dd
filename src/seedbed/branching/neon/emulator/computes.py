"""The computes of an emulated project: made, started, put to sleep, and found by whoever connects."""

import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from seedbed.branching.neon.emulator.branch_storage import Storage
from seedbed.branching.neon.emulator.models import Branch, Endpoint, Operation, Refusal
from seedbed.branching.neon.emulator.operation_queue import Operations
from seedbed.branching.neon.emulator.sni_proxy import NoWay, Way

READ_WRITE = "read_write"


@dataclass
class Computes:
    storage: Storage
    operations: Operations
    branches: Mapping[str, Branch]
    lock: threading.RLock
    asleep: int = 0
    """How many connections to a compute fail from now on, as while one wakes with difficulty."""
    endpoints: dict[str, Endpoint] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    """Those that were there: deleting them again is no error."""
    inner: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    """The password that every role has behind the proxy."""

    def get(self, endpoint_id: str) -> Endpoint:
        if endpoint_id not in self.endpoints:
            raise Refusal(404, "", "endpoint not found")
        return self.endpoints[endpoint_id]

    def of_branch(self, branch_id: str) -> list[Endpoint]:
        """Those of a branch, the one to write by first."""
        found = [endpoint for endpoint in self.endpoints.values() if endpoint.branch_id == branch_id]
        return sorted(found, key=lambda endpoint: endpoint.type != READ_WRITE)

    def make(self, branch: Branch, kind: str = READ_WRITE) -> Endpoint:
        endpoint = Endpoint(f"ep-calm-{secrets.token_hex(4)}", branch.id, branch.project, kind)
        self.endpoints[endpoint.id] = endpoint
        return endpoint

    def add(self, branch: Branch, kind: str) -> tuple[Endpoint, list[Operation]]:
        self.operations.see_idle()
        if kind == READ_WRITE and any(endpoint.type == kind for endpoint in self.of_branch(branch.id)):
            raise Refusal(409, "", "read_write endpoint already exists")
        endpoint = self.make(branch, kind)
        return endpoint, [self.start(endpoint)]

    def remove(self, endpoint: Endpoint) -> list[Operation]:
        operations = [self.suspend(endpoint)]
        self.forget(endpoint)
        return operations

    def forget(self, endpoint: Endpoint) -> None:
        del self.endpoints[endpoint.id]
        self.deleted.add(endpoint.id)

    def start(self, endpoint: Endpoint) -> Operation:
        def wake() -> None:
            endpoint.state = "active"

        return self.operations.begin("start_compute", wake, self.branches.get(endpoint.branch_id), endpoint)

    def suspend(self, endpoint: Endpoint) -> Operation:
        self.operations.see_idle()
        branch = self.branches[endpoint.branch_id]

        def sleep() -> None:
            for database in branch.databases:
                self.storage.end_sessions(branch.place(database))
            endpoint.state = "idle"

        return self.operations.begin("suspend_compute", sleep, branch, endpoint)

    def way(self, compute: str, database: str, role: str) -> Way:
        """Where a connection goes; a sleeping compute wakes by it.

        Raises:
            NoWay: there is none, or not now.
        """
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
            found = Way(branch.passwords[role], branch.place(database), self.inner, endpoint.type != READ_WRITE)
        if sleeping:
            time.sleep(self.operations.step)
        return found
