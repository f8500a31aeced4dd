"""Every code block of the README and the manual, run in order in a project of the page's own."""

import os
import re
import shlex
import shutil
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from seedbed.cli import root
from tests.acceptance.conftest import PACKAGES, PARTS, ROOT
from tests.support.documents import TEXTS, Shell, blocks, follow, pattern, typed

PAGES = [
    page
    for page in [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
    if "reference" not in page.parts and "```" in page.read_text(encoding="utf-8")
]
MEMORY = Path("/dev/shm")
BEGINS = re.compile(r"^\$ (seedbed init shop|scripts/demo|cd shop)", re.MULTILINE)


def shown(page: Path) -> str:
    return str(page.relative_to(ROOT))


def environment(home: Path) -> dict[str, str]:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    return {**PACKAGES, "PATH": path, "HOME": str(home), "LANG": "C.UTF-8"}


@pytest.fixture(scope="module")
def begun() -> Iterator[Path]:
    """A project that was begun and brought up once; its server is down, so that it can be copied."""
    home = Path(tempfile.mkdtemp(prefix="seedbed-docs-", dir=MEMORY if MEMORY.is_dir() else None))
    home.chmod(0o755)
    for command in ("seedbed init shop", "cd shop && seedbed up --once"):
        subprocess.run(["bash", "-c", command], cwd=home, env=environment(home), check=True, capture_output=True)
    yield home / "shop"
    shutil.rmtree(home)


@pytest.fixture
def port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture
def shell(request: pytest.FixtureRequest, begun: Path) -> Iterator[Shell]:
    """A shell where the page begins: in a project, beside one that it enters itself, or where there is none yet."""
    page: Path = request.getfixturevalue("page")
    home = Path(tempfile.mkdtemp(prefix="seedbed-page-", dir=begun.parents[1]))
    home.chmod(0o755)
    first = BEGINS.search(page.read_text(encoding="utf-8"))
    beginning = first[1] if first else ""
    if beginning == "scripts/demo":
        _repository(home)
    elif beginning != "seedbed init shop":
        subprocess.run(["cp", "-a", begun, home / "shop"], check=True)
    shell = Shell(home if beginning else home / "shop", environment(home))
    yield shell
    for folder in (home, home / "shop"):
        if (folder / ".seedbed/data/postmaster.pid").exists():
            subprocess.run(["seedbed", "db", "stop"], cwd=folder, env=environment(home), check=False)
    shell.end()
    shutil.rmtree(home)


def _repository(home: Path) -> None:
    """What `scripts/demo` needs of the repository, set up already."""
    for part in (*PARTS, "scripts/demo"):
        (home / part).parent.mkdir(exist_ok=True)
        copy = shutil.copytree if (ROOT / part).is_dir() else shutil.copy2
        copy(ROOT / part, home / part)
    (home / "scripts/setup").write_text("#!/bin/sh\n")
    (home / "scripts/setup").chmod(0o755)
    (home / ".venv/bin").mkdir(parents=True)
    (home / ".venv/bin/seedbed").symlink_to(Path(sys.executable).with_name("seedbed"))


class TestPages:
    @pytest.mark.parametrize("page", PAGES, ids=shown)
    def test_do_what_they_say(self, page: Path, shell: Shell, port: int) -> None:
        follow(page.read_text(encoding="utf-8").replace("8000", str(port)), shell)

    @pytest.mark.parametrize("page", PAGES, ids=shown)
    def test_say_the_language_of_each_block(self, page: Path) -> None:
        languages = {block.language for block in blocks(page.read_text(encoding="utf-8"))}

        assert languages <= {"console", "python", "toml", "sql", "dotenv", "ini", *TEXTS}

    @pytest.mark.parametrize("page", [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))], ids=shown)
    def test_name_commands_and_options_that_there_are(self, page: Path) -> None:
        text = page.read_text(encoding="utf-8")
        measured = "explanation" in page.parts
        lines = [] if measured else re.findall(r"^ {4}(seedbed [a-z].*)$", text, re.MULTILINE)
        lines += re.findall(r"`(seedbed [a-z][^`\n]*)`", text)
        lines += [one.command for block in blocks(text) if block.language == "console" for one in typed(block.body)]

        assert [line for line in lines if line.startswith("seedbed ") and not _known(line)] == []


def _known(line: str) -> bool:
    """Whether each command and option of a line is one; a description may follow after spaces."""
    line = re.sub(r" {2,}.*| [|>&].*", "", line)
    try:
        words = shlex.split(line)
    except ValueError:
        words = line.split()
    command: click.Command = root
    options = {"-h", "--help", "--version", *root.params[0].opts, *root.params[1].opts}
    for word in words[1:]:
        if word == "--":
            break
        if isinstance(command, click.Group) and not word.startswith("-"):
            if word not in command.commands:
                return False
            command = command.commands[word]
            options |= {name for one in command.params for name in (*one.opts, *one.secondary_opts)}
        elif word.startswith("-") and word.partition("=")[0] not in options:
            return False
    return True


class TestPattern:
    @pytest.mark.parametrize(
        ("written", "printed"),
        [
            ("user  200 rows", "user    200 rows"),
            ("until  2026-12-08 23:48", "until  2027-01-01 00:00"),
            ("at 127.0.0.1:40213/x_2ffcc8e6", "at 127.0.0.1:5/x_2ffcc8e6"),
            ("5d1c7b0e2f4a  Widen", "a1b2c3d4e5f6  Widen"),
            ("a\n...\nb", "a\nx\ny\nb"),
        ],
    )
    def test_takes_what_may_vary(self, written: str, printed: str) -> None:
        assert re.fullmatch(pattern(written), f"{printed}\n")

    @pytest.mark.parametrize(("written", "printed"), [("200 rows", "201 rows"), ("a\nb", "a\nx\nb"), ("a", "ab")])
    def test_takes_nothing_else(self, written: str, printed: str) -> None:
        assert not re.fullmatch(pattern(written), f"{printed}\n")
