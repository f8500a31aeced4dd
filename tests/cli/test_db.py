"""`seedbed db` as it is typed."""

import io
import json
import os
import pty
import select
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from seedbed.__main__ import main
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import EmbeddedServer
from seedbed.postgres.environment_mark import change_mark, read_database_mark
from seedbed.settings import Environment
from tests.support.patience import PATIENCE
from tests.support.postgres.processes import PACKAGES, await_that, me
from tests.support.projects import execute
from tests.support.servers import needs_psql, psql_works

SLEEPING = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60);' AND state = 'active'"
Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def project(folder: Path) -> Path:
    (folder / "pyproject.toml").write_text('[project]\nname = "shop"\n[tool.seedbed]\n')
    return folder


@pytest.fixture
def run(project: Path, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch, capfd: Any) -> Run:
    """Runs the command in this process: its exit, standard output and standard error."""
    for name in ("DATABASE_URL", "DATABASE_URL_UNPOOLED", "SEEDBED_ENV", "SEEDBED_DATA_DIR"):
        monkeypatch.delenv(name, raising=False)

    def command(*arguments: str, **variables: str) -> tuple[int, str, str]:
        capfd.readouterr()
        with monkeypatch.context() as patch:
            patch.setattr(sys, "argv", ["seedbed", "--project", str(project), *arguments])
            patch.setattr(sys, "stdin", io.StringIO())
            for name, value in variables.items():
                patch.setenv(name, value)
            with pytest.raises(SystemExit) as ended:
                main()
        said = capfd.readouterr()
        return int(ended.value.code or 0), said.out, said.err

    return command


class TestStartAndStop:
    def test_say_what_they_did(self, run: Run, server: EmbeddedServer) -> None:
        started = run("db", "start")
        port = server.read_status().port

        assert started == (0, f"PostgreSQL 18 is up on 127.0.0.1:{port}\n", "")
        assert server.read_status().pinned
        assert run("db", "stop") == (0, "Stopped.\n", "")
        assert run("db", "stop") == (0, "It was not running.\n", "")

    def test_keep_a_server_up_that_would_have_ended_with_another_command(
        self, run: Run, server: EmbeddedServer
    ) -> None:
        with server.keep_running():
            run("db", "start")

        assert server.read_status().pinned

    def test_print_facts_as_json(self, run: Run, server: EmbeddedServer) -> None:
        _, out, _ = run("db", "start", "--json")

        status = server.read_status()
        assert json.loads(out) == {
            "running": True,
            "accepts_connections": True,
            "data_directory": str(server.directory),
            "port": status.port,
            "pid": status.pid,
            "version": "18",
            "pinned": True,
        }
        assert json.loads(run("db", "stop", "--json")[1]) == {"stopped": True}

    @pytest.mark.parametrize("verb", ["start", "stop"])
    def test_are_about_no_given_server(self, run: Run, given: Callable[..., Database], verb: str) -> None:
        code, out, err = run("db", verb, DATABASE_URL=given().url.reveal())

        assert (code, out) == (1, "")
        assert err == (
            "SB314 development uses the server from DATABASE_URL in the process's environment, "
            "so there is no embedded one to start or stop.\n"
            "      To use the embedded server, remove DATABASE_URL in the process's environment.\n"
        )


class TestStatus:
    def test_of_a_server_that_is_down_starts_nothing(self, run: Run, server: EmbeddedServer) -> None:
        code, out, err = run("db", "status")

        assert (code, err) == (0, "")
        assert out.splitlines() == [
            "environment     development",
            "server          the embedded server",
            "running         no",
            "version         18",
            "database        shop_development",
            "mark            none",
            f"data directory  {server.directory}",
        ]
        assert not server.read_status().running

    def test_of_a_server_that_is_up_shows_the_mark(self, run: Run, server: EmbeddedServer) -> None:
        run("db", "start")
        before = run("db", "status")[1].splitlines()
        url = server.ensure_database("shop_development")
        execute(url, "CREATE TABLE customer (id int)")
        run("db", "mark", "testing", "--yes", "shop_development")

        shown = json.loads(run("db", "status", "--json")[1])

        assert before[-1] == "problem         it does not exist yet; the first command that needs it creates it"
        assert shown == {
            "environment": "development", "server": "the embedded server", "running": True,
            "version": execute(url, "SHOW server_version")[0][0],
            "database": f"127.0.0.1:{server.read_status().port}/shop_development",
            "mark": "testing", "data_directory": str(server.directory), "problem": None,
        }  # fmt: skip

    def test_of_a_given_server_that_is_away_says_so(self, run: Run) -> None:
        code, out, err = run("db", "status", "-e", "production", DATABASE_URL="postgresql://a:secret@127.0.0.1:1/shop")

        assert (code, err) == (0, "")
        assert out.splitlines()[:6] == [
            "environment  production",
            "server       DATABASE_URL in the process's environment",
            "running      no",
            "version      -",
            "database     127.0.0.1:1/shop",
            "mark         none",
        ]
        assert "Cannot connect to 127.0.0.1:1/shop " in out
        assert "secret" not in out


