"""Cause outages of a service's database under load, and record the service's responses."""

import json
import os
import signal
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field

import psycopg

from seedbed.settings import DatabaseUrl
from tests.support.leaking import shown
from tests.support.postgres.proxies import Link
from tests.support.postgres.services import Answer, Service, StoppableServer, until

AWAY = {
    "title": "Service Unavailable",
    "status": 503,
    "detail": "The database cannot be reached at the moment. Try again in a few seconds.",
    "code": "SB601",
}
BUSY = AWAY | {
    "detail": "All database connections of the service are busy. Try again in a few seconds.",
    "code": "SB606",
}
SLOW = AWAY | {
    "detail": "The query took too long. Narrow it with a filter, or sort by a column with an index.",
    "code": "SB611",
}
LIVE = "/health/live"
_NAP = 0.01
WORK = ("/users?limit=5", "/users/1", "/tasks?limit=5", "/tasks/1")
OWN = "/users/1/progress"
"""A custom route on a session. It also answers 503, but its query is not retried."""


@dataclass
class Outage:
    """The responses from before an outage `began` until well after it was `over`."""

    answers: list[Answer] = field(default_factory=list)
    living: list[Answer] = field(default_factory=list)
    late: list[float] = field(default_factory=list)
    began: float = 0.0
    over: float = 0.0

    @property
    def during(self) -> list[Answer]:
        """The responses to requests that overlap the outage."""
        return [each for each in self.answers if each.started < self.over and each.started + each.seconds > self.began]

    @property
    def statuses(self) -> dict[int, int]:
        return dict(Counter(each.status for each in self.answers))

    @property
    def slowest(self) -> float:
        return max(each.seconds for each in self.during)

    @property
    def slowest_alive(self) -> float:
        return max(each.seconds for each in self.living)

    @property
    def latest(self) -> float:
        """The longest delay of a timer in this process, which the machine's load has caused."""
        return max(self.late, default=0.0)

    @property
    def back(self) -> float:
        """Seconds from the end of the outage to the first response with rows."""
        good = (each for each in self.answers if each.started > self.over and each.status == 200)
        return min((each.started + each.seconds for each in good), default=float("inf")) - self.over

    def failed_later(self, seconds: float = 1) -> int:
        """The number of failed requests that started this many seconds after the end."""
        return sum(each.started > self.over + seconds and each.status != 200 for each in self.answers)

    @property
    def strange(self) -> list[Answer]:
        """Answers that are neither rows nor the problem that says the database is away, or busy with the outage; a
        statement may be called slow whose deadline came when others were answered again.
        """

        def known(each: Answer) -> bool:
            said = (AWAY, BUSY, SLOW) if each.started + each.seconds > self.over else (AWAY, BUSY)
            return each.status == 503 and each.kind == "application/problem+json" and each.body in said

        failed = [each for each in self.answers if each.status != 200 and not known(each)]
        return failed + [each for each in self.living if each.status != 200]

    def shows(self, password: str, log: str) -> set[str]:
        """The parts of a password that appear in the log, a body or a header."""
        bodies = "".join(f"{json.dumps(each.body)}{dict(each.headers)}" for each in [*self.answers, *self.living])
        return shown(log + bodies, password)


def terminated(asked: Service, url: DatabaseUrl, *, times: int = 8) -> tuple[Outage, int]:
    """Terminate every backend of the database repeatedly. Also returns how many were terminated."""
    ended = 0
    with _watched(asked, WORK) as outage:
        outage.began = time.monotonic()
        for _ in range(times):
            seen = len(outage.answers)
            until(lambda seen=seen: len(outage.answers) > seen + 20, "requests are answered")  # type: ignore[misc]
            ended += end_backends(url)
        outage.over = time.monotonic()
        _wait(1)
    return outage, ended


def stopped(
    asked: Service,
    server: StoppableServer,
    *,
    seconds: float = 3,
    stop: Callable[[StoppableServer], None] | None = None,
) -> Outage:
    """Stop the server, immediately unless `stop` differs, and start it again."""
    with _watched(asked, (*WORK, OWN)) as outage:
        _wait(0.5)
        outage.began = time.monotonic()
        (stop or at_once)(server)
        _wait(seconds)
        server.start()
        outage.over = time.monotonic()
        _wait(2)
    return outage


def silenced(asked: Service, link: Link, *, seconds: float = 6) -> Outage:
    """Let no data pass between service and server, without closing the connections."""
    with _watched(asked, (*WORK, OWN)) as outage:
        _wait(0.5)
        outage.began = time.monotonic()
        link.silence()
        _wait(seconds)
        link.speak()
        outage.over = time.monotonic()
        _wait(2)
    return outage


def end_backends(url: DatabaseUrl) -> int:
    with psycopg.connect(url.reveal(), autocommit=True) as connection:
        row = connection.execute(
            "SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()) AS ended"
        ).fetchone()
        return int(row[0]) if row else 0


def at_once(server: StoppableServer) -> None:
    """Stop the server immediately, like a crash."""
    pid = server.server.read_status().pid
    assert pid is not None
    os.kill(pid, signal.SIGQUIT)
    until(lambda: not server.server.read_status().running, "the server has stopped")


@contextmanager
def _watched(asked: Service, paths: tuple[str, ...]) -> Iterator[Outage]:
    """Create load from four clients, while a fifth checks liveness."""
    outage, ended = Outage(), threading.Event()

    def oversleep() -> None:
        while not ended.is_set():
            began = time.monotonic()
            time.sleep(_NAP)
            outage.late.append(time.monotonic() - began - _NAP)

    with (
        ThreadPoolExecutor(1) as pool,
        asked.under_load(*paths, threads=4) as outage.answers,
        asked.under_load(LIVE, threads=1, pause=0.01) as outage.living,
    ):
        pool.submit(oversleep)
        try:
            yield outage
        finally:
            ended.set()


def _wait(seconds: float) -> None:
    time.sleep(seconds)
