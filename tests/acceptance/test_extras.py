"""Seedbed with no extra and with one extra at a time, each in an environment that has nothing else."""

import json
import os
import shutil
import signal
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from seedbed.postgres.embedded import TemporaryServer, find_binaries
from tests.support.environments import make_environment
from tests.support.patience import PATIENCE
from tests.support.projects import fresh_database

NO_FAKER = """
from schema import Task, User
from seedbed.seeding import Seeds, constant, template


def plan(seeds: Seeds) -> None:
    seeds.add(User, 3, email=template("{i}@example.com"), hashed_password=constant(None))
    seeds.add(Task, 5, title=template("task {i}"), description=constant("none"))
"""
TEST = """
from sqlmodel import Session, select

from schema import Task, User


def test_has_the_seeded_rows(db):
    assert len(db.exec(select(User)).all()) == 3


def test_needs_the_service(client):
    pass
"""


@dataclass(frozen=True)
class Environment:
    """A project, and the Python of an environment to run Seedbed in it."""

    python: Path
    root: Path
    url: str

    def start(self, *command: str) -> "subprocess.Popen[str]":
        programs = find_binaries().directory
        return subprocess.Popen(
            [self.python, "-m", *command],
            cwd=self.root,
            env={
                "PATH": f"{programs}{os.pathsep}{os.environ['PATH']}",
                "HOME": str(self.root),
                **({"DATABASE_URL": self.url, "SHADOW_DATABASE_URL": self.url} if self.url else {}),
            },
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *command: str, code: int = 0) -> str:
        """Run a command to its end, which must be the given one. Return what it printed as output, or as an error."""
        process = self.start(*command)
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == code, f"{command} ended with {process.returncode}\n{out}\n{err}"
        return err if code else out

    def seedbed(self, *command: str, code: int = 0) -> str:
        return self.run("seedbed", *command, code=code)


@pytest.fixture(scope="module")
def starter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project that Seedbed begins without any extra, with seeds that need no Faker."""
    folder = tmp_path_factory.mktemp("extras")
    core = Environment(make_environment(folder / "core", set()), folder, "")
    core.seedbed("init", "shop")
    for seeds in (folder / "shop/seeds").glob("*.py"):
        shutil.copy(seeds, seeds.with_suffix(".py.faker"))
        seeds.write_text(NO_FAKER, encoding="utf-8")
    return folder / "shop"


@pytest.fixture
def environment(starter: Path, tmp_path: Path, seedbed_server: TemporaryServer) -> Iterator[Callable[..., Environment]]:
    """Makes an environment with an extra, and a copy of the project with an empty database."""
    with fresh_database(seedbed_server) as database:

        def make(*extras: str, given: bool = True) -> Environment:
            root = tmp_path / "shop"
            shutil.copytree(starter, root)
            python = make_environment(tmp_path / "environment", set(extras))
            return Environment(python, root, database.direct.reveal() if given else "")

        yield make


def missing(feature: str, extra: str, package: str, alternative: str = "") -> str:
    return f"SB107 {feature} needs the package {package}, which is not installed.\n" + (
        f"      pip install 'seedbed[{extra}]'{alternative}\n"
    )


class TestNoExtra:
    def test_migrates_and_loads_seeds_without_faker(self, environment: Callable[..., Environment]) -> None:
        alone = environment()
        task = alone.root / "schema/task.py"
        text = task.read_text(encoding="utf-8")

        applied = alone.seedbed("migrate", "apply", "--json")
        task.write_text(text.replace("    description:", "    priority: int | None = None\n    description:", 1))
        drafted = alone.seedbed("migrate", "draft", "-m", "Give tasks a priority", "--json")
        alone.seedbed("migrate", "apply")
        alone.seedbed("migrate", "check")
        seeded = alone.seedbed("seed", "run", "--json")
        alone.seedbed("seed", "check", "--accept")

        assert len(json.loads(applied)["applied"]) == 1
        assert json.loads(drafted)["proof"]["verdict"] == "verified"
        assert json.loads(seeded)["rows"] == {"user": 3, "task": 5}

    def test_says_which_extra_a_command_needs(self, environment: Callable[..., Environment]) -> None:
        alone = environment()
        alone.seedbed("migrate", "apply")

        errors = {
            command: alone.seedbed(*command.split(), code=1)
            for command in ("serve", "up --once", "db grant-reader reader", "neon emulate", "seed run --dask tcp://x:1")
        }

        assert errors == {
            "serve": missing("seedbed serve", "service", "fastapi"),
            "up --once": missing("seedbed up", "service", "fastapi"),
            "db grant-reader reader": missing("seedbed db grant-reader", "service", "fastapi"),
            "neon emulate": missing("seedbed neon emulate", "emulator", "fastapi"),
            "seed run --dask tcp://x:1": missing("--dask", "dask", "distributed", ", or use --workers N."),
        }


class TestSeed:
    def test_is_needed_by_seeds_with_values_of_faker(self, environment: Callable[..., Environment]) -> None:
        seed = environment("seed")
        shutil.move(seed.root / "seeds/development.py.faker", seed.root / "seeds/development.py")
        seed.seedbed("migrate", "apply")
        without = Environment(make_environment(seed.root.parent / "without", set()), seed.root, seed.url)

        error = without.seedbed("seed", "run", code=1)
        seeded = seed.seedbed("seed", "run", "--json")

        assert error == missing("faker('first_name')", "seed", "faker")
        assert json.loads(seeded)["rows"]["user"] == 200


class TestService:
    def test_serves_the_tables(self, environment: Callable[..., Environment]) -> None:
        service = environment("service")

        responses = json.loads(service.seedbed("up", "--once", "--json"))

        assert {response["status"] for response in responses} == {200}
        assert len(responses) == 6


class TestTesting:
    def test_gives_databases_to_tests_and_says_that_a_client_needs_the_service(
        self, environment: Callable[..., Environment]
    ) -> None:
        testing = environment("testing")
        (testing.root / "tests/test_tasks.py").write_text(TEST, encoding="utf-8")

        process = testing.start("pytest", "-q", "-p", "no:cacheprovider", f"--seedbed-url={testing.url}")
        out, err = process.communicate(timeout=PATIENCE)

        assert "1 passed, 1 error" in out, out + err
        assert "SB107 The client fixture needs the package fastapi, which is not installed." in out


class TestEmbedded:
    def test_brings_a_server(self, environment: Callable[..., Environment]) -> None:
        embedded = environment("embedded", given=False)

        applied = json.loads(embedded.seedbed("migrate", "apply", "--json"))
        embedded.seedbed("db", "stop")

        assert len(applied["applied"]) == 1


class TestDask:
    def test_asks_the_scheduler(self, environment: Callable[..., Environment]) -> None:
        dask = environment("dask")
        dask.seedbed("migrate", "apply")

        error = dask.seedbed("seed", "run", "--dask", "tcp://127.0.0.1:1", code=1)

        assert error.startswith("SB424 ")


class TestEmulator:
    def test_serves_the_api_of_neon(self, environment: Callable[..., Environment]) -> None:
        emulator = environment("emulator", given=False)

        process = emulator.start("seedbed", "neon", "emulate", "--port", "0")
        assert process.stdout is not None
        first = process.stdout.readline()
        process.send_signal(signal.SIGINT)
        _, err = process.communicate(timeout=PATIENCE)

        assert first.startswith("export NEON_"), err
