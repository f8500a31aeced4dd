"""The running service while its database goes away and comes back, over real HTTP and real sockets."""

import asyncio
import json
import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import psycopg
import pytest

from seedbed.settings import DatabaseUrl
from tests.postgres.services import (
    Answer,
    Service,
    StoppableServer,
    free_port,
    lives,
    service,
    stoppable_server,
    until,
)

AWAY = {
    "title": "Service Unavailable",
    "status": 503,
    "detail": "The database cannot be reached at the moment. Try again in a few seconds.",
    "code": "SB601",
}
SOON = 0.5
"""Within so many seconds a request is answered while the database is stopped; the bound is the service's promise."""

DEADLINE = 0.6
WORK = ("/users?limit=5", "/users/1", "/tasks?limit=5", "/tasks/1")
ENDING = "the service that ends"


@pytest.fixture(scope="module")
def postgres() -> Iterator[StoppableServer]:
    with stoppable_server() as server:
        yield server


@pytest.fixture(scope="module")
def lasting(postgres: StoppableServer) -> Iterator[Service]:
    """One service through all the outages, which is what it promises to live through."""
    postgres.start()
    with service(postgres.root, postgres.url) as started:
        yield started
        assert started.process.poll() is None


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


def backends(application: str = "seedbed serve") -> str:
    return f"FROM pg_stat_activity WHERE datname = current_database() AND application_name = '{application}'"


def is_away(answer: Answer) -> bool:
    return (answer.status, answer.kind, answer.body) == (503, "application/problem+json", AWAY)


def stop_at_once(postgres: StoppableServer) -> None:
    """As a crash would, with no word to any session."""
    pid = postgres.server.status().pid
    assert pid is not None
    os.kill(pid, signal.SIGQUIT)
    until(lambda: not postgres.server.status().running, "the server has stopped")


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
    @pytest.mark.parametrize("stop", [StoppableServer.stop, stop_at_once], ids=["stopped", "killed"])
    def test_is_answered_with_503_soon_and_is_over_when_the_database_is_back(
        self, lasting: Service, postgres: StoppableServer, stop: Callable[[StoppableServer], None]
    ) -> None:
        assert ready(lasting)

        with lasting.under_load(*WORK, "/health/live", threads=2) as answers:
            stop(postgres)
            stopped = time.monotonic()
            until(lambda: time.monotonic() > stopped + 1.5, "the outage has lasted")
            assert is_away(lasting.get("/health/ready"))
            up = time.monotonic()
            postgres.start()
            started = time.monotonic()
            back = until(lambda: lasting.get("/users/1").status == 200, "users are answered")
            until(lambda: ready(lasting), "the service is ready")

        during = [answer for answer in answers if stopped < answer.started < up]
        work = [answer for answer in during if answer.path != "/health/live"]
        living = [answer for answer in during if answer.path == "/health/live"]
        after = [answer for answer in answers if answer.started > started + back]
        assert len(work) > 20
        assert all(is_away(answer) for answer in work)
        assert max(answer.seconds for answer in work) < SOON
        assert {answer.status for answer in living} == {200}
        assert {answer.status for answer in answers} == {200, 503}
        assert {answer.status for answer in after} <= {200}
        assert back < 1
        assert lasting.process.poll() is None

    def test_is_logged_once_when_it_begins_and_once_when_it_ends(
        self, lasting: Service, postgres: StoppableServer
    ) -> None:
        before = len(lasting.log())

        postgres.stop()
        for path in WORK * 3:
            assert is_away(lasting.get(path))
        postgres.start()
        until(lambda: ready(lasting), "the service is ready")

        log = lasting.log()[before:]
        assert log.count('"event": "The database is away"') == 1
        assert log.count('"event": "The database answers again"') == 1
        assert "Traceback" not in log
        assert (postgres.url.password or "-") not in log


class TestTermination:
    def test_of_every_backend_under_load_fails_no_request(self, lasting: Service, postgres: StoppableServer) -> None:
        killed, before = 0, len(lasting.log())

        with lasting.under_load(*WORK) as answers:
            for _ in range(8):
                seen = len(answers)
                until(lambda seen=seen: len(answers) > seen + 20, "requests are answered")  # type: ignore[misc]
                killed += asked(
                    postgres, f"SELECT count(*) FROM (SELECT pg_terminate_backend(pid) {backends()}) AS ended"
                )

        assert killed >= 8
        assert {(answer.path, answer.status) for answer in answers if answer.status != 200} == set()
        assert "The database is away" not in lasting.log()[before:]


