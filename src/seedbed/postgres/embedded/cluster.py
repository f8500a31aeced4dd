"""A data folder made, started and stopped, whoever keeps it up and whatever it is for."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from seedbed.errors import DataDirectoryNotWritable, ServerStartFailure
from seedbed.postgres.embedded.binaries import Binaries
from seedbed.postgres.embedded.os_account import OsAccount
from seedbed.postgres.embedded.postmaster import (
    Postmaster,
    find_postmaster,
    remove_stale_lock_file,
    terminate_orphaned_backends,
)

SUPERUSER = "postgres"
_START_SECONDS = 60.0
"""Crash recovery of a developer's database is over well before; a test asserts the words, not the wait."""
_CLAIM_SECONDS = 15.0
_STOP_SECONDS = 60.0
_POLL_SECONDS = 0.01
_ATTEMPTS = 8
_LOG_BYTES = 10_000_000
_BUILTIN_LOCALE = 17
"""The major version since which PostgreSQL brings a locale that is the same on every machine."""


@dataclass(frozen=True)
class Cluster:
    """One PostgreSQL data folder, with the programs and the account that run it."""

    data_directory: Path
    log_file: Path
    binaries: Binaries
    account: OsAccount

    def exists(self) -> bool:
        return (self.data_directory / "PG_VERSION").is_file()

    def read_major_version(self) -> str:
        return (self.data_directory / "PG_VERSION").read_text(encoding="ascii").strip()

    def find_postmaster(self) -> Postmaster | None:
        return find_postmaster(self.data_directory)

    def create(self, password: str, *, sync: bool = True) -> None:
        """Run initdb beside the final place and move it there, so that a kill leaves nothing half made.

        Passwords are checked with scram even on loopback: trust would let every local user in as superuser. The
        locale is C.UTF-8, as on Neon, so that text sorts the same here and there.

        Raises:
            ServerStartFailure: with the last line of what initdb said.
            DataDirectoryNotWritable: the place cannot be used.
        """
        try:
            self._remove_half_made()
            building = Path(tempfile.mkdtemp(prefix=f"{self.data_directory.name}.new-", dir=self.data_directory.parent))
            self.account.take_ownership(building)
            done = self._initdb(building, password, sync=sync)
            if done.returncode != 0:
                shutil.rmtree(building, ignore_errors=True)
                with _opened_privately(self.log_file) as log:
                    log.write((done.stdout + done.stderr).encode())
                raise ServerStartFailure(
                    f"initdb ended with {done.returncode}: {_last_line(done.stderr)}", self.log_file
                )
            building.rename(self.data_directory)
        except OSError as error:
            raise DataDirectoryNotWritable(self.data_directory.parent, error.strerror or str(error)) from error

    def _remove_half_made(self) -> None:
        """What a killed command left of its initdb, the password among it."""
        for left in self.data_directory.parent.glob(f"{self.data_directory.name}.new-*"):
            shutil.rmtree(left, ignore_errors=True)
        for left in self.data_directory.parent.glob(".password-*"):
            left.unlink(missing_ok=True)

    def _initdb(self, building: Path, password: str, *, sync: bool) -> "subprocess.CompletedProcess[str]":
        descriptor, password_file = tempfile.mkstemp(dir=building.parent, prefix=".password-")
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(password)
            self.account.take_ownership(Path(password_file))
            return self.account.run(
                [
                    self.binaries.program_path("initdb"), "-D", building, "-U", SUPERUSER, "-E", "UTF8",
                    "--auth=scram-sha-256", f"--pwfile={password_file}", *self._locale(),
                    *([] if sync else ["--no-sync"]),
                ],
                stdin=subprocess.DEVNULL,
                capture_output=True,
            )  # fmt: skip
        finally:
            Path(password_file).unlink(missing_ok=True)

    def _locale(self) -> list[str]:
        if self.binaries.major_version >= _BUILTIN_LOCALE:
            return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return ["--locale=C.UTF-8" if sys.platform == "linux" else "--locale=C"]

    def set_password(self, password: str) -> None:
        """Give the superuser another password while no server runs, by PostgreSQL's single-user mode.

        Raises:
            ServerStartFailure: with the last line of what PostgreSQL said.
        """
        with self._claimed() as inherited:
            remove_stale_lock_file(self.data_directory)
            done = self.account.run(
                [self.binaries.program_path("postgres"), "--single", "-D", self.data_directory, "postgres"],
                input=f"ALTER ROLE {SUPERUSER} PASSWORD '{password}'\n",
                capture_output=True,
                **inherited,
            )
        if done.returncode != 0 or "ERROR" in done.stderr:
            raise ServerStartFailure(f"its password could not be set anew: {_last_line(done.stderr)}", self.log_file)

    def start(
        self, *, port: int | None, settings: Mapping[str, str], options: Mapping[str, Any] | None = None
    ) -> "tuple[subprocess.Popen[bytes], int]":
        """Start the server and wait until it answers; returns its process and port.

        `port` is the one wished for. Where it is taken, by the time the server binds it, another is used: looking
        first and binding later is a race that only the binding decides.

        Raises:
            ServerStartFailure: with the last line of its log.
        """
        with self._claimed() as inherited:
            remove_stale_lock_file(self.data_directory)
            self._turn_log()
            for attempt in range(_ATTEMPTS):
                wished = port if attempt == 0 and port is not None and _is_free(port) else _free_port()
                start = self.log_file.stat().st_size if self.log_file.exists() else 0
                process = self._launch(wished, settings, {**inherited, **(options or {})})
                if self.wait_until_ready(process) is not None:
                    return process, wished
                said = self._log_since(start)
                if "could not bind" not in said and "Address already in use" not in said:
                    break
        raise ServerStartFailure(_last_line(said) or f"it ended with {process.returncode}", self.log_file)

    def wait_until_ready(self, process: "subprocess.Popen[bytes] | None" = None) -> Postmaster | None:
        """The server once it answers, or None when it has ended.

        It is PostgreSQL itself that says so, in its lock file: asking by connecting would send the password to
        whatever other program has the port.

        Raises:
            ServerStartFailure: it neither answered nor ended in time.
        """
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until:
            found = self.find_postmaster()
            if found is not None and found.is_ready:
                return found
            ended = found is None if process is None else process.poll() is not None
            if ended:
                return None
            time.sleep(_POLL_SECONDS)
        reason = f"after {_START_SECONDS:.0f} s it does not answer yet; it may still be recovering from a crash"
        raise ServerStartFailure(reason, self.log_file)

    @contextmanager
    def _claimed(self) -> Iterator[dict[str, Any]]:
        """What a server must inherit so that there is never a second one on the same data.

        It is a locked file. The lock is free once the server and all its children have ended, and tells of them
        across containers too, where process ids mean nothing.
        """
        if sys.platform == "win32":
            yield {}
            return
        import fcntl  # noqa: PLC0415 - POSIX alone has it

        until = time.monotonic() + _CLAIM_SECONDS
        with _opened_privately(self.data_directory.parent / "running") as file:
            while True:
                try:
                    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                    break
                except BlockingIOError:
                    if time.monotonic() > until:
                        reason = "another server is at work on its data, perhaps in a container; stop that one first"
                        raise ServerStartFailure(reason, self.log_file) from None
                    terminate_orphaned_backends(self.data_directory)
                    time.sleep(_POLL_SECONDS)
                except OSError:  # a file system without locks; PostgreSQL's own guard is left
                    break
            yield {"pass_fds": (file.fileno(),)}

    def _launch(self, port: int, settings: Mapping[str, str], options: Mapping[str, Any]) -> "subprocess.Popen[bytes]":
        chosen = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": "",
            "timezone": "UTC",
            "log_timezone": "UTC",
            "log_checkpoints": "off",
            **settings,
        }
        command: list[str | Path] = [self.binaries.program_path("postgres"), "-D", self.data_directory]
        for name, value in chosen.items():
            command += ["-c", f"{name}={value}"]
        with _opened_privately(self.log_file) as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **{"start_new_session": True, **self.account.build_process_options(), **options},
            )

    def stop(self, *, immediate: bool = False) -> None:
        """Stop the server and wait; sessions are ended, their transactions rolled back.

        SIGINT is PostgreSQL's fast way to stop. A server that takes too long over it, or is to keep nothing, is ended
        the immediate way, SIGQUIT, after which the next start recovers.
        """
        found = self.find_postmaster()
        if found is None:
            return
        if sys.platform == "win32":
            mode = "immediate" if immediate else "fast"
            self.account.run(
                [self.binaries.program_path("pg_ctl"), "stop", "-D", self.data_directory, "-m", mode, "-s"]
            )
            return
        for way in (signal.SIGQUIT,) if immediate else (signal.SIGINT, signal.SIGQUIT):
            with suppress(ProcessLookupError):
                os.kill(found.pid, way)
            if self._await_end():
                with suppress(ChildProcessError):
                    os.waitpid(found.pid, 0)  # where it is our own child, it stays a zombie otherwise
                return
        raise TimeoutError(f"PostgreSQL, process {found.pid}, does not end")

    def _await_end(self) -> bool:
        until = time.monotonic() + _STOP_SECONDS
        while self.find_postmaster() is not None:
            if time.monotonic() > until:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def _turn_log(self) -> None:
        if self.log_file.exists() and self.log_file.stat().st_size > _LOG_BYTES:
            self.log_file.replace(self.log_file.with_name(f"{self.log_file.name}.1"))

    def _log_since(self, position: int) -> str:
        with self.log_file.open("rb") as file:
            file.seek(position)
            return file.read().decode("utf-8", errors="replace")


def _opened_privately(path: Path) -> BinaryIO:
    """A file to append to that nobody else may read or lock: in the log are statements that failed."""
    return os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600), "ab")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        if sys.platform != "win32":  # there the option would let two programs share the port
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
        return True


def _last_line(text: str) -> str:
    """The line that says why: the last FATAL or error, or the last one at all."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    telling = [line for line in lines if "FATAL" in line or "PANIC" in line or "error:" in line.lower()]
    return (telling or lines or [""])[-1]
