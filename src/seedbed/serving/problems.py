"""Every answer that is not a success, as RFC 9457 problem+json with the same codes as the command line."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel
from sqlalchemy.exc import DBAPIError
from sqlalchemy.exc import TimeoutError as PoolTimeout
from starlette.exceptions import HTTPException

from seedbed.errors import DatabaseAway, SchemaBehind, ServiceBusy, ServiceError
from seedbed.serving.failures import is_away, is_behind, is_of_the_values

MEDIA_TYPE = "application/problem+json"
_RETRY_SECONDS = "2"


class Problem(BaseModel):
    """RFC 9457's members, and `code`: Seedbed's own, under which docs/reference/errors.md says more."""

    title: str
    status: int
    detail: str
    code: str | None = None


DOCUMENTED: dict[int | str, dict[str, Any]] = {
    status: {
        "description": HTTPStatus(status).phrase,
        "content": {MEDIA_TYPE: {"schema": Problem.model_json_schema()}},
    }
    for status in (404, 422, 503)
}
"""What a route may answer besides its success, for the OpenAPI document."""


def add_problem_handlers(app: FastAPI) -> None:
    """Answer every error as a problem; what the client sent, and what the database said, is never repeated in it.

    What none of these knows goes on to the journal, which logs it and answers with 500.
    """

    @app.exception_handler(ServiceError)
    async def _ours(_request: Request, error: ServiceError) -> JSONResponse:
        retry = {"Retry-After": _RETRY_SECONDS} if error.status == HTTPStatus.SERVICE_UNAVAILABLE else {}
        return problem(error.status, f"{error.message} {error.remedy}", code=error.code, headers=retry)

    @app.exception_handler(DBAPIError)
    @app.exception_handler(PoolTimeout)
    async def _database(request: Request, error: DBAPIError | PoolTimeout) -> JSONResponse:
        if isinstance(error, PoolTimeout):
            return await _ours(request, ServiceBusy())
        if is_away(error):
            return await _ours(request, DatabaseAway())
        if is_behind(error):
            return await _ours(request, SchemaBehind())
        if is_of_the_values(error):
            return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The database has no such value.")
        raise error

    @app.exception_handler(HTTPException)
    async def _http(_request: Request, error: HTTPException) -> JSONResponse:
        return problem(error.status_code, str(error.detail), headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def _invalid(_request: Request, error: RequestValidationError) -> JSONResponse:
        said = [f"{'.'.join(map(str, e['loc'][1:]))}: {e['msg']}" for e in error.errors()]
        return problem(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(said))


def problem(
    status: int, detail: str, *, code: str | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, code=code)
    return JSONResponse(body.model_dump(exclude_none=True), status, headers=dict(headers or {}), media_type=MEDIA_TYPE)
