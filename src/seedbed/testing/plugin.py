"""The pytest plugin: a migrated and seeded database for every test that asks for one, with nothing to set up.

    def test_a_user_has_no_tasks_yet(db, make):
        user = make(User, email="ada@example.com")
        assert db.exec(select(Task).where(Task.user_id == user.id)).all() == []

pytest-postgresql's own fixtures, and those that its factories make, run on the same server:

    postgresql = pytest_postgresql.factories.postgresql("seedbed_proc")
"""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from pytest_postgresql.executors import NoopExecutor
    from sqlalchemy import Engine
    from sqlmodel import Session
    from sqlmodel.ext.asyncio.session import AsyncSession
    from starlette.testclient import TestClient

    from seedbed.postgres.embedded import ThrowawayServer
    from seedbed.settings import Project
    from seedbed.testing.cases import Case, Owned
    from seedbed.testing.runs import Run
    from seedbed.testing.sharing import Sharing

_OF_THE_PROJECT = frozenset(
    {"async_db", "class_db", "client", "db", "db_engine", "db_url", "make", "module_db", "seeded"}
)
"""Fixtures that need the project's template, so that its server begins with it."""

_RUN: "pytest.StashKey[Run]" = pytest.StashKey()
_SHARING: "pytest.StashKey[Sharing]" = pytest.StashKey()
_WANTED = pytest.StashKey[bool]()
_CASE: "pytest.StashKey[Case]" = pytest.StashKey()
_LEFT = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("seedbed", "databases for tests")
    group.addoption(
        "--seedbed-url",
        metavar="URL",
        help="make the tests' databases on this server, by a role with CREATEDB, and start none",
    )
    group.addoption(
        "--seedbed-keep",
        metavar="NUMBER",
        type=int,
        default=3,
        help="how many databases of failed tests are kept, for each worker (default: 3)",
    )
    group.addoption(
        "--seedbed-psql",
        metavar="NAME",
        nargs="?",
        const="",
        help="run no tests; open psql on the database that a failed one kept, by its name or by the test's (the last)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        'db(mode, *, seed="testing", scope="function"): which database a test has: "transaction" of one that tests use '
        'in turn, its "own", or an "empty" one; seed names its rows, None for none; scope shares an own or empty one.',
    )
    config.stash[_LEFT] = []
    if config.getoption("postgresql_exec", None) is None:
        from seedbed.testing import standing_in

        config.pluginmanager.register(standing_in, "seedbed-standing-in")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    wanted = config.getoption("seedbed_psql")
    if wanted is None:
        return None
    from seedbed.errors import SeedbedError
    from seedbed.testing.opening import open_kept

    capturing = config.pluginmanager.getplugin("capturemanager")
    if capturing is not None:
        capturing.suspend_global_capture(in_=True)
    try:
        return open_kept(config.rootpath, wanted, config.getoption("seedbed_url"))
    except SeedbedError as error:
        raise pytest.UsageError(_in_words(error)) from error


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Of xdist, in the first process: tell a worker how to ask for the run's server."""
    from seedbed.testing.sharing import Sharing

    config = node.config
    if _SHARING not in config.stash:
        config.stash[_SHARING] = Sharing()
    node.workerinput["seedbed"] = config.stash[_SHARING].way


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[_LEFT].extend(getattr(node, "workeroutput", {}).get("seedbed_left", ()))


