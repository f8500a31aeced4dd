"""What is built and published, installed where there is no checkout, and used from nothing to a second migration."""

import os
import shutil
import subprocess
import sys
import sysconfig
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from email.parser import Parser
from pathlib import Path

import pytest

from tests.acceptance.conftest import ROOT, Person, people

PACKAGES = sysconfig.get_path("purelib")


@pytest.fixture(scope="module")
def built() -> Iterator[Path]:
    """A folder with the wheel and the sdist, made from a copy without git."""
    folder = Path(tempfile.mkdtemp(prefix="seedbed-built-"))
    folder.chmod(0o755)
    source = folder / "source"
    shutil.copytree(ROOT / "src", source / "src", ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("README.md", "CHANGELOG.md", "LICENSE", "pyproject.toml"):
        shutil.copy2(ROOT / file, source)
    (source / "docs").mkdir()
    (source / "docs/README.md").write_text("The manual's own, and no file of the package.\n")
    command = [sys.executable, "-m", "hatchling", "build", "-d", str(folder)]
    subprocess.run(command, cwd=source, check=True, capture_output=True)
    shutil.rmtree(source)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(params=people(), ids=lambda person: person.name)
def person(request: pytest.FixtureRequest) -> Person:
    chosen: Person = request.param
    return chosen


@pytest.fixture
def home() -> Iterator[Path]:
    folder = Path(tempfile.mkdtemp(prefix="seedbed-clean-"))
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


class Clean:
    """An environment of its own: the wheel in it, the dependencies of this one, and no checkout anywhere."""

    def __init__(self, home: Path, wheel: Path, person: Person) -> None:
        self.home, self.person = home, person
        other = Path(f"/usr/bin/python{sys.version_info.major}.{sys.version_info.minor}")
        chosen = other if not person.is_me and other.exists() else Path(sys.executable)
        subprocess.run([chosen, "-m", "venv", "--without-pip", home / "venv"], check=True)
        (inside,) = (home / "venv" / "lib").glob("python*/site-packages")
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(inside)
        # Of a folder that is added this way, its own .pth files are not read, and one of them leads to the checkout.
        (inside / "dependencies.pth").write_text(f"{PACKAGES}\n")
        self.python = home / "venv/bin/python"
        for path in (home, *home.rglob("*")):
            os.chown(path, person.uid, person.gid, follow_symlinks=False)

    def run(self, *arguments: str, folder: str = ".", code: str | None = None) -> str:
        done = subprocess.run(
            [self.python, *(["-c", code] if code else ["-m", *arguments])],
            cwd=self.home / folder,
            env={"PATH": os.environ["PATH"], "HOME": str(self.home)},
            capture_output=True,
            text=True,
            check=False,
            **self.person.options,
        )
        assert done.returncode == 0, f"{arguments}\n{done.stdout}\n{done.stderr}"
        return str(done.stdout)


def wheel(built: Path) -> Path:
    return next(built.glob("*.whl"))


class TestWheel:
    def test_takes_somebody_from_nothing_to_a_second_migration(self, built: Path, home: Path, person: Person) -> None:
        clean = Clean(home, wheel(built), person)
        try:
            place = clean.run(code="import click, seedbed; print(seedbed.__file__)")
        except (AssertionError, PermissionError):
            pytest.skip(f"{person.name} may not enter the folder of this Python or of its packages")

        begun = clean.run("seedbed", "init", "shop")
        served = clean.run("seedbed", "up", "--once", folder="shop")
        task = home / "shop/schema/task.py"
        text = task.read_text()
        task.write_text(text.replace("    description:", "    priority: int | None = None\n    description:", 1))
        drafted = clean.run("seedbed", "migrate", "draft", "-m", "Give tasks a priority", folder="shop")
        applied = clean.run("seedbed", "migrate", "apply", folder="shop")
        seeded = clean.run("seedbed", "seed", "run", "--fresh", folder="shop")
        tested = clean.run("pytest", "-q", "-p", "no:cacheprovider", folder="shop")
        clean.run("seedbed", "db", "stop", folder="shop")

        assert place.startswith(str(home))
        assert begun == (
            "Created shop (23 files):\n"
            "  schema/      the tables, User and Task\n"
            "  migrations/  the revision that creates them\n"
            "  seeds/       sample data per environment\n"
            "  tests/       one test, on a database with tables and rows\n"
            "Next:\n"
            "  cd shop\n"
            "  seedbed up\n"
        )
        assert "  rows              200 user\n                  3,969 task\n" in served
        assert "GET /tasks/1        200" in served
        assert "rows kept" in drafted
        assert "Give tasks a priority" in applied
        assert "task" in seeded
        assert "1 passed" in tested

    def test_has_every_file_of_the_package_and_nothing_else(self, built: Path) -> None:
        own = {
            str(path.relative_to(ROOT / "src"))
            for path in (ROOT / "src/seedbed").rglob("*")
            if path.is_file() and "__pycache__" not in path.parts
        }

        with zipfile.ZipFile(wheel(built)) as archive:
            packed = {name for name in archive.namelist() if ".dist-info/" not in name}
        with tarfile.open(next(built.glob("*.tar.gz"))) as archive:
            sources = {name.partition("/src/")[2] for name in archive.getnames() if "/src/" in name}
            beside = {name.partition("/")[2] for name in archive.getnames() if "/src/" not in name}

        assert packed == own
        assert sources == own
        assert beside == {"CHANGELOG.md", "LICENSE", "PKG-INFO", "README.md", "pyproject.toml"}

    def test_says_what_each_extra_brings(self, built: Path) -> None:
        with zipfile.ZipFile(wheel(built)) as archive:
            name = next(name for name in archive.namelist() if name.endswith("METADATA"))
            said = Parser().parsestr(archive.read(name).decode())

        assert set(said.get_all("Provides-Extra", [])) == {
            "all",
            "dask",
            "embedded",
            "emulator",
            "seed",
            "service",
            "testing",
        }
