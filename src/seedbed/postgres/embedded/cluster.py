"""A database cluster: its data directory is created, and its server is started and stopped."""

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
from seedbed.postgres.embedded.postmaster_pid import (
    Postmaster,
    find_postmaster,
    remove_stale_lock_file,
    terminate_orphaned_backends,
)

SUPERUSER = "postgres"
_START_SECONDS = 60.0
"""Ample for the crash recovery of a developer's database."""
_LOCK_SECONDS = 15.0
_STOP_SECONDS = 60.0
_POLL_SECONDS = 0.01
_START_ATTEMPTS = 8
_MAX_LOG_BYTES = 10_000_000
_BUILTIN_LOCALE_VERSION = 17
"""The first major version with a builtin locale, which is the same on every machine."""


@dataclass(frozen=True)
class Cluster:
    """One data directory, with the programs and the account that run it."""

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
        """Run initdb in a temporary directory and rename it, so that a kill never leaves an incomplete cluster.

        Passwords are checked with SCRAM even on the loopback interface: `trust` would let every local user in as
        superuser. The locale is C.UTF-8, as on Neon, so that text sorts in the same order.

        Raises:
            ServerStartFailure: initdb failed.
            DataDirectoryNotWritable: the directory cannot be used.
        """
        try:
            self._remove_incomplete()
            building = Path(tempfile.mkdtemp(prefix=f"{self.data_directory.name}.new-", dir=self.data_directory.parent))
            self.account.take_ownership(building)
            result = self._initdb(building, password, sync=sync)
            if result.returncode != 0:
                shutil.rmtree(building, ignore_errors=True)
                with _open_private(self.log_file) as log:
                    log.write((result.stdout + result.stderr).encode())
                raise ServerStartFailure(
                    f"initdb ended with {result.returncode}: {_find_error_line(result.stderr)}", self.log_file
                )
            building.rename(self.data_directory)
        except OSError as error:
            raise DataDirectoryNotWritable(self.data_directory.parent, error.strerror or str(error)) from error

    def _remove_incomplete(self) -> None:
        """Remove what a killed initdb left, including the file with the password."""
        for path in self.data_directory.parent.glob(f"{self.data_directory.name}.new-*"):
            shutil.rmtree(path, ignore_errors=True)
        for path in self.data_directory.parent.glob(".password-*"):
            path.unlink(missing_ok=True)

    def _initdb(self, building: Path, password: str, *, sync: bool) -> "subprocess.CompletedProcess[str]":
        descriptor, password_file = tempfile.mkstemp(dir=building.parent, prefix=".password-")
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(password)
            self.account.take_ownership(Path(password_file))
            return self.account.run(
                [
                    self.binaries.program_path("initdb"), "-D", building, "-U", SUPERUSER, "-E", "UTF8",
                    "--auth=scram-sha-256", f"--pwfile={password_file}", *self._get_locale_options(),
                    *([] if sync else ["--no-sync"]),
                ],
                stdin=subprocess.DEVNULL,
                capture_output=True,
            )  # fmt: skip
        finally:
            Path(password_file).unlink(missing_ok=True)

    def _get_locale_options(self) -> list[str]:
        if self.binaries.major_version >= _BUILTIN_LOCALE_VERSION:
            return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return ["--locale=C.UTF-8" if sys.platform == "linux" else "--locale=C"]

    def set_password(self, password: str) -> None:
        """Set the superuser's password in PostgreSQL's single-user mode, while no server runs.

        Raises:
            ServerStartFailure: PostgreSQL refused.
        """
        with self._lock_data_directory() as popen_options:
            remove_stale_lock_file(self.data_directory)
            result = self.account.run(
                [self.binaries.program_path("postgres"), "--single", "-D", self.data_directory, "postgres"],
                input=f"ALTER ROLE {SUPERUSER} PASSWORD '{password}'\n",
                capture_output=True,
                **popen_options,
            )
        if result.returncode != 0 or "ERROR" in result.stderr:
            raise ServerStartFailure(
                f"its password could not be set anew: {_find_error_line(result.stderr)}", self.log_file
            )

    def start(
        self, *, port: int | None, settings: Mapping[str, str], options: Mapping[str, Any] | None = None
    ) -> "tuple[subprocess.Popen[bytes], int]":
        """Start the server and wait until it accepts connections; returns its process and port.

        `port` is preferred. Where another program has bound it, or binds it before the server does, another port is
        used.

        Raises:
            ServerStartFailure: the server ended, or did not accept connections in time.
        """
        with self._lock_data_directory() as popen_options:
            remove_stale_lock_file(self.data_directory)
            self._rotate_log()
            for attempt in range(_START_ATTEMPTS):
                chosen_port = port if attempt == 0 and port is not None and _is_free(port) else _free_port()
                start = self.log_file.stat().st_size if self.log_file.exists() else 0
                process = self._launch(chosen_port, settings, {**popen_options, **(options or {})})
                if self.wait_until_ready(process) is not None:
                    return process, chosen_port
                output = self._read_log_from(start)
                if "could not bind" not in output and "Address already in use" not in output:
                    break
        raise ServerStartFailure(_find_error_line(output) or f"it ended with {process.returncode}", self.log_file)

    def wait_until_ready(self, process: "subprocess.Popen[bytes] | None" = None) -> Postmaster | None:
        """Wait until the server accepts connections; None where it has ended.

        PostgreSQL writes that into its lock file. A connection attempt would send the password to whatever other
        program has the port.

        Raises:
            ServerStartFailure: it neither accepted connections nor ended in time.
        """
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until:
            postmaster = self.find_postmaster()
            if postmaster is not None and postmaster.is_ready:
                return postmaster
            ended = postmaster is None if process is None else process.poll() is not None
            if ended:
                return None
            time.sleep(_POLL_SECONDS)
        reason = f"after {_START_SECONDS:.0f} s it does not answer yet; it may still be recovering from a crash"
        raise ServerStartFailure(reason, self.log_file)

    @contextmanager
    def _lock_data_directory(self) -> Iterator[dict[str, Any]]:
        """Hold the lock that only one server per data directory can have; yields the options to start the server with.

        The server inherits the locked file, so the lock is released once the server and all its children have ended.
        It works across containers too, where process ids mean nothing.
        """
        if sys.platform == "win32":
            yield {}
            return
        import fcntl  # noqa: PLC0415 - POSIX alone has it

        until = time.monotonic() + _LOCK_SECONDS
        with _open_private(self.data_directory.parent / "running") as file:
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
                except OSError:  # a file system without locks; PostgreSQL's own lock file remains
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
        with _open_private(self.log_file) as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **{"start_new_session": True, **self.account.build_process_options(), **options},
            )

    def stop(self, *, immediate: bool = False) -> None:
        """Stop the server and wait; its sessions are terminated and their transactions rolled back.

        Sends SIGINT, PostgreSQL's fast shutdown. With `immediate`, or where the fast shutdown takes too long, sends
        SIGQUIT, the immediate shutdown, after which the next start runs crash recovery.
        """
        postmaster = self.find_postmaster()
        if postmaster is None:
            return
        if sys.platform == "win32":
            mode = "immediate" if immediate else "fast"
            self.account.run(
                [self.binaries.program_path("pg_ctl"), "stop", "-D", self.data_directory, "-m", mode, "-s"]
            )
            return
        for shutdown_signal in (signal.SIGQUIT,) if immediate else (signal.SIGINT, signal.SIGQUIT):
            with suppress(ProcessLookupError):
                os.kill(postmaster.pid, shutdown_signal)
            if self._wait_until_ended():
                with suppress(ChildProcessError):
                    os.waitpid(postmaster.pid, 0)  # a child of this process would stay a zombie
                return
        raise TimeoutError(f"PostgreSQL, process {postmaster.pid}, does not end")

    def _wait_until_ended(self) -> bool:
        until = time.monotonic() + _STOP_SECONDS
        while self.find_postmaster() is not None:
            if time.monotonic() > until:
                return False
            time.sleep(_POLL_SECONDS)
        return True

    def _rotate_log(self) -> None:
        if self.log_file.exists() and self.log_file.stat().st_size > _MAX_LOG_BYTES:
            self.log_file.replace(self.log_file.with_name(f"{self.log_file.name}.1"))

    def _read_log_from(self, position: int) -> str:
        with self.log_file.open("rb") as file:
            file.seek(position)
            return file.read().decode("utf-8", errors="replace")


def _open_private(path: Path) -> BinaryIO:
    """Open a file for appending that no other user may read: the log has statements that failed."""
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


def _find_error_line(text: str) -> str:
    """The line with the reason: the last one with FATAL, PANIC or an error, else the last one."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    error_lines = [line for line in lines if "FATAL" in line or "PANIC" in line or "error:" in line.lower()]
    return (error_lines or lines or [""])[-1]
