"""Atomic file writes and directory locks."""

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
    """Replace the content of a file atomically.

    If the disk is full or the process is killed, the file keeps its old content.

    Raises:
        FileWriteFailure: the operating system refused to write the file.
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
    """Hold the lock of a directory within a block. Another process that requests it waits.

    The lock is on the directory itself, so no lock file is left among the user's files. The operating system releases
    the lock when the process ends. Windows and some network file systems have no such locks; there, no process waits.
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
    """Return the umask of the process. The only way to read the umask is to set it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
