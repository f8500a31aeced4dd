"""Fresh folders, copies of the reference project, and the commands run in them as from a shell."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from seedbed.postgres.embedded import EmbeddedServer

ROOT = Path(__file__).parents[1]
PROJECT = ("schema", "migrations", "seeds", "alembic.ini", "pyproject.toml")
SEEDBED, ALEMBIC = (Path(sys.executable).with_name(name) for name in ("seedbed", "alembic"))


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
                for home in (folder, folder / ".seedbed"):
                    EmbeddedServer(home, "bench_owner").stop()


def create_database(server: EmbeddedServer, name: str, *, template: str = "template0") -> None:
    """A database that belongs to the project's role, as those that Seedbed makes do."""
    with server.admin_cursor() as cursor:
        cursor.execute(f"CREATE DATABASE {name} OWNER {server.owner} TEMPLATE {template}")


def run(folder: Path, *command: str | Path) -> None:
    """Run a command to its end, and show what it said if that was not well."""
    done = subprocess.run(command, cwd=folder, env=environment(), check=False, capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{command[0]} ended with {done.returncode}\n{done.stdout}{done.stderr}")


def environment() -> Mapping[str, str]:
    """The process's, without what chooses another database, or keeps Python from keeping what it compiled."""
    dropped = ("SEEDBED_", "DATABASE_URL", "SHADOW_DATABASE_URL", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if not name.startswith(dropped)}
