"""Neon's API v2, as far as branches need it."""

import secrets
import uuid
from datetime import datetime
from typing import Any

from fastapi import Depends, FastAPI, Header, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from seedbed.branching.neon.emulator.cloud import Cloud, Refusal
from seedbed.branching.neon.emulator.computes import add_computes
from seedbed.branching.neon.emulator.faults import ADMIN, Faults
from seedbed.branching.neon.emulator.inside import Given, MaybeGiven, add_inside, see_now, uri
from seedbed.branching.neon.emulator.records import DOMAIN, REGION, Branch, Endpoint, Json, Operation, now, stamp

_MOST = 10_000
_USER = "00000000-0000-4000-8000-000000000001"
_ORGANIZATION = "org-emulated-12345678"


def create_api(cloud: Cloud, key: str, faults: Faults) -> FastAPI:
    """The routes; each takes the project's lock for as long as it looks or changes."""

    def known(authorization: str = Header("")) -> None:
        if not secrets.compare_digest(authorization, f"Bearer {key}"):
            raise Refusal(401, "", "authentication failed")

    app = FastAPI(title="Neon's API, emulated", openapi_url=None, docs_url=None, redoc_url=None)
    app.add_exception_handler(Refusal, _refused)
    app.add_exception_handler(RequestValidationError, _malformed)
    app.add_exception_handler(HTTPException, _not_here)
    v2 = "/api/v2"
    guard = [Depends(known)]
    _account(app, v2, cloud, guard)
    _branches(app, f"{v2}/projects/{{project}}", cloud, guard)
    add_computes(app, f"{v2}/projects/{{project}}", cloud, guard)
    add_inside(app, f"{v2}/projects/{{project}}", cloud, guard)

    @app.post(f"{ADMIN}/faults", dependencies=guard)
    def set_faults(given: Given) -> Json:
        faults.set(given)
        cloud.step = float(given.get("step", cloud.step))
        cloud.asleep = int(given.get("asleep", 0))
        cloud.limit = int(given.get("limit", cloud.limit))
        return {}

    @app.get(f"{ADMIN}/faults", dependencies=guard)
    def count_faults() -> Json:
        return dict(faults.counts)

    return app


def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refusal)  # noqa: S101 - the handler is for these alone
    body = {"request_id": str(uuid.uuid4()), "code": error.code, "message": error.message}
    return JSONResponse(body, error.status)


def _malformed(_: Request, error: Exception) -> Response:
    return _refused(_, Refusal(400, "", f"request is not valid: {error}"))


def _not_here(_: Request, error: Exception) -> Response:
    """What Neon has and the emulator has not is told apart from what is not there."""
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    return _refused(_, Refusal(error.status_code, "", f"the emulator has no such route: {error.detail}"))


def _account(app: FastAPI, v2: str, cloud: Cloud, guard: Any) -> None:
    made = stamp(now())

    @app.get(f"{v2}/users/me", dependencies=guard)
    def me() -> Json:
        return {
            "id": _USER, "email": "emulated@example.com", "login": "emulated", "name": "Emulated", "last_name": "",
            "image": "", "plan": "free", "active_seconds_limit": 0, "projects_limit": 1,
            "branches_limit": cloud.limit, "max_autoscaling_limit": 2, "auth_accounts": [],
        }  # fmt: skip

    @app.get(f"{v2}/users/me/organizations", dependencies=guard)
    def organizations() -> Json:
        one = {
            "id": _ORGANIZATION, "name": "Emulated", "handle": "emulated", "plan": "free", "created_at": made,
            "updated_at": made, "managed_by": "console",
        }  # fmt: skip
        return {"organizations": [one]}

    def listed() -> Json:
        return {
            "id": cloud.project, "name": "emulated", "platform_id": "aws", "region_id": REGION, "pg_version": 17,
            "provisioner": "k8s-neonvm", "proxy_host": DOMAIN, "store_passwords": True, "creation_source": "console",
            "active_time": 0, "cpu_used_sec": 0, "branch_logical_size_limit": 512,
            "branch_logical_size_limit_bytes": 512 << 20, "owner_id": _ORGANIZATION, "org_id": _ORGANIZATION,
            "created_at": made, "updated_at": made,
        }  # fmt: skip

    @app.get(f"{v2}/projects", dependencies=guard)
    def projects() -> Json:
        return {"projects": [listed()], "applications": {}, "integrations": {}}

    @app.get(f"{v2}/projects/{{project}}", dependencies=guard)
    def project(project: str) -> Json:
        cloud.see_project(project)
        more = dict.fromkeys(
            ("active_time_seconds", "compute_time_seconds", "written_data_bytes", "data_transfer_bytes",
             "data_storage_bytes_hour"), 0,
        )  # fmt: skip
        period = {"consumption_period_start": made, "consumption_period_end": made, "history_retention_seconds": 21600}
        return {"project": {**listed(), **more, **period}}


