"""A server for a run of tests: gone with its owner, however that ends."""

import os
import sys
import tempfile
from pathlib import Path

import psutil
import pytest

from seedbed.postgres.embedded import Binaries, EmbeddedServer, run_temporary_server, temporary_server
from seedbed.postgres.embedded.os_account import get_server_account
from seedbed.postgres.embedded.state_files import ServerState, write_state
from tests.support.patience import PATIENCE
from tests.support.postgres.processes import User, await_that, nobody, users
from tests.support.projects import execute

OWNER = """
import sys
from pathlib import Path
from seedbed.postgres.embedded import temporary_server, run_temporary_server
temporary_server._choose_parent = lambda account: Path(sys.argv[1])
with run_temporary_server() as server:
    print(server.port, server.directory, flush=True)
    sys.stdin.read()
"""


def postmaster(folder: Path) -> psutil.Process:
    return psutil.Process(int((folder / "data" / "postmaster.pid").read_text().split()[0]))


@pytest.fixture
def places(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where temporary servers are made, apart from those of other runs."""
    monkeypatch.setattr(temporary_server, "_choose_parent", lambda account: folder)
    return folder


class TestThrowawayServer:
    def test_runs_on_each_postgresql_and_is_gone_after(self, binaries: Binaries, places: Path) -> None:
        with run_temporary_server(binaries) as server:
            process = postmaster(server.directory)
            shown = execute(server.url(), "SELECT current_setting('server_version'), current_setting('fsync')")

        assert shown == [(binaries.version, "off")] or shown[0][0].startswith(binaries.version)
        assert not process.is_running()
        assert list(places.iterdir()) == []

    def test_is_gone_after_an_exception(self, places: Path) -> None:
        seen: list[psutil.Process] = []

        def fail() -> None:
            with run_temporary_server() as server:
                seen.append(postmaster(server.directory))
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            fail()
        assert not seen[0].is_running()
        assert list(places.iterdir()) == []

    @pytest.mark.parametrize("user", users(), ids=lambda user: user.name)
    def test_is_gone_after_its_owner_was_killed_and_the_next_removes_its_folder(self, folder: Path, user: User) -> None:
        os.chown(folder, user.uid, user.gid)
        owner = user.start(OWNER, folder)
        assert owner.stdout is not None
        home = Path(owner.stdout.readline().strip().partition(" ")[2])
        left = psutil.Process(owner.pid).children()

        owner.kill()
        owner.communicate()

        if sys.platform == "linux":
            psutil.wait_procs(left, timeout=PATIENCE)
            await_that(lambda: not any(_runs(process) for process in left))
        assert list(folder.iterdir()) == [home]
        user.run(OWNER, folder)
        assert list(folder.iterdir()) == []

    def test_removes_what_a_kill_left_before_anything_was_written(self, places: Path) -> None:
        left = places / f"{temporary_server._PREFIX}left"
        left.mkdir()
        young = places / f"{temporary_server._PREFIX}young"
        young.mkdir()
        os.utime(left, (1, 1))

        with run_temporary_server():
            pass

        assert (left.exists(), young.exists()) == (False, True)

    def test_does_not_look_into_another_users_folder(self, server: EmbeddedServer, places: Path) -> None:
        server.ensure_running()
        trap = places / f"{temporary_server._PREFIX}trap"
        trap.mkdir()
        (trap / "data").symlink_to(server.directory / "data")
        write_state(trap, ServerState.generate())
        if os.geteuid() == 0:
            os.chown(trap, nobody().uid, nobody().gid)
        else:
            aside = trap.rename(places / "aside")
            trap.symlink_to(aside)

        with run_temporary_server():
            pass

        assert server.read_status().running
        assert trap.exists()

    def test_is_made_where_its_account_may_enter(
        self, folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        tmp_path.chmod(0o700)
        monkeypatch.setattr(temporary_server, "_MEMORY_FILESYSTEM", folder / "no memory")
        monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))

        with run_temporary_server() as server:
            shown = execute(server.url(), "SELECT 1")

        assert shown == [(1,)]
        assert get_server_account().can_enter(server.directory.parent)

    def test_hides_its_password(self, places: Path) -> None:
        with run_temporary_server() as server:
            assert server.password not in repr(server)
            assert server.password not in str(server.url())
            arguments = postmaster(server.directory).cmdline()
            assert not any(server.password in argument for argument in arguments)


def _runs(process: psutil.Process) -> bool:
    return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
