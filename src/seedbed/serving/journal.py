"""One line in the log for every request, under an id that its answer carries too."""

import json
import logging
import re
import time
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from uuid import uuid4

import structlog
from fastapi.exceptions import ResponseValidationError
from pydantic import ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seedbed.serving.metrics import Metrics
from seedbed.serving.problems import problem

_USABLE = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_CLIENT_GONE = 499
"""What is logged when nobody waited for the answer; the number is nginx's."""


def _with_facts(_logger: object, _method: str, event: Any) -> tuple[tuple[str], dict[str, Any]]:
    """The event as the record's message, and everything else beside it, for whichever formatter there is."""
    said = event.pop("event")
    kept = {"exc_info": event.pop("exc_info")} if "exc_info" in event else {}
    return (said,), {"extra": {"facts": event}, **kept}


LOGGER = "seedbed.serving"
LOG: Any = structlog.wrap_logger(
    logging.getLogger(LOGGER),
    processors=[structlog.stdlib.filter_by_level, structlog.contextvars.merge_contextvars, _with_facts],
    wrapper_class=structlog.stdlib.BoundLogger,
    cache_logger_on_first_use=True,
)


class JsonLines(logging.Formatter):
    """A record as one JSON object: `timestamp`, `level`, `event` and its facts."""

    def format(self, record: logging.LogRecord) -> str:
        moment = datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
        line = {"timestamp": moment, "level": record.levelname.lower(), "event": record.getMessage()}
        line |= getattr(record, "facts", {})
        if record.exc_info:
            line["exception"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str, ensure_ascii=False)


class PlainLines(logging.Formatter):
    """A record for a person at a terminal."""

    def __init__(self) -> None:
        super().__init__("%(asctime)s %(levelname)-7s %(message)s")

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802 - the method that logging calls
        facts = getattr(record, "facts", {})
        return super().formatMessage(record) + "".join(f" {name}={value}" for name, value in facts.items())


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
