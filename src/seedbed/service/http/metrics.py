"""Count requests and pool connections as Prometheus metrics."""

from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from starlette.types import Scope

from seedbed.service.http.table_routes import TEMPLATE_SCOPE_KEY
from seedbed.service.pool.pool import Pool

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
_OTHER = "other"
_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5)


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
