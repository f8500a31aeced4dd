"""The routes of Neon's API for a branch's roles, databases, schemas and connection URIs."""

import difflib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

from fastapi import FastAPI

from seedbed.branching.neon.emulator.api.request_models import CreateDatabase, CreateRole
from seedbed.branching.neon.emulator.models import ApiError, EmulatedBranch, EmulatedEndpoint, EmulatedOperation, Json
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


def add_inside(app: FastAPI, base: str, cloud: EmulatedProject, guard: Any) -> None:
    roles, databases = Roles(cloud), Databases(cloud)
    _common(app, f"{base}/branches/{{branch_id}}/roles", roles, guard)
    _common(app, f"{base}/branches/{{branch_id}}/databases", databases, guard)
    _roles(app, f"{base}/branches/{{branch_id}}/roles", roles, guard)
    _databases(app, f"{base}/branches/{{branch_id}}/databases", databases, guard)

    @app.get(f"{base}/connection_uri", dependencies=guard)
    def connection_uri(
        project: str,
        database_name: str,
        role_name: str,
        branch_id: str = "",
        endpoint_id: str = "",
        pooled: bool = False,
    ) -> Json:
        cloud.check_project(project)
        with cloud.lock:
            of_endpoint = cloud.computes.get(endpoint_id).branch_id if endpoint_id else cloud.default.id
            branch = cloud.get_branch(branch_id or of_endpoint)
            wanted = [e for e in cloud.computes.list_of_branch(branch.id) if endpoint_id in {"", e.id}]
            if not wanted or database_name not in branch.databases or role_name not in branch.passwords:
                raise ApiError(404, "", "there is no such endpoint, database or role on the branch")
            return {"uri": uri(branch, wanted[0], database_name, role_name, pooled=pooled)}

    @app.get(f"{base}/branches/{{branch_id}}/schema", dependencies=guard)
    def schema(project: str, branch_id: str, db_name: str, lsn: str = "", timestamp: str = "") -> Json:
        cloud.check_project(project)
        if lsn or timestamp:
            raise ApiError(422, "", "the emulator keeps no history")
        return {"sql": _schema(cloud, branch_id, db_name)}

    @app.get(f"{base}/branches/{{branch_id}}/compare_schema", dependencies=guard)
    def compare(project: str, branch_id: str, db_name: str, base_branch_id: str = "") -> Json:
        cloud.check_project(project)
        with cloud.lock:
            other = base_branch_id or cloud.get_branch(branch_id).parent_id or branch_id
        before, after = (_schema(cloud, which, db_name).splitlines(keepends=True) for which in (other, branch_id))
        return {"diff": "".join(difflib.unified_diff(before, after, f"a/{db_name}", f"b/{db_name}"))}


def _common(app: FastAPI, base: str, contents: Roles | Databases, guard: Any) -> None:
    """Add the routes that roles and databases share."""
    cloud, kind = contents.cloud, contents.kind

    @app.get(base, dependencies=guard)
    def every(project: str, branch_id: str) -> Json:
        cloud.check_project(project)
        with cloud.lock:
            branch = cloud.get_branch(branch_id)
            return {f"{kind}s": [contents.json(branch, name) for name in contents.names(branch)]}

    @app.get(f"{base}/{{name}}", dependencies=guard)
    def get(project: str, branch_id: str, name: str) -> Json:
        cloud.check_project(project)
        with cloud.lock:
            return {kind: contents.json(contents.branch(branch_id, name), name)}

    @app.delete(f"{base}/{{name}}", dependencies=guard)
    def delete(project: str, branch_id: str, name: str) -> Json:
        cloud.check_project(project)
        with cloud.lock:
            branch = contents.branch(branch_id, name)
            facts = contents.json(branch, name)
            return _done(kind, facts, contents.remove(branch, name))


def _databases(app: FastAPI, base: str, databases: Databases, guard: Any) -> None:
    cloud = databases.cloud

    @app.post(base, dependencies=guard, status_code=201)
    def create(project: str, branch_id: str, given: CreateDatabase) -> Json:
        cloud.check_project(project)
        wanted = given.database
        with cloud.lock:
            branch = cloud.get_branch(branch_id)
            done = databases.add(branch, wanted.name, wanted.owner_name)
            return _done("database", databases.json(branch, wanted.name), done)


def _roles(app: FastAPI, base: str, roles: Roles, guard: Any) -> None:
    cloud = roles.cloud

    @app.post(base, dependencies=guard, status_code=201)
    def create(project: str, branch_id: str, given: CreateRole) -> Json:
        cloud.check_project(project)
        with cloud.lock:
            branch = cloud.get_branch(branch_id)
            done = roles.add(branch, given.role.name)
            return _done("role", roles.json(branch, given.role.name), done)

    @app.get(f"{base}/{{name}}/reveal_password", dependencies=guard)
    def reveal(project: str, branch_id: str, name: str) -> Json:
        cloud.check_project(project)
        with cloud.lock:
            return {"password": roles.branch(branch_id, name).passwords[name]}

    @app.post(f"{base}/{{name}}/reset_password", dependencies=guard)
    def renew(project: str, branch_id: str, name: str) -> Json:
        cloud.check_project(project)
        with cloud.lock:
            branch = roles.branch(branch_id, name)
            done = roles.renew_password(branch, name)
            return _done("role", {**roles.json(branch, name), "password": branch.passwords[name]}, done)


def _done(kind: str, facts: Json, operations: list[EmulatedOperation]) -> Json:
    return {kind: facts, "operations": [operation.to_json() for operation in operations]}


def _schema(cloud: EmulatedProject, branch_id: str, database: str) -> str:
    with cloud.lock:
        branch = Databases(cloud).branch(branch_id, database)
        if branch.state != "ready":
            raise ApiError(423, "", "the branch is not ready")
        place = branch.get_database_name(database)
    return cloud.storage.dump_database(place)


def uri(branch: EmulatedBranch, endpoint: EmulatedEndpoint, database: str, role: str, *, pooled: bool) -> str:
    host = endpoint.pooler_host if pooled else endpoint.host
    name, user, password = (quote(text, safe="") for text in (database, role, branch.passwords[role]))
    return f"postgresql://{user}:{password}@{host}/{name}?sslmode=require&channel_binding=require"
