"""Whether a file system can make a copy of a file by sharing its blocks."""

import sys
import tempfile
from contextlib import suppress
from pathlib import Path

_FICLONE = 0x40049409
"""ioctl of Linux, from linux/fs.h: XFS and Btrfs have it, and ext4 says no."""


def supports_reflink(folder: Path) -> bool:
    """Try it with two files that are gone afterwards; a folder that cannot be written to counts as one that cannot.

    On a file system without it, PostgreSQL's `file_copy_method = clone` is slower than a plain copy.
    """
    if sys.platform != "linux":
        return False
    import fcntl  # noqa: PLC0415 - only where there is such a thing

    with suppress(OSError), tempfile.TemporaryDirectory(dir=folder, prefix=".seedbed-") as place:
        source, target = Path(place) / "source", Path(place) / "target"
        source.write_bytes(b"x" * 4096)
        with source.open("rb") as read, target.open("wb") as write:
            fcntl.ioctl(write.fileno(), _FICLONE, read.fileno())
        return True
    return False