class TestUrl:
    def test_masks_the_password_unless_it_is_asked_for(self, run: Run, server: EmbeddedServer) -> None:
        masked = run("db", "url")[1].strip()
        whole = run("db", "url", "--show-password")[1].strip()

        port = server.read_status().port
        assert masked == f"postgresql://shop_owner:***@127.0.0.1:{port}/shop_development?sslmode=disable"
        assert whole == server.owner_url("shop_development").reveal()
        assert me().run(f"import psycopg2; psycopg2.connect({whole!r}); print('in')") == "in"

    def test_is_the_direct_one_unless_the_pooled_is_asked_for(self, run: Run) -> None:
        urls = {
            "DATABASE_URL": "postgresql://a:s@pool.example.com/shop",
            "DATABASE_URL_UNPOOLED": "postgresql://a:s@db.example.com/shop",
        }

        assert run("db", "url", **urls)[1] == "postgresql://a:***@db.example.com/shop\n"
        assert run("db", "url", "--pooled", **urls)[1] == "postgresql://a:***@pool.example.com/shop\n"


class TestReset:
    def test_wants_the_databases_name(self, run: Run, server: EmbeddedServer) -> None:
        run("db", "mark", "development", "--yes", "shop_development")
        execute(server.owner_url("shop_development"), "CREATE TABLE customer AS SELECT 1 AS id")

        unnamed, misnamed = run("db", "reset"), run("db", "reset", "--yes", "shop")
        before = execute(server.owner_url("shop_development"), "SELECT id FROM customer")
        named = run("db", "reset", "--yes", "shop_development")

        assert unnamed == misnamed == (
            1, "", "SB313 shop_development was not reset: its name was not given.\n"
            "      Type the name when asked, or pass --yes shop_development\n",
        )  # fmt: skip
        assert before == [(1,)]
        assert named == (0, "shop_development is empty. seedbed up fills it again.\n", "")
        assert execute(server.owner_url("shop_development"), "SELECT to_regclass('customer')") == [(None,)]
        assert run("db", "mark")[1] == "shop_development: development\n"

    @pytest.mark.parametrize("chosen", ["development", "testing", "preview", "production"])
    def test_refuses_a_database_marked_production_whatever_is_chosen_and_confirmed(
        self, run: Run, given: Callable[..., Database], chosen: str
    ) -> None:
        database = given()
        change_mark(database, Environment.PRODUCTION)

        code, out, err = run(
            "db", "reset", "-e", chosen, "--yes", database.name, DATABASE_URL=database.url.reveal()
        )  # fmt: skip

        assert (code, out) == (1, "")
        assert err.startswith(
            f"SB311 {database.name} is marked production, and a production database is never reset.\n"
        )


class TestMark:
    def test_wants_the_databases_name(self, run: Run, given: Callable[..., Database]) -> None:
        database = given()
        url = database.url.reveal()

        refused = run("db", "mark", "testing", DATABASE_URL=url)
        before = read_database_mark(database)
        done = run("db", "mark", "testing", "--yes", database.name, DATABASE_URL=url)

        assert refused[0] == 1
        assert refused[2].startswith(f"SB313 {database.name} was not marked testing: its name was not given.\n")
        assert before is None
        assert done == (0, f"{database.name}: testing\n", "")

    def test_takes_the_name_typed_on_a_terminal(self, project: Path, given: Callable[..., Database]) -> None:
        database = given()

        wrong = typed(project, database, "shop\n", "db", "mark", "preview")
        right = typed(project, database, f"{database.name}\n", "db", "mark", "preview")

        assert wrong[0] == 1
        assert f"{database.name} will be marked preview. Type its name to continue" in wrong[1]
        assert (right[0], read_database_mark(database)) == (0, "preview")

    def test_knows_four_environments_and_asks_nothing_before_it_has_looked(self, run: Run) -> None:
        assert run("db", "mark", "staging") == (
            1, "", "SB110 There is no environment 'staging' (the argument of db mark).\n"
            "      Choose one of: development, testing, preview, production.\n",
        )  # fmt: skip

    def test_is_shown_without_an_argument(self, run: Run, given: Callable[..., Database]) -> None:
        database = given()

        shown = run("db", "mark", DATABASE_URL=database.url.reveal())

        assert shown == (0, f"{database.name}: no mark\n", "")


