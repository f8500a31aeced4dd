"""The fixtures that tests ask for; what each is made of is imported when one does."""

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any

import pytest

from seedbed.testing.beginning import CASE, run_of, wants_project
from seedbed.testing.telling import told

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


@pytest.fixture(scope="session")
def seedbed_run(request: pytest.FixtureRequest) -> "Run":
    """What this process has of the run; for the other fixtures."""
    return run_of(request.config)


@pytest.fixture(scope="session")
def seedbed_server(seedbed_run: "Run") -> "ThrowawayServer":
    """The run's PostgreSQL, in memory where there is room, one for all workers, and gone with them after any end."""
    with told():
        return seedbed_run.server


@pytest.fixture(scope="session")
def seedbed_proc(seedbed_run: "Run") -> "Iterator[NoopExecutor]":
    """That server, or the given one, as a process fixture of pytest-postgresql, with an empty template."""
    from seedbed.testing.executors import executor

    with told(), executor(seedbed_run) as process:
        yield process


@pytest.fixture(scope="session")
def seedbed_project(seedbed_run: "Run") -> "Project":
    """The project that the tests are of: that of pytest's root folder, or else of the first path pytest was given."""
    with told():
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

    with told():
        wish = wish_of(request.node, seedbed_run)
    owned = request.getfixturevalue(f"_{wish.scope}_owned")
    around = frozenset({"class_db", "module_db"}.intersection(request.fixturenames))
    case = Case(seedbed_run, request.node.nodeid, wish, owned, around)
    request.node.stash[CASE] = case
    yield case
    with told():
        case.close()


@pytest.fixture(scope="module")
def module_db(request: pytest.FixtureRequest, seedbed_run: "Run") -> "Iterator[Session]":
    """A session whose rows every test of the module finds; each of them is rolled back to what was put in here."""
    yield from _around(seedbed_run, request)


@pytest.fixture(scope="class")
def class_db(request: pytest.FixtureRequest, seedbed_run: "Run") -> "Iterator[Session]":
    """A session whose rows every test of the class finds, as `module_db` for a module."""
    yield from _around(seedbed_run, request)


@pytest.fixture
def db(_case: "Case") -> "Iterator[Session]":
    """A SQLModel session on the project's database, migrated and seeded; nothing that the test does stays in it.

    Commits are savepoints in a transaction that is rolled back, unless a mark `db` chooses a database of the test's
    own.
    """
    with told(), _case.session() as session:
        yield session


@pytest.fixture
def async_db(_case: "Case") -> "Iterator[AsyncSession]":
    """The same on the asynchronous driver, for tests of pytest-asyncio and of anyio. It is another session than `db`,
    so each sees what the other did only on a database of the test's own.
    """
    with told(), _case.asynchronous() as session:
        yield session


@pytest.fixture
def db_engine(_case: "Case") -> "Engine":
    """An engine on a database of the test's own, which is real in all: commits, connections, locks, DDL."""
    with told():
        return _case.owned.clone(_case.wish.seed).engine


@pytest.fixture
def db_url(_case: "Case") -> str:
    """The URL of a database of the test's own, with its password."""
    with told():
        return _case.owned.clone(_case.wish.seed).whole_url


@pytest.fixture
def empty_db(request: pytest.FixtureRequest) -> "Engine":
    """An engine on an empty database of the test's own, for tests of migrations."""
    from seedbed.testing.runs import EMPTY

    case: Case | None = request.getfixturevalue("_case") if wants_project(request.node) else None
    owned: Owned = case.owned if case is not None else request.getfixturevalue("_function_owned")
    with told():
        return owned.clone(EMPTY).engine


@pytest.fixture
def client(db: "Session", _case: "Case") -> "Iterator[TestClient]":
    """A client of the project's service on the test's database; it finds what the test has put into `db`."""
    from seedbed.testing.clients import client

    with told(), client(_case, db) as made:
        yield made


@pytest.fixture
def make(db: "Session", _case: "Case") -> "Callable[..., Any]":
    """Make a valid row of a model, and the rows that it needs: `make(Task, title="Write")` has a user."""
    from seedbed.testing.making import Maker

    with told():
        return Maker(db, _case.run).make


@pytest.fixture
def seeded(db: "Session", _case: "Case") -> "Callable[..., Any]":
    """Make rows by the rules of seeding, beyond those of the template: `seeded(Task, 500, is_completed=True)`."""
    from seedbed.testing.making import Maker

    with told():
        return Maker(db, _case.run).seeded


@pytest.fixture
def assert_queries(seedbed_run: "Run") -> "Callable[[int], AbstractContextManager[None]]":
    """A context manager for a number of statements, and a failure where its block sends more or fewer."""
    return seedbed_run.watch.expecting


def _owned(run: "Run", whose: str) -> "Iterator[Owned]":
    from seedbed.testing.cases import Owned

    owned = Owned(run, whose)
    yield owned
    with told():
        owned.close()


def _around(run: "Run", request: pytest.FixtureRequest) -> "Iterator[Session]":
    from seedbed.testing.cases import around

    with told(), around(run, str(request.fixturename), request.node.nodeid) as session:
        yield session
