"""A data folder made, started and stopped, whoever keeps it up and whatever it is for."""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg2

from seedbed.errors import ServerNotStarted
from seedbed.postgres.embedded.account import Account
from seedbed.postgres.embedded.binaries import Binaries

SUPERUSER = "postgres"
_START_SECONDS = 60.0
"""Crash recovery of a developer's database is over well before; a test asserts the words, not the wait."""
_ATTEMPTS = 8
_BUILTIN_LOCALE = 17
"""The major version since which PostgreSQL brings a locale that is the same on every machine."""


@dataclass(frozen=True)
class Cluster:
    """One PostgreSQL data folder, with the programs and the account that run it."""

    data: Path
    log: Path
    binaries: Binaries
    account: Account

    def exists(self) -> bool:
        return (self.data / "PG_VERSION").is_file()

    def major(self) -> str:
        return (self.data / "PG_VERSION").read_text(encoding="ascii").strip()

    def create(self, password: str, *, sync: bool = True) -> None:
        """Run initdb beside the final place and move it there, so that a kill leaves nothing half made.

        Passwords are checked with scram even on loopback: trust would let every local user in as superuser. The
        locale is C.UTF-8, as on Neon, so that text sorts the same here and there.
        """
        for left in self.data.parent.glob(f"{self.data.name}.new-*"):
            shutil.rmtree(left, ignore_errors=True)
        building = Path(tempfile.mkdtemp(prefix=f"{self.data.name}.new-", dir=self.data.parent))
        self.account.own(building)
        descriptor, password_file = tempfile.mkstemp(dir=building.parent, prefix=".password-")
        try:
            with os.fdopen(descriptor, "w", encoding="ascii") as file:
                file.write(password)
            self.account.own(Path(password_file))
            done = self.account.run(
                [
                    self.binaries.program("initdb"), "-D", building, "-U", SUPERUSER, "-E", "UTF8",
                    "--auth=scram-sha-256", f"--pwfile={password_file}", *self._locale(),
                    *([] if sync else ["--no-sync"]),
                ],
                capture_output=True,
            )  # fmt: skip
        finally:
            Path(password_file).unlink(missing_ok=True)
        if done.returncode != 0:
            shutil.rmtree(building, ignore_errors=True)
            self.log.write_text(done.stdout + done.stderr, encoding="utf-8")
            raise ServerNotStarted(f"initdb ended with {done.returncode}: {_last_line(done.stderr)}", self.log)
        building.rename(self.data)

    def _locale(self) -> list[str]:
        if self.binaries.major >= _BUILTIN_LOCALE:
            return ["--locale=C", "--locale-provider=builtin", "--builtin-locale=C.UTF-8"]
        return ["--locale=C.UTF-8" if sys.platform == "linux" else "--locale=C"]

    def start(
        self, password: str, *, port: int | None, settings: Mapping[str, str], options: Mapping[str, Any] | None = None
    ) -> "tuple[subprocess.Popen[bytes], int]":
        """Start the server and wait until it answers; returns its process and port.

        `port` is the one wished for. Where it is taken, by the time the server binds it, another is used: looking
        first and binding later is a race that only the binding decides.

        Raises:
            ServerNotStarted: with the last line of its log.
        """
        for attempt in range(_ATTEMPTS):
            wished = port if attempt == 0 and port is not None and _is_free(port) else _free_port()
            start = self.log.stat().st_size if self.log.exists() else 0
            process = self._launch(wished, settings, options or {})
            if self._answers(process, wished, password):
                return process, wished
            said = self._log_since(start)
            if "pre-existing shared memory block" in said:
                time.sleep(0.25 * (attempt + 1))  # the last children of a postmaster that was killed are still going
            elif "could not bind" not in said and "Address already in use" not in said:
                break
        raise ServerNotStarted(_last_line(said) or "it did not answer in time", self.log)

    def _launch(self, port: int, settings: Mapping[str, str], options: Mapping[str, Any]) -> "subprocess.Popen[bytes]":
        chosen = {
            "listen_addresses": "127.0.0.1",
            "port": str(port),
            "unix_socket_directories": "",
            "timezone": "UTC",
            "log_timezone": "UTC",
            **settings,
        }
        command: list[str | Path] = [self.binaries.program("postgres"), "-D", self.data]
        for name, value in chosen.items():
            command += ["-c", f"{name}={value}"]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                **{"start_new_session": True, **self.account.process_options(), **options},
            )

    def _answers(self, process: "subprocess.Popen[bytes]", port: int, password: str) -> bool:
        until = time.monotonic() + _START_SECONDS
        while time.monotonic() < until and process.poll() is None:
            try:
                psycopg2.connect(
                    host="127.0.0.1", port=port, user=SUPERUSER, password=password, dbname="postgres", connect_timeout=5
                ).close()
            except psycopg2.OperationalError:
                time.sleep(0.01)
            else:
                return process.poll() is None
        return False

    def stop(self, *, mode: str = "fast") -> None:
        """Stop the server and wait; sessions are ended, their transactions rolled back."""
        self.account.run(
            [self.binaries.program("pg_ctl"), "stop", "-D", self.data, "-m", mode, "-w", "-t", "60", "-s"],
            capture_output=True,
        )

    def postmaster(self) -> int | None:
        """The process id of the server that runs on this folder, or None.

        The lock file alone does not tell: after a crash its id may belong to any program. A postmaster's working
        directory is its data folder, and that does.
        """
        try:
            pid = int((self.data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").split("\n", 1)[0])
            process = psutil.Process(pid)
        except (OSError, ValueError, psutil.Error):
            return None
        try:
            return pid if Path(process.cwd()).samefile(self.data) else None
        except (psutil.AccessDenied, NotImplementedError):
            return pid if process.name().startswith("postgres") else None
        except (psutil.Error, OSError):
            return None

    def forget_dead_postmaster(self) -> None:
        """Remove a lock file left by a crash. To be called only under the home's lock, after `postmaster` said None."""
        (self.data / "postmaster.pid").unlink(missing_ok=True)

    def _log_since(self, position: int) -> str:
        with self.log.open("rb") as file:
            file.seek(position)
            return file.read().decode("utf-8", errors="replace")


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
