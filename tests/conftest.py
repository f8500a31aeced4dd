"""Marks that follow from where a test is, and the servers and databases that tests share."""

import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from types import SimpleNamespace

import pytest
from psycopg2 import sql

from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import Binaries, EmbeddedServer, TemporaryServer, find_binaries, run_temporary_server
from seedbed.postgres.embedded.binaries import ensure_runnable
from seedbed.postgres.embedded.cluster import Cluster
from seedbed.postgres.embedded.os_account import get_server_account
from seedbed.postgres.embedded.state_files import ServerState, server_directory_lock, write_state
from seedbed.postgres.embedded.temporary_server import _choose_parent
from seedbed.schema.creation import create_schema
from seedbed.settings import DatabaseUrl, Environment, Origin
from seedbed.settings.sources import SourceKind
from tests.support.postgres.processes import kill_started
from tests.support.projects import Project, execute, fresh_database, little_project
from tests.support.servers import each_major, installed

OWNER = "shop_owner"
GIVEN = Origin(SourceKind.PROCESS, "DATABASE_URL in the process's environment")

TESTS = Path(__file__).parent
_NO_PARAMETERS = SimpleNamespace(params={})


def pytest_configure() -> None:
    """Start children with the default handlers of signals, also under `nohup` and as a background job.

    A shell starts those with SIGINT or SIGHUP ignored, and a child inherits that unless its parent has a handler.
    """
    for number, handler in ((signal.SIGINT, signal.default_int_handler), (signal.SIGHUP, lambda *_: None)):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark each test by its folder, unless its module says `unit`. With a second PostgreSQL, it is `slow`."""
    second = installed()[1:]
    for item in items:
        parameters = getattr(item, "callspec", _NO_PARAMETERS).params.values()
        if any(isinstance(value, Binaries) and value in second for value in parameters):
            item.add_marker("slow")
        if item.get_closest_marker("unit") is None:
            folder = item.path.relative_to(TESTS).parts[0]
            item.add_marker({"acceptance": "acceptance", "testing": "plugin"}.get(folder, "postgres"))
        if (mark := item.get_closest_marker("known_flaky")) is not None:
            reason = mark.kwargs.get("reason") or mark.args[0]
            item.user_properties.append(("known_flaky", reason))
            item.add_marker(pytest.mark.xfail(reason=f"known to be flaky: {reason}", strict=False))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """List the tests that are known to be flaky, each with its reason and its result."""
    flaky = [
        (report.nodeid, "failed" if report.outcome == "skipped" else report.outcome, reason)
        for reports in terminalreporter.stats.values()
        for report in reports
        if isinstance(report, pytest.TestReport) and report.when == "call"
        for name, reason in report.user_properties
        if name == "known_flaky"
    ]
    if flaky:
        failed = sum(outcome == "failed" for _, outcome, _ in flaky)
        terminalreporter.section(f"known to be flaky: {len(flaky)}, of which {failed} failed")
        for test, outcome, reason in sorted(flaky):
            terminalreporter.line(f"{outcome}: {test}: {reason}")


@pytest.fixture(params=installed(), ids=lambda binaries: f"pg{binaries.major_version}")
def binaries(request: pytest.FixtureRequest) -> Binaries:
    chosen: Binaries = request.param
    return chosen


@pytest.fixture(autouse=True)
def _no_process_left() -> Iterator[None]:
    yield
    kill_started()


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder that every account may enter, unlike pytest's own, with a name that shells and URLs trip over."""
    made = Path(tempfile.mkdtemp(prefix='it\'s $HOME "é" & co ', dir=_choose_parent(get_server_account())))
    made.chmod(0o755)
    yield made
    shutil.rmtree(made)


@pytest.fixture
def database(seedbed_server: TemporaryServer) -> Iterator[Database]:
    """An empty database on the server of the run."""
    with fresh_database(seedbed_server) as made:
        yield made


@pytest.fixture
def new_server(folder: Path) -> Iterator[EmbeddedServer]:
    """A project's server that nobody has started yet, and that has no data."""
    server = EmbeddedServer(folder / ".seedbed", OWNER)
    yield server
    server.stop()


@pytest.fixture
def server(new_server: EmbeddedServer, pristine: Callable[[Binaries], Path]) -> EmbeddedServer:
    """A project's server that nobody has started yet, its data made already: initdb is half a second."""
    copy_home(pristine(find_binaries()), new_server.directory)
    return new_server


@pytest.fixture(scope="session")
def pristine() -> Iterator[Callable[[Binaries], Path]]:
    """Homes to copy, one for each PostgreSQL."""
    base = Path(tempfile.mkdtemp(prefix="seedbed-pristine-", dir=_choose_parent(get_server_account())))
    base.chmod(0o755)

    def home_of(binaries: Binaries) -> Path:
        home = base / binaries.version
        if not home.exists():
            state = ServerState.generate()
            account = get_server_account()
            with server_directory_lock(home, account):
                write_state(home, state)
                cluster = Cluster(home / "data", home / "log", ensure_runnable(account, binaries), account)
                cluster.create(state.superuser_password, sync=False)
        return home

    yield home_of
    shutil.rmtree(base)


def copy_home(source: Path, target: Path) -> None:
    """Copy a server's folder with its owners and modes."""
    subprocess.run(["cp", "-a", source, target], check=True)


@pytest.fixture(scope="session", params=each_major())
def given_server(request: pytest.FixtureRequest) -> Iterator[TemporaryServer]:
    """A server that stands for one given by a URL, of each major version that is here."""
    with run_temporary_server(request.param) as server:
        yield server


@pytest.fixture
def given(given_server: TemporaryServer) -> Iterator[Callable[..., Database]]:
    """Makes an empty database on a given server, owned by a role without superuser rights."""
    made: list[str] = []

    def make(environment: Environment = Environment.DEVELOPMENT) -> Database:
        name = f"shop_{secrets.token_hex(4)}"
        made.append(name)
        _administer(given_server, "CREATE ROLE {name} LOGIN PASSWORD 'secret'", name)
        _administer(given_server, "CREATE DATABASE {name} OWNER {name} TEMPLATE template0", name)
        url = DatabaseUrl(
            name, "secret", "127.0.0.1", str(given_server.port), name, parameters=(("sslmode", "disable"),)
        )
        return Database(url, url, environment, GIVEN)

    yield make
    for name in made:
        _administer(given_server, "DROP DATABASE IF EXISTS {name} WITH (FORCE)", name)
        _administer(given_server, "DROP ROLE {name}", name)


def _administer(server: TemporaryServer, statement: str, name: str) -> None:
    execute(server.url(), sql.SQL(statement).format(name=sql.Identifier(name)))


@pytest.fixture
def make(tmp_path: Path, database: Database) -> Iterator[Callable[..., Project]]:
    """Writes the project of a test, with its tables in the database."""
    with ExitStack() as stack:

        def made(tables: str, seeds: str = "") -> Project:
            project = stack.enter_context(little_project(tmp_path, tables, seeds))
            with connect(database) as connection:
                create_schema(connection, project.load_schema())
            return project

        yield made
