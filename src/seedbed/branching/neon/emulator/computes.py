"""What Neon's API says of a project's computes, and of its operations."""

from typing import Any

from fastapi import FastAPI, Response

from seedbed.branching.neon.emulator.cloud import Cloud, Refusal
from seedbed.branching.neon.emulator.inside import Given
from seedbed.branching.neon.emulator.records import Endpoint, Json, Operation


def add_computes(app: FastAPI, base: str, cloud: Cloud, guard: Any) -> None:
    def said(endpoint: Endpoint, operations: list[Operation]) -> Json:
        return {"endpoint": endpoint.json(), "operations": [operation.json() for operation in operations]}

    @app.get(f"{base}/endpoints", dependencies=guard)
    def every(project: str) -> Json:
        cloud.see_project(project)
        with cloud.lock:
            return {"endpoints": [endpoint.json() for endpoint in cloud.endpoints.values()]}

    @app.get(f"{base}/branches/{{branch_id}}/endpoints", dependencies=guard)
    def of_branch(project: str, branch_id: str) -> Json:
        cloud.see_project(project)
        with cloud.lock:
            return {"endpoints": [endpoint.json() for endpoint in cloud.of_branch(cloud.branch(branch_id).id)]}

    @app.post(f"{base}/endpoints", dependencies=guard, status_code=201)
    def create(project: str, given: Given) -> Json:
        cloud.see_project(project)
        wanted = given.get("endpoint") or {}
        with cloud.lock:
            return said(*cloud.add_endpoint(cloud.branch(wanted.get("branch_id", "")), wanted.get("type", "")))

    @app.get(f"{base}/endpoints/{{endpoint_id}}", dependencies=guard)
    def get(project: str, endpoint_id: str) -> Json:
        cloud.see_project(project)
        with cloud.lock:
            return {"endpoint": cloud.endpoint(endpoint_id).json()}

    @app.patch(f"{base}/endpoints/{{endpoint_id}}", dependencies=guard)
    def patch(project: str, endpoint_id: str, given: Given) -> Json:
        """Computes are all of one size, so only what is said of them changes."""
        cloud.see_project(project)
        with cloud.lock:
            endpoint = cloud.endpoint(endpoint_id)
            cloud.see_idle()
            endpoint.suspend_timeout = int((given.get("endpoint") or {}).get("suspend_timeout_seconds", 0))
            return said(endpoint, [])

    @app.delete(f"{base}/endpoints/{{endpoint_id}}", dependencies=guard)
    def delete(project: str, endpoint_id: str) -> Any:
        cloud.see_project(project)
        with cloud.lock:
            if endpoint_id in cloud.deleted:
                return Response(status_code=204)
            endpoint = cloud.endpoint(endpoint_id)
            return said(endpoint, cloud.remove_endpoint(endpoint))

    @app.post(f"{base}/endpoints/{{endpoint_id}}/{{verb}}", dependencies=guard)
    def change(project: str, endpoint_id: str, verb: str) -> Json:
        cloud.see_project(project)
        if verb not in {"start", "suspend", "restart"}:
            raise Refusal(404, "", "not found")
        with cloud.lock:
            endpoint = cloud.endpoint(endpoint_id)
            cloud.see_idle()
            operations = [cloud.suspend(endpoint)] if verb in {"suspend", "restart"} else []
            operations += [cloud.start(endpoint)] if verb in {"start", "restart"} else []
            return said(endpoint, operations)

    @app.get(f"{base}/operations", dependencies=guard)
    def operations(project: str, limit: int = 100) -> Json:
        cloud.see_project(project)
        with cloud.lock:
            return {"operations": [operation.json() for operation in cloud.operations[::-1][:limit]]}

    @app.get(f"{base}/operations/{{operation_id}}", dependencies=guard)
    def operation(project: str, operation_id: str) -> Json:
        cloud.see_project(project)
        with cloud.lock:
            found = [one for one in cloud.operations if one.id == operation_id]
        if not found:
            raise Refusal(404, "", "operation not found")
        return {"operation": found[0].json()}
