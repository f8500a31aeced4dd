"""Runs that are interrupted, stop early, fork, or lose their server."""

import os
import re
import signal
from pathlib import Path

import psutil
import pytest

from tests.support.patience import PATIENCE
from tests.testing.conftest import Shop

pytestmark = pytest.mark.chaos

AROUND = """
import os, signal, sys, time

@pytest.fixture(scope="module")
def ada(module_db):
    module_db.add(user := User(email="ada@example.com"))
    module_db.commit()
    yield user.id
    print("teardown of the module", users(module_db) == USERS + 1, flush=True)

@pytest.fixture
def told(seedbed_server, seedbed_run):
    print("up", seedbed_server.directory, seedbed_run.server_access.owner.port, flush=True)

def test_first(ada, db, db_url, told):
    {body}

def test_second(db):
    pass
"""
WAYS = {
    "control-c": ("os.kill(os.getpid(), signal.SIGINT); time.sleep(5)", (), 2, "KeyboardInterrupt"),
    "exit": ("pytest.exit('enough', returncode=7)", (), 7, "enough"),
    "first": ("raise ValueError", ("-x",), 1, "stopping after 1 failures"),
    "debugger": ("breakpoint()", (), 2, "Quitting debugger"),
    "post mortem": ("raise ValueError", ("--pdb",), 2, "Quitting debugger"),
    "system exit": ("sys.exit(3)", (), 1, "SystemExit: 3"),
}


def folder_of(said: str) -> Path:
    found = re.search(r"up (\S+)", said)
    assert found, said
    return Path(found[1])


class TestRun:
    @pytest.mark.parametrize("way", WAYS)
    def test_that_stops_early_tears_down_in_order(self, project: Shop, way: str) -> None:
        body, arguments, code, words = WAYS[way]
        project.write("tests/test_shop.py", AROUND.format(body=body))
        process = project.start("-s", *arguments, stdin=-1)

        said, _ = process.communicate("q\n", timeout=PATIENCE)

        assert process.returncode == code, said
        assert words in said
        assert "teardown of the module True" in said
        assert "INTERNALERROR" not in said
        assert " error" not in said.splitlines()[-1]
        assert not folder_of(said).exists()

    def test_with_workers_can_be_interrupted(self, project: Shop) -> None:
        project.write(
            "tests/test_shop.py",
            AROUND.format(body="Path('up').touch(); time.sleep(60)").replace(
                "import os", "from pathlib import Path\nimport os"
            ),
        )
        process = project.start("-n2")
        up = project.root / "up"
        while not up.exists():
            assert process.poll() is None, process.communicate()[0]
        servers = [each for each in psutil.Process(process.pid).children(recursive=True) if each.name() == "postgres"]

        os.kill(process.pid, signal.SIGINT)
        said, _ = process.communicate(timeout=PATIENCE)

        _, alive = psutil.wait_procs(servers, timeout=PATIENCE)
        assert servers
        assert alive == []
        assert "INTERNALERROR" not in said

    def test_is_not_closed_by_a_forked_process(self, project: Shop) -> None:
        project.write(
            "tests/test_shop.py",
            """
            import multiprocessing, os, sys

            def test_forks(db):
                child = os.fork()
                if child == 0:
                    pytest.exit("the child")
                assert os.waitpid(child, 0)[1] is not None
                assert users(db) == USERS

            def test_has_workers(db_url):
                with multiprocessing.get_context("fork").Pool(1) as pool:
                    assert pool.apply(count, (db_url,)) == USERS

            def count(url):
                with create_engine(url).connect() as connection:
                    return connection.execute(text('SELECT count(*) FROM "user"')).scalar()

            def test_goes_on(db, db_engine):
                assert users(db) == USERS
            """,
        )

        said = project.run("-p", "no:warnings")

        assert "3 passed" in said, said


class TestServer:
    def test_that_dies_fails_the_tests_and_the_run_ends(self, project: Shop) -> None:
        project.write(
            "tests/test_shop.py",
            """
            import os, signal
            from pathlib import Path

            def test_kills(db, seedbed_server):
                print("up", seedbed_server.directory)
                os.kill(int((seedbed_server.directory / "data/postmaster.pid").read_text().split()[0]), signal.SIGKILL)
                for _ in range(100):
                    users(db)

            @pytest.mark.parametrize("turn", [1, 2])
            def test_has_none(db, turn):
                pass

            def test_has_none_of_its_own(db_engine):
                pass
            """,
        )

        said = project.run("-s", "-W", "error", failed=1, errors=3)

        assert len(re.findall(r"^SB304 Cannot connect to 127.0.0.1:", said, flags=re.MULTILINE)) == 3, said
        assert "INTERNALERROR" not in said
        assert not folder_of(said).exists()

    def test_that_recovers_from_a_crash_is_used_again(self, project: Shop) -> None:
        project.write(
            "tests/test_shop.py",
            """
            import os, signal
            from sqlalchemy.exc import OperationalError

            def test_crashes(db, db_engine):
                with db_engine.connect() as other, pytest.raises(OperationalError):
                    os.kill(db.execute(text("SELECT pg_backend_pid()")).scalar(), signal.SIGKILL)
                    other.execute(text("SELECT pg_sleep(60)"))

            @pytest.mark.parametrize("turn", [1, 2])
            def test_goes_on(db, db_url, turn):
                assert users(db) == USERS
            """,
        )

        said = project.run(passed=3)

        assert "INTERNALERROR" not in said
