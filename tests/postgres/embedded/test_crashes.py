"""What the project's server survives: commands and servers killed at any moment, files stale, torn and lost."""

import json
import os
import signal
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import pytest

from seedbed.errors import ServerStartFailure
from seedbed.postgres.embedded import Binaries, EmbeddedServer, cluster, find_binaries, postmaster_pid
from seedbed.postgres.embedded import project_server as server_module
from seedbed.postgres.embedded.os_account import get_server_account
from seedbed.postgres.embedded.state_files import read_state
from tests.conftest import OWNER, copy_home
from tests.support.patience import PATIENCE
from tests.support.postgres.processes import ENSURE, SERVER, await_that, await_up, end, me
from tests.support.postgres.services import until
from tests.support.projects import execute

pytestmark = pytest.mark.chaos

TOGETHER = 8
DIE = "os.kill(os.getpid(), signal.SIGKILL)"


@pytest.fixture(params=["running", "stopped"])
def server_with_rows(server: EmbeddedServer, request: pytest.FixtureRequest) -> EmbeddedServer:
    """A server with a table that something is in, up or not."""
    server.ensure_running()
    execute(server.ensure_database("shop"), "CREATE TABLE kept AS SELECT 1 AS one")
    if request.param == "stopped":
        server.stop()
    return server


def rows(server: EmbeddedServer) -> list[tuple[Any, ...]]:
    return execute(server.ensure_database("shop"), "SELECT one FROM kept")


def postmasters(server: EmbeddedServer) -> list[int]:
    """Every server that runs on the data, whatever its files say."""
    data = str(server.directory / "data")
    return [
        process.pid
        for process in psutil.process_iter(["cmdline", "ppid"])
        if data in (process.info["cmdline"] or []) and process.info["cmdline"][0].endswith("postgres")
    ]


def killed(code: str, home: Path) -> None:
    """Run code that kills itself, and see that it did."""
    process = me().start(SERVER + code, home)
    _, err = process.communicate(timeout=PATIENCE)
    assert process.returncode == -signal.SIGKILL, err


def names(home: Path) -> list[str]:
    return sorted(path.name for path in home.iterdir())


@contextmanager
def stranger() -> Iterator[int]:
    """Another program of the account that the server runs as."""
    process = subprocess.Popen(["sleep", "300"], **get_server_account().build_process_options())
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


def claim_to_run(server: EmbeddedServer, pid: int) -> None:
    """Leave the lock file of a server that crashed, with another process's id in it."""
    (server.directory / "data" / "postmaster.pid").write_text(
        f"{pid}\n{server.directory / 'data'}\n1700000000\n5432\n\n\n"
    )


class TestKilledCommand:
    def test_leaves_nothing_half_made_of_initdb(self, new_server: EmbeddedServer) -> None:
        killed(
            f"""
import subprocess
from seedbed.postgres.embedded.os_account import OsAccount
def start_and_die(self, command, *, capture_output, **options):
    quiet = dict(stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    subprocess.Popen(command, **quiet, **self.build_process_options(), **options)
    while not list(Path(sys.argv[1]).glob("data.new-*/base/1")):
        time.sleep(0.001)
    {DIE}
OsAccount.run = start_and_die
server.ensure_running()
""",
            new_server.directory,
        )
        left = names(new_server.directory)

        new_server.ensure_running()

        assert [name.partition("-")[0] for name in left] == [
            ".gitignore", ".password", "data.new", "lock", "server.json"
        ]  # fmt: skip
        assert execute(new_server.ensure_database("shop"), "SELECT 1") == [(1,)]
        assert names(new_server.directory) == [".gitignore", "data", "lock", "log", "running", "server.json"]

    @pytest.mark.parametrize(
        "moment",
        [
            f"cluster.Cluster.wait_until_ready = lambda *_: {DIE}",
            f"module.write_state = lambda directory, state: {DIE}",
        ],
        ids=["before it answers", "before its port is written down"],
    )
    def test_leaves_a_server_that_the_next_takes_over(self, server: EmbeddedServer, moment: str) -> None:
        killed(
            f"""
from seedbed.postgres.embedded import cluster, project_server as module
module.EmbeddedServer._find_running = lambda self, state: None
{moment}
server.ensure_running()
""",
            server.directory,
        )
        left = postmasters(server)

        server.ensure_running()

        assert postmasters(server) == [server.read_status().pid] == left
        assert server.read_status().pinned
        assert execute(server.ensure_database("shop"), "SELECT 1") == [(1,)]

    def test_leaves_a_server_to_stop_that_the_next_stops(self, server: EmbeddedServer) -> None:
        server.ensure_running()
        killed(
            f"""
from seedbed.postgres.embedded import cluster
cluster.Cluster._wait_until_ended = lambda *_: {DIE}
server.stop()
""",
            server.directory,
        )

        until(lambda: not server.read_status().accepts_connections, "the server has been told to stop")
        server.ensure_running()

        assert postmasters(server) == [server.read_status().pid]

    def test_leaves_a_torn_draft_of_the_state_that_nobody_reads(self, server: EmbeddedServer) -> None:
        draft = server.directory / "server.json.new"
        draft.write_text('{"superuser_password": "x')
        draft.chmod(0o444)

        server.ensure_running()

        assert not draft.exists()
        assert server.read_status().running


