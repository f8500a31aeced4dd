"""Files written in one step, and the lock of a directory."""

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
    """Replace a file's content in one step, so that a full disk or a kill leaves the old content.

    Raises:
        FileNotWritten: the system refused.
    """
    target = file.resolve()
    temporary = None
    try:
        handle, temporary = tempfile.mkstemp(dir=target.parent, prefix=f".{target.name}.")
        with os.fdopen(handle, "w", encoding="utf-8", newline="") as written:
            written.write(text)
            os.fchmod(written.fileno(), target.stat().st_mode & 0o777 if target.exists() else 0o666 & ~_read_umask())
        Path(temporary).replace(target)
    except OSError as error:
        if temporary is not None:
            Path(temporary).unlink(missing_ok=True)
        raise FileWriteFailure(str(file), error.strerror or str(error)) from error


@contextmanager
def directory_lock(folder: Path) -> Iterator[None]:
    """Hold the lock of a directory; another process waits. The lock is released when its process ends.

    The directory itself is locked, so that no lock file lies among the user's files. On Windows and on some network
    file systems there are no such locks, and nothing waits.
    """
    if sys.platform == "win32":
        yield
        return
    import fcntl  # noqa: PLC0415 - POSIX alone has it

    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except FileNotFoundError:
        yield
        return
    try:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _read_umask() -> int:
    """The process's umask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
