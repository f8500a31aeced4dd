"""A new project of `seedbed init` whose tests run in separate pytest processes."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from seedbed.starter.project_writer import create_project
from tests.acceptance.conftest import PACKAGES, Person
from tests.support.patience import PATIENCE

HEADER = """
import pytest
from sqlalchemy import create_engine, text
from sqlmodel import Session, select

from schema import Task, User

USERS = 10


def users(session):
    return len(session.exec(select(User)).all())


@pytest.fixture
def anyio_backend():
    return "asyncio"


"""


@dataclass(frozen=True)
class Shop:
    """A project whose tests are run. What a run says is asserted on as text."""

    root: Path
    python: tuple[str, ...] = ()
    temporary: Path | None = None

    def write(self, name: str, code: str) -> Path:
        file = self.root / name
        file.parent.mkdir(exist_ok=True)
        file.write_text(HEADER + dedent(code), encoding="utf-8")
        return file

    def start(self, *arguments: str, **options: Any) -> "subprocess.Popen[str]":
        said = " ".join(arguments)
        without = [f"-pno:{other}" for other in ("randomly", "asyncio", "cacheprovider") if other not in said]
        kept = {name: os.environ[name] for name in ("PATH", "LANG", "HOME") if name in os.environ}
        process: subprocess.Popen[str] = subprocess.Popen(
            [*(self.python or (sys.executable,)), "-m", "pytest", "-q", *without, *arguments],
            cwd=self.root,
            env={**kept, **PACKAGES, **({"TMPDIR": str(self.temporary)} if self.temporary else {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            **options,
        )
        return process

    def run(self, *arguments: str, **outcomes: int) -> str:
        """What a run says; its last line counts what came of its tests, and that must be so."""
        out, _ = self.start(*arguments).communicate(timeout=PATIENCE)
        said = out.strip().splitlines()[-1] if out.strip() else ""
        for outcome, number in outcomes.items():
            assert f"{number} {outcome}" in said, out
        if outcomes:
            assert sum(map(int, (word for word in said.split() if word.isdigit()))) == sum(outcomes.values()), out
        return out


@pytest.fixture(scope="session")
def begun(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A project whose template is made, to be copied: a snapshot goes by what a project has, and not by where it is."""
    root = tmp_path_factory.mktemp("begun")
    create_project(root)
    shutil.rmtree(root / "tests")
    project = Shop(root)
    project.write("tests/test_first.py", "def test_first(db):\n    assert users(db) == USERS\n")
    project.run(passed=1)
    (root / "tests/test_first.py").unlink()
    return project


@pytest.fixture
def project(begun: Shop, tmp_path: Path) -> Iterator[Shop]:
    """A project in a folder whose name has a space and letters beyond ASCII."""
    root = tmp_path / "my shop é"
    subprocess.run(["cp", "-a", begun.root, root], check=True)
    yield Shop(root)
    shutil.rmtree(root, ignore_errors=True)


@contextmanager
def handed_over(begun: Shop, person: Person) -> Iterator[Shop]:
    """A copy without a template that belongs to a person, and is run by a Python that this one may run."""
    root = Path(tempfile.mkdtemp(prefix="seedbed plugin é-"))
    try:
        subprocess.run(["cp", "-a", f"{begun.root}/.", root], check=True)
        shutil.rmtree(root / ".seedbed")
        for path in (root, *root.rglob("*")):
            os.chown(path, person.uid, person.gid)
        root.chmod(0o755)
        command = person.command()
        yield Shop(root, tuple(command[:-2]) if len(command) > 1 else ())
    finally:
        shutil.rmtree(root)
