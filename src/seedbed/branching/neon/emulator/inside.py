"""What Neon's API says of the inside of a branch: its roles, its databases, their schemas and the ways to them."""

import difflib
from typing import Annotated, Any
from urllib.parse import quote

from fastapi import Body, FastAPI

from seedbed.branching.neon.emulator import contents
from seedbed.branching.neon.emulator.cloud import Cloud, Refusal
from seedbed.branching.neon.emulator.records import Branch, Endpoint, Json, Operation

Given = Annotated[Json, Body()]
MaybeGiven = Annotated[Json | None, Body()]


def add_inside(app: FastAPI, base: str, cloud: Cloud, guard: Any) -> None:
    _roles(app, f"{base}/branches/{{branch_id}}/roles", cloud, guard)
    _databases(app, f"{base}/branches/{{branch_id}}/databases", cloud, guard)

    @app.get(f"{base}/connection_uri", dependencies=guard)
    def connection_uri(
        project: str,
        database_name: str,
        role_name: str,
        branch_id: str = "",
        endpoint_id: str = "",
        pooled: bool = False,
    ) -> Json:
        cloud.see_project(project)
        with cloud.lock:
            default = next(b for b in cloud.branches.values() if b.default)
            branch = cloud.branch(branch_id or (cloud.endpoint(endpoint_id).branch_id if endpoint_id else default.id))
            wanted = [e for e in cloud.of_branch(branch.id) if endpoint_id in {"", e.id}]
            if not wanted or database_name not in branch.databases or role_name not in branch.passwords:
                raise Refusal(404, "", "there is no such endpoint, database or role on the branch")
            return {"uri": uri(branch, wanted[0], database_name, role_name, pooled=pooled)}

    @app.get(f"{base}/branches/{{branch_id}}/schema", dependencies=guard)
    def schema(project: str, branch_id: str, db_name: str, lsn: str = "", timestamp: str = "") -> Json:
        cloud.see_project(project)
        see_now({"lsn": lsn, "timestamp": timestamp}, "lsn", "timestamp")
        return {"sql": _schema(cloud, branch_id, db_name)}

    @app.get(f"{base}/branches/{{branch_id}}/compare_schema", dependencies=guard)
    def compare(project: str, branch_id: str, db_name: str, base_branch_id: str = "") -> Json:
        cloud.see_project(project)
        other = base_branch_id or cloud.branch(branch_id).parent_id or branch_id
        before, after = (_schema(cloud, which, db_name).splitlines(keepends=True) for which in (other, branch_id))
        return {"diff": "".join(difflib.unified_diff(before, after, f"a/{db_name}", f"b/{db_name}"))}


def _roles(app: FastAPI, base: str, cloud: Cloud, guard: Any) -> None:
    def said(branch: Branch, role: str, operations: list[Operation]) -> Json:
        return {"role": branch.role_json(role), "operations": [operation.json() for operation in operations]}

    def known(project: str, branch_id: str, role: str) -> Branch:
        cloud.see_project(project)
        branch = cloud.branch(branch_id)
        if role not in branch.passwords:
            raise Refusal(404, "", "role not found")
        return branch

    @app.get(base, dependencies=guard)
    def roles(project: str, branch_id: str) -> Json:
        cloud.see_project(project)
        with cloud.lock:
            branch = cloud.branch(branch_id)
            return {"roles": [branch.role_json(name) for name in branch.passwords]}

    @app.post(base, dependencies=guard, status_code=201)
    def create(project: str, branch_id: str, given: Given) -> Json:
        cloud.see_project(project)
        name = str((given.get("role") or {}).get("name"))
        with cloud.lock:
            branch = cloud.branch(branch_id)
            return said(branch, name, contents.add_role(cloud, branch, name))

    @app.get(f"{base}/{{role}}", dependencies=guard)
    def get(project: str, branch_id: str, role: str) -> Json:
        with cloud.lock:
            return {"role": known(project, branch_id, role).role_json(role)}

    @app.get(f"{base}/{{role}}/reveal_password", dependencies=guard)
    def reveal(project: str, branch_id: str, role: str) -> Json:
        with cloud.lock:
            return {"password": known(project, branch_id, role).passwords[role]}

    @app.post(f"{base}/{{role}}/reset_password", dependencies=guard)
    def renew(project: str, branch_id: str, role: str) -> Json:
        with cloud.lock:
            branch = known(project, branch_id, role)
            done = said(branch, role, contents.renew_password(cloud, branch, role))
            done["role"]["password"] = branch.passwords[role]
            return done

    @app.delete(f"{base}/{{role}}", dependencies=guard)
    def delete(project: str, branch_id: str, role: str) -> Json:
        with cloud.lock:
            branch = known(project, branch_id, role)
            facts = branch.role_json(role)
            return {**said(branch, role, contents.remove_role(cloud, branch, role)), "role": facts}


def _databases(app: FastAPI, base: str, cloud: Cloud, guard: Any) -> None:
    def known(project: str, branch_id: str, database: str) -> Branch:
        cloud.see_project(project)
        branch = cloud.branch(branch_id)
        if database not in branch.databases:
            raise Refusal(404, "", "database not found")
        return branch

    @app.get(base, dependencies=guard)
    def databases(project: str, branch_id: str) -> Json:
        cloud.see_project(project)
        with cloud.lock:
            branch = cloud.branch(branch_id)
            return {"databases": [branch.database_json(name) for name in branch.databases]}

    @app.post(base, dependencies=guard, status_code=201)
    def create(project: str, branch_id: str, given: Given) -> Json:
        cloud.see_project(project)
        wanted = given.get("database") or {}
        with cloud.lock:
            branch = cloud.branch(branch_id)
            done = contents.add_database(cloud, branch, str(wanted.get("name")), str(wanted.get("owner_name")))
            database = branch.database_json(str(wanted.get("name")))
        return {"database": database, "operations": [operation.json() for operation in done]}

    @app.get(f"{base}/{{database}}", dependencies=guard)
    def get(project: str, branch_id: str, database: str) -> Json:
        with cloud.lock:
            return {"database": known(project, branch_id, database).database_json(database)}

    @app.delete(f"{base}/{{database}}", dependencies=guard)
    def delete(project: str, branch_id: str, database: str) -> Json:
        with cloud.lock:
            branch = known(project, branch_id, database)
            facts = branch.database_json(database)
            done = contents.remove_database(cloud, branch, database)
        return {"database": facts, "operations": [operation.json() for operation in done]}


def see_now(given: Json, *moments: str) -> None:
    """Refuse what is asked of the past, of which nothing is kept here: an answer about now would be a wrong one."""
    if any(given.get(moment) for moment in moments):
        raise Refusal(422, "", "the emulator keeps no history")


def _schema(cloud: Cloud, branch_id: str, database: str) -> str:
    branch = cloud.branch(branch_id)
    if database not in branch.databases:
        raise Refusal(404, "", "database not found")
    return cloud.storage.dump(branch.place(database))


def uri(branch: Branch, endpoint: Endpoint, database: str, role: str, *, pooled: bool) -> str:
    host = endpoint.pooler_host if pooled else endpoint.host
    name, user, password = (quote(text, safe="") for text in (database, role, branch.passwords[role]))
    return f"postgresql://{user}:{password}@{host}/{name}?sslmode=require&channel_binding=require"
