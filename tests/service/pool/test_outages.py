"""The running service while its database is unavailable and after it is back, over real HTTP and sockets.

`scripts/bench outages` measures the guarantees; the bounds here are wide, for busy machines.
"""

import json
import re
import signal
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, contextmanager

import psycopg
import pytest

from seedbed.settings import DatabaseUrl
from tests.support.patience import PATIENCE
from tests.support.postgres.outages import AWAY, OWN, WORK, Outage, at_once, silenced, stopped, terminated
from tests.support.postgres.poolers import PGBOUNCER, pgbouncer
from tests.support.postgres.proxies import Link
from tests.support.postgres.services import (
    Answer,
    Service,
    StoppableServer,
    lives,
    service,
    stoppable_server,
    until,
)

pytestmark = pytest.mark.chaos

DEADLINE = 0.6
SLACK = 4.0
"""Seconds within which things that are promised sooner are seen here."""

ENDING = "the service that ends"
WAYS = [
    "direct",
    pytest.param("PgBouncer", marks=pytest.mark.skipif(PGBOUNCER is None, reason="pgbouncer is not installed here")),
]


@contextmanager
def through(way: str, url: DatabaseUrl) -> Iterator[DatabaseUrl]:
    with ExitStack() as stack:
        yield url if way == "direct" else stack.enter_context(pgbouncer(url, server_login_retry=0.5))


@pytest.fixture(scope="module")
def postgres() -> Iterator[StoppableServer]:
    with stoppable_server() as server:
        yield server


@pytest.fixture(scope="module", params=WAYS)
def lasting(postgres: StoppableServer, request: pytest.FixtureRequest) -> Iterator[Service]:
    """One service through all the outages, which is what it promises to live through."""
    postgres.start()
    with through(request.param, postgres.url) as url, service(postgres.root, url) as started:
        yield started
        assert started.process.poll() is None
        assert "Traceback" not in started.log()


@pytest.fixture
def running(postgres: StoppableServer) -> Iterator[Service]:
    postgres.start()
    with service(postgres.root, postgres.url.with_parameter("application_name", ENDING)) as started:
        yield started


def ready(asked: Service) -> bool:
    return asked.get("/health/ready").status == 200


def asked(postgres: StoppableServer, statement: str) -> int:
    with psycopg.connect(postgres.url.reveal(), autocommit=True) as connection:
        row = connection.execute(statement).fetchone()
        return int(row[0]) if row else 0


def backends(application: str) -> str:
    return f"FROM pg_stat_activity WHERE datname = current_database() AND application_name = '{application}'"


def is_away(answer: Answer) -> bool:
    return (answer.status, answer.kind, answer.body) == (503, "application/problem+json", AWAY)


def see_kept(outage: Outage, asked: Service, postgres: StoppableServer, *, within: float) -> None:
    """What holds in every outage."""
    assert outage.strange == []
    patience = SLACK + 2 * outage.latest
    assert outage.slowest < within + patience
    assert outage.slowest_alive < patience
    assert outage.back < patience
    assert outage.failed_later() == 0
    assert outage.shows(postgres.url.password or "", asked.log()) == set()
    assert postgres.url.password


class TestStart:
    def test_needs_no_database(self, postgres: StoppableServer) -> None:
        postgres.stop()

        with service(postgres.root, postgres.url) as started:
            assert is_away(started.get("/health/ready"))
            assert [is_away(started.get(path)) for path in WORK] == [True] * len(WORK)
            assert started.get("/openapi.json").status == 200

            postgres.start()
            until(lambda: ready(started), "the service is ready")

            assert [started.get(path).status for path in WORK] == [200] * len(WORK)


class TestOutage:
    @pytest.mark.parametrize("stop", [StoppableServer.stop, at_once], ids=["stopped", "killed"])
    def test_answers_503_quickly_and_recovers_with_the_database(
        self, lasting: Service, postgres: StoppableServer, stop: Callable[[StoppableServer], None]
    ) -> None:
        until(lambda: ready(lasting), "the service is ready")

        outage = stopped(lasting, postgres, seconds=1.5, stop=stop)

        assert outage.statuses.keys() == {200, 503}
        assert len(outage.during) > 20
        see_kept(outage, lasting, postgres, within=0.5)
        until(lambda: ready(lasting), "the service is ready")

    def test_logs_one_line_at_the_start_and_one_at_the_end(self, lasting: Service, postgres: StoppableServer) -> None:
        before = len(lasting.log())

        postgres.stop()
        for path in [*WORK, OWN] * 3:
            assert is_away(lasting.get(path))
        postgres.start()
        until(lambda: ready(lasting), "the service is ready")

        log = lasting.log()[before:]
        assert log.count('"event": "The database is away"') == 1
        assert log.count('"event": "The database answers again"') == 1


