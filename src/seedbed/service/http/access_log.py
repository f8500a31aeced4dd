"""One line in the log for every request, under an id that its answer carries too."""

import re
import time
from http import HTTPStatus
from urllib.parse import quote
from uuid import uuid4

from fastapi.exceptions import ResponseValidationError
from pydantic import ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seedbed.service.http.metrics import Metrics
from seedbed.service.http.problems import problem
from seedbed.service.log_format import LOG

_USABLE = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_CLIENT_GONE = 499
"""What is logged when nobody waited for the answer; the number is nginx's."""


class Journal:
    """Logs method, path, status, duration and id, at a level that follows from the status; never a query or a header.

    The id is the client's own X-Request-ID where that is a plain word, and new otherwise. An exception that nothing
    below has foreseen is logged with its traceback and the same id, and is answered with 500. What is logged is also
    counted, in `metrics`.
    """

    def __init__(self, app: ASGIApp, metrics: Metrics) -> None:
        self._app = app
        self._metrics = metrics

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0
        request_id = _given_id(scope) or uuid4().hex.encode()
        header = (b"x-request-id", request_id)

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                message["headers"] = [*message.get("headers", ()), header]
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            _log_unforeseen(error, request_id.decode())
            if status:
                raise  # the answer has begun, and only the connection's end can say that it is not whole
            answer = problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong here; the log has it.")
            await answer(scope, receive, sending)
        finally:
            seconds = time.perf_counter() - started
            self._metrics.observe(scope, status or _CLIENT_GONE, seconds)
            _log_request(scope, status or _CLIENT_GONE, seconds, request_id.decode())


def _given_id(scope: Scope) -> bytes | None:
    for name, value in scope["headers"]:
        if name == b"x-request-id":
            return value if _USABLE.fullmatch(value) else None
    return None


def _log_request(scope: Scope, status: int, seconds: float, request_id: str) -> None:
    path = quote(scope["path"])  # quoted: a line break in a path must not begin a line here
    log = LOG.info if status < HTTPStatus.INTERNAL_SERVER_ERROR else LOG.warning
    duration = round(seconds * 1000, 1)
    log("request", method=scope["method"], path=path, status=status, duration_ms=duration, request_id=request_id)


def _log_unforeseen(error: Exception, request_id: str) -> None:
    if isinstance(error, (ResponseValidationError, ValidationError)):  # its text has the row, which is anybody's data
        where = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        LOG.error(f"A row does not fit its model: {where}", request_id=request_id)
    else:
        LOG.error("Unforeseen", exc_info=error, request_id=request_id)
