"""The routes of Neon's API for computes and operations."""

from typing import Annotated, Any, Literal

from fastapi import FastAPI, Query, Response

from seedbed.branching.neon.emulator.api.request_models import ChangeEndpoint, CreateEndpoint
from seedbed.branching.neon.emulator.models import ApiError, EmulatedEndpoint, EmulatedOperation, Json
from seedbed.branching.neon.emulator.project import EmulatedProject


def add_computes(app: FastAPI, base: str, cloud: EmulatedProject, guard: Any) -> None:
    computes = cloud.computes

    def to_answer(endpoint: EmulatedEndpoint, operations: list[EmulatedOperation]) -> Json:
        return {"endpoint": endpoint.to_json(), "operations": [operation.to_json() for operation in operations]}

    @app.get(f"{base}/endpoints", dependencies=guard)
    def every(project: str) -> Json:
        cloud.check_project(project)
        with cloud.lock:
            return {"endpoints": [endpoint.to_json() for endpoint in computes.endpoints.values()]}

    @app.get(f"{base}/branches/{{branch_id}}/endpoints", dependencies=guard)
    def of_branch(project: str, branch_id: str) -> Json:
        cloud.check_project(project)
        with cloud.lock:
            return {
                "endpoints": [
                    endpoint.to_json() for endpoint in computes.list_of_branch(cloud.get_branch(branch_id).id)
                ]
            }

    @app.post(f"{base}/endpoints", dependencies=guard, status_code=201)
    def create(project: str, given: CreateEndpoint) -> Json:
        cloud.check_project(project)
        with cloud.lock:
            return to_answer(*computes.add(cloud.get_branch(given.endpoint.branch_id), given.endpoint.type))

    @app.get(f"{base}/endpoints/{{endpoint_id}}", dependencies=guard)
    def get(project: str, endpoint_id: str) -> Json:
        cloud.check_project(project)
        with cloud.lock:
            return {"endpoint": computes.get(endpoint_id).to_json()}

    @app.patch(f"{base}/endpoints/{{endpoint_id}}", dependencies=guard)
    def patch(project: str, endpoint_id: str, given: ChangeEndpoint) -> Json:
        """Change the settings; computes of the emulator all have one size."""
        cloud.check_project(project)
        with cloud.lock:
            endpoint = computes.get(endpoint_id)
            cloud.operations.check_idle()
            endpoint.suspend_timeout = given.endpoint.suspend_timeout_seconds
            return to_answer(endpoint, [])

    @app.delete(f"{base}/endpoints/{{endpoint_id}}", dependencies=guard)
    def delete(project: str, endpoint_id: str) -> Any:
        cloud.check_project(project)
        with cloud.lock:
            if endpoint_id in computes.deleted:
                return Response(status_code=204)
            endpoint = computes.get(endpoint_id)
            return to_answer(endpoint, computes.remove(endpoint))

    @app.post(f"{base}/endpoints/{{endpoint_id}}/{{verb}}", dependencies=guard)
    def change(project: str, endpoint_id: str, verb: Literal["start", "suspend", "restart"]) -> Json:
        cloud.check_project(project)
        with cloud.lock:
            endpoint = computes.get(endpoint_id)
            cloud.operations.check_idle()
            operations = [computes.suspend(endpoint)] if verb in {"suspend", "restart"} else []
            operations += [computes.start(endpoint)] if verb in {"start", "restart"} else []
            return to_answer(endpoint, operations)

    @app.get(f"{base}/operations", dependencies=guard)
    def operations(project: str, limit: Annotated[int, Query(ge=1, le=1000)] = 100) -> Json:
        cloud.check_project(project)
        with cloud.lock:
            return {"operations": [operation.to_json() for operation in cloud.operations.done[::-1][:limit]]}

    @app.get(f"{base}/operations/{{operation_id}}", dependencies=guard)
    def operation(project: str, operation_id: str) -> Json:
        cloud.check_project(project)
        with cloud.lock:
            found = [one for one in cloud.operations.done if one.id == operation_id]
        if not found:
            raise ApiError(404, "", "operation not found")
        return {"operation": found[0].to_json()}
