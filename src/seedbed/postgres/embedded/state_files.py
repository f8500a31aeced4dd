"""The files beside a server's data directory: its state, with port, passwords and holders, and its lock."""

import json
import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil
from filelock import FileLock, Timeout

from seedbed.errors import DataDirectoryNotWritable, ServerStartFailure
from seedbed.postgres.embedded.os_account import OsAccount

_LOCK_SECONDS = 120.0
_STATE_KEYS = ("superuser_password", "owner_password", "port", "pinned", "holders")
_HOLDER_KEYS = ("pid", "started", "token")
"""The keys of server.json."""


@dataclass(frozen=True)
class Holder:
    """A process that needs the server running; the start time distinguishes it from a later process with the same id.

    `token` distinguishes several holds of one process.
    """

    pid: int
    started: float
    token: str = ""

    @classmethod
    def this_process(cls, token: str = "") -> "Holder":
        return cls(os.getpid(), psutil.Process().create_time(), token)

    @property
    def is_alive(self) -> bool:
        try:
            process = psutil.Process(self.pid)
            is_same = abs(process.create_time() - self.started) < 1.0
            return is_same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False


@dataclass(frozen=True)
class ServerState:
    """The recorded state of a server. Only its owner may read the file, since it has the passwords.

    `port` is the last one, which is preferred at the next start. A `pinned` server keeps running without holders.
    """

    superuser_password: str = field(repr=False)
    owner_password: str = field(repr=False)
    port: int | None = None
    pinned: bool = False
    holders: tuple[Holder, ...] = ()

    @classmethod
    def generate(cls) -> "ServerState":
        return cls(secrets.token_urlsafe(24), secrets.token_urlsafe(24))

    @property
    def living_holders(self) -> tuple[Holder, ...]:
        return tuple(holder for holder in self.holders if holder.is_alive)

    def with_holders(self, *holders: Holder) -> "ServerState":
        return replace(self, holders=holders)


def read_state(directory: Path) -> ServerState | None:
    """Read the state; None where there is no file, or no valid one.

    Raises:
        DataDirectoryNotWritable: the directory belongs to another user, or is none.
    """
    try:
        return _parse_state(json.loads((directory / "server.json").read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError, AttributeError, KeyError):
        return None
    except PermissionError as error:
        raise DataDirectoryNotWritable(directory, "it belongs to another user") from error
    except OSError as error:
        raise DataDirectoryNotWritable(directory, error.strerror or str(error)) from error


def write_state(directory: Path, state: ServerState) -> None:
    """Write the state in one step, so that a reader never finds half of it. Call it only under the directory's lock."""
    target = directory / "server.json"
    new_file = directory / "server.json.new"
    new_file.unlink(missing_ok=True)  # what a killed command left, with the mode it had
    descriptor = os.open(new_file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(_serialize_state(state), file)
        file.flush()
        os.fsync(file.fileno())
    new_file.replace(target)


@contextmanager
def server_directory_lock(directory: Path, account: OsAccount) -> Iterator[None]:
    """Hold the lock of a server's directory, which is created where it is missing.

    The lock is released when its process ends, so a crash never blocks the next command.

    Raises:
        DataDirectoryNotWritable: the directory cannot be created or written, or belongs to another user.
        ServerStartFailure: another command held the lock too long.
    """
    lock = FileLock(directory / "lock", timeout=_LOCK_SECONDS, mode=0o600)
    try:
        _create_directory(directory)
        _refuse_foreign_directory(directory, account)
        lock.acquire()
    except Timeout:
        reason = f"another command has been starting or stopping it for {_LOCK_SECONDS:.0f} s"
        raise ServerStartFailure(reason, directory / "log") from None
    except OSError as error:
        raise DataDirectoryNotWritable(directory, error.strerror or str(error)) from error
    try:
        yield
    finally:
        lock.release()


def _serialize_state(state: ServerState) -> dict[str, Any]:
    holders = [
        dict(zip(_HOLDER_KEYS, (holder.pid, holder.started, holder.token), strict=True)) for holder in state.holders
    ]
    values = (state.superuser_password, state.owner_password, state.port, state.pinned, holders)
    return dict(zip(_STATE_KEYS, values, strict=True))


def _parse_state(document: dict[str, Any]) -> ServerState:
    superuser_password, owner_password, port, pinned, holders = _get_values(
        document, _STATE_KEYS, {"port": None, "pinned": False}
    )
    parsed_holders = tuple(Holder(*_get_values(holder, _HOLDER_KEYS, {"token": ""})) for holder in holders)
    return ServerState(superuser_password, owner_password, port, pinned, parsed_holders)


def _get_values(document: dict[str, Any], keys: tuple[str, ...], defaults: dict[str, Any]) -> list[Any]:
    """The values of a document by its keys.

    Raises:
        KeyError: a key is missing, or unknown, as a later version may have written it.
    """
    if unknown := document.keys() - set(keys):
        raise KeyError(*unknown)
    return [document[key] if key in document else defaults[key] for key in keys]


def _create_directory(directory: Path) -> None:
    """Create the directory and its parents with mode 0711, so that the server's account may enter them.

    Existing directories keep their modes. A .gitignore keeps the passwords out of Git.
    """
    missing = [path for path in (directory, *directory.parents) if not path.exists()]
    for path in reversed(missing):
        with suppress(FileExistsError):  # another command created it at the same moment
            path.mkdir()
            path.chmod(0o711)
    if missing:
        (directory / ".gitignore").write_text("*\n", encoding="ascii")


def _refuse_foreign_directory(directory: Path, account: OsAccount) -> None:
    state, data = directory / "server.json", directory / "data"
    if state.exists() and hasattr(os, "geteuid") and state.stat().st_uid != os.geteuid():
        raise DataDirectoryNotWritable(directory, f"it belongs to the user {_get_owner_name(state)}")
    if not account.can_enter(directory):
        raise DataDirectoryNotWritable(
            directory, "the account nobody, which runs PostgreSQL for root, may not enter it"
        )
    if data.exists() and not state.exists() and not (directory / "lock").exists() and any(data.iterdir()):
        raise DataDirectoryNotWritable(directory, "it has a folder named data that Seedbed did not make")


def _get_owner_name(file: Path) -> str:
    try:
        return file.owner()
    except (KeyError, NotImplementedError):
        return str(file.stat().st_uid)