class TestKilledServer:
    def test_is_started_again_with_what_was_committed(self, server: EmbeddedServer) -> None:
        server.ensure_running()
        execute(server.ensure_database("shop"), "CREATE TABLE kept AS SELECT 1 AS one")
        pid = server.read_status().pid
        os.kill(pid or 0, signal.SIGKILL)
        await_that(lambda: not server.read_status().running)

        server.ensure_running()

        assert server.read_status().pid != pid
        assert rows(server) == [(1,)]

    def test_is_not_joined_by_a_second_one_while_a_backend_lives_on(self, server: EmbeddedServer) -> None:
        server.ensure_running()
        url = server.ensure_database("shop")
        execute(url, "CREATE TABLE kept AS SELECT 1 AS one")
        busy = me().start(
            "import psycopg2, sys; cursor = psycopg2.connect(sys.argv[1]).cursor()\n"
            "cursor.execute('SELECT pg_backend_pid()'); print(cursor.fetchone()[0], flush=True)\n"
            "cursor.execute('DO $$ BEGIN LOOP END LOOP; END $$')",
            url.reveal(),
        )
        assert busy.stdout is not None
        backend = psutil.Process(int(busy.stdout.readline()))
        await_that(lambda: backend.cpu_times().user > 0.1)
        postmaster = server.read_status().pid or 0
        others = [child for child in psutil.Process(postmaster).children() if child != backend]
        os.kill(postmaster, signal.SIGKILL)
        psutil.wait_procs(others, timeout=PATIENCE)
        lived_on = backend.is_running()

        server.ensure_running()

        assert lived_on
        assert not backend.is_running() or backend.status() == psutil.STATUS_ZOMBIE
        assert rows(server) == [(1,)]
        assert postmasters(server) == [server.read_status().pid]
        busy.communicate()

    def test_is_waited_for_in_vain_where_its_processes_cannot_be_seen(
        self, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        import fcntl

        monkeypatch.setattr(cluster, "_LOCK_SECONDS", 0.1)
        with (server.directory / "running").open("a") as file:
            fcntl.flock(file, fcntl.LOCK_EX)

            with pytest.raises(ServerStartFailure) as refused:
                server.ensure_running()

        assert refused.value.message == (
            "PostgreSQL did not start: another server is at work on its data, perhaps in a container; "
            "stop that one first"
        )
        assert postmasters(server) == []

    def test_in_a_container_is_neither_ended_nor_joined_by_a_second_one(
        self, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.ensure_running()
        there = server.read_status().pid
        written = (server.directory / "data" / "postmaster.pid").read_text()
        monkeypatch.setattr(cluster, "_LOCK_SECONDS", 0.1)
        monkeypatch.setattr(postmaster_pid, "_is_in_same_pid_namespace", lambda pid: False)

        with stranger() as pid:
            claim_to_run(server, pid)
            with pytest.raises(ServerStartFailure, match="another server is at work on its data"):
                server.ensure_running()

        left = postmasters(server)
        (server.directory / "data" / "postmaster.pid").write_text(written)
        assert left == [there]
        assert server.read_status().pid == there


class TestStaleLockFile:
    def test_of_a_process_that_is_gone_is_looked_through(self, server: EmbeddedServer) -> None:
        with stranger() as pid:
            pass
        claim_to_run(server, pid)

        server.ensure_running()

        assert server.read_status().running

    def test_of_another_program_of_the_same_user_is_looked_through(self, server: EmbeddedServer) -> None:
        with stranger() as pid:
            claim_to_run(server, pid)
            assert not server.read_status().running

            server.ensure_running()

            assert server.read_status().running
            assert server.read_status().pid != pid
            assert psutil.Process(pid).name() == "sleep"

    @pytest.mark.parametrize("readable", [True, False], ids=["readable", "working folder not readable"])
    def test_of_another_projects_server_is_looked_through(
        self, server: EmbeddedServer, folder: Path, pristine: Callable[[Binaries], Path],
        monkeypatch: pytest.MonkeyPatch, readable: bool,
    ) -> None:  # fmt: skip
        copy_home(pristine(find_binaries()), folder / "another")
        another = EmbeddedServer(folder / "another", OWNER)
        another.ensure_running()
        if not readable:
            monkeypatch.setattr(psutil.Process, "cwd", _denied)
        claim_to_run(server, another.read_status().pid or 0)

        server.ensure_running()

        assert another.read_status().running
        assert server.read_status().running
        assert server.read_status().pid != another.read_status().pid
        another.stop()

    def test_of_the_server_itself_is_believed_where_its_working_folder_is_not_readable(
        self, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.ensure_running()
        before = server.read_status()
        monkeypatch.setattr(psutil.Process, "cwd", _denied)

        server.ensure_running()

        assert server.read_status() == before
        assert before.running

    @pytest.mark.parametrize(
        "text",
        ["", "no number\n", "99999999999999999999\n", f"-{os.getpid()}\n"],
        ids=["empty", "no number", "too large", "of single-user mode"],
    )
    def test_of_no_sense_is_looked_through(self, server: EmbeddedServer, text: str) -> None:
        (server.directory / "data" / "postmaster.pid").write_text(text)
        assert not server.read_status().running

        server.ensure_running()

        assert server.read_status().running


class TestLostState:
    @pytest.mark.parametrize(
        "text",
        [None, "", '{"superuser_password": "x', "[]", "{}", '{"holders": 1}', "\0\0\0"],
        ids=["lost", "empty", "torn", "a list", "bare", "nonsense", "zeros"],
    )
    def test_loses_no_rows(self, server_with_rows: EmbeddedServer, text: str | None) -> None:
        server = server_with_rows
        before = read_state(server.directory)
        file = server.directory / "server.json"
        file.unlink() if text is None else file.write_text(text)

        server.ensure_running()

        assert rows(server) == [(1,)]
        assert postmasters(server) == [server.read_status().pid]
        after = read_state(server.directory)
        assert before is not None
        assert after is not None
        assert before.superuser_password != after.superuser_password
        assert f"{file.stat().st_mode & 0o777:o}" == "600"

    def test_is_not_made_anew_by_a_look(self, server: EmbeddedServer) -> None:
        server.ensure_running()
        (server.directory / "server.json").unlink()

        status = server.read_status()

        assert (status.running, status.accepts_connections) == (True, False)
        assert not (server.directory / "server.json").exists()

    def test_survives_on_each_postgresql(
        self, new_server: EmbeddedServer, binaries: Binaries, pristine: Callable[[Binaries], Path],
        monkeypatch: pytest.MonkeyPatch,
    ) -> None:  # fmt: skip
        monkeypatch.setattr(server_module, "find_binaries", lambda: binaries)
        copy_home(pristine(binaries), new_server.directory)
        (new_server.directory / "server.json").unlink()

        new_server.ensure_running()

        assert execute(new_server.ensure_database("shop"), "SHOW server_version_num")[0][0].startswith(
            str(binaries.major_version)
        )

    def test_of_a_port_is_found_again_in_what_postgresql_wrote(self, server: EmbeddedServer) -> None:
        server.ensure_running()
        state = read_state(server.directory)
        assert state is not None
        raw = json.loads((server.directory / "server.json").read_text())
        (server.directory / "server.json").write_text(json.dumps({**raw, "port": 1}))

        server.ensure_running()

        assert read_state(server.directory) == state


class TestTogether:
    @pytest.mark.parametrize("made", [False, True], ids=["no data yet", "data made already"])
    def test_end_up_with_one_server_and_one_database(
        self, new_server: EmbeddedServer, made: bool, pristine: Callable[[Binaries], Path]
    ) -> None:
        if made:
            copy_home(pristine(find_binaries()), new_server.directory)

        said = me().run(
            f"""{SERVER}
import multiprocessing
fork = multiprocessing.get_context("fork")
ready, said = fork.Barrier({TOGETHER}), fork.SimpleQueue()
def command():
    ready.wait()
    server.ensure_running()
    said.put((server.ensure_database("shop").reveal(), server.read_status().pid))
commands = [fork.Process(target=command) for _ in range({TOGETHER})]
for process in commands: process.start()
for process in commands: process.join()
print([process.exitcode for process in commands], len({{said.get() for _ in commands}}))
""",
            new_server.directory,
        )

        assert said == f"{[0] * TOGETHER} 1"
        assert postmasters(new_server) == [new_server.read_status().pid]

    def test_one_that_is_killed_lets_the_next_in(self, server: EmbeddedServer) -> None:
        keeper = me().start(
            f"""{SERVER}
from seedbed.postgres.embedded.os_account import get_server_account
from seedbed.postgres.embedded.state_files import server_directory_lock
with server_directory_lock(server.directory, get_server_account()):
    print("up", flush=True)
    sys.stdin.read()
""",
            server.directory,
        )
        await_up(keeper)
        waiting = me().start(ENSURE, server.directory)
        keeper.kill()

        await_up(waiting)

        end(waiting)
        keeper.communicate()
        assert server.read_status().running


def _denied(process: psutil.Process) -> str:
    raise psutil.AccessDenied(process.pid)