def pytest_collection_finish(session: pytest.Session) -> None:
    session.config.stash[_WANTED] = any(_wants_project(item) for item in session.items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report: pytest.TestReport = yield  # type: ignore[assignment]
    case = item.stash.get(_CASE, None)
    if case is not None and report.failed and call.when != "teardown":
        report.sections.append(("database", case.fails()))
    return report  # type: ignore[return-value]


def pytest_sessionfinish(session: pytest.Session) -> None:
    run = session.config.stash.get(_RUN, None)
    if run is not None:
        del session.config.stash[_RUN]
        run.close()
        session.config.stash[_LEFT].extend(run.left)
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["seedbed_left"] = session.config.stash[_LEFT]


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    left = config.stash[_LEFT]
    if left:
        terminalreporter.section("sessions left open on databases of tests")
        for line in left:
            terminalreporter.write_line(line)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    sharing = config.stash.get(_SHARING, None)
    if sharing is not None:
        sharing.close()


@pytest.fixture(scope="session")
def seedbed_run(request: pytest.FixtureRequest) -> "Run":
    """What this process has of the run; for the other fixtures."""
    return _run_of(request.config)


@pytest.fixture(scope="session")
def seedbed_server(seedbed_run: "Run") -> "ThrowawayServer":
    """The run's PostgreSQL, in memory where there is room, one for all workers, and gone with them after any end."""
    with _told():
        return seedbed_run.server


@pytest.fixture(scope="session")
def seedbed_proc(seedbed_run: "Run") -> "Iterator[NoopExecutor]":
    """That server, or the given one, as a process fixture of pytest-postgresql, with an empty template."""
    from seedbed.testing.executors import executor

    with _told(), executor(seedbed_run) as process:
        yield process


@pytest.fixture(scope="session")
def seedbed_project(seedbed_run: "Run") -> "Project":
    """The project that the tests are of: the one that pytest's root folder is in."""
    with _told():
        return seedbed_run.project


@pytest.fixture(scope="module")
def _module_owned(request: pytest.FixtureRequest, seedbed_run: "Run") -> "Iterator[Owned]":
    yield from _owned(seedbed_run, request.node.nodeid)


@pytest.fixture(scope="class")
def _class_owned(request: pytest.FixtureRequest, seedbed_run: "Run") -> "Iterator[Owned]":
    yield from _owned(seedbed_run, request.node.nodeid)


@pytest.fixture
def _function_owned(request: pytest.FixtureRequest, seedbed_run: "Run") -> "Iterator[Owned]":
    yield from _owned(seedbed_run, request.node.nodeid)


@pytest.fixture
def _case(request: pytest.FixtureRequest, seedbed_run: "Run") -> "Iterator[Case]":
    """The test and its database."""
    from seedbed.testing.cases import Case, wish_of

    with _told():
        wish = wish_of(request.node, seedbed_run)
    owned = request.getfixturevalue(f"_{wish.scope}_owned")
    case = Case(seedbed_run, request.node.nodeid, wish, owned)
    request.node.stash[_CASE] = case
    yield case
    with _told():
        case.close()


@pytest.fixture(scope="module")
def module_db(request: pytest.FixtureRequest, seedbed_run: "Run") -> "Iterator[Session]":
    """A session whose rows every test of the module finds; each of them is rolled back to what was put in here."""
    yield from _around(seedbed_run, request.node.nodeid)


@pytest.fixture(scope="class")
def class_db(request: pytest.FixtureRequest, seedbed_run: "Run") -> "Iterator[Session]":
    """A session whose rows every test of the class finds, as `module_db` for a module."""
    yield from _around(seedbed_run, request.node.nodeid)


@pytest.fixture
def db(_case: "Case") -> "Iterator[Session]":
    """A SQLModel session on the project's database, migrated and seeded; nothing that the test does stays in it.

    Commits are savepoints in a transaction that is rolled back, unless a mark `db` chooses a database of the test's
    own.
    """
    with _told(), _case.session() as session:
        yield session


@pytest.fixture
def async_db(_case: "Case") -> "Iterator[AsyncSession]":
    """The same on the asynchronous driver, for tests of pytest-asyncio and of anyio. It is another session than `db`,
    so each sees what the other did only on a database of the test's own.
    """
    with _told(), _case.asynchronous() as session:
        yield session


@pytest.fixture
def db_engine(_case: "Case") -> "Engine":
    """An engine on a database of the test's own, which is real in all: commits, connections, locks, DDL."""
    with _told():
        return _case.owned.clone(_case.wish.seed).engine


@pytest.fixture
def db_url(_case: "Case") -> str:
    """The URL of a database of the test's own, with its password."""
    with _told():
        return _case.owned.clone(_case.wish.seed).url.reveal()


@pytest.fixture
def empty_db(request: pytest.FixtureRequest) -> "Engine":
    """An engine on an empty database of the test's own, for tests of migrations."""
    from seedbed.testing.runs import EMPTY

    case: Case | None = request.getfixturevalue("_case") if _wants_project(request.node) else None
    owned: Owned = case.owned if case is not None else request.getfixturevalue("_function_owned")
    with _told():
        return owned.clone(EMPTY).engine


@pytest.fixture
def client(db: "Session", _case: "Case") -> "Iterator[TestClient]":
    """A client of the project's service on the test's database; it finds what the test has put into `db`."""
    from seedbed.testing.clients import client

    with _told(), client(_case, db) as made:
        yield made


@pytest.fixture
def make(db: "Session", _case: "Case") -> "Callable[..., Any]":
    """Make a valid row of a model, and the rows that it needs: `make(Task, title="Write")` has a user."""
    from seedbed.testing.making import Maker

    with _told():
        return Maker(db, _case.run).make


@pytest.fixture
def seeded(db: "Session", _case: "Case") -> "Callable[..., Any]":
    """Make rows by the rules of seeding, beyond those of the template: `seeded(Task, 500, is_completed=True)`."""
    from seedbed.testing.making import Maker

    with _told():
        return Maker(db, _case.run).seeded


@pytest.fixture
def assert_queries(seedbed_run: "Run") -> "Callable[[int], AbstractContextManager[None]]":
    """A context manager for a number of statements, and a failure where its block sends more or fewer."""
    return seedbed_run.watch.expecting


def _run_of(config: pytest.Config) -> "Run":
    if _RUN not in config.stash:
        from seedbed.testing.runs import Run

        config.stash[_RUN] = Run(config, wants_project=config.stash.get(_WANTED, False))
    return config.stash[_RUN]


def _owned(run: "Run", whose: str) -> "Iterator[Owned]":
    from seedbed.testing.cases import Owned

    owned = Owned(run, whose)
    yield owned
    with _told():
        owned.close()


def _around(run: "Run", whose: str) -> "Iterator[Session]":
    from seedbed.testing.cases import within

    with _told(), within(run, run.templates.usual, whose) as session:
        yield session


def _wants_project(item: pytest.Item) -> bool:
    if _OF_THE_PROJECT.isdisjoint(getattr(item, "fixturenames", ())):
        return False
    mark = item.get_closest_marker("db")
    return mark is None or mark.args[:1] != ("empty",)


@contextmanager
def _told() -> Iterator[None]:
    """What a user can mend is told without the way it came."""
    from seedbed.errors import SeedbedError

    try:
        yield
    except SeedbedError as error:
        raise pytest.fail.Exception(_in_words(error), pytrace=False) from None


def _in_words(error: Any) -> str:
    return f"{error.code} {error.message}\n      {error.remedy}"