@needs_psql
class TestPsql:
    def test_runs_what_follows_on_the_database(self, run: Run) -> None:
        assert run("db", "psql", "--", "-XAtc", "SELECT current_database()") == (0, "shop_development\n", "")

    def test_ends_as_psql_does(self, run: Run) -> None:
        code, _, err = run("db", "psql", "--", "-Xc", "SELECT nonsense")

        assert code == 1
        assert 'column "nonsense" does not exist' in err

    def test_has_no_password_on_its_command_line(self, project: Path, run: Run, server: EmbeddedServer) -> None:
        run("db", "start")
        started = me().start(
            "import sys; from seedbed.__main__ import main; main()",
            "--project", project, "db", "psql", "--", "-X",
        )  # fmt: skip
        await_that(lambda: any(child.name() == "psql" for child in psutil.Process(started.pid).children()))
        password = server.owner_url("x").password or ""

        child = psutil.Process(started.pid).children()[0]
        seen = [*psutil.Process(started.pid).cmdline(), *child.cmdline()]
        variables = child.environ()

        started.communicate("\\q\n", timeout=PATIENCE)
        assert not any(password in argument for argument in seen)
        assert variables["PGPASSWORD"] == password

    def test_leaves_an_interrupt_to_psql(self, project: Path, run: Run, server: EmbeddedServer) -> None:
        run("db", "start")
        leader, follower = pty.openpty()
        process = subprocess.Popen(
            [sys.executable, "-m", "seedbed", "--project", project, "db", "psql", "--", "-X", "-P", "pager=off"],
            stdin=follower, stdout=follower, stderr=follower, start_new_session=True, cwd="/",
            env={**os.environ, "PYTHONPATH": PACKAGES, "TERM": "dumb"}, preexec_fn=_take_terminal,  # noqa: PLW1509 - a terminal can be taken in the child alone
        )  # fmt: skip
        os.close(follower)

        _answer(leader, "=>", "SELECT pg_sleep(60);\n")
        await_that(lambda: execute(server.admin_url(), SLEEPING) == [(1,)])
        os.write(leader, b"\x03")
        _answer(leader, "canceling statement", "SELECT 6 * 7;\n")
        _answer(leader, "42", "\\q\n")

        assert process.wait(timeout=PATIENCE) == 0
        os.close(leader)


class TestGivenUrl:
    def test_starts_and_looks_for_no_embedded_server(
        self, project: Path, server: EmbeddedServer, given: Callable[..., Database]
    ) -> None:
        database = given()
        commands = [
            ["db", "status"], ["db", "url"], ["db", "mark", "development", "--yes", database.name],
            ["db", "reset", "--yes", database.name], ["migrate", "apply"], ["migrate", "plan"],
            *([["db", "psql", "--", "-Xc", "SELECT 1"]] if psql_works() else []),
        ]  # fmt: skip
        (project / "migrations" / "versions").mkdir(parents=True)
        (project / "migrations" / "env.py").write_text("from seedbed.migrations.environment import run\nrun()\n")
        (project / "alembic.ini").write_text("[alembic]\nscript_location = %(here)s/migrations\n")

        said = me().run(
            f"""
import sys
from seedbed.postgres.embedded import binaries
def reached(*_): raise SystemError("looked for a server")
binaries._list_candidates = reached
from seedbed.postgres.embedded import cluster
cluster.Cluster.postmaster = reached
from seedbed.__main__ import main
for command in {commands}:
    sys.argv = ["seedbed", "--project", {str(project)!r}, *command]
    try: main()
    except SystemExit as ended: print("ended", ended.code, file=sys.stderr); assert not ended.code, command
""",
            DATABASE_URL=database.url.reveal(),
        )

        assert f"\n{database.url.masked}\n{database.name}: development\n" in said
        assert not server.read_status().running
        assert read_database_mark(database) == "development"


def _take_terminal() -> None:
    import fcntl
    import termios

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _answer(leader: int, expected: str, answer: str) -> None:
    """Wait for words on a terminal, then type."""
    seen = ""
    while expected not in seen:
        ready, _, _ = select.select([leader], [], [], 60)
        assert ready, f"{expected!r} never came; there was {seen!r}"
        seen += os.read(leader, 4096).decode(errors="replace")
    os.write(leader, answer.encode())


def typed(project: Path, database: Database, answer: str, *arguments: str) -> tuple[int, str]:
    """Run the command on a terminal, and type an answer to its question."""
    leader, follower = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "seedbed", "--project", project, *arguments],
        stdin=follower, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, cwd="/",
        env={**os.environ, "PYTHONPATH": PACKAGES, "DATABASE_URL": database.url.reveal()}, text=True,
    )  # fmt: skip
    os.close(follower)
    os.write(leader, answer.encode())
    out, _ = process.communicate(timeout=PATIENCE)
    os.close(leader)
    return process.returncode, out
