"""As whom the server runs: PostgreSQL refuses root, so root hands it to an account that owns nothing else."""

import hashlib
import os
import stat
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedbed.errors import NoUnprivilegedAccount

ACCOUNT_NAME = "nobody"
_STATE = Path("/var/lib/seedbed")
_NEEDED = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "TMPDIR")


@dataclass(frozen=True)
class OsAccount:
    """The account the server's programs run as; None for both ids is the one this process runs as already."""

    uid: int | None = None
    gid: int | None = None

    def run(self, command: list[str | Path], **options: Any) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command, encoding="utf-8", errors="replace", check=False, **self.build_process_options(), **options
        )

    def build_process_options(self) -> dict[str, Any]:
        """What `subprocess` needs to start a program as this account, in a folder it may enter."""
        options: dict[str, Any] = {"env": _environment(), "cwd": Path(Path.cwd().anchor)}
        if self.uid is not None:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return options

    def take_ownership(self, path: Path) -> None:
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def can_enter(self, folder: Path) -> bool:
        """Whether every folder on the way lets this account through; the modes are read, never changed."""
        return self.uid is None or all(self._lets_through(step) for step in (folder, *folder.parents))

    def _lets_through(self, folder: Path) -> bool:
        """As the kernel decides it: the owner's bits are the owner's alone, then the group's, then everyone's."""
        try:
            status = folder.stat()
        except FileNotFoundError:
            return True
        if status.st_uid == self.uid:
            needed = stat.S_IXUSR
        elif status.st_gid == self.gid:
            needed = stat.S_IXGRP
        else:
            needed = stat.S_IXOTH
        return bool(status.st_mode & needed)


def get_server_account() -> OsAccount:
    """The account to run as: this one, or nobody for root.

    Raises:
        NoUnprivilegedAccount: root on a machine without that account.
    """
    if sys.platform == "win32" or os.geteuid() != 0:
        return OsAccount()
    import pwd  # noqa: PLC0415 - POSIX alone has it

    try:
        entry = pwd.getpwnam(ACCOUNT_NAME)
    except KeyError:
        raise NoUnprivilegedAccount(ACCOUNT_NAME) from None
    return OsAccount(entry.pw_uid, entry.pw_gid)


def choose_server_directory(root: Path, account: OsAccount) -> Path:
    """The server's folder for a project: `.seedbed` in it, or one under /var/lib where the account cannot enter that.

    The folder's name there carries a hash of the project's path, so that every project keeps its own.
    """
    inside = root / ".seedbed"
    if account.can_enter(root):
        return inside
    mark = hashlib.sha256(os.fsencode(root)).hexdigest()[:12]
    return _STATE / f"{root.name}-{mark}"


def _environment() -> dict[str, str]:
    """The few variables the server needs.

    PGPORT or PGDATA of a user's shell would steer it, its messages are looked at so they must be in English, and a
    user's secrets would stay readable in a process that outlives the command, to whoever else is that account.
    """
    if sys.platform == "win32":
        return {name: value for name, value in os.environ.items() if not name.upper().startswith("PG")}
    return {**{name: os.environ[name] for name in _NEEDED if name in os.environ}, "LC_ALL": "C"}
