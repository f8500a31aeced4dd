"""The commands and code blocks of the tutorial and the how-to pages, run in order in a project of their own."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.acceptance.conftest import PACKAGES, ROOT

DOCS = ROOT / "docs"
ELSEWHERE = re.compile(r"pip install|-e production|cd |seedbed init|python -m pytest")
"""What the pages say of another place than the project: the test's own preparations stand for it."""


def blocks(page: str) -> Iterator[tuple[str, str]]:
    """The fenced blocks of a page: their languages and their texts, without the indentation of a list."""
    text = (DOCS / page).read_text(encoding="utf-8")
    for found in re.finditer(r"^( *)```(\w+)\n(.*?)^ *```$", text, re.MULTILINE | re.DOTALL):
        indent, language, body = found.groups()
        yield language, "".join(line.removeprefix(indent) for line in body.splitlines(keepends=True))


def commands(page: str) -> list[str]:
    lines = [line for language, body in blocks(page) if language == "console" for line in body.splitlines()]
    return [line[2:] for line in lines if line.startswith("$ ")]


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="seedbed-docs-"))
    folder.chmod(0o755)
    yield folder
    if (folder / "shop/.seedbed").exists():
        run("seedbed db stop", folder / "shop")
    shutil.rmtree(folder)


def run(command: str, folder: Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = {**PACKAGES, "PATH": path, "HOME": str(folder), "LANG": "C.UTF-8"}
    done = subprocess.run(["/bin/sh", "-c", command], cwd=folder, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


class TestTutorial:
    def test_goes_from_nothing_to_a_preview(self, home: Path) -> None:
        (added,) = (body for language, body in blocks("tutorial.md") if language == "python")
        shop = home / "shop"
        done: list[str] = []
        for command in commands("tutorial.md"):
            if command.startswith("pip ") or command == "cd shop":
                continue
            if command.startswith("seedbed migrate draft"):
                task = shop / "schema/task.py"
                task.write_text(task.read_text().replace("    description:", f"{added}    description:", 1))
            done.append(run(command, shop if shop.is_dir() else home))

        assert "GET /tasks?limit=3  200" in done[1]
        assert any("rows kept" in said for said in done)
        assert any("1 passed" in said for said in done)
        assert any("preview/pr-1, a new copy of development" in said for said in done)


class TestHowTo:
    @pytest.mark.parametrize(
        ("page", "field"),
        [
            ("how-to/rename-a-column.md", ""),
            ("how-to/not-null-column.md", "    slug: str = Field(max_length=200)\n"),
            ("how-to/seed-a-tenant.md", None),
        ],
    )
    def test_runs_as_it_is_written(self, home: Path, page: str, field: str | None) -> None:
        run("seedbed init shop", home)
        shop = home / "shop"
        task = shop / "schema/task.py"
        if field is None:
            (plan,) = (body for language, body in blocks(page) if language == "python")
            (shop / "seeds/development.py").write_text(plan)
            (shop / "seeds/development.lock").unlink()
        else:
            run("seedbed migrate apply && seedbed seed run", shop)
        if field == "":
            task.write_text(task.read_text().replace("    description:", "    details:", 1))
        elif field:
            task.write_text(task.read_text().replace("    description:", f"{field}    description:", 1))
        else:
            run("seedbed migrate apply", shop)

        told = [
            run(command.replace("task.name=task.title", "task.description=task.details"), shop)
            for command in commands(page)
            if not ELSEWHERE.search(command)
        ]

        assert told
