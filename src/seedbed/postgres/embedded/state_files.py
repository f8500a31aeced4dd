"""The few files beside a server's data: which port and passwords it has, and who holds it up."""

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
    """A process that wants the server up; its start time tells it from a later one of the same id.

    `token` tells apart what one process holds it up for.
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
            same = abs(process.create_time() - self.started) < 1.0
            return same and process.status() != psutil.STATUS_ZOMBIE
        except psutil.Error:
            return False


@dataclass(frozen=True)
class ServerState:
    """What is written down of a server. Only its owner may read it: it has the passwords.

    `port` is the one it had last, and is given again if it is free. `pinned` says that the server outlives its
    holders: somebody asked for it to stay up.
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


def read_state(home: Path) -> ServerState | None:
    """What was written of a server, or None where nothing usable is: a torn file is as good as none.

    Raises:
        DataDirectoryNotWritable: the folder is another user's, or no folder.
    """
    try:
        return _state_of(json.loads((home / "server.json").read_text(encoding="utf-8")))
    except (FileNotFoundError, ValueError, TypeError, AttributeError, KeyError):
        return None
    except PermissionError as error:
        raise DataDirectoryNotWritable(home, "it belongs to another user") from error
    except OSError as error:
        raise DataDirectoryNotWritable(home, error.strerror or str(error)) from error


def write_state(home: Path, state: ServerState) -> None:
    """Write the state in one step, so that a reader, or a kill, never finds half of it. Only under the home's lock."""
    target = home / "server.json"
    draft = home / "server.json.new"
    draft.unlink(missing_ok=True)  # what a killed command left, with the mode it had
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(_document_of(state), file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(target)


@contextmanager
def server_directory_lock(home: Path, account: OsAccount) -> Iterator[None]:
    """Have the server's folder, made where it is missing, for one process at a time.

    The lock goes with its process, so nothing that a crash leaves behind keeps the next command out.

    Raises:
        DataDirectoryNotWritable: the folder cannot be made or written, or belongs to somebody else.
        ServerStartFailure: another command kept it too long.
    """
    lock = FileLock(home / "lock", timeout=_LOCK_SECONDS, mode=0o600)
    try:
        _make(home)
        _refuse_what_is_not_ours(home, account)
        lock.acquire()
    except Timeout:
        reason = f"another command has been starting or stopping it for {_LOCK_SECONDS:.0f} s"
        raise ServerStartFailure(reason, home / "log") from None
    except OSError as error:
        raise DataDirectoryNotWritable(home, error.strerror or str(error)) from error
    try:
        yield
    finally:
        lock.release()


def _document_of(state: ServerState) -> dict[str, Any]:
    holders = [
        dict(zip(_HOLDER_KEYS, (holder.pid, holder.started, holder.token), strict=True)) for holder in state.holders
    ]
    values = (state.superuser_password, state.owner_password, state.port, state.pinned, holders)
    return dict(zip(_STATE_KEYS, values, strict=True))


def _state_of(document: dict[str, Any]) -> ServerState:
    superuser_password, owner_password, port, pinned, holders = _values(
        document, _STATE_KEYS, {"port": None, "pinned": False}
    )
    found = tuple(Holder(*_values(holder, _HOLDER_KEYS, {"token": ""})) for holder in holders)
    return ServerState(superuser_password, owner_password, port, pinned, found)


def _values(document: dict[str, Any], keys: tuple[str, ...], defaults: dict[str, Any]) -> list[Any]:
    """The values of a document by its keys.

    Raises:
        KeyError: a key is missing, or one is there that only a later version knows.
    """
    if unknown := document.keys() - set(keys):
        raise KeyError(*unknown)
    return [document[key] if key in document else defaults[key] for key in keys]


def _make(home: Path) -> None:
    """Make the folder and those above it: others may pass through, as the server's account must, and not list them.

    Folders that are there keep their modes. Git is told to leave the new one out, because of the passwords.
    """
    missing = [folder for folder in (home, *home.parents) if not folder.exists()]
    for folder in reversed(missing):
        with suppress(FileExistsError):  # a command that started at the same moment
            folder.mkdir()
            folder.chmod(0o711)
    if missing:
        (home / ".gitignore").write_text("*\n", encoding="ascii")


def _refuse_what_is_not_ours(home: Path, account: OsAccount) -> None:
    state, data = home / "server.json", home / "data"
    if state.exists() and hasattr(os, "geteuid") and state.stat().st_uid != os.geteuid():
        raise DataDirectoryNotWritable(home, f"it belongs to the user {_name_of(state)}")
    if not account.can_enter(home):
        raise DataDirectoryNotWritable(home, "the account nobody, which runs PostgreSQL for root, may not enter it")
    if data.exists() and not state.exists() and not (home / "lock").exists() and any(data.iterdir()):
        raise DataDirectoryNotWritable(home, "it has a folder named data that Seedbed did not make")


def _name_of(file: Path) -> str:
    try:
        return file.owner()
    except (KeyError, NotImplementedError):
        return str(file.stat().st_uid)
