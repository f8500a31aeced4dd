"""The routes of Neon's API v2 that branches need."""

import secrets
import uuid
from typing import Annotated, Any, Literal

from fastapi import Depends, FastAPI, Header, Query, Request, Response
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from starlette.exceptions import HTTPException

from seedbed.branching.neon.emulator.api.branch_routes import add_inside, uri
from seedbed.branching.neon.emulator.api.endpoint_routes import add_computes
from seedbed.branching.neon.emulator.api.fault_injection import ADMIN, Faults
from seedbed.branching.neon.emulator.api.request_models import (
    ChangeBranch,
    CreateBranch,
    RestoreBranch,
    SetFaults,
    refuse_other_parameters,
)
from seedbed.branching.neon.emulator.models import (
    DOMAIN,
    REGION,
    ApiError,
    EmulatedBranch,
    EmulatedEndpoint,
    EmulatedOperation,
    Json,
    format_timestamp,
    get_current_time,
)
from seedbed.branching.neon.emulator.project import EmulatedProject

_MAX_PAGE_SIZE = 10_000
_USER = "00000000-0000-4000-8000-000000000001"
_ORGANIZATION = "org-emulated-12345678"


def create_api(cloud: EmulatedProject, key: str, faults: Faults) -> FastAPI:
    """Create the API; each route holds the project's lock while it reads or changes state."""

    def authenticate(authorization: str = Header("")) -> None:
        if not secrets.compare_digest(authorization.encode(), f"Bearer {key}".encode()):
            raise ApiError(401, "", "authentication failed")

    app = FastAPI(title="Neon's API, emulated", openapi_url=None, docs_url=None, redoc_url=None)
    app.add_exception_handler(ApiError, _answer_api_error)
    app.add_exception_handler(RequestValidationError, _answer_validation_error)
    app.add_exception_handler(HTTPException, _answer_missing_route)
    v2 = "/api/v2"
    guard = [Depends(authenticate), Depends(refuse_other_parameters)]
    _add_account_routes(app, v2, cloud, guard)
    _add_branch_routes(app, f"{v2}/projects/{{project}}", cloud, guard)
    add_computes(app, f"{v2}/projects/{{project}}", cloud, guard)
    add_inside(app, f"{v2}/projects/{{project}}", cloud, guard)

    @app.post(f"{ADMIN}/faults", dependencies=guard)
    def set_faults(wanted: SetFaults) -> Json:
        with cloud.lock:
            faults.set(wanted)
            cloud.operations.step = cloud.operations.step if wanted.step is None else wanted.step
            cloud.computes.asleep = wanted.asleep
            cloud.limit = wanted.limit or cloud.limit
        return {}

    @app.get(f"{ADMIN}/faults", dependencies=guard)
    def count_faults() -> Json:
        return dict(faults.counts)

    return app


def _answer_api_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, ApiError)  # noqa: S101 - the handler is for these alone
    body = {"request_id": str(uuid.uuid4()), "code": error.code, "message": error.message}
    return JSONResponse(body, error.status)


