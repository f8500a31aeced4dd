"""Other processes for a test: Python code run, or killed, as this user or as an ordinary one."""

import os
import pwd
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.support.patience import PATIENCE

SERVER = """
import os, signal, sys, time
from pathlib import Path
from seedbed.postgres.embedded import EmbeddedServer
server = EmbeddedServer(Path(sys.argv[1]), "shop_owner")
"""
HOLD = f"""{SERVER}
with server.keep_running():
    print("up", flush=True)
    sys.stdin.read()
"""
ENSURE = f"""{SERVER}
server.ensure_running()
print("up", flush=True)
sys.stdin.read()
"""
"""Code for a process that has the server up until its standard input ends, and says so."""

PACKAGES = os.pathsep.join(path for path in sys.path if path and Path(path).is_dir())


_started: "list[subprocess.Popen[str]]" = []


@dataclass(frozen=True)
class User:
    """Whoever runs the code."""

    name: str
    uid: int
    gid: int

    @property
    def options(self) -> dict[str, Any]:
        return {} if self.uid == os.geteuid() else {"user": self.uid, "group": self.gid, "extra_groups": []}

    def python(self) -> str:
        """This Python; or, where it lies in a home that this user may not enter, another of the same version."""
        same = f"python{sys.version_info.major}.{sys.version_info.minor}"
        for python in (sys.executable, f"/usr/bin/{same}", f"/usr/local/bin/{same}"):
            try:
                subprocess.run([python, "-c", "import seedbed"], env=_environment({}), check=True, **self.options)
            except (OSError, subprocess.CalledProcessError):
                continue
            return python
        pytest.skip(f"{self.name} can run neither this environment's Python nor another {same}")

    def start(self, code: str, *arguments: str | Path, **variables: str) -> "subprocess.Popen[str]":
        """Start Python code; `arguments` are its sys.argv[1:]. What still runs after the test is killed."""
        process = subprocess.Popen(
            [self.python(), "-c", code, *arguments],
            cwd="/",
            env=_environment(variables),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **self.options,
        )
        _started.append(process)
        return process

    def run(self, code: str, *arguments: str | Path, **variables: str) -> str:
        """What Python code prints; it must end well."""
        process = self.start(code, *arguments, **variables)
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == 0, err
        return out.strip()


def kill_started() -> None:
    while _started:
        process = _started.pop()
        process.kill()
        process.communicate()


def await_up(process: "subprocess.Popen[str]") -> None:
    assert process.stdout is not None
    said = process.stdout.readline()
    assert said == "up\n", process.communicate()[1]


def end(process: "subprocess.Popen[str]") -> None:
    """Let a process that reads its standard input come to its end."""
    process.communicate(timeout=PATIENCE)


def me() -> User:
    entry = pwd.getpwuid(os.geteuid())
    return User(entry.pw_name, entry.pw_uid, entry.pw_gid)


def nobody() -> User:
    entry = pwd.getpwnam("nobody")
    return User(entry.pw_name, entry.pw_uid, entry.pw_gid)


def users() -> list[User]:
    """This user, and an ordinary one when this is root."""
    return [me(), nobody()] if os.geteuid() == 0 else [me()]


def await_that(condition: Callable[[], bool], *, seconds: float = PATIENCE) -> None:
    until = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < until, "it never came true"
        time.sleep(0.01)


def _environment(variables: Mapping[str, str]) -> dict[str, str]:
    kept = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONDONTWRITEBYTECODE") if name in os.environ}
    return {**kept, "PYTHONPATH": PACKAGES, **variables}