class TestEnd:
    def test_lets_requests_under_way_be_answered_and_leaves_no_connection(
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
            assert running.process.wait(timeout=30) == 0

        until(lambda: asked(postgres, f"SELECT count(*) {backends(ENDING)}") == 0, "the backends have gone")
        assert json.loads(running.log().splitlines()[-1])["event"] == "Stopped"


def durations(service: Service) -> list[float]:
    """The seconds of every request, as the service itself measured and logged them: a busy machine slows the client."""
    return [float(found) / 1000 for found in re.findall(r'"duration_ms": (\d+\.\d)', service.log())]


class Link:
    """A way to a server that can fall silent: what is sent is taken, and goes nowhere."""

    def __init__(self, to: DatabaseUrl) -> None:
        self.port = free_port()
        self.url = to._with(port=str(self.port))
        self.connections = 0
        self._to = int(to.port or 0)
        self._open = asyncio.Event()
        self._epoch = 0
        self._silenced = -1
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever)

    def silence(self, *, for_good: bool = False) -> None:
        """Forward nothing any more; `for_good`, the connections there are stay silent, and new ones do not begin so."""
        self._on_loop(self._open.clear if not for_good else self._strand)

    def speak(self) -> None:
        self._on_loop(self._open.set)

    @contextmanager
    def up(self) -> Iterator["Link"]:
        self._thread.start()
        server = asyncio.run_coroutine_threadsafe(
            asyncio.start_server(self._serve, "127.0.0.1", self.port), self._loop
        ).result()
        self.speak()
        try:
            yield self
        finally:
            self._on_loop(server.close)
            asyncio.run_coroutine_threadsafe(self._end(), self._loop).result()
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()

    def _on_loop(self, act: Callable[[], None]) -> None:
        async def acting() -> None:
            act()

        asyncio.run_coroutine_threadsafe(acting(), self._loop).result()

    def _strand(self) -> None:
        self._silenced = self._epoch
        self._epoch += 1

    async def _end(self) -> None:
        tasks = asyncio.all_tasks() - {asyncio.current_task()}
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        epoch = self._epoch
        with suppress(asyncio.CancelledError):  # at the end of the test
            await self._join(reader, writer, epoch)

    async def _join(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, epoch: int) -> None:
        there, back = await asyncio.open_connection("127.0.0.1", self._to)
        try:
            await asyncio.wait(
                [
                    asyncio.ensure_future(self._forward(reader, back, epoch)),
                    asyncio.ensure_future(self._forward(there, writer, epoch)),
                ],
                return_when=asyncio.FIRST_COMPLETED,
            )
        finally:
            writer.close()
            back.close()

    async def _forward(self, source: asyncio.StreamReader, target: asyncio.StreamWriter, epoch: int) -> None:
        with suppress(ConnectionError):
            while piece := await source.read(65536):
                await self._open.wait()
                while epoch <= self._silenced:
                    await asyncio.sleep(3600)
                target.write(piece)
                await target.drain()


@pytest.fixture(scope="module")
def link(postgres: StoppableServer) -> Iterator[Link]:
    postgres.start()
    with Link(postgres.url).up() as up:
        yield up


@pytest.fixture(scope="module")
def linked(postgres: StoppableServer, link: Link) -> Iterator[Service]:
    with service(postgres.root, link.url, SEEDBED_DEADLINE=str(DEADLINE), SEEDBED_POOL_SIZE="3") as started:
        with started.under_load(*WORK) as answers:
            until(lambda: len(answers) > 40, "the pool is full")
        yield started


class TestSilentLink:
    def test_is_answered_by_the_deadline_and_forgotten_when_it_speaks_again(self, linked: Service, link: Link) -> None:
        with linked.under_load(*WORK, "/health/live") as answers:
            link.silence()
            silent = time.monotonic()
            until(lambda: time.monotonic() > silent + 3 * DEADLINE, "the silence has lasted")
            not_ready = linked.get("/health/ready")
            link.speak()
            back = until(lambda: linked.get("/users/1").status == 200, "users are answered")

        during = [answer for answer in answers if silent < answer.started < silent + 2 * DEADLINE]
        work = [answer for answer in during if answer.path != "/health/live"]
        assert len(work) >= 4
        assert all(is_away(answer) for answer in work)
        assert max(durations(linked)) < DEADLINE + 0.1
        assert {answer.status for answer in answers if answer.path == "/health/live"} == {200}
        assert is_away(not_ready)
        assert not_ready.seconds < SOON
        assert back < 1

    def test_for_good_gives_its_place_in_the_pool_to_new_connections(self, linked: Service, link: Link) -> None:
        link.silence(for_good=True)

        with linked.under_load("/users/1", threads=6) as answers:
            until(lambda: any(answer.status == 200 for answer in answers), "users are answered")
            until(lambda: all(answer.status == 200 for answer in answers[-20:]), "all are answered")

        first = min(answer.started for answer in answers)
        well = min(answer.started + answer.seconds for answer in answers if answer.status == 200)
        assert well - first < DEADLINE + 3
        assert max(durations(linked)) < DEADLINE + 0.5
