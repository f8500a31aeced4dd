"""The computes of an emulated project, and the routes of connections to them."""

import secrets
import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field

from seedbed.branching.neon.emulator.branch_storage import BranchStorage
from seedbed.branching.neon.emulator.models import ApiError, EmulatedBranch, EmulatedEndpoint, EmulatedOperation
from seedbed.branching.neon.emulator.operation_queue import OperationQueue
from seedbed.branching.neon.emulator.sni_proxy import Route, RouteRejected

READ_WRITE = "read_write"


@dataclass
class Computes:
    storage: BranchStorage
    operations: OperationQueue
    branches: Mapping[str, EmulatedBranch]
    lock: threading.RLock
    asleep: int = 0
    """The number of connections that fail from now on, as while a compute wakes slowly."""
    endpoints: dict[str, EmulatedEndpoint] = field(default_factory=dict)
    deleted: set[str] = field(default_factory=set)
    """The ids of deleted computes: deleting them again is no error."""
    proxy_password: str = field(default_factory=lambda: secrets.token_hex(16), repr=False)
    """The password of every role on the server behind the proxy."""

    def get(self, endpoint_id: str) -> EmulatedEndpoint:
        if endpoint_id not in self.endpoints:
            raise ApiError(404, "", "endpoint not found")
        return self.endpoints[endpoint_id]

    def list_of_branch(self, branch_id: str) -> list[EmulatedEndpoint]:
        """The computes of a branch, the read-write one first."""
        endpoints = [endpoint for endpoint in self.endpoints.values() if endpoint.branch_id == branch_id]
        return sorted(endpoints, key=lambda endpoint: endpoint.type != READ_WRITE)

    def create(self, branch: EmulatedBranch, kind: str = READ_WRITE) -> EmulatedEndpoint:
        endpoint = EmulatedEndpoint(f"ep-calm-{secrets.token_hex(4)}", branch.id, branch.project, kind)
        self.endpoints[endpoint.id] = endpoint
        return endpoint

    def add(self, branch: EmulatedBranch, kind: str) -> tuple[EmulatedEndpoint, list[EmulatedOperation]]:
        self.operations.check_idle()
        if kind == READ_WRITE and any(endpoint.type == kind for endpoint in self.list_of_branch(branch.id)):
            raise ApiError(409, "", "read_write endpoint already exists")
        endpoint = self.create(branch, kind)
        return endpoint, [self.start(endpoint)]

    def remove(self, endpoint: EmulatedEndpoint) -> list[EmulatedOperation]:
        operations = [self.suspend(endpoint)]
        self.forget(endpoint)
        return operations

    def forget(self, endpoint: EmulatedEndpoint) -> None:
        del self.endpoints[endpoint.id]
        self.deleted.add(endpoint.id)

    def start(self, endpoint: EmulatedEndpoint) -> EmulatedOperation:
        def wake() -> None:
            endpoint.state = "active"

        return self.operations.schedule("start_compute", wake, self.branches.get(endpoint.branch_id), endpoint)

    def suspend(self, endpoint: EmulatedEndpoint) -> EmulatedOperation:
        self.operations.check_idle()
        branch = self.branches[endpoint.branch_id]

        def sleep() -> None:
            for database in branch.databases:
                self.storage.terminate_sessions(branch.get_database_name(database))
            endpoint.state = "idle"

        return self.operations.schedule("suspend_compute", sleep, branch, endpoint)

    def resolve_route(self, compute: str, database: str, role: str) -> Route:
        """The route of a connection, which wakes a suspended compute.

        Raises:
            RouteRejected: there is none, or the compute does not answer.
        """
        with self.lock:
            endpoint = self.endpoints.get(compute)
            if endpoint is None:
                raise RouteRejected(
                    "XX000", "The requested endpoint could not be found, or you don't have access to it."
                )
            if self.asleep > 0:
                self.asleep -= 1
                raise RouteRejected("08006", "Couldn't connect to compute node")
            branch = self.branches[endpoint.branch_id]
            if role not in branch.passwords:
                raise RouteRejected("28P01", f"password authentication failed for user '{role}'")
            if branch.state != "ready" or endpoint.state == "init":
                raise RouteRejected("08006", "Couldn't connect to compute node: it is being made")
            is_suspended = endpoint.state == "idle"
            endpoint.state = "active"
            route = Route(
                branch.passwords[role],
                branch.get_database_name(database),
                self.proxy_password,
                endpoint.type != READ_WRITE,
            )
        if is_suspended:
            time.sleep(self.operations.step)
        return route
