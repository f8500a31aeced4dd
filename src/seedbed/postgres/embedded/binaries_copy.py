"""A server's programs copied to where they can be run from, where that is not the place they were installed in."""

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

_SHARED = Path("/var/cache/seedbed")
_SPECIAL = frozenset('"$`\\')
"""initdb calls the programs beside it through a shell, their path in double quotes, where these have a meaning."""


def ensure_runnable(account: OsAccount, binaries: Binaries) -> Binaries:
    """The same programs where the account can run them: in place, or copied once into a cache.

    A virtual environment under a home of mode 0700 is out of the account's reach; one whose path has a `$` in it is
    beyond initdb itself. The copy keeps the layout of the package, because the programs find their libraries relative
    to themselves.

    Raises:
        DataDirectoryNotWritable: there is no place for the copy.
    """
    if account.can_enter(binaries.directory) and _is_plain(binaries.directory):
        return binaries
    cache = _cache(account)
    target = cache / f"postgres-{binaries.version}-{_fingerprint(binaries)}"
    try:
        if not _is_plain(cache):
            raise OSError('initdb runs from no path with " $ ` or \\ in it')
        if not target.exists():
            cache.mkdir(parents=True, exist_ok=True)
            with FileLock(cache / "lock", mode=0o600):
                if not target.exists():
                    _copy(binaries, target, account)
    except OSError as error:
        raise DataDirectoryNotWritable(target, error.strerror or str(error)) from error
    folder = target / binaries.directory.relative_to(_package(binaries).parent)
    return Binaries(folder, binaries.version, f"{binaries.source}, copied to {target}")


def _is_plain(path: Path) -> bool:
    return sys.platform == "win32" or not _SPECIAL & set(str(path))


def _cache(account: OsAccount) -> Path:
    if account.uid is not None:
        return _SHARED
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "seedbed"


def _package(binaries: Binaries) -> Path:
    """The folder that pip made: what is beside it, its `.libs`, belongs to it."""
    inside = binaries.directory.parent
    return inside if inside.parent.name == "site-packages" else inside.parent


def _fingerprint(binaries: Binaries) -> str:
    """One copy for each install: another build of the same version at the same path is another."""
    status = binaries.program_path("postgres").stat()
    facts = f"{binaries.directory}\0{status.st_size}\0{status.st_mtime_ns}"
    return hashlib.sha256(facts.encode(errors="surrogateescape")).hexdigest()[:12]


def _copy(binaries: Binaries, target: Path, account: OsAccount) -> None:
    """Copy beside the target and rename, so that a kill leaves no half of it under the name that counts."""
    building = target.with_name(f"{target.name}.new")
    shutil.rmtree(building, ignore_errors=True)
    package, inside = _package(binaries), binaries.directory.parent
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
