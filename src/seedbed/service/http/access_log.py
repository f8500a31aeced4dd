"""Log every request as one line, with the request id that the response carries."""

import re
import time
from http import HTTPStatus
from urllib.parse import quote
from uuid import uuid4

from fastapi.exceptions import ResponseValidationError
from pydantic import ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seedbed.service.http.metrics import Metrics
from seedbed.service.http.problems import create_problem
from seedbed.service.log_format import LOG

_VALID_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_CLIENT_DISCONNECTED = 499
"""The status logged for a client that disconnected before the response. nginx uses the same number."""


class AccessLogMiddleware:
    """Logs method, path, status, duration and request id, never a query or a header. A 5xx status logs a warning.

    The id is the client's X-Request-ID if that is a plain word, otherwise a new UUID. An unhandled exception is logged
    with its traceback and the id, and the response is a 500. Every request also counts in `metrics`.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0
        request_id = _read_request_id(scope) or uuid4().hex.encode()
        header = (b"x-request-id", request_id)

        async def send_with_id(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        try:
            await self._app(scope, receive, send_with_id)
        except Exception as error:
            _log_exception(error, request_id.decode())
            if status:
                raise  # the response has started, and only a closed connection tells the client that it is incomplete
            response = create_problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong here; the log has it.")
            await response(scope, receive, send_with_id)
        finally:
            seconds = time.perf_counter() - started
            self._metrics.observe(scope, status or _CLIENT_DISCONNECTED, seconds)
            _log_request(scope, status or _CLIENT_DISCONNECTED, seconds, request_id.decode())


def _read_request_id(scope: Scope) -> bytes | None:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            return value if _VALID_REQUEST_ID.fullmatch(value) else None
    return None


def _log_request(scope: Scope, status: int, seconds: float, request_id: str) -> None:
    path = quote(scope["path"])  # a line break in a path must not start a log line
    log = LOG.info if status < HTTPStatus.INTERNAL_SERVER_ERROR else LOG.warning
    duration = round(seconds * 1000, 1)
    log("request", method=scope["method"], path=path, status=status, duration_ms=duration, request_id=request_id)


def _log_exception(error: Exception, request_id: str) -> None:
    if isinstance(error, (ResponseValidationError, ValidationError)):  # the full text contains the row's data
        faults = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        LOG.error(f"A row does not fit its model: {faults}", request_id=request_id)
    else:
        LOG.error("Unforeseen", exc_info=error, request_id=request_id)
