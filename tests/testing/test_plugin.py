"""The pytest plugin in separate pytest processes."""

import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from tests.support.patience import PATIENCE

pytest_plugins = ["pytester"]

FIXTURE = """
from pytest_postgresql import factories

postgresql = factories.postgresql("seedbed_proc")
"""


def servers_of(process: "subprocess.Popen[str]") -> list[psutil.Process]:
    return [child for child in psutil.Process(process.pid).children(recursive=True) if child.name() == "postgres"]


class TestPlugin:
    def test_gives_each_test_its_own_database(self, pytester: pytest.Pytester) -> None:
        pytester.makepyfile(
            FIXTURE
            + """
import pytest


@pytest.mark.parametrize("turn", [1, 2])
def test_is_empty(postgresql, turn):
    postgresql.execute("CREATE TABLE hero (id int)")
    postgresql.commit()
    assert postgresql.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (1,)
"""
        )

        pytester.runpytest_subprocess().assert_outcomes(passed=2)

    def test_runs_one_server_per_run(self, pytester: pytest.Pytester) -> None:
        pytester.makepyfile(
            FIXTURE
            + """
PORTS = set()


def test_one(postgresql, seedbed_server):
    PORTS.add(postgresql.info.port)
    assert postgresql.info.port == seedbed_server.port


def test_other(postgresql):
    assert PORTS == {postgresql.info.port}
"""
        )

        pytester.runpytest_subprocess("-p", "no:randomly").assert_outcomes(passed=2)

    def test_serves_several_workers(self, pytester: pytest.Pytester) -> None:
        pytester.makepyfile(
            FIXTURE
            + """
import pytest


@pytest.mark.parametrize("turn", range(6))
def test_is_alone(postgresql, turn):
    postgresql.execute("CREATE TABLE hero (id int)")
    postgresql.commit()
"""
        )

        pytester.runpytest_subprocess("-n2").assert_outcomes(passed=6)

    def test_starts_no_server_for_tests_without_databases(self, pytester: pytest.Pytester) -> None:
        pytester.makepyfile(
            """
import sys


def test_wants_none():
    assert not [name for name in sys.modules if name.startswith(("seedbed.postgres", "sqlalchemy"))]
"""
        )

        pytester.runpytest_subprocess().assert_outcomes(passed=1)

    def test_the_next_run_works_after_a_killed_one(self, pytester: pytest.Pytester) -> None:
        pytester.makepyfile(
            FIXTURE
            + """
import time


def test_takes_long(postgresql, seedbed_server):
    print("up", seedbed_server.directory, flush=True)
    time.sleep(600)
"""
        )
        command = [sys.executable, "-m", "pytest", "-s", "-q", "-p", "no:cacheprovider"]
        process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        assert process.stdout is not None
        folder = next(Path(line.split()[1]) for line in process.stdout if line.startswith("up "))
        servers = servers_of(process)

        process.send_signal(signal.SIGKILL)
        process.communicate()

        pytester.makepyfile("def test_starts_another(seedbed_server):\n    pass\n")
        pytester.runpytest_subprocess().assert_outcomes(passed=1)

        _, alive = psutil.wait_procs(servers, timeout=PATIENCE)
        assert servers
        assert alive == []
        assert not folder.exists()
