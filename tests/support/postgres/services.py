"""Run the read service in tests: in this process, or as `seedbed serve`."""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from seedbed.postgres.database import get_database_name, resolve_database
from seedbed.postgres.embedded import EmbeddedServer
from seedbed.schema import load_schema
from seedbed.service import create_app
from seedbed.settings import Configuration, DatabaseUrl, Project, load_configuration
from tests.support.leaking import ROOT

PARTS = ("schema", "migrations", "seeds", "routes.py", "alembic.ini", "pyproject.toml")
SEEDBED = [sys.executable, "-m", "seedbed"]
PATIENCE = 60.0


@dataclass(frozen=True)
class Answer:
    """The response to one request. `started` is on the clock of `time.monotonic`."""

    path: str
    status: int
    kind: str
    body: Any
    headers: Mapping[str, str]
    started: float
    seconds: float


class Client:
    """Sends requests and measures their durations. A broken connection is an error of the service."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str, **headers: str) -> Answer:
        with closing(self._connected()) as connection:
            return _asked(connection, path, headers)

    @contextmanager
    def under_load(self, *paths: str, threads: int = 4, pause: float = 0) -> Iterator[list[Answer]]:
        """Request the paths repeatedly for the length of a block. Yields the list of all responses."""
        answers: list[Answer] = []
        ended = threading.Event()

        def ask() -> None:
            with closing(self._connected()) as connection:
                while not ended.is_set():
                    answers.extend(_asked(connection, path, {}) for path in paths)
                    ended.wait(pause)

        with ThreadPoolExecutor(threads) as pool:
            asking = [pool.submit(ask) for _ in range(threads)]
            try:
                yield answers
            finally:
                ended.set()
        for asked in asking:
            asked.result()

    def _connected(self) -> HTTPConnection:
        return HTTPConnection(self.url.removeprefix("http://"), timeout=30)


def _asked(connection: HTTPConnection, path: str, headers: Mapping[str, str]) -> Answer:
    started = time.monotonic()
    connection.request("GET", path, headers=dict(headers))
    response = connection.getresponse()
    text = response.read()
    seconds = time.monotonic() - started
    kind = response.headers.get_content_type()
    body = json.loads(text) if "json" in kind else text.decode()
    return Answer(path, response.status, kind, body, dict(response.headers), started, seconds)


@dataclass(frozen=True)
class Service(Client):
    """A process of `seedbed serve` and its log file."""

    process: "subprocess.Popen[bytes]"
    written: Path
    url: str

    def log(self) -> str:
        return self.written.read_text(encoding="utf-8")

    def end(self) -> int:
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(timeout=PATIENCE)


@contextmanager
def service(root: Path, url: DatabaseUrl | str, **variables: str) -> Iterator[Service]:
    """Start `seedbed serve` and wait until it is live."""
    port = free_port()
    given = url if isinstance(url, str) else url.reveal()
    written = root / f"serve-{port}.log"
    environment = {**environ(), "DATABASE_URL": given, "SEEDBED_PORT": str(port), **variables}
    with written.open("wb") as log:
        process = subprocess.Popen([*SEEDBED, "serve"], cwd=root, env=environment, stdout=log, stderr=log)
    running = Service(process, written, f"http://127.0.0.1:{port}")
    try:
        until(lambda: process.poll() is not None or lives(running), "the service lives")
        assert process.poll() is None, running.log()
        yield running
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()


def lives(client: Client) -> bool:
    try:
        return client.get("/health/live").status == 200
    except ConnectionError:
        return False


def app_for(configuration: Configuration) -> FastAPI:
    return create_app(configuration, load_schema(configuration.project), resolve_database(configuration).url)


def until(condition: Callable[[], bool], what: str) -> float:
    """Wait for a condition. Returns the seconds it took."""
    started = time.monotonic()
    while not condition():
        assert time.monotonic() < started + PATIENCE, f"timed out while waiting: {what}"
        time.sleep(0.01)
    return time.monotonic() - started


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def environ() -> dict[str, str]:
    return {name: os.environ[name] for name in ("PATH", "HOME", "LANG", "PYTHONPATH") if name in os.environ}


@contextmanager
def reference_project() -> Iterator[Path]:
    """A copy of the reference project, in a folder that the server's account may enter."""
    with ExitStack() as stack:
        folder = Path(tempfile.mkdtemp(prefix="seedbed-service-"))
        stack.callback(shutil.rmtree, folder)
        folder.chmod(0o755)
        for part in PARTS:
            source = ROOT / part
            (shutil.copytree if source.is_dir() else shutil.copy2)(source, folder / part)
        yield folder


def ensure(server: EmbeddedServer) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)  # the server outlives the process that started it
        server.ensure_running()


def fill(root: Path, url: DatabaseUrl, environment: str = "testing", **more: str) -> None:
    """Create the reference tables with an environment's seeds."""
    variables = {**environ(), "DATABASE_URL": url.reveal(), "SEEDBED_PORT": str(free_port()), **more}
    subprocess.run(
        [*SEEDBED, "up", "--once", "-e", environment], cwd=root, env=variables, check=True, capture_output=True
    )


@dataclass(frozen=True)
class StoppableServer:
    """A PostgreSQL server that a test can stop and restart on the same port, with seeded reference tables."""

    server: EmbeddedServer
    url: DatabaseUrl
    root: Path

    def start(self) -> None:
        ensure(self.server)
        assert self.server.read_status().port == int(self.url.port or 0)

    def stop(self) -> None:
        self.server.stop()


@contextmanager
def stoppable_server() -> Iterator[StoppableServer]:
    with reference_project() as root:
        configuration = load_configuration(
            Project(root=root, name="shop"), "testing", environ={"SEEDBED_DATA_DIR": str(root / "pg")}
        )
        server = EmbeddedServer.from_configuration(configuration)
        ensure(server)
        try:
            url = server.ensure_database(get_database_name(configuration))
            fill(root, url)
            yield StoppableServer(server, url, root)
        finally:
            server.stop()
