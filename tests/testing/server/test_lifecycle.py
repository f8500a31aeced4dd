"""A run's server and templates: shared by all workers, reused by the next run, and cleaned up however the run ends."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from seedbed.errors import DataDirectoryNotWritable
from seedbed.postgres.embedded import Binaries, TemporaryServer, run_temporary_server
from seedbed.settings import Project
from seedbed.testing.server.data_snapshot import ensure_storage_directory
from tests.acceptance.conftest import Person, people
from tests.support.effort import repetitions
from tests.support.patience import PATIENCE
from tests.support.projects import execute
from tests.support.servers import installed
from tests.testing.conftest import Shop, handed_over

pytestmark = pytest.mark.slow

SHOP = """
@pytest.mark.parametrize("turn", range(8))
def test_in_turn(db, turn):
    db.add(User(email="ada@example.com"))
    db.commit()
    assert users(db) == USERS + 1

@pytest.mark.parametrize("turn", range(4))
def test_own(db_engine, db, turn):
    db.add(User(email="ada@example.com"))
    db.commit()
    assert users(db) == USERS + 1
"""
SLOW = """
import pathlib, time

def test_takes_long(db, db_url, {server}):
    pathlib.Path("up.new").write_text(str({folder}))
    pathlib.Path("up.new").rename("up")
    time.sleep(600)
"""


MANY = repetitions("MANY", usual=40, thorough=500)
"""Tests of the run that is checked for what it leaves behind."""

_started: "list[subprocess.Popen[str]]" = []


@pytest.fixture(autouse=True)
def _no_run_left() -> Iterator[None]:
    yield
    while _started:
        process = _started.pop()
        if process.poll() is None:
            process.kill()
            process.communicate()


def up(project: Shop, process: "subprocess.Popen[str]") -> Path:
    """The folder of the run's server, once a test has it."""
    _started.append(process)
    told = project.root / "up"
    while not told.exists():
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.02)
    folder = Path(told.read_text())
    told.unlink()
    return folder


def segment(identifiers: str) -> str | None:
    """The line of System V's shared memory that a postmaster's file names: the key and the number."""
    shared = Path("/proc/sysvipc/shm")
    lines = shared.read_text().splitlines() if shared.exists() else []
    return next((line for line in lines if line.split()[:2] == identifiers.split()), None)


def await_gone(processes: list[psutil.Process], folder: Path) -> None:
    _, alive = psutil.wait_procs(processes, timeout=PATIENCE)
    assert alive == []
    until = time.monotonic() + PATIENCE
    while folder.exists() and time.monotonic() < until:
        time.sleep(0.05)


class TestWorkers:
    def test_share_a_server_and_leave_nothing_behind(self, project: Shop, tmp_path: Path) -> None:
        project.write(
            "tests/test_shop.py",
            SHOP
            + f"""
@pytest.mark.parametrize("turn", range(8))
def test_server(seedbed_server, postgresql, turn):
    with open({str(tmp_path / "seen")!r}, "a") as seen:
        seen.write(f"{{seedbed_server.directory}}\\n")
""",
        )
        project.run("-n4", passed=20)

        folders = set((tmp_path / "seen").read_text().split())
        assert len(folders) == 1
        assert not Path(folders.pop()).exists()

    def test_leave_nothing_behind_after_many_tests(self, project: Shop, tmp_path: Path) -> None:
        own = MANY // 5
        project.write(
            "tests/test_shop.py",
            SHOP.replace("range(8)", f"range({MANY - own})").replace("range(4)", f"range({own})")
            + """
@pytest.fixture(autouse=True, scope="session")
def told(seedbed_server):
    import pathlib, shutil
    shutil.copy(seedbed_server.directory / "data/postmaster.pid", "postmaster.pid")
    pathlib.Path("folder").write_text(str(seedbed_server.directory))
""",
        )
        temporary = tmp_path / "temporary"
        temporary.mkdir()
        before = {path.name for path in project.root.iterdir()}
        snapshots = sorted((project.root / ".seedbed").rglob("*"))

        replace(project, temporary=temporary).run("-n4", passed=MANY)

        postmaster = (project.root / "postmaster.pid").read_text().splitlines()
        assert not psutil.pid_exists(int(postmaster[0]))
        assert segment(postmaster[6]) is None
        assert not Path((project.root / "folder").read_text()).exists()
        assert [path.name for path in temporary.iterdir() if not path.name.startswith("pytest-of-")] == []
        assert {path.name for path in project.root.iterdir()} - before == {"postmaster.pid", "folder"}
        assert sorted((project.root / ".seedbed").rglob("*")) == snapshots

    def test_that_are_killed_are_replaced(self, project: Shop) -> None:
        project.write(
            "tests/test_shop.py",
            """
            import os, signal

            @pytest.mark.parametrize("turn", range(6))
            def test_shop(db, turn):
                db.add(User(email="ada@example.com"))
                db.commit()
                if turn == 2:
                    os.kill(os.getpid(), signal.SIGKILL)
            """,
        )

        said = project.run("-n2", failed=1, passed=5)

        assert "crashed while running 'tests/test_shop.py::test_shop[2]'" in said