def _branches(app: FastAPI, base: str, cloud: Cloud, guard: Any) -> None:
    @app.get(f"{base}/branches", dependencies=guard)
    def list_branches(
        project: str,
        search: str = "",
        sort_by: str = "updated_at",
        sort_order: str = "desc",
        limit: int = _MOST,
        cursor: str = "",
    ) -> Json:
        cloud.see_project(project)
        if sort_by not in {"name", "created_at", "updated_at"} or not 1 <= limit <= _MOST:
            raise Refusal(400, "", "sort_by or limit is not valid")
        with cloud.lock:
            found = [b for b in cloud.branches.values() if search in b.name or search in b.id]
            found.sort(key=lambda b: (getattr(b, sort_by), b.id), reverse=sort_order == "desc")
            ids = [b.id for b in found]
            start = ids.index(cursor) + 1 if cursor in ids else 0
            page = found[start : start + limit]
            said: Json = {
                "branches": [b.json() for b in page],
                "annotations": {b.id: b.annotation_json() for b in page if b.annotation is not None},
                "pagination": {"sort_by": sort_by, "sort_order": sort_order.upper()},
            }
            if start + limit < len(found):
                said["pagination"]["next"] = page[-1].id
            return said

    @app.get(f"{base}/branches/count", dependencies=guard)
    def count(project: str, search: str = "") -> Json:
        cloud.see_project(project)
        with cloud.lock:
            return {"count": sum(search in b.name or search in b.id for b in cloud.branches.values())}

    @app.post(f"{base}/branches", dependencies=guard, status_code=201)
    def create(project: str, given: MaybeGiven = None) -> Json:
        cloud.see_project(project)
        body = given or {}
        wanted = body.get("branch") or {}
        see_now(wanted, "parent_lsn", "parent_timestamp")
        with cloud.lock:
            branch, endpoints, operations = cloud.create(
                wanted.get("name"),
                wanted.get("parent_id"),
                [endpoint.get("type", "read_write") for endpoint in body.get("endpoints") or []],
                schema_only=wanted.get("init_source") == "schema-only",
                expires_at=_moment(wanted.get("expires_at")),
                protected=bool(wanted.get("protected")),
                annotation=body.get("annotation_value"),
            )
            return {
                "branch": branch.json(),
                "endpoints": [endpoint.json() for endpoint in endpoints],
                "operations": [operation.json() for operation in operations],
                "roles": [branch.role_json(name) for name in branch.passwords],
                "databases": [branch.database_json(name) for name in branch.databases],
                **_uris(branch, endpoints),
            }

    @app.get(f"{base}/branches/{{branch_id}}", dependencies=guard)
    def get(project: str, branch_id: str) -> Json:
        cloud.see_project(project)
        with cloud.lock:
            branch = cloud.branch(branch_id)
            return {"branch": branch.json(), "annotation": branch.annotation_json()}

    @app.patch(f"{base}/branches/{{branch_id}}", dependencies=guard)
    def patch(project: str, branch_id: str, given: Given) -> Json:
        cloud.see_project(project)
        wanted = given.get("branch") or {}
        expiry = _moment(wanted["expires_at"]) if "expires_at" in wanted else False
        with cloud.lock:
            branch = cloud.branch(branch_id)
            return _done(branch, cloud.update(branch, wanted.get("name"), expiry, wanted.get("protected")))

    @app.delete(f"{base}/branches/{{branch_id}}", dependencies=guard)
    def delete(project: str, branch_id: str) -> Any:
        cloud.see_project(project)
        with cloud.lock:
            if branch_id in cloud.deleted:
                return Response(status_code=204)
            branch = cloud.branch(branch_id)
            return _done(branch, cloud.delete(branch))

    @app.post(f"{base}/branches/{{branch_id}}/restore", dependencies=guard)
    def restore(project: str, branch_id: str, given: Given) -> Json:
        cloud.see_project(project)
        see_now(given, "source_lsn", "source_timestamp")
        with cloud.lock:
            branch, source = cloud.branch(branch_id), cloud.branch(str(given.get("source_branch_id")))
            return _done(branch, cloud.restore(branch, source, given.get("preserve_under_name")))


def _done(branch: Branch, operations: list[Operation]) -> Json:
    return {"branch": branch.json(), "operations": [operation.json() for operation in operations]}


def _uris(branch: Branch, endpoints: list[Endpoint]) -> Json:
    """As at Neon, only where there is one database, one role and a compute to connect to."""
    if len(branch.databases) != 1 or len(branch.passwords) != 1 or not endpoints:
        return {}
    (database,), ((role, password),) = branch.databases, branch.passwords.items()
    endpoint = endpoints[0]
    parameters = {
        "database": database, "role": role, "password": password, "host": endpoint.host,
        "pooler_host": endpoint.pooler_host,
    }  # fmt: skip
    whole = uri(branch, endpoint, database, role, pooled=False)
    return {"connection_uris": [{"connection_uri": whole, "connection_parameters": parameters}]}


def _moment(text: str | None) -> datetime | None:
    if text is None:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.min  # noqa: DTZ901 - refused below
    if moment.tzinfo is None:
        raise Refusal(400, "", "expires_at must be RFC 3339 with a zone")
    return moment.replace(microsecond=0)
