"""A file of the project written whole or not at all, and a folder of such for one command at a time."""

import os
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from seedbed.errors import FileWriteFailure
from seedbed.interrupts import deferred_interrupts


@deferred_interrupts()
def write_atomically(file: Path, text: str) -> None:
    """Put a text into a file in one step, so that a full disk or a kill leaves what was there.

    Raises:
        FileWriteFailure: with the system's reason.
    """
    target = file.resolve()
    beside = None
    try:
        handle, beside = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as written:
            written.write(text)
            os.fchmod(written.fileno(), target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_umask())
        Path(beside).replace(target)
    except OSError as error:
        if beside is not None:
            Path(beside).unlink(missing_ok=True)
        raise FileWriteFailure(str(file), error.strerror or str(error)) from error


@contextmanager
def directory_lock(folder: Path) -> Iterator[None]:
    """Have a folder for one command at a time; another waits, and the lock goes with its process.

    The folder itself is locked, since a lock file would lie among the user's own. Where there are no such locks, on
    Windows and on some network file systems, nothing is kept out.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl  # noqa: PLC0415 - POSIX alone has it

    try:
        held = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        yield
        return
    try:
        with suppress(OSError):
            fcntl.flock(held, fcntl.LOCK_EX)
        yield
    finally:
        os.close(held)


def _umask() -> int:
    """The process's mask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
