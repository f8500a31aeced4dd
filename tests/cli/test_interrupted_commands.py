"""Commands that a signal ends: what they say, and what they leave behind."""

import secrets
import shutil
import signal
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from sqlalchemy import text

from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import EmbeddedServer, TemporaryServer
from seedbed.settings import DatabaseUrl, load_configuration
from tests.support.patience import PATIENCE
from tests.support.postgres.processes import await_that
from tests.support.projects import Project, execute, little_project

HERO = """
class Hero(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=50)
"""
POWERFUL = HERO + "    power: int\n"
CREATE = """
op.execute("CREATE TABLE hero (id serial PRIMARY KEY, name varchar(50) NOT NULL)")
op.execute("INSERT INTO hero (name) VALUES ('Deadpond')")
"""
SIGNALS = [signal.SIGINT, signal.SIGTERM]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with little_project(tmp_path, HERO) as made:
        yield made


@pytest.fixture
def variables(database: Database, seedbed_server: TemporaryServer) -> dict[str, str]:
    return {"DATABASE_URL": database.direct.reveal(), "SHADOW_DATABASE_URL": seedbed_server.url().reveal()}


@pytest.fixture
def mark() -> str:
    """A word by which a test finds its own statements on a server that it shares."""
    return secrets.token_hex(6)


def runs(url: DatabaseUrl, mark: str) -> Callable[[], bool]:
    """Whether a statement with this word is running, for as long as it takes."""
    return lambda: bool(databases_of(url, mark))


def databases_of(url: DatabaseUrl, mark: str) -> list[str]:
    """The databases on which a statement with this word is running."""
    active = "SELECT datname FROM pg_stat_activity WHERE state = 'active' AND pid <> pg_backend_pid()"
    return [name for (name,) in execute(url, f"{active} AND query LIKE '%{mark}%'")]


def sleeping(mark: str) -> str:
    return f'op.execute("SELECT pg_sleep(600) /* {mark} */")'


def files(project: Project) -> dict[str, bytes]:
    return {
        str(file.relative_to(project.root)): file.read_bytes()
        for file in (project.root / "migrations").rglob("*")
        if file.is_file() and file.suffix != ".pyc"
    }


def ended(
    project: Project, *command: str, number: signal.Signals, when: Callable[[], bool], given: dict[str, str]
) -> str:
    """Run a command, send it a signal once a condition holds, and return what it says on standard error."""
    process = project.start("seedbed", *command, **given)
    try:
        await_that(lambda: when() or process.poll() is not None)
        process.send_signal(number)
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
        process.communicate()
    assert (process.returncode, out, "Traceback" in err, "ignored" in err) == (128 + number, "", False, False), err
    return err


class TestCheck:
    @pytest.mark.parametrize("number", SIGNALS)
    def test_a_signal_ends_it_in_the_middle_of_a_statement(
        self,
        project: Project,
        variables: dict[str, str],
        seedbed_server: TemporaryServer,
        mark: str,
        number: signal.Signals,
    ) -> None:
        project.write_revision("first", sleeping(mark))
        url = seedbed_server.url()
        databases: list[str] = []

        def asleep() -> bool:
            databases[:] = databases_of(url, mark)
            return bool(databases)

        err = ended(project, "migrate", "check", number=number, when=asleep, given=variables)

        assert err.split() == (["Interrupted."] if number is signal.SIGINT else ["Ended", "by", "SIGTERM."])
        assert databases_of(url, mark) == []
        assert execute(url, f"SELECT datname FROM pg_database WHERE datname IN ('{databases[0]}')") == []

    def test_ctrl_c_ends_it_where_python_would_ignore_it(self, project: Project, variables: dict[str, str]) -> None:
        project.write_revision(
            "first",
            """
            from pathlib import Path

            class Pooled:
                def __del__(self):
                    Path("begun").touch()
                    until = time.monotonic() + 60
                    while time.monotonic() < until:
                        pass

            Pooled()
            """,
        )

        begun = (project.root / "begun").exists
        err = ended(project, "migrate", "check", number=signal.SIGINT, when=begun, given=variables)

        assert err.split() == ["Interrupted."]


class TestDraft:
    @pytest.mark.parametrize("number", SIGNALS)
    def test_a_signal_during_the_proof_leaves_no_revision(
        self,
        project: Project,
        variables: dict[str, str],
        seedbed_server: TemporaryServer,
        mark: str,
        number: signal.Signals,
    ) -> None:
        project.run("seedbed", "migrate", "draft", "-m", "Create hero", given=variables)
        project.write_tables(POWERFUL)
        before, url = files(project), seedbed_server.url()
        backfill = f"hero.power=(SELECT 1 FROM pg_sleep(600)) /* {mark} */"
        asleep = runs(url, f"hero%power%{mark}")

        err = ended(
            project, "migrate", "draft", "-m", "Give power", "--backfill", backfill, number=number,
            when=lambda: len(files(project)) > len(before) and asleep(), given=variables,
        )  # fmt: skip

        assert err.strip().splitlines() == [
            f"{'Interrupted.' if number is signal.SIGINT else 'Ended by SIGTERM.'} No revision was written."
        ]
        assert files(project) == before
        assert databases_of(url, mark) == []

    def test_ctrl_c_does_not_wait_for_the_replay_beside_it(
        self, project: Project, variables: dict[str, str], seedbed_server: TemporaryServer, mark: str
    ) -> None:
        project.write_revision("first", sleeping(mark))
        before = files(project)

        err = ended(
            project, "migrate", "draft", "-m", "Create hero",
            number=signal.SIGINT, when=runs(seedbed_server.url(), mark), given=variables,
        )  # fmt: skip

        assert err.strip() == "Interrupted. No revision was written."
        assert files(project) == before

    def test_a_signal_is_said_in_json(
        self, project: Project, variables: dict[str, str], seedbed_server: TemporaryServer, mark: str
    ) -> None:
        project.write_revision("first", sleeping(mark))

        err = ended(
            project, "migrate", "draft", "-m", "Create hero", "--json",
            number=signal.SIGTERM, when=runs(seedbed_server.url(), mark), given=variables,
        )  # fmt: skip

        assert err.strip() == (
            '{"code": "interrupted", "message": "Ended by SIGTERM. No revision was written.", '
            '"remedy": "Run the command again."}'
        )