class TestKilledRun:
    @pytest.mark.parametrize(
        ("victim", "workers"),
        [("pytest", "-n0"), ("pytest", "-n2"), ("server", "-n0")],
        ids=["alone", "first", "server"],
    )
    def test_does_not_block_the_next_run(self, project: Shop, victim: str, workers: str) -> None:
        slow = project.write(
            "tests/test_slow.py", SLOW.format(server="seedbed_server", folder="seedbed_server.directory")
        )
        process = project.start(workers)
        folder = up(project, process)
        run = psutil.Process(process.pid)
        servers = [child for child in run.children(recursive=True) if child.name() == "postgres"]
        postmaster = (folder / "data/postmaster.pid").read_text().splitlines()

        os.kill(process.pid if victim == "pytest" else int(postmaster[0]), signal.SIGKILL)
        if victim == "server":
            process.send_signal(signal.SIGINT)
        process.communicate(timeout=PATIENCE)

        assert servers
        await_gone(servers, folder)
        slow.unlink()
        project.write("tests/test_shop.py", SHOP)
        project.run(passed=12)
        assert not folder.exists()
        assert segment(postmaster[6]) is None

    def test_two_concurrent_runs_build_one_template(self, project: Shop) -> None:
        project.write("tests/test_shop.py", SHOP)
        shutil.rmtree(project.root / ".seedbed")

        both = [project.start("-s"), project.start("-s")]
        said = [process.communicate(timeout=PATIENCE)[0] for process in both]

        assert ["12 passed" in text for text in said] == [True, True], said
        assert len(list((project.root / ".seedbed").glob("tests-*/*-*"))) == 1

    def test_a_killed_builder_of_a_template_is_replaced(self, project: Shop) -> None:
        project.write("tests/test_shop.py", "def test_shop(db):\n    assert users(db) == USERS\n")
        revision = next((project.root / "migrations/versions").glob("*.py"))
        waiting, reached = project.root / "waiting", project.root / "reached"
        waits = (
            f"    import pathlib, time\n    pathlib.Path({str(reached)!r}).touch()\n"
            f"    while pathlib.Path({str(waiting)!r}).exists():\n        time.sleep(0.01)\n"
        )
        revision.write_text(
            revision.read_text().replace("def upgrade() -> None:\n", f"def upgrade() -> None:\n{waits}")
        )
        waiting.touch()
        process = project.start()
        until = time.monotonic() + PATIENCE
        while not reached.exists() and time.monotonic() < until:
            time.sleep(0.05)

        process.kill()
        process.communicate()

        waiting.unlink()
        project.run(passed=1)


