"""One line in the log for every request, under an id that its answer carries too."""

import logging
import re
import time
from http import HTTPStatus
from urllib.parse import quote
from uuid import uuid4

from fastapi.exceptions import ResponseValidationError
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seedbed.serving.problems import problem

LOG = logging.getLogger("seedbed.serving")
HEADER = "X-Request-ID"

_USABLE = re.compile(r"[A-Za-z0-9._-]{1,64}")
_CLIENT_GONE = 499
"""What is logged when nobody waited for the answer; the number is nginx's."""


class Journal:
    """Logs method, path, status, duration and id, at a level that follows from the status; never a query or a header.

    The id is the client's own X-Request-ID where that is a plain word, and new otherwise. An exception that nothing
    below has foreseen is logged with its traceback and the same id, and is answered with 500.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started, status = time.perf_counter(), 0
        given = Headers(scope=scope).get(HEADER, "")
        request_id = given if _USABLE.fullmatch(given) else uuid4().hex

        async def sending(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                MutableHeaders(scope=message)[HEADER] = request_id
            await send(message)

        try:
            await self._app(scope, receive, sending)
        except Exception as error:
            _log_unforeseen(error, request_id)
            if status:
                raise  # the answer has begun, and only the connection's end can say that it is not whole
            answer = problem(HTTPStatus.INTERNAL_SERVER_ERROR, "Something went wrong here; the log has it.")
            await answer(scope, receive, sending)
        finally:
            _log_request(scope, status or _CLIENT_GONE, (time.perf_counter() - started) * 1000, request_id)


def _log_request(scope: Scope, status: int, milliseconds: float, request_id: str) -> None:
    method, path = scope["method"], quote(scope["path"])  # quoted: a line break in a path must not begin a line here
    level = logging.INFO if status < HTTPStatus.INTERNAL_SERVER_ERROR else logging.WARNING
    facts = {"method": method, "path": path, "status": status, "request_id": request_id}
    duration = {"duration_ms": round(milliseconds, 1)}
    LOG.log(level, "%s %s %d %.1f ms id=%s", method, path, status, milliseconds, request_id, extra=facts | duration)


def _log_unforeseen(error: Exception, request_id: str) -> None:
    if isinstance(error, ResponseValidationError):  # its text has the row, and rows are anybody's data
        where = "; ".join(f"{'.'.join(map(str, e['loc']))}: {e['msg']}" for e in error.errors())
        LOG.error("A row does not fit its model: %s id=%s", where, request_id, extra={"request_id": request_id})
    else:
        LOG.error("Unforeseen: id=%s", request_id, exc_info=error, extra={"request_id": request_id})
