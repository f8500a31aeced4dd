"""The few files beside a server's data: which port and passwords it has, and who holds it up."""

import json
import os
import secrets
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path

import psutil

from seedbed.errors import FolderNotWritable


@dataclass(frozen=True)
class Holder:
    """A process that wants the server up; its start time tells it from a later one of the same id."""

    pid: int
    started: float

    @classmethod
    def this_process(cls) -> "Holder":
        return cls(os.getpid(), psutil.Process().create_time())

    @property
    def alive(self) -> bool:
        try:
            return abs(psutil.Process(self.pid).create_time() - self.started) < 1.0
        except psutil.Error:
            return False


@dataclass(frozen=True)
class State:
    """What is written down of a server. Only its owner may read it: it has the passwords.

    `pinned` says that the server outlives its holders: somebody asked for it to stay up.
    """

    superuser_password: str = field(repr=False)
    owner_password: str = field(repr=False)
    port: int | None = None
    pinned: bool = False
    holders: tuple[Holder, ...] = ()

    @classmethod
    def fresh(cls) -> "State":
        return cls(secrets.token_urlsafe(24), secrets.token_urlsafe(24))

    def with_holders(self, *holders: Holder) -> "State":
        return replace(self, holders=holders)


def read_state(home: Path) -> State | None:
    """What was written of a server, or None where nothing usable is: a torn file is as good as none.

    Raises:
        FolderNotWritable: the folder is another user's.
    """
    try:
        raw = json.loads((home / "server.json").read_text(encoding="utf-8"))
        return State(**{**raw, "holders": tuple(Holder(**holder) for holder in raw["holders"])})
    except (FileNotFoundError, ValueError, TypeError, KeyError):
        return None
    except PermissionError as error:
        raise FolderNotWritable(home, "it belongs to another user") from error


def write_state(home: Path, state: State) -> None:
    """Write the state in one step, so that a reader, or a kill, never finds half of it."""
    target = home / "server.json"
    draft = home / f"server.json.{os.getpid()}"
    descriptor = os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as file:
        json.dump(asdict(state), file)
        file.flush()
        os.fsync(file.fileno())
    draft.replace(target)


def make_home(home: Path) -> None:
    """Make the server's folder: others may pass through it, as the server's account must, and not list it."""
    try:
        home.mkdir(parents=True, exist_ok=True)
        with suppress(PermissionError):
            home.chmod(0o711)
        probe = home / f".probe-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise FolderNotWritable(home, error.strerror or str(error)) from error
