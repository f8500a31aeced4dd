"""As whom the server runs: PostgreSQL refuses root, so root hands it to an account that owns nothing else."""

import hashlib
import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedbed.errors import FolderNotWritable, NoServerAccount
from seedbed.postgres.embedded.binaries import Binaries

ACCOUNT = "nobody"
_CACHE = Path("/var/cache/seedbed")
_STATE = Path("/var/lib/seedbed")


@dataclass(frozen=True)
class Account:
    """The account the server's programs run as; None for both ids is the one this process runs as already."""

    uid: int | None = None
    gid: int | None = None

    def run(self, command: list[str | Path], **options: Any) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(command, text=True, check=False, **self.process_options(), **options)

    def process_options(self) -> dict[str, Any]:
        """What `subprocess` needs to start a program as this account, in a folder it may enter.

        PG* variables are dropped: PGPORT or PGDATA of a user's shell would reach the server.
        """
        options: dict[str, Any] = {"env": _environment(), "cwd": Path(Path.cwd().anchor)}
        if self.uid is not None:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return options

    def own(self, path: Path) -> None:
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def can_enter(self, folder: Path) -> bool:
        """Whether every folder on the way lets this account through; the modes are read, never changed."""
        if self.uid is None:
            return True
        for step in (folder, *folder.parents):
            try:
                status = step.stat()
            except FileNotFoundError:
                continue
            needed = stat.S_IXUSR if status.st_uid == self.uid else stat.S_IXOTH
            if not status.st_mode & needed:
                return False
        return True


def server_account() -> Account:
    """The account to run as: this one, or nobody for root.

    Raises:
        NoServerAccount: root on a machine without that account.
    """
    if sys.platform == "win32" or os.geteuid() != 0:
        return Account()
    import pwd  # noqa: PLC0415 - POSIX alone has it

    try:
        entry = pwd.getpwnam(ACCOUNT)
    except KeyError:
        raise NoServerAccount(ACCOUNT) from None
    return Account(entry.pw_uid, entry.pw_gid)


def home_for(root: Path, account: Account) -> Path:
    """The server's folder for a project: `.seedbed` in it, or one under /var/lib where the account cannot enter that.

    The folder's name there carries a hash of the project's path, so that every project keeps its own.
    """
    inside = root / ".seedbed"
    if account.can_enter(root):
        return inside
    mark = hashlib.sha256(os.fsencode(root)).hexdigest()[:12]
    return _STATE / f"{root.name}-{mark}"


def runnable_by(account: Account, binaries: Binaries) -> Binaries:
    """The same programs where the account can run them: in place, or copied once under /var/cache.

    A virtual environment under a home of mode 0700 is out of the account's reach. The copy keeps the layout of the
    package, because the programs find their libraries relative to themselves.

    Raises:
        FolderNotWritable: there is no place for the copy.
    """
    if account.can_enter(binaries.folder):
        return binaries
    package = binaries.folder.parent.parent
    libraries = package.with_name(f"{package.name}.libs")
    mark = hashlib.sha256(os.fsencode(package)).hexdigest()[:12]
    target = _CACHE / f"postgres-{binaries.version}-{mark}"
    if not target.exists():
        building = target.with_name(f"{target.name}.{os.getpid()}")
        try:
            shutil.copytree(
                binaries.folder.parent, building / package.name / binaries.folder.parent.name, symlinks=True
            )
            if libraries.is_dir():
                shutil.copytree(libraries, building / libraries.name, symlinks=True)
            for folder in (_CACHE, building):
                folder.chmod(0o755)
            building.rename(target)
        except FileExistsError:
            pass
        except OSError as error:
            if not target.exists():
                raise FolderNotWritable(target, error.strerror or str(error)) from error
        finally:
            shutil.rmtree(building, ignore_errors=True)
    folder = target / package.name / binaries.folder.parent.name / binaries.folder.name
    return Binaries(folder, binaries.version, f"{binaries.found}, copied to {target}")


def _environment() -> Mapping[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("PG")}
