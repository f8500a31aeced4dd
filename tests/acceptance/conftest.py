"""A copy of the reference project, and the installed command run in it as a newcomer would."""

import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil
import psycopg2
import pytest

from tests.support.patience import PATIENCE

ROOT = Path(__file__).parents[2]
SEEDBED = Path(sys.executable).with_name("seedbed")
PACKAGES = {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path and Path(path).is_dir())}
PARTS = ("schema", "migrations", "seeds", "routes.py", "alembic.ini", "pyproject.toml")


@dataclass(frozen=True)
class Person:
    """Whoever runs the command: this user, or an ordinary one when this is root."""

    name: str
    uid: int
    gid: int

    @property
    def is_me(self) -> bool:
        return self.uid == os.geteuid()

    @property
    def options(self) -> dict[str, Any]:
        return {} if self.is_me else {"user": self.uid, "group": self.gid, "extra_groups": []}

    def command(self) -> list[str]:
        """The installed `seedbed`; or, where its Python lies in a home that this person may not enter, another Python
        of the same version with the same packages.
        """
        if self._runs(SEEDBED, "--version"):
            return [str(SEEDBED)]
        same = f"python{sys.version_info.major}.{sys.version_info.minor}"
        for python in (Path("/usr/bin") / same, Path("/usr/local/bin") / same):
            if self._runs(python, "-m", "seedbed", "--version"):
                return [str(python), "-m", "seedbed"]
        pytest.skip(f"{self.name} can run neither this environment's Python nor another {same}")

    def _runs(self, *command: str | Path) -> bool:
        try:
            done = subprocess.run(command, env=PACKAGES, cwd="/", capture_output=True, check=False, **self.options)
        except OSError:
            return False
        return done.returncode == 0


def people() -> list[Person]:
    me = pwd.getpwuid(os.geteuid())
    everyone = [Person(me.pw_name, me.pw_uid, me.pw_gid)]
    if me.pw_uid == 0:
        ordinary = pwd.getpwnam("nobody")
        everyone.append(Person("nobody", ordinary.pw_uid, ordinary.pw_gid))
    return everyone


@dataclass(frozen=True)
class Project:
    """A copy of the reference project that belongs to a person."""

    root: Path
    person: Person
    command: list[str]

    def start(self, *arguments: str, **variables: str) -> "subprocess.Popen[str]":
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "PYTHONDONTWRITEBYTECODE") if name in os.environ}
        return subprocess.Popen(
            [*self.command, *arguments],
            cwd=self.root,
            env={**kept, **PACKAGES, "HOME": str(self.root), **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            **self.person.options,
        )

    def run(self, *arguments: str, code: int = 0, **variables: str) -> "subprocess.CompletedProcess[str]":
        process = self.start(*arguments, **variables)
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == code, f"{arguments} ended with {process.returncode}\n{out}\n{err}"
        return subprocess.CompletedProcess(arguments, code, out, err)

    def json(self, *arguments: str) -> Any:
        return json.loads(self.run(*arguments, "--json").stdout)

    def rows(self, statement: str) -> str:
        """What a statement gives, a row to a line, its columns parted by `|`."""
        url = self.run("db", "url", "--show-password").stdout.strip()
        with closing(psycopg2.connect(url)) as connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return "\n".join("|".join(map(str, row)) for row in cursor.fetchall())

    def servers(self) -> list[psutil.Process]:
        """The postmasters that run on this project's data."""
        found = []
        for process in psutil.process_iter(["name", "cmdline"]):
            command = process.info["cmdline"] or []
            if process.info["name"] == "postgres" and "-D" in command and str(self.root) in " ".join(command):
                found.append(process)
        return found


@pytest.fixture(params=people(), ids=lambda person: person.name)
def project(request: pytest.FixtureRequest) -> Iterator[Project]:
    """The reference project, copied to a folder whose name has a space and letters beyond ASCII."""
    person: Person = request.param
    folder = Path(tempfile.mkdtemp(prefix="seedbed acceptance é-"))
    folder.chmod(0o755)
    root = folder / "shop"
    root.mkdir()
    for part in PARTS:
        source = ROOT / part
        copy = shutil.copytree if source.is_dir() else shutil.copy2
        copy(source, root / part)
    for path in (folder, root, *root.rglob("*")):
        os.chown(path, person.uid, person.gid)
    copied = Project(root, person, person.command())
    yield copied
    if copied.servers():
        copied.run("db", "stop")
    shutil.rmtree(folder)


def kill(process: "subprocess.Popen[str]") -> None:
    process.send_signal(signal.SIGKILL)
    process.communicate()
