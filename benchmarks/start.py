"""How long the embedded server and the commands take to start, against what each cannot be faster than."""

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.harness import Contender, machine, race, report
from seedbed.postgres.embedded import Server, find_binaries, throwaway_server
from seedbed.postgres.embedded.account import runnable_by, server_account

ROOT = Path(__file__).parents[1]
PROJECT = ("schema", "migrations", "seeds", "alembic.ini", "pyproject.toml")
SEEDBED = Path(sys.executable).with_name("seedbed")
BARE_INITDB, BARE_PYTHON = "initdb alone", "python -c pass"


@dataclass
class Places:
    """Fresh folders, each of which the server's account may enter; all go at the end."""

    parent: Path
    made: list[Path] = field(default_factory=list)

    def fresh(self) -> Path:
        folder = self.parent / str(len(self.made))
        folder.mkdir()
        self.made.append(folder)
        return folder

    def project(self) -> Path:
        """A copy of the reference project in which nothing was done yet."""
        root = self.fresh()
        for part in PROJECT:
            source = ROOT / part
            if source.is_dir():
                shutil.copytree(source, root / part, ignore=shutil.ignore_patterns("__pycache__"))
            else:
                shutil.copy2(source, root / part)
        return root

    @property
    def newest(self) -> Path:
        return self.made[-1]


@contextmanager
def places() -> Iterator[Places]:
    with tempfile.TemporaryDirectory(prefix="seedbed-bench-") as parent:
        Path(parent).chmod(0o755)  # so that the server of root's projects stays in them, as that of anyone's does
        made = Places(Path(parent))
        try:
            yield made
        finally:
            for folder in made.made:
                Server(folder, "bench_owner").stop()


def servers(places: Places) -> dict[str, Contender]:
    """Servers made and started; each is stopped, untimed, before the next."""
    kept = Server(places.fresh(), "bench_owner")
    kept.ensure()
    kept.stop()
    account = server_account()
    initdb = runnable_by(account, find_binaries()).program("initdb")

    def fresh_folder() -> None:
        account.own(places.fresh())

    def initdb_alone() -> None:
        done = account.run([initdb, "-D", places.newest, "-A", "trust", "--locale=C"], capture_output=True)
        done.check_returncode()

    def first() -> None:
        Server(places.newest, "bench_owner").ensure()

    def throwaway() -> None:
        with throwaway_server():
            pass

    def stop_newest() -> None:
        Server(places.newest, "bench_owner").stop()

    return {
        BARE_INITDB: Contender(initdb_alone, fresh_folder),
        "Server.ensure, first start": Contender(first, fresh_folder, stop_newest),
        "Server.ensure, warm start": Contender(kept.ensure, clean=kept.stop),
        "Server.ensure, reuse": Contender(kept.ensure, kept.ensure, kept.stop),
        "throwaway_server, start and stop": Contender(throwaway),
    }


def commands(places: Places) -> dict[str, Contender]:
    """Commands as a shell runs them, from another process's start to its end."""
    return {
        BARE_PYTHON: Contender(lambda: run(places.newest, sys.executable, "-c", "pass"), places.project),
        "seedbed --help": Contender(lambda: run(places.newest, SEEDBED, "--help")),
        "seedbed config": Contender(lambda: run(places.newest, SEEDBED, "config")),
    }


def main_job(places: Places) -> dict[str, Contender]:
    def up() -> None:
        run(places.newest, SEEDBED, "up", "--once")

    def done_before() -> None:
        places.project()
        up()

    return {
        "seedbed up --once, first run": Contender(up, places.project),
        "seedbed up --once, second run": Contender(up, done_before),
    }


def run(folder: Path, *command: str | Path) -> None:
    subprocess.run(command, cwd=folder, env=environment(), check=True, capture_output=True)


def environment() -> Mapping[str, str]:
    """The process's, without what chooses another database, or keeps Python from keeping what it compiled."""
    dropped = ("SEEDBED_", "DATABASE_URL", "SHADOW_DATABASE_URL", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if not name.startswith(dropped)}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=9)
    rounds: Any = parser.parse_args().rounds
    print(f"{machine()}\nPostgreSQL {find_binaries().version}, {find_binaries().found}\n")
    with places() as made:
        race(commands(made), rounds=1)  # Python keeps what it compiles, and the machine what it read
        report("server", race(servers(made), rounds=rounds), against=BARE_INITDB)
        report("command", race(commands(made), rounds=rounds), against=BARE_PYTHON)
        report("main job", race(main_job(made), rounds=rounds), against="seedbed up --once, first run")


if __name__ == "__main__":
    main()
