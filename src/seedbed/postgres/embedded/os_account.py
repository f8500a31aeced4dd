"""The operating system account that runs the server: this one, or `nobody` for root, whom PostgreSQL refuses."""

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
_STATE_DIRECTORY = Path("/var/lib/seedbed")
_PASSED_VARIABLES = ("PATH", "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "DYLD_FALLBACK_LIBRARY_PATH", "TMPDIR")


@dataclass(frozen=True)
class OsAccount:
    """The account that the server's programs run as; ids of None mean this process's own account."""

    uid: int | None = None
    gid: int | None = None

    def run(self, command: list[str | Path], **options: Any) -> "subprocess.CompletedProcess[str]":
        return subprocess.run(
            command, encoding="utf-8", errors="replace", check=False, **self.build_process_options(), **options
        )

    def build_process_options(self) -> dict[str, Any]:
        """Options of `subprocess` that start a program as this account, in a directory that it may enter."""
        options: dict[str, Any] = {"env": _build_environment(), "cwd": Path(Path.cwd().anchor)}
        if self.uid is not None:
            options |= {"user": self.uid, "group": self.gid, "extra_groups": []}
        return options

    def take_ownership(self, path: Path) -> None:
        if self.uid is not None and self.gid is not None:
            os.chown(path, self.uid, self.gid)

    def can_enter(self, directory: Path) -> bool:
        """Whether the account may enter a directory and all its parents; file modes are only read."""
        return self.uid is None or all(self._may_pass(step) for step in (directory, *directory.parents))

    def _may_pass(self, directory: Path) -> bool:
        """As the kernel decides: by the owner's bits for the owner, the group's for the group, else the others'."""
        try:
            status = directory.stat()
        except FileNotFoundError:
            return True
        if status.st_uid == self.uid:
            required = stat.S_IXUSR
        elif status.st_gid == self.gid:
            required = stat.S_IXGRP
        else:
            required = stat.S_IXOTH
        return bool(status.st_mode & required)


def get_server_account() -> OsAccount:
    """The account to run the server as: this process's own, or `nobody` for root.

    Raises:
        NoUnprivilegedAccount: this process is root, and the machine has no such account.
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
    """The server's directory: `.seedbed` in the project, or one under /var/lib where the account cannot enter that.

    The name under /var/lib has a hash of the project's path, so that every project has its own.
    """
    inside = root / ".seedbed"
    if account.can_enter(root):
        return inside
    digest = hashlib.sha256(os.fsencode(root)).hexdigest()[:12]
    return _STATE_DIRECTORY / f"{root.name}-{digest}"


def _build_environment() -> dict[str, str]:
    """The few environment variables that the server needs.

    PGPORT and PGDATA of the user's shell would change its behaviour, and the user's secrets would stay readable for
    the server's account in a process that outlives the command. LC_ALL keeps messages in English, since they are
    parsed.
    """
    if sys.platform == "win32":
        return {name: value for name, value in os.environ.items() if not name.upper().startswith("PG")}
    return {**{name: os.environ[name] for name in _PASSED_VARIABLES if name in os.environ}, "LC_ALL": "C"}
