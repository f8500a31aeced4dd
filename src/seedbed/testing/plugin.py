"""The pytest plugin: a migrated and seeded database for every test that asks for one, with nothing to set up.

    def test_a_user_has_no_tasks_yet(db, make):
        user = make(User, email="ada@example.com")
        assert db.exec(select(Task).where(Task.user_id == user.id)).all() == []

pytest-postgresql's own fixtures, and those that its factories make, run on the same server:

    postgresql = pytest_postgresql.factories.postgresql("seedbed_proc")
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from seedbed.testing.error_report import format_error
from seedbed.testing.session.requested_fixtures import collect_seeds
from seedbed.testing.session.stash import TEST_DATABASES_KEY, RUN_KEY, SEEDS_KEY

if TYPE_CHECKING:
    from seedbed.testing.server.worker_access import ServerController

pytest_plugins = ["seedbed.testing.fixtures.fixtures"]

_SHARING: "pytest.StashKey[ServerController]" = pytest.StashKey()
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
    if not _has_own_server(config):
        from seedbed.testing.fixtures import postgresql_proc

        config.pluginmanager.register(postgresql_proc, "seedbed-standing-in")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    wanted = config.getoption("seedbed_psql")
    if wanted is None:
        return None
    from seedbed.errors import SeedbedError
    from seedbed.testing.server.psql import open_psql

    capturing = config.pluginmanager.getplugin("capturemanager")
    if capturing is not None:
        capturing.suspend_global_capture(in_=True)
    try:
        return open_psql(config.rootpath, wanted, config.getoption("seedbed_url"))
    except SeedbedError as error:
        raise pytest.UsageError(format_error(error)) from error


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Of xdist, in the first process: tell a worker how to ask for the run's server."""
    from seedbed.testing.server.worker_access import ServerController

    config = node.config
    if _SHARING not in config.stash:
        config.stash[_SHARING] = ServerController()
    node.workerinput["seedbed"] = config.stash[_SHARING].way


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[_LEFT].extend(getattr(node, "workeroutput", {}).get("seedbed_left", ()))


def pytest_collection_finish(session: pytest.Session) -> None:
    session.config.stash[SEEDS_KEY] = collect_seeds(session.items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report: pytest.TestReport = yield  # type: ignore[assignment]
    case = item.stash.get(TEST_DATABASES_KEY, None)
    if case is not None and report.failed and call.when != "teardown" and (told := case.report_failure()):
        report.sections.append(("database", told))
    return report  # type: ignore[return-value]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """After pytest's own, which ends the fixtures of a run that was interrupted."""
    from seedbed.errors import SeedbedError

    left = session.config.stash[_LEFT]
    run = session.config.stash.get(RUN_KEY, None)
    if run is not None:
        del session.config.stash[RUN_KEY]
        try:
            run.close()
        except SeedbedError as error:
            left.append(f"Databases of this run are left behind: {error}")
        left[:0] = run.leftovers
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["seedbed_left"] = left


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


def _has_own_server(config: pytest.Config) -> bool:
    """Whether pytest-postgresql has programs to start a server with: they were given, or are where it looks."""
    if not config.pluginmanager.hasplugin("pytest_postgresql"):
        return False
    return bool(config.getoption("postgresql_exec", None)) or Path(config.getini("postgresql_exec")).is_file()
