"""The pytest plugin: its options, the `db` marker, and a migrated and seeded database for every test that needs one.

    def test_a_user_has_no_tasks_yet(db, make):
        user = make(User, email="ada@example.com")
        assert db.exec(select(Task).where(Task.user_id == user.id)).all() == []

The fixtures of pytest-postgresql and of its factories run on the same server:

    postgresql = pytest_postgresql.factories.postgresql("seedbed_proc")
"""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from seedbed.testing.error_report import format_error
from seedbed.testing.session.requested_fixtures import collect_seeds, import_service
from seedbed.testing.session.stash import RUN_KEY, SEEDS_KEY, TEST_DATABASES_KEY

if TYPE_CHECKING:
    from seedbed.testing.server.worker_access import ServerController

pytest_plugins = ["seedbed.testing.fixtures.fixtures"]

_CONTROLLER_KEY: "pytest.StashKey[ServerController]" = pytest.StashKey()
_LEFTOVERS_KEY = pytest.StashKey[list[str]]()


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("seedbed", "test databases")
    group.addoption(
        "--seedbed-url",
        metavar="URL",
        help="create the test databases on this server instead of starting one; its role needs CREATEDB",
    )
    group.addoption(
        "--seedbed-keep",
        metavar="NUMBER",
        type=int,
        default=3,
        help="keep the databases of this many failed tests in each worker (default: 3)",
    )
    group.addoption(
        "--seedbed-psql",
        metavar="NAME",
        nargs="?",
        const="",
        help="open psql on the kept database of a failed test instead of running tests; NAME is the database or the "
        "test (default: the last one)",
    )


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line(
        "markers",
        'db(mode, *, seed="testing", scope="function"): choose the test\'s database: a "transaction" on a shared one, '
        'its "own", or an "empty" one. seed names its rows, None means no rows. scope shares an own or empty database.',
    )
    config.stash[_LEFTOVERS_KEY] = []
    if not _has_own_server(config):
        from seedbed.testing.fixtures import postgresql_proc

        config.pluginmanager.register(postgresql_proc, "seedbed-postgresql-proc")


@pytest.hookimpl(tryfirst=True)
def pytest_cmdline_main(config: pytest.Config) -> int | None:
    name_or_test = config.getoption("seedbed_psql")
    if name_or_test is None:
        return None
    from seedbed.errors import SeedbedError
    from seedbed.testing.server.lifecycle import open_psql

    capture_manager = config.pluginmanager.getplugin("capturemanager")
    if capture_manager is not None:
        capture_manager.suspend_global_capture(in_=True)
    try:
        return open_psql(config.rootpath, name_or_test, config.getoption("seedbed_url"))
    except SeedbedError as error:
        raise pytest.UsageError(format_error(error)) from error


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Tell an xdist worker how to reach the run's server."""
    from seedbed.testing.server.worker_access import ServerController

    config = node.config
    if _CONTROLLER_KEY not in config.stash:
        config.stash[_CONTROLLER_KEY] = ServerController()
    node.workerinput["seedbed"] = config.stash[_CONTROLLER_KEY].endpoint


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    node.config.stash[_LEFTOVERS_KEY].extend(getattr(node, "workeroutput", {}).get("seedbed_left", ()))


def pytest_collection_finish(session: pytest.Session) -> None:
    session.config.stash[SEEDS_KEY] = collect_seeds(session.items)
    import_service(session.items)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Iterator[None]:
    report: pytest.TestReport = yield  # type: ignore[assignment]
    test_databases = item.stash.get(TEST_DATABASES_KEY, None)
    if test_databases is not None and report.failed and call.when != "teardown":
        section = test_databases.report_failure()
        if section:
            report.sections.append(("database", section))
    return report  # type: ignore[return-value]


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Close the run last: pytest's own hook first tears down the fixtures of an interrupted run."""
    from seedbed.errors import SeedbedError

    leftovers = session.config.stash[_LEFTOVERS_KEY]
    run = session.config.stash.get(RUN_KEY, None)
    if run is not None:
        del session.config.stash[RUN_KEY]
        try:
            run.close()
        except SeedbedError as error:
            leftovers.append(f"Databases of this run could not be dropped: {error}")
        leftovers[:0] = run.leftovers
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["seedbed_left"] = leftovers


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    leftovers = config.stash[_LEFTOVERS_KEY]
    if leftovers:
        terminalreporter.section("sessions left open on test databases")
        for line in leftovers:
            terminalreporter.write_line(line)


@pytest.hookimpl(trylast=True)
def pytest_unconfigure(config: pytest.Config) -> None:
    controller = config.stash.get(_CONTROLLER_KEY, None)
    if controller is not None:
        controller.close()


def _has_own_server(config: pytest.Config) -> bool:
    """Whether pytest-postgresql is installed and finds a PostgreSQL of its own to start."""
    if not config.pluginmanager.hasplugin("pytest_postgresql"):
        return False
    return bool(config.getoption("postgresql_exec", None)) or Path(config.getini("postgresql_exec")).is_file()
