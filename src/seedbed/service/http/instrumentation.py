"""Record every request: as one line of the log, with its request id, and in Prometheus metrics."""

import re
import time
from collections.abc import Callable
from http import HTTPStatus
from typing import Any
from urllib.parse import quote
from uuid import uuid4

from fastapi.exceptions import ResponseValidationError
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from pydantic import ValidationError
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from seedbed.service.http.problems import create_problem
from seedbed.service.http.table_routes import TEMPLATE_SCOPE_KEY
from seedbed.service.log_format import LOG
from seedbed.service.pool.pool import Pool

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_OTHER = "other"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)

_VALID_REQUEST_ID = re.compile(rb"[A-Za-z0-9._-]{1,64}")
_CLIENT_DISCONNECTED = 499
"""The status logged for a client that disconnected before the response. nginx uses the same number."""


class Metrics:
    """The metrics of one service, in their own registry, so that several services fit in one process.

    The label `route` is a path template such as `/users/{id}`. A path itself would give clients an unlimited number of
    labels.
    """

    def __init__(self, pool: Pool | None) -> None:
        self.registry = CollectorRegistry()
        self._request_counter = Counter(
            "seedbed_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self._duration_histogram = Histogram(
            "seedbed_request_seconds", "Seconds until a request was answered.", ["route"],
            buckets=_BUCKETS, registry=self.registry,
        )  # fmt: skip
        self._observers: dict[tuple[str, str, int], tuple[Callable[[], None], Callable[[float], None]]] = {}
        if pool is not None:
            self._add_gauge("seedbed_pool_size", "Connections the pool may have.", lambda: pool.size)
            self._add_gauge("seedbed_pool_open", "Connections the pool has.", lambda: pool.open_count)
            self._add_gauge("seedbed_pool_at_work", "Connections at work for a request.", lambda: pool.busy_count)

    def observe(self, scope: Scope, status: int, seconds: float) -> None:
        label = (_normalize_method(scope["method"]), _read_template(scope), status)
        observers = self._observers.get(label)
        if observers is None:
            method, route, _ = label
            counter = self._request_counter.labels(method, route, str(status))
            observers = (counter.inc, self._duration_histogram.labels(route).observe)
            self._observers[label] = observers
        count, observe_duration = observers
        count()
        observe_duration(seconds)

    def render(self) -> bytes:
        return generate_latest(self.registry)

    def _add_gauge(self, name: str, description: str, value: Callable[[], int]) -> None:
        Gauge(name, description, registry=self.registry).set_function(value)


def _read_template(scope: Scope) -> str:
    template = scope.get(TEMPLATE_SCOPE_KEY)
    if template is not None:
        return str(template)
    route: Any = scope.get("route")
    return str(getattr(route, "path", _OTHER))


def _normalize_method(method: str) -> str:
    return method if method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} else _OTHER


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