class TestTermination:
    def test_of_every_backend_under_load_fails_no_request(self, lasting: Service, postgres: StoppableServer) -> None:
        before = len(lasting.log())
        until(lambda: ready(lasting), "the service is ready")

        outage, ended = terminated(lasting, postgres.url)

        assert ended >= 8
        assert outage.statuses.keys() == {200}
        see_kept(outage, lasting, postgres, within=1)
        assert "The database is away" not in lasting.log()[before:]


class TestShutdown:
    def test_answers_running_requests_and_closes_every_connection(
        self, running: Service, postgres: StoppableServer
    ) -> None:
        waiting = f"SELECT count(*) {backends(ENDING)} AND wait_event_type = 'Lock'"
        with psycopg.connect(postgres.url.reveal()) as other, ThreadPoolExecutor() as pool:
            other.execute('LOCK TABLE "user"')
            request = pool.submit(running.get, "/users/1")
            until(lambda: asked(postgres, waiting) == 1, "the request waits for the lock")
            running.process.send_signal(signal.SIGTERM)
            until(lambda: not lives(running), "the service takes no more requests")
            other.rollback()

            assert request.result().status == 200
            assert running.process.wait(timeout=PATIENCE) == 0

        until(lambda: asked(postgres, f"SELECT count(*) {backends(ENDING)}") == 0, "the backends have gone")
        assert json.loads(running.log().splitlines()[-1])["event"] == "Stopped"


def durations(service: Service) -> list[float]:
    """The seconds of every request, as the service itself measured and logged them: a busy machine slows the client."""
    return [float(found) / 1000 for found in re.findall(r'"duration_ms": (\d+\.\d)', service.log())]


@pytest.fixture(scope="module")
def link(postgres: StoppableServer) -> Iterator[Link]:
    postgres.start()
    with Link(postgres.url).up() as up:
        yield up


@pytest.fixture(scope="module", params=WAYS)
def linked(postgres: StoppableServer, link: Link, request: pytest.FixtureRequest) -> Iterator[Service]:
    with (
        through(request.param, link.url) as url,
        service(postgres.root, url, SEEDBED_DEADLINE=str(DEADLINE), SEEDBED_POOL_SIZE="3") as started,
    ):
        with started.under_load(*WORK) as answers:
            until(lambda: len(answers) > 40, "the pool is full")
        yield started


class TestSilentLink:
    def test_answers_by_the_deadline_and_recovers(self, linked: Service, link: Link, postgres: StoppableServer) -> None:
        outage = silenced(linked, link, seconds=3 * DEADLINE)

        assert outage.statuses.keys() == {200, 503}, linked.log()
        see_kept(outage, linked, postgres, within=DEADLINE)
        assert max(durations(linked)) < DEADLINE + 0.5 + outage.latest

    def test_readiness_answers_quickly(self, linked: Service, link: Link) -> None:
        until(lambda: ready(linked), "the service is ready")
        time.sleep(1.1)  # for as long is it believed

        link.silence()
        try:
            answer = linked.get("/health/ready")
        finally:
            link.speak()

        assert is_away(answer)
        assert answer.seconds < SLACK

    def test_a_permanently_silent_connection_is_replaced(self, linked: Service, link: Link) -> None:
        link.silence(for_good=True)

        with linked.under_load("/users/1", threads=6) as answers:
            until(lambda: any(answer.status == 200 for answer in answers), "users are answered")
            until(lambda: all(answer.status == 200 for answer in answers[-20:]), "all are answered")

        first = min(answer.started for answer in answers)
        well = min(answer.started + answer.seconds for answer in answers if answer.status == 200)
        assert well - first < DEADLINE + 10  # and not the minutes after which TCP gives up
        assert max(durations(linked)) < DEADLINE + 2