class TestApply:
    def test_says_which_revisions_are_applied(
        self, project: Project, database: Database, variables: dict[str, str], mark: str
    ) -> None:
        project.write_revision("first", CREATE)
        project.write_revision("second", f'op.execute("SELECT pg_sleep(600) FROM hero /* {mark} */")', follows="first")

        err = ended(
            project, "migrate", "apply", number=signal.SIGTERM, when=runs(database.direct, mark), given=variables
        )

        assert err.strip() == f"Ended by SIGTERM. Applied to {database.name}: first. second was rolled back."
        assert execute(database.direct, "SELECT version_num FROM alembic_version") == [("first",)]
        assert not runs(database.direct, mark)()

    def test_says_that_steps_may_be_committed(
        self, project: Project, database: Database, variables: dict[str, str], mark: str
    ) -> None:
        project.write_revision(
            "first",
            f"""
            with op.get_context().autocommit_block():
                op.execute("SELECT pg_sleep(600) /* {mark} */")
            """,
        )

        err = ended(
            project, "migrate", "apply", number=signal.SIGINT, when=runs(database.direct, mark), given=variables
        )

        assert err.strip() == (
            f"Interrupted. Applied to {database.name}: nothing. Steps of first may have been committed; "
            "seedbed migrate apply runs it again."
        )


class TestSeedRun:
    @pytest.mark.parametrize("workers", ["1", "2"])
    def test_a_signal_leaves_the_rows_that_were_there(
        self, project: Project, database: Database, variables: dict[str, str], workers: str
    ) -> None:
        project.write_revision("first", CREATE.splitlines()[1])
        project.run("seedbed", "migrate", "apply", given=variables)
        project.write_seeds("seeds.add(tables.Hero, 50)")
        waits = "SELECT 1 FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'"

        with locked(database, "hero"):
            err = ended(
                project, "seed", "run", "--workers", workers, number=signal.SIGTERM,
                when=lambda: bool(execute(database.direct, waits)), given=variables,
            )  # fmt: skip

        assert err.strip() == "Ended by SIGTERM."
        assert execute(database.direct, "SELECT count(*) FROM hero") == [(0,)]


@contextmanager
def locked(database: Database, table: str) -> Iterator[None]:
    with connect(database) as connection:
        connection.execute(text(f"LOCK TABLE {table}"))
        yield


class TestCopies:
    """Commands that copy the project's own database, on an embedded server."""

    @pytest.fixture
    def home(self) -> Iterator[Path]:
        home = Path(tempfile.mkdtemp(prefix="seedbed-server-", dir="/dev/shm" if Path("/dev/shm").is_dir() else None))
        home.chmod(0o711)
        yield home
        shutil.rmtree(home)

    @pytest.fixture
    def embedded(self, project: Project, home: Path) -> Iterator[EmbeddedServer]:
        server = EmbeddedServer.from_configuration(
            load_configuration(project.settled, environ={"SEEDBED_DATA_DIR": str(home)})
        )
        yield server
        server.stop()

    @pytest.mark.parametrize("command", [("migrate", "rehearse"), ("preview", "up", "pr-1")])
    def test_a_signal_leaves_no_copy(
        self, project: Project, embedded: EmbeddedServer, home: Path, mark: str, command: tuple[str, ...]
    ) -> None:
        given = {"SEEDBED_DATA_DIR": str(home)}
        project.write_revision("first", CREATE)
        project.run("seedbed", "migrate", "apply", given=given)
        project.write_revision("second", f'op.execute("SELECT pg_sleep(600) FROM hero /* {mark} */")', follows="first")
        databases = "SELECT datname FROM pg_database"
        before = set(execute(embedded.admin_url(), databases))

        err = ended(
            project, *command, number=signal.SIGTERM, when=runs(embedded.admin_url(), mark), given=given,
        )  # fmt: skip

        assert err.strip().splitlines()[-1].startswith("Ended by SIGTERM.")
        assert set(execute(embedded.admin_url(), databases)) == before

    def test_a_signal_to_up_stops_the_server_that_it_started(
        self, project: Project, embedded: EmbeddedServer, home: Path, mark: str
    ) -> None:
        project.write_revision("first", sleeping(mark))

        def asleep() -> bool:
            return embedded.read_status().accepts_connections and runs(embedded.admin_url(), mark)()

        err = ended(project, "up", number=signal.SIGTERM, when=asleep, given={"SEEDBED_DATA_DIR": str(home)})

        assert err.strip().splitlines()[-1].startswith("Ended by SIGTERM. Applied to ")
        assert not embedded.read_status().running
