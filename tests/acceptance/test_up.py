"""`seedbed up` in a project that nothing was done in before."""

import json
import random
import signal
import socket
import time
import urllib.error
import urllib.request

import pytest

from tests.acceptance.conftest import Project, kill
from tests.support.patience import PATIENCE

SEEDED = "200|3969"
COUNT = 'SELECT (SELECT count(*) FROM "user"), (SELECT count(*) FROM task)'
KILLS = 5


def await_url(url: str) -> bytes:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            with urllib.request.urlopen(url, timeout=5) as answer:
                return bytes(answer.read())
        except (urllib.error.URLError, ConnectionError):
            assert time.monotonic() < until, f"{url} never answered"
            time.sleep(0.05)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class TestUpOnce:
    def test_brings_everything_about_and_shows_a_page_of_each_route(self, project: Project) -> None:
        done = project.run("up", "--once")

        assert done.stderr.splitlines()[1:] == [
            "2 tables: user, task",
            "1 revision applied",
            "4,169 rows loaded",
        ]
        shown = [line for line in done.stdout.splitlines() if line.startswith("GET ")]
        assert shown == [
            "GET /health/live    200     status pass",
            "GET /health/ready   200     status pass, revision e2be48669f4b, expected e2be48669f4b",
            "GET /users?limit=3  200     3 rows: id, email, is_active, created_at",
            "GET /users/1        200     id 1, email alexandra.arellano@example.com, is_active true, created_at …",
            "GET /tasks?limit=3  200     3 rows: id, title, description, is_completed, user_id, created_at, upda…",
            "GET /tasks/1        200     id 1, title Redesign the landing page for the sales team this quarter, …",
        ]
        assert done.stdout.endswith("\nRun seedbed up to keep the API running.\n")
        assert "http://" not in done.stdout
        assert "hashed_password" not in done.stdout
        assert project.servers() == []

    def test_does_nothing_the_second_time(self, project: Project) -> None:
        project.run("up", "--once")

        done = project.run("up", "--once")

        assert done.stderr.splitlines()[2:] == ["Migrations: up to date (e2be48669f4b)", "Seeds: up to date"]
        assert "migrations  up to date (e2be48669f4b)" in done.stdout

    def test_leaves_a_server_up_that_was_up_before(self, project: Project) -> None:
        project.run("db", "start")

        project.run("up", "--once")

        assert len(project.servers()) == 1
        assert project.rows(COUNT) == SEEDED

    def test_starts_no_server_where_a_url_is_given(self, project: Project) -> None:
        project.run("db", "start")
        url = project.run("db", "url", "--show-password", "-e", "testing").stdout.strip()
        project.run("db", "stop")

        done = project.run("up", "--once", code=1, DATABASE_URL=url)

        assert "\nSB304 Cannot connect to 127.0.0.1:" in done.stderr
        assert project.servers() == []


class TestUp:
    @pytest.mark.parametrize("ending", [signal.SIGINT, signal.SIGTERM])
    def test_serves_until_it_is_told_to_end_and_stops_the_server_it_started(
        self, project: Project, ending: signal.Signals
    ) -> None:
        port = free_port()
        process = project.start("up", SEEDBED_PORT=str(port))

        body = await_url(f"http://127.0.0.1:{port}/users/1")
        process.send_signal(ending)
        out, err = process.communicate(timeout=PATIENCE)

        assert b"alexandra.arellano@example.com" in body
        assert process.returncode == 0, err
        assert f"API docs    http://127.0.0.1:{port}/docs" in out
        assert project.servers() == []

    @pytest.mark.chaos
    def test_goes_on_after_kills_at_any_moment(self, project: Project) -> None:
        moments = random.Random(project.person.uid)
        for _ in range(KILLS):
            process = project.start("up", SEEDBED_PORT=str(free_port()))
            time.sleep(moments.uniform(0.2, 4.0))
            kill(process)

        project.run("up", "--once")

        assert project.rows(COUNT) == SEEDED
        assert len(project.servers()) == 1


class TestRehearse:
    def test_measures_on_a_copy_and_leaves_none(self, project: Project) -> None:
        project.run("up", "--once")
        task = project.root / "schema" / "task.py"
        text = task.read_text(encoding="utf-8")
        task.write_text(
            text.replace("str | None = None", "str | None = Field(default=None, index=True)"), encoding="utf-8"
        )
        project.run("migrate", "draft", "-m", "Find tasks by description", "--plain")

        planned = project.run("migrate", "plan", code=1)
        rehearsed = project.run("migrate", "rehearse")
        gate = project.run("migrate", "rehearse", "--max-block", "0", "--json", code=1)

        assert "scan-with-readers: task" in planned.stdout
        assert "Share on task" in rehearsed.stdout
        assert rehearsed.stdout.endswith("downgrade: verified, and upgraded again\n")
        assert [step["scans"] for step in json.loads(gate.stdout)["steps"]] == [["task"]]
        assert project.rows("SELECT count(*) FROM pg_database WHERE datname ~ 'rehearsal|shadow'") == "0"