class TestSnapshots:
    def test_are_rebuilt_after_changes_and_limited_in_number(self, project: Shop) -> None:
        project.write("tests/test_shop.py", "def test_shop(db):\n    print('rows', users(db))\n")
        seeds = project.root / "seeds/testing.py"
        text = seeds.read_text()

        rows = []
        for number in (11, 12, 13, 14, 15):
            seeds.write_text(text.replace("seeds.add(User, 10)", f"seeds.add(User, {number})"))
            rows += re.findall(r"rows (\d+)", project.run("-s", passed=1))

        kept = [path.name for path in (project.root / ".seedbed").glob("tests-*/*-*")]
        assert rows == ["11", "12", "13", "14", "15"]
        assert len(kept) == 4

    def test_include_other_seeds_and_are_reused_by_the_next_run(self, project: Shop) -> None:
        project.write(
            "tests/test_shop.py",
            """
            def test_usual(db):
                assert users(db) == USERS

            @pytest.mark.db(seed="development")
            def test_other(db):
                assert users(db) > USERS

            @pytest.mark.db("own", seed="preview")
            def test_broken(db):
                pass
            """,
        )
        (project.root / "seeds/preview.py").write_text("raise ValueError('spring')\n")
        (project.root / "tests/conftest.py").write_text(
            "from seedbed.testing.databases import template\n\nload_seeds = template.plan_and_load_seeds\n\n\n"
            "def told(project, schema, name, at):\n"
            "    print('made', name, flush=True)\n    load_seeds(project, schema, name, at)\n\n\n"
            "template.plan_and_load_seeds = told\n"
        )

        first = project.run("-s", "-n0", passed=2, error=1)
        again = project.run("-s", "-n0", passed=2, error=1)
        usual = project.run("-s", "-n0", "-k", "usual", passed=1, deselected=2)

        made = [re.findall(r"made (\w+)", said) for said in (first, again, usual)]
        assert made == [["testing", "development", "preview", "preview"], ["preview"], []]
        assert "spring" in first
        assert len(list((project.root / ".seedbed").glob("tests-*/*-*"))) == 2

    def test_are_rebuilt_after_changes_of_other_files_that_were_read(self, project: Shop) -> None:
        (project.root / "data").mkdir()
        (project.root / "data/first.csv").write_text("ada@example.com\n")
        (project.root / "pricing").mkdir()
        (project.root / "pricing/__init__.py").write_text("from pricing.rates import RATE\n")
        (project.root / "pricing/rates.py").write_text("RATE = 1\n")
        (project.root / "pricing/unrelated.py").write_text("")
        revision = next((project.root / "migrations/versions").glob("*.py"))
        reading = "    import pricing\n\n    op.execute(f'CREATE TABLE price AS SELECT {pricing.RATE} AS rate')\n"
        ahead = "def upgrade() -> None:\n"
        revision.write_text(revision.read_text().replace(ahead, ahead + reading))
        (project.root / "seeds/testing.py").write_text(
            "from pathlib import Path\n\nfrom schema import User\n\n\ndef plan(seeds):\n"
            "    lines = [file.read_text() for file in Path(__file__).parents[1].glob('data/*.csv')]\n"
            "    users = seeds.add(User, len(lines))\n"
            "    for line in lines:\n        users.known(email=line.strip())\n"
        )
        project.write(
            "tests/conftest.py",
            """
            import pricing, pricing.unrelated
            from seedbed.testing.databases import template

            seed = template.plan_and_load_seeds

            def told(*arguments):
                print("made", flush=True)
                seed(*arguments)

            template.plan_and_load_seeds = told
            """,
        )
        project.write(
            "tests/test_shop.py",
            """
            def test_shop(db):
                rate = db.execute(text("SELECT rate FROM price")).scalar()
                print("found", rate, *sorted(db.exec(select(User.email)).all()))
            """,
        )

        said = []
        for name, content in (
            ("", ""),
            ("pricing/unrelated.py", "# nothing that matters"),
            ("data/first.csv", "eve@example.com"),
            ("data/second.csv", "bob@example.com"),
            ("pricing/rates.py", "RATE = 22"),
        ):
            if name:
                (project.root / name).write_text(content)
            said.append(re.findall(r"made|found .*", project.run("-s", "-n0", passed=1)))

        assert said == [
            ["made", "found 1 ada@example.com"],
            ["found 1 ada@example.com"],
            ["made", "found 1 eve@example.com"],
            ["made", "found 1 bob@example.com eve@example.com"],
            ["made", "found 22 bob@example.com eve@example.com"],
        ]

    def test_that_are_incomplete_are_rebuilt(self, project: Shop) -> None:
        project.write("tests/test_shop.py", "def test_shop(db):\n    assert users(db) == USERS\n")
        (kept,) = (project.root / ".seedbed").glob("tests-*/*-*")
        (kept / "server.json").write_text("")

        project.run(passed=1)

        assert (kept / "server.json").read_text()

    def test_report_an_invalid_revision_like_the_command(self, project: Shop) -> None:
        project.write("tests/test_shop.py", SHOP)
        revision = next((project.root / "migrations/versions").glob("*.py"))
        revision.write_text(
            revision.read_text().replace(
                "def upgrade() -> None:\n", "def upgrade() -> None:\n    op.execute('SELECT gone')\n"
            )
        )

        said = project.run(errors=12)

        assert "SB204 Revision e2be48669f4b failed and was rolled back; nothing was applied. " in said
        assert 'PostgreSQL says: column "gone" does not exist' in said
        assert "Traceback" not in said

    def test_belong_to_the_project_of_the_first_path_argument(self, project: Shop, tmp_path: Path) -> None:
        folder = project.root.name
        project.write("tests/test_shop.py", "def test_shop(db):\n    assert users(db) == USERS\n")
        (tmp_path / "pytest.ini").write_text(f"[pytest]\npythonpath = {folder.replace(' ', chr(92) + ' ')}\n")
        (project.root / "pyproject.toml").write_text(
            (project.root / "pyproject.toml").read_text().partition("[tool.pytest")[0]
        )

        Shop(tmp_path).run(f"{folder}/tests/test_shop.py::test_shop", "-c", "pytest.ini", passed=1)

    def test_need_a_project(self, tmp_path: Path) -> None:
        project = Shop(tmp_path)
        (tmp_path / "pytest.ini").write_text("[pytest]\n")
        (tmp_path / "test_shop.py").write_text("def test_shop(db):\n    pass\n")

        said = project.run(error=1)

        assert "SB101 Not a Seedbed project: no pyproject.toml" in said
        assert "Run pytest in your project's folder or on a path in it" in said

    def test_are_not_stored_in_another_users_folder(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        if os.geteuid() != 0:
            pytest.skip("it takes root to make another user's folder")
        blocked = tmp_path / "file"
        blocked.touch()
        monkeypatch.setenv("XDG_CACHE_HOME", str(blocked))
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
        project = Project(root=blocked, name="shop")

        mine = ensure_storage_directory(project)

        assert mine == tmp_path / "seedbed-0-shop/tests-0"
        os.chown(mine.parent, 65534, 65534)
        with pytest.raises(DataDirectoryNotWritable, match="it belongs to another user"):
            ensure_storage_directory(project)


class TestServer:
    def test_without_binaries_is_reported(self, project: Shop) -> None:
        project.write("tests/test_shop.py", "def test_shop(db):\n    pass\n")
        project.write(
            "tests/conftest.py",
            """
            from seedbed.errors import PostgresBinariesNotFound
            from seedbed.testing.session import run_resources

            def find_binaries():
                raise PostgresBinariesNotFound(["here"])

            run_resources.find_binaries = find_binaries
            """,
        )

        assert "SB301 " in project.run(error=1)

    @pytest.mark.parametrize("workers", ["-n0", "-n2"])
    def test_that_does_not_start_fails_the_tests_that_need_it(self, project: Shop, workers: str) -> None:
        project.write("tests/test_shop.py", "def test_shop(db):\n    pass\n")
        project.write(
            "tests/conftest.py",
            """
            from pathlib import Path
            from seedbed.errors import ServerStartFailure
            from seedbed.testing.server import lifecycle

            def run_temporary_server(*_, **__):
                raise ServerStartFailure("it has no memory", Path("log"))

            lifecycle.run_temporary_server = run_temporary_server
            """,
        )

        said = project.run(workers, error=1)

        assert "\nSB302 PostgreSQL did not start: it has no memory" in said
        assert "Traceback" not in said

    def test_is_on_disk_if_memory_is_too_small(self, project: Shop) -> None:
        project.write(
            "tests/test_shop.py", "def test_shop(db, seedbed_server):\n    print('up', seedbed_server.directory)\n"
        )
        project.write(
            "tests/conftest.py",
            "from seedbed.postgres.embedded import temporary_server\ntemporary_server._MIN_FREE_BYTES = 1 << 60\n",
        )

        said = project.run("-s", passed=1)

        assert re.search(r"up (/\S+)", said)
        assert "up /dev/shm" not in said

    def test_can_have_another_version(self, project: Shop) -> None:
        other = installed()[-1]
        if other.major_version == installed()[0].major_version:
            pytest.skip("this machine has PostgreSQL of one version")
        project.write(
            "tests/test_shop.py",
            SHOP
            + f"""
def test_version(db, db_engine, async_db):
    assert db.connection().dialect.server_version_info[0] == {other.major_version}
""",
        )
        project.write(
            "tests/conftest.py",
            f"""
            from pathlib import Path
            from seedbed.postgres.embedded import Binaries
            from seedbed.testing.session import run_resources

            run_resources.find_binaries = lambda: Binaries.from_directory(Path({str(other.directory)!r}), "elsewhere")
            """,
        )

        project.run("-n2", passed=13)

    @pytest.mark.parametrize("person", people(), ids=lambda person: person.name)
    def test_runs_for_any_user(self, begun: Shop, person: Person) -> None:
        with handed_over(begun, person) as shop:
            shop.write("tests/test_shop.py", SHOP)

            out, _ = shop.start(**person.options).communicate(timeout=PATIENCE)

        assert "12 passed" in out, out


@pytest.fixture(params=installed(), ids=lambda binaries: f"pg{binaries.major_version}")
def given(request: pytest.FixtureRequest) -> Iterator[TemporaryServer]:
    binaries: Binaries = request.param
    with run_temporary_server(binaries) as server:
        execute(server.url(), "CREATE ROLE tester LOGIN CREATEDB PASSWORD 'tester'")
        yield server


class TestGivenServer:
    def test_keeps_only_templates_and_databases_of_failed_tests(self, project: Shop, given: TemporaryServer) -> None:
        url = f"postgresql://tester:tester@127.0.0.1:{given.port}/postgres?sslmode=disable"
        project.write("tests/test_shop.py", SHOP)
        project.write("tests/test_slow.py", SLOW.format(server="make", folder="1"))
        killed = project.start(f"--seedbed-url={url}", "tests/test_slow.py")
        up(project, killed)
        killed.kill()
        killed.communicate()
        left = databases(given)
        (project.root / "tests/test_slow.py").unlink()

        project.run(f"--seedbed-url={url}", "-n2", passed=12)
        first = databases(given)
        project.write("tests/test_fails.py", "def test_fails(db):\n    assert not users(db)\n")
        said = project.run(f"--seedbed-url={url}", failed=1, passed=12)

        assert [name for name in left if name.startswith("seedbed_test_")]
        assert [re.sub(r"_[0-9a-f]{12}", "", name) for name in first] == ["seedbed_template_begun0"] * 2
        kept = re.findall(r"--seedbed-psql (\S+)", said)
        assert sorted({*first, *kept}) == sorted(databases(given))
        assert f"SB708 {kept[0]} is kept on the external server that the tests used." in project.run("--seedbed-psql")
        assert "tester:***@" in said
        assert "tester:tester" not in said

    def test_needs_only_a_role_with_createdb(self, project: Shop, given: TemporaryServer) -> None:
        execute(given.url(), "CREATE ROLE weak LOGIN PASSWORD 'weak'")
        project.write("tests/test_shop.py", "def test_shop(db):\n    pass\n")

        said = project.run(f"--seedbed-url=postgresql://weak:weak@127.0.0.1:{given.port}/postgres", error=1)

        assert "SB315 " in said
        assert "Use a role that may create databases in --seedbed-url." in said
        assert "its last statements" not in said

    def test_serves_two_checkouts_with_different_seed_data(
        self, project: Shop, given: TemporaryServer, tmp_path: Path
    ) -> None:
        url = f"postgresql://tester:tester@127.0.0.1:{given.port}/postgres?sslmode=disable"
        other = Shop(tmp_path / "other")
        project.write("tests/test_shop.py", SHOP)
        seeds = project.root / "seeds/testing.py"
        read = "int((Path(__file__).parents[1] / 'users.txt').read_text())"
        text = seeds.read_text().replace("seeds.add(User, 10)", f"seeds.add(User, {read})")
        seeds.write_text(text.replace("from schema", "from pathlib import Path\n\nfrom schema", 1))
        subprocess.run(["cp", "-a", project.root, other.root], check=True)
        (project.root / "users.txt").write_text("10")
        (other.root / "users.txt").write_text("11")
        other.write("tests/test_shop.py", SHOP.replace("USERS", "(USERS + 1)"))

        both = [shop.start(f"--seedbed-url={url}") for shop in (project, other)]
        said = [process.communicate(timeout=PATIENCE)[0] for process in both]

        assert ["12 passed" in text for text in said] == [True, True], said
        assert len(databases(given)) == 3


def databases(server: TemporaryServer) -> list[str]:
    names = execute(server.url(), "SELECT datname FROM pg_database WHERE datname LIKE 'seedbed%' ORDER BY 1")
    return [name for (name,) in names]


APP = """
import pytest
from fastapi import Depends, FastAPI
from sqlmodel import Session, select
from starlette.testclient import TestClient

from schema import User

app = FastAPI()


def get_session():
    raise AssertionError("this is production's")


@app.post("/users")
def add(email: str, session: Session = Depends(get_session)) -> int:
    session.add(user := User(email=email))
    session.commit()
    return user.id


@pytest.fixture
def web(db):
    app.dependency_overrides[get_session] = lambda: db
    with TestClient(app) as client:
        yield client
    app.dependency_overrides.clear()


@pytest.mark.parametrize("turn", [1, 2])
def test_adds_a_user(web, db, turn):
    answer = web.post("/users", params={"email": "ada@example.com"})
    assert db.get(User, answer.json()).email == "ada@example.com"
"""


class TestFastApi:
    def test_an_override_can_use_the_tests_session(self, project: Shop) -> None:
        (project.root / "tests").mkdir(exist_ok=True)
        (project.root / "tests/test_app.py").write_text(APP)

        project.run(passed=2)