def _answer_validation_error(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - as above
    message = "; ".join(f"{'.'.join(map(str, one['loc'][1:]))}: {one['msg']}" for one in error.errors())
    return _answer_api_error(_, ApiError(400, "", f"request is not valid: {message}"))


def _answer_missing_route(_: Request, error: Exception) -> Response:
    """Distinguish a route that the emulator lacks from a missing object."""
    assert isinstance(error, HTTPException)  # noqa: S101 - as above
    return _answer_api_error(_, ApiError(error.status_code, "", f"the emulator has no such route: {error.detail}"))


def _add_account_routes(app: FastAPI, v2: str, cloud: EmulatedProject, guard: Any) -> None:
    made = format_timestamp(get_current_time())

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
        cloud.check_project(project)
        more = dict.fromkeys(
            ("active_time_seconds", "compute_time_seconds", "written_data_bytes", "data_transfer_bytes",
             "data_storage_bytes_hour"), 0,
        )  # fmt: skip
        period = {"consumption_period_start": made, "consumption_period_end": made, "history_retention_seconds": 21600}
        return {"project": {**listed(), **more, **period}}


def _add_branch_routes(app: FastAPI, base: str, cloud: EmulatedProject, guard: Any) -> None:
    @app.get(f"{base}/branches", dependencies=guard)
    def list_branches(
        project: str,
        search: str = "",
        sort_by: Literal["name", "created_at", "updated_at"] = "updated_at",
        sort_order: Literal["asc", "desc", "ASC", "DESC"] = "desc",
        limit: Annotated[int, Query(ge=1, le=_MAX_PAGE_SIZE)] = _MAX_PAGE_SIZE,
        cursor: str = "",
    ) -> Json:
        cloud.check_project(project)
        descending = sort_order.lower() == "desc"

        def place(branch: EmulatedBranch) -> str:
            values = {"name": branch.name, "created_at": branch.created_at, "updated_at": branch.updated_at}
            return f"{values[sort_by]} {branch.id}"

        with cloud.lock:
            found = [b for b in cloud.branches.values() if search in b.name or search in b.id]
            found.sort(key=place, reverse=descending)
            left = [b for b in found if not cursor or (place(b) < cursor if descending else place(b) > cursor)]
            page = left[:limit]
            document: Json = {
                "branches": [b.to_json() for b in page],
                "annotations": {b.id: b.annotation_json() for b in page if b.annotation is not None},
                "pagination": {"sort_by": sort_by, "sort_order": sort_order.upper()},
            }
            if len(left) > limit:
                document["pagination"]["next"] = place(page[-1])
            return document

    @app.get(f"{base}/branches/count", dependencies=guard)
    def count(project: str, search: str = "") -> Json:
        cloud.check_project(project)
        with cloud.lock:
            return {"count": sum(search in b.name or search in b.id for b in cloud.branches.values())}

    @app.post(f"{base}/branches", dependencies=guard, status_code=201)
    def create(project: str, given: CreateBranch | None = None) -> Json:
        cloud.check_project(project)
        given = given or CreateBranch()
        wanted = given.branch
        wanted.refuse_history("parent_lsn", "parent_timestamp")
        with cloud.lock:
            branch, endpoints, operations = cloud.create(
                wanted.name,
                wanted.parent_id,
                [endpoint.type for endpoint in given.endpoints],
                schema_only=wanted.init_source == "schema-only",
                expires_at=wanted.expires_at,
                protected=wanted.protected,
                annotation=given.annotation_value,
            )
            return {
                "branch": branch.to_json(),
                "endpoints": [endpoint.to_json() for endpoint in endpoints],
                "operations": [operation.to_json() for operation in operations],
                "roles": [branch.role_json(name) for name in branch.passwords],
                "databases": [branch.database_json(name) for name in branch.databases],
                **_uris(branch, endpoints),
            }

    @app.get(f"{base}/branches/{{branch_id}}", dependencies=guard)
    def get(project: str, branch_id: str) -> Json:
        cloud.check_project(project)
        with cloud.lock:
            branch = cloud.get_branch(branch_id)
            return {"branch": branch.to_json(), "annotation": branch.annotation_json()}

    @app.patch(f"{base}/branches/{{branch_id}}", dependencies=guard)
    def patch(project: str, branch_id: str, given: ChangeBranch) -> Json:
        cloud.check_project(project)
        wanted = given.branch
        with cloud.lock:
            branch = cloud.get_branch(branch_id)
            given_one = "expires_at" in wanted.model_fields_set
            expiry = wanted.expires_at if given_one else branch.expires_at
            return _done(branch, cloud.update(branch, wanted.name, expiry, wanted.protected))

    @app.delete(f"{base}/branches/{{branch_id}}", dependencies=guard)
    def delete(project: str, branch_id: str) -> Any:
        cloud.check_project(project)
        with cloud.lock:
            if branch_id in cloud.deleted:
                return Response(status_code=204)
            branch = cloud.get_branch(branch_id)
            return _done(branch, cloud.delete(branch))

    @app.post(f"{base}/branches/{{branch_id}}/restore", dependencies=guard)
    def restore(project: str, branch_id: str, wanted: RestoreBranch) -> Json:
        cloud.check_project(project)
        wanted.refuse_history("source_lsn", "source_timestamp")
        with cloud.lock:
            branch, source = cloud.get_branch(branch_id), cloud.get_branch(wanted.source_branch_id)
            return _done(branch, cloud.restore(branch, source, wanted.preserve_under_name))


def _done(branch: EmulatedBranch, operations: list[EmulatedOperation]) -> Json:
    return {"branch": branch.to_json(), "operations": [operation.to_json() for operation in operations]}


def _uris(branch: EmulatedBranch, endpoints: list[EmulatedEndpoint]) -> Json:
    """The connection URIs, as at Neon only where the branch has one database, one role and a compute."""
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
