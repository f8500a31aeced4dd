"""Answer every error as RFC 9457 problem+json, with the error codes of the command line."""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import psycopg
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ConfigDict
from sqlalchemy.exc import DBAPIError
from starlette.exceptions import HTTPException

from seedbed.errors import (
    DatabaseUnavailable,
    MethodNotAllowed,
    MissingReadPrivilege,
    OutdatedSchema,
    PathNotFound,
    QueryTimeout,
    ServiceError,
)
from seedbed.service.log_format import LOG
from seedbed.service.pool.database_errors import (
    is_data_error,
    is_permission_error,
    is_schema_outdated,
    is_timeout,
    is_unavailable,
    read_server_message,
)

MEDIA_TYPE = "application/problem+json"
_RETRY_SECONDS = "2"


class Problem(BaseModel):
    """RFC 9457's members, and `code`: Seedbed's own, under which docs/reference/errors.md says more."""  # OpenAPI text

    model_config = ConfigDict(title="Problem")

    title: str
    status: int
    detail: str
    code: str | None = None


def document_problems(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """Document the problems that a route may answer: the value of its `responses`, for the OpenAPI document."""
    return {
        status: {
            "description": HTTPStatus(status).phrase,
            "content": {MEDIA_TYPE: {"schema": Problem.model_json_schema()}},
        }
        for status in statuses
    }


def add_problem_handlers(app: FastAPI) -> None:
    """Answer every known error as a problem, which never repeats the request's values or the database's message.

    Unknown errors reach the access log middleware, which logs them and answers 500.
    """

    @app.exception_handler(ServiceError)
    @app.exception_handler(DBAPIError)
    @app.exception_handler(psycopg.Error)
    async def _handle_known_error(_request: Request, error: Exception) -> JSONResponse:
        response = translate_error(error)
        if response is None:
            raise error
        return response

    @app.exception_handler(HTTPException)
    async def _handle_http_exception(request: Request, error: HTTPException) -> JSONResponse:
        if error.status_code == HTTPStatus.NOT_FOUND and "endpoint" not in request.scope:
            return create_error_problem(PathNotFound())
        if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED and error.headers:
            return create_error_problem(MethodNotAllowed(), headers=error.headers)
        return create_problem(error.status_code, str(error.detail), headers=error.headers)

    @app.exception_handler(RequestValidationError)
    async def _handle_invalid_request(_request: Request, error: RequestValidationError) -> JSONResponse:
        faults = [f"{'.'.join(map(str, e['loc'][1:] or e['loc']))}: {e['msg']}" for e in error.errors()]
        return create_problem(HTTPStatus.UNPROCESSABLE_ENTITY, "; ".join(faults))


def create_error_problem(error: ServiceError, *, headers: Mapping[str, str] | None = None) -> JSONResponse:
    all_headers = dict(headers or {})
    if error.status == HTTPStatus.SERVICE_UNAVAILABLE:
        all_headers["Retry-After"] = _RETRY_SECONDS
    if error.status == HTTPStatus.UNAUTHORIZED:
        all_headers["WWW-Authenticate"] = "Bearer"
    return create_problem(error.status, f"{error.message} {error.remedy}", code=error.code, headers=all_headers)


def translate_error(error: Exception) -> JSONResponse | None:
    """Create the response to one of Seedbed's errors or a database error. Return None for any other exception.

    The server's message about a missing table, column or privilege is logged, because one of the project's own routes
    may have named it.
    """
    known = error if isinstance(error, ServiceError) else _classify_database_error(error)
    if known is not error and isinstance(known, (OutdatedSchema, MissingReadPrivilege)):
        LOG.error(known.message, reason=read_server_message(error))
    if known is not None:
        return create_error_problem(known)
    if is_data_error(error):
        return create_problem(HTTPStatus.UNPROCESSABLE_ENTITY, "The database has no such value.")
    return None


def create_problem(
    status: int, detail: str, *, code: str | None = None, headers: Mapping[str, str] | None = None
) -> JSONResponse:
    body = Problem(title=HTTPStatus(status).phrase, status=status, detail=detail, code=code)
    return JSONResponse(body.model_dump(exclude_none=True), status, headers=dict(headers or {}), media_type=MEDIA_TYPE)


def _classify_database_error(error: Exception) -> ServiceError | None:
    if is_unavailable(error):
        return DatabaseUnavailable()
    if is_schema_outdated(error):
        return OutdatedSchema()
    if is_timeout(error):
        return QueryTimeout()
    if is_permission_error(error):
        return MissingReadPrivilege()
    return None
