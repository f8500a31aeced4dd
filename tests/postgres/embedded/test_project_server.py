"""The project's own server: one for every command, started, reused, held up and stopped."""

import os
import socket
import stat
from dataclasses import replace
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest

from seedbed.errors import AuthenticationFailure, DataDirectoryVersionMismatch, ServerStartFailure
from seedbed.postgres.embedded import Binaries, EmbeddedServer, cluster, state_files
from seedbed.postgres.embedded import project_server as server_module
from seedbed.postgres.embedded.os_account import get_server_account
from seedbed.postgres.embedded.state_files import Holder, ServerState, read_state, write_state
from tests.conftest import OWNER, copy_home
from tests.support.postgres.processes import ENSURE, HOLD, SERVER, User, await_up, end, me, users
from tests.support.projects import execute

pytestmark = pytest.mark.slow


def pid_of(server: EmbeddedServer) -> int:
    pid = server.read_status().pid
    assert pid is not None
    return pid


def state_of(server: EmbeddedServer) -> ServerState:
    state = read_state(server.directory)
    assert state is not None
    return state


def permissions(path: Path) -> str:
    return f"{stat.S_IMODE(path.stat().st_mode):o}"


class TestServer:
    @pytest.mark.parametrize("user", users(), ids=lambda user: user.name)
    def test_is_made_and_started_by_the_first_command_and_stays_up(self, folder: Path, user: User) -> None:
        os.chown(folder, user.uid, user.gid)

        said = user.run(
            f"{SERVER}server.ensure_running(); print(server.ensure_database('shop').reveal())", folder / "home"
        )

        user.run(f"{SERVER}print(server.stop())", folder / "home")
        assert said.startswith("postgresql://shop_owner:")
        assert said.endswith("/shop?sslmode=disable")

    def test_is_the_same_for_every_command(self, server: EmbeddedServer) -> None:
        server.ensure_running()
        before = server.read_status()

        me().run(f"{SERVER}server.ensure_running()", server.directory)
        server.ensure_running()

        assert server.read_status() == before
        assert before.pinned

    def test_runs_on_each_postgresql(self, folder: Path, binaries: Binaries, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(server_module, "find_binaries", lambda: binaries)
        server = EmbeddedServer(folder / "home", OWNER)

        server.ensure_running()

        shown = execute(server.ensure_database("shop"), "SELECT current_user, 'é' > 'z', lower('É'), version()")
        server.stop()
        assert shown[0][:3] == (OWNER, True, "é")
        assert shown[0][3].startswith(f"PostgreSQL {binaries.version} ")

    def test_answers_on_loopback_alone_and_wants_a_password(self, server: EmbeddedServer) -> None:
        server.ensure_running()

        settings = "listen_addresses", "unix_socket_directories", "password_encryption"
        shown = execute(
            server.admin_url(),
            f"SELECT name, setting FROM pg_settings WHERE name IN {settings}",
        )
        ways = execute(server.admin_url(), "SELECT DISTINCT auth_method FROM pg_hba_file_rules")
        without: dict[str, Any] = {**server.admin_url().connect_arguments(), "password": "guessed"}
        assert dict(shown) == dict(zip(settings, ("127.0.0.1", "", "scram-sha-256"), strict=True))
        assert ways == [("scram-sha-256",)]
        with pytest.raises(psycopg2.OperationalError, match="password authentication failed"):
            psycopg2.connect(**without)

    def test_gives_databases_to_a_role_without_superuser_rights(self, server: EmbeddedServer) -> None:
        server.ensure_running()

        url = server.ensure_database("shop")

        rights = "SELECT rolsuper, rolcreatedb, rolcreaterole FROM pg_roles WHERE rolname = current_user"
        assert execute(url, rights) == [(False, False, False)]
        assert execute(url, "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = 'shop'") == [(OWNER,)]

    def test_keeps_its_files_from_everybody_else(self, server: EmbeddedServer) -> None:
        server.ensure_running()

        account = "nobody" if os.geteuid() == 0 else me().name
        assert permissions(server.directory / "data") == "700"
        assert (server.directory / "data").owner() == account
        private = ["server.json", "log", "lock", "running"]
        assert [permissions(server.directory / name) for name in private] == ["600"] * 4
        assert [(server.directory / name).owner() for name in private] == [me().name] * 4

    def test_keeps_its_passwords_out_of_a_repository(self, new_server: EmbeddedServer) -> None:
        new_server.ensure_running()

        assert (new_server.directory / ".gitignore").read_text() == "*\n"

    def test_takes_nothing_of_a_users_environment_along(
        self, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("CLOUD_SECRET_KEY", "hunter2")
        monkeypatch.setenv("PGDATA", "/elsewhere")
        monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")

        server.ensure_running()

        kept = {"PATH", "LC_ALL", "LD_LIBRARY_PATH", "TMPDIR", "PGDATA"}
        environment = psutil.Process(pid_of(server)).environ()
        assert "CLOUD_SECRET_KEY" not in environment
        assert set(environment) - kept == set()
        assert environment["LC_ALL"] == "C"
        assert environment.get("PGDATA") != "/elsewhere"

    def test_is_reached_whatever_a_shell_exports_for_another(
        self, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PGSSLMODE", "verify-full")
        monkeypatch.setenv("PGPORT", "1")
        monkeypatch.setenv("PGUSER", "somebody")

        server.ensure_running()

        assert execute(server.ensure_database("shop"), "SELECT current_user") == [(OWNER,)]

    def test_comes_back_on_the_same_port(self, server: EmbeddedServer) -> None:
        server.ensure_running()
        before = server.read_status()
        server.stop()

        server.ensure_running()

        assert server.read_status().port == before.port
        assert server.read_status().pid != before.pid

    def test_takes_another_port_where_somebody_else_has_it(self, server: EmbeddedServer) -> None:
        server.ensure_running()
        before = server.read_status().port
        server.stop()

        with socket.create_server(("127.0.0.1", before or 0)):
            server.ensure_running()

        assert server.read_status().port != before
        assert execute(server.ensure_database("shop"), "SHOW port") == [(str(server.read_status().port),)]

    def test_takes_another_port_where_somebody_gets_it_at_the_last_moment(
        self, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        with socket.create_server(("127.0.0.1", 0)) as taken:
            ports = iter([taken.getsockname()[1]])
            free = cluster._free_port
            monkeypatch.setattr(cluster, "_free_port", lambda: next(ports, None) or free())

            server.ensure_running()

            assert server.read_status().port != taken.getsockname()[1]
            assert next(ports, None) is None

    def test_stops_once(self, server: EmbeddedServer) -> None:
        server.ensure_running()
        pid = pid_of(server)

        stopped = server.stop(), server.stop()

        assert stopped == (True, False)
        assert not psutil.pid_exists(pid)
        assert not (server.directory / "data" / "postmaster.pid").exists()

    def test_is_stopped_where_its_programs_are_gone(
        self, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.ensure_running()
        monkeypatch.setattr(server_module, "find_binaries", None)

        assert server.stop()

    def test_is_looked_at_without_a_trace(self, new_server: EmbeddedServer) -> None:
        status = new_server.read_status()

        assert (status.running, status.accepts_connections, status.port, status.version) == (False, False, None, None)
        assert not new_server.stop()
        assert not new_server.directory.exists()

    def test_refuses_data_of_another_major_version(
        self, new_server: EmbeddedServer, binaries: Binaries, pristine: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        copy_home(pristine(binaries), new_server.directory)
        newer = replace(binaries, version=f"{binaries.major_version + 1}.2", source="a newer package")
        monkeypatch.setattr(server_module, "find_binaries", lambda: newer)

        with pytest.raises(DataDirectoryVersionMismatch) as refused:
            new_server.ensure_running()

        data = new_server.directory / "data"
        assert refused.value.message == (
            f"{data} was written by PostgreSQL {binaries.major_version}; "
            f"the one found is {binaries.major_version + 1} (a newer package)."
        )
        assert refused.value.remedy == (
            f"Install PostgreSQL {binaries.major_version}, dump with it and load into a new directory; "
            f"or, if the data is not needed, delete {new_server.directory}."
        )
        assert (data / "PG_VERSION").read_text() == f"{binaries.major_version}\n"

    def test_says_why_it_does_not_start(self, server: EmbeddedServer) -> None:
        with (server.directory / "data" / "postgresql.conf").open("a") as settings:
            settings.write("work_mem = 'a lot'\n")

        with pytest.raises(ServerStartFailure) as refused:
            server.ensure_running()

        assert "FATAL:  configuration file" in refused.value.message
        assert refused.value.remedy == f"Read its log: {server.directory / 'log'}"
        assert 'invalid value for parameter "work_mem"' in (server.directory / "log").read_text()

    def test_says_that_another_command_keeps_it(self, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(state_files, "_LOCK_SECONDS", 0.1)

        with (
            state_files.server_directory_lock(server.directory, get_server_account()),
            pytest.raises(ServerStartFailure) as refused,
        ):
            server.ensure_running()

        assert refused.value.message == (
            "PostgreSQL did not start: another command has been starting or stopping it for 0 s"
        )

    def test_says_that_somebody_changed_its_password(self, server: EmbeddedServer) -> None:
        server.ensure_running()
        execute(server.admin_url(), "ALTER ROLE postgres PASSWORD 'mine'")

        with pytest.raises(AuthenticationFailure, match="the embedded server"):
            server.create_database("shop")

    def test_starts_its_log_again_when_it_is_long(
        self, server: EmbeddedServer, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        server.ensure_running()
        server.stop()
        first = (server.directory / "log").read_text()
        monkeypatch.setattr(cluster, "_MAX_LOG_BYTES", len(first) - 1)

        server.ensure_running()

        assert (server.directory / "log.1").read_text() == first
        assert permissions(server.directory / "log.1") == permissions(server.directory / "log") == "600"
        assert len((server.directory / "log").read_text()) < len(first)

    def test_writes_nothing_to_its_log_while_it_is_waited_for(self, server: EmbeddedServer) -> None:
        server.ensure_running()

        log = (server.directory / "log").read_text()
        assert [line for line in log.splitlines() if " LOG: " not in line] == []


class TestHeld:
    def test_ends_with_its_last_holder(self, server: EmbeddedServer) -> None:
        with server.keep_running():
            pid = pid_of(server)
            with server.keep_running():
                pass
            inside = server.read_status()

        assert inside.pid == pid
        assert not inside.pinned
        assert not server.read_status().running

    def test_ends_with_the_last_of_two_processes(self, server: EmbeddedServer) -> None:
        holder = me().start(HOLD, server.directory)
        await_up(holder)

        with server.keep_running():
            pid = pid_of(server)
            assert len(state_of(server).holders) == 2
        left = server.read_status().pid
        end(holder)

        assert left == pid
        assert not server.read_status().running

    def test_is_taken_over_from_a_holder_that_was_killed(self, server: EmbeddedServer) -> None:
        holder = me().start(HOLD, server.directory)
        await_up(holder)
        pid = pid_of(server)
        holder.kill()
        holder.communicate()
        left = server.read_status().pid

        with server.keep_running():
            taken_over = server.read_status().pid
            holders = state_of(server).holders

        assert left == taken_over == pid
        assert [holder.pid for holder in holders] == [os.getpid()]
        assert not server.read_status().running

    def test_stays_up_where_it_was_up_before(self, server: EmbeddedServer) -> None:
        server.ensure_running()

        with server.keep_running():
            pass

        assert server.read_status().pinned

    def test_stays_up_when_it_is_started_meanwhile(self, server: EmbeddedServer) -> None:
        with server.keep_running():
            server.start()

        assert server.read_status().pinned

    def test_waits_for_a_command_that_came_meanwhile(self, server: EmbeddedServer) -> None:
        with server.keep_running():
            command = me().start(ENSURE, server.directory)
            await_up(command)
        used = server.read_status().running
        end(command)

        with server.keep_running():
            pass

        assert used
        assert not server.read_status().running

    def test_does_not_take_a_later_process_for_a_holder(self, server: EmbeddedServer) -> None:
        with server.keep_running():
            state = state_of(server)
            stranger = Holder(os.getppid(), psutil.Process(os.getppid()).create_time() - 100)
            write_state(server.directory, state.with_holders(*state.holders, stranger))

        assert not server.read_status().running

    def test_does_not_wait_for_a_zombie(self, server: EmbeddedServer) -> None:
        holder = me().start(HOLD, server.directory)
        await_up(holder)
        holder.kill()
        os.waitid(os.P_PID, holder.pid, os.WEXITED | os.WNOWAIT)

        with server.keep_running():
            pass

        assert not server.read_status().running
        holder.communicate()
