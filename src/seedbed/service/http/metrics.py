"""How many requests there were, how long they took and how busy the pool is, as Prometheus reads it."""

from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import Scope

from seedbed.service.http.table_routes import TEMPLATE
from seedbed.service.pool.pool import Pool

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_OTHER = "other"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


class Metrics:
    """A registry of its own, so that several services fit in one process. The label `route` is a template such as
    `/users/{id}`, never a path, which clients make up.
    """

    def __init__(self, pool: Pool | None) -> None:
        self.registry = CollectorRegistry()
        self._requests = Counter(
            "seedbed_requests", "Requests answered.", ["method", "route", "status"], registry=self.registry
        )
        self._seconds = Histogram(
            "seedbed_request_seconds", "Seconds until a request was answered.", ["route"],
            buckets=_BUCKETS, registry=self.registry,
        )  # fmt: skip
        self._known: dict[tuple[str, str, int], tuple[Callable[[], None], Callable[[float], None]]] = {}
        if pool is not None:
            self._gauge("seedbed_pool_size", "Connections the pool may have.", lambda: pool.size)
            self._gauge("seedbed_pool_open", "Connections the pool has.", lambda: pool.open)
            self._gauge("seedbed_pool_at_work", "Connections at work for a request.", lambda: pool.at_work)

    def observe(self, scope: Scope, status: int, seconds: float) -> None:
        label = (_method(scope["method"]), _template(scope), status)
        found = self._known.get(label)
        if found is None:
            method, route, _ = label
            found = (self._requests.labels(method, route, str(status)).inc, self._seconds.labels(route).observe)
            self._known[label] = found
        found[0]()
        found[1](seconds)

    def text(self) -> bytes:
        return generate_latest(self.registry)

    def _gauge(self, name: str, says: str, value: Callable[[], int]) -> None:
        Gauge(name, says, registry=self.registry).set_function(value)


def _template(scope: Scope) -> str:
    template = scope.get(TEMPLATE)
    if template is not None:
        return str(template)
    route: Any = scope.get("route")
    return str(getattr(route, "path", _OTHER))


def _method(method: str) -> str:
    return method if method in {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"} else _OTHER
