"""A temporary server: in memory where there is room, tuned for speed, and deleted when its owner ends."""

import ctypes
import os
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from seedbed.errors import DataDirectoryNotWritable
from seedbed.postgres.embedded.binaries import Binaries, ensure_runnable, find_binaries
from seedbed.postgres.embedded.cluster import SUPERUSER, Cluster
from seedbed.postgres.embedded.os_account import OsAccount, get_server_account
from seedbed.postgres.embedded.state_files import Holder, ServerState, read_state, write_state
from seedbed.settings import DatabaseUrl

_MEMORY_FILESYSTEM = Path("/dev/shm")  # noqa: S108 - a file system in memory, not a place for other people's files
_MIN_FREE_BYTES = 1 << 30
_PREFIX = "seedbed-throwaway-"
_UNFINISHED_SECONDS = 600
"""A directory of this age without a state file is left over from a killed process."""
_PR_SET_PDEATHSIG = 1
_IPC_RMID = 0
_ATTACHED_COLUMN = 6
"""The column of /proc/sysvipc/shm with the number of processes attached to a segment."""
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "128MB",
    "max_connections": str(max(200, 20 * (os.cpu_count() or 1))),  # a test worker per core has a dozen connections
    # In the data directory, and deleted with it; a killed server would leave POSIX shared memory behind.
    **({} if sys.platform == "win32" else {"dynamic_shared_memory_type": "mmap"}),
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
_SCRAM_ITERATIONS_VERSION = 16
"""The first major version with the setting scram_iterations; 4,096 rounds cost every connection of a test 8 ms."""


@dataclass(frozen=True)
class TemporaryServer:
    """A running temporary server. `owner_password` is for a role that its user may create."""

    port: int
    password: str = field(repr=False)
    directory: Path
    binaries: Binaries
    owner_password: str = field(repr=False)

    def url(self, database: str = "postgres") -> DatabaseUrl:
        return DatabaseUrl(
            SUPERUSER, self.password, "127.0.0.1", str(self.port), database, parameters=(("sslmode", "disable"),)
        )

    def save(self, target: Path) -> None:
        """Stop the server and copy its data to a new directory, which another temporary server can start from."""
        account = get_server_account()
        self._cluster(account).stop()
        target.mkdir(mode=0o711)
        _copy(self.directory / "data", target / "data")
        write_state(target, ServerState(self.password, self.owner_password))

    def _cluster(self, account: OsAccount) -> Cluster:
        return Cluster(self.directory / "data", self.directory / "log", self.binaries, account)


@contextmanager
def run_temporary_server(binaries: Binaries | None = None, *, saved: Path | None = None) -> Iterator[TemporaryServer]:
    """Run a server for the length of a block, on a copy of the data in `saved`, where there are any.

    On Linux the kernel terminates it with the thread that started it, even after kill -9; so start it from a thread
    that lives as long as the block. The next call removes directories that killed processes left.
    """
    account = get_server_account()
    binaries = ensure_runnable(account, binaries or find_binaries())
    parent = _choose_parent(account)
    _remove_orphans(parent)
    directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    cluster = Cluster(directory / "data", directory / "log", binaries, account)
    try:
        directory.chmod(0o711)
        saved_state = read_state(saved) if saved is not None else None
        state = (saved_state or ServerState.generate()).with_holders(Holder.this_process())
        write_state(directory, state)
        if saved is not None and saved_state is not None:
            _copy(saved / "data", directory / "data")
        else:
            cluster.create(state.superuser_password, sync=False)
        login_settings = {"scram_iterations": "1"} if binaries.major_version >= _SCRAM_ITERATIONS_VERSION else {}
        process, port = cluster.start(port=None, settings=_SETTINGS | login_settings, options=_bind_to_owner())
        process.returncode = 0  # the finally block stops it by its data directory
        yield TemporaryServer(port, state.superuser_password, directory, binaries, state.owner_password)
    finally:
        _remove(directory, cluster)


def _choose_parent(account: OsAccount) -> Path:
    """The file system in memory where there is room, else a temporary directory that the account may enter."""
    if (
        _MEMORY_FILESYSTEM.is_dir()
        and os.access(_MEMORY_FILESYSTEM, os.W_OK)
        and shutil.disk_usage(_MEMORY_FILESYSTEM).free >= _MIN_FREE_BYTES
    ):
        return _MEMORY_FILESYSTEM
    default = Path(tempfile.gettempdir())
    others = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - the folder made in it has a random name and is ours alone
    return next(
        (directory for directory in (default, *others) if directory.is_dir() and account.can_enter(directory)), default
    )


def _copy(source: Path, target: Path) -> None:
    """Copy a data directory with its owners; for its thousands of small files cp is five times as fast as Python."""
    if sys.platform == "win32":
        shutil.copytree(source, target)
        return
    result = subprocess.run(["cp", "-a", source, target], capture_output=True, text=True, check=False)  # noqa: S607
    if result.returncode != 0:
        raise DataDirectoryNotWritable(target, result.stderr.strip() or f"cp ended with {result.returncode}")


def _remove_orphans(parent: Path) -> None:
    """Remove the directories that killed processes of this user left.

    Another user's directory is not read: its state could name any process, and its links could point anywhere.
    """
    for directory in parent.glob(f"{_PREFIX}*"):
        try:
            status = directory.lstat()
            if not stat.S_ISDIR(status.st_mode) or (hasattr(os, "geteuid") and status.st_uid != os.geteuid()):
                continue
            state = read_state(directory)
        except (DataDirectoryNotWritable, FileNotFoundError):
            continue
        if state.living_holders if state is not None else time.time() - status.st_mtime < _UNFINISHED_SECONDS:
            continue
        _remove(directory, Cluster(directory / "data", directory / "log", Binaries(Path(), "0", ""), OsAccount()))


def _remove(directory: Path, cluster: Cluster) -> None:
    cluster.stop(immediate=True)
    _free_shared_memory(cluster.data_directory / "postmaster.pid")
    shutil.rmtree(directory, ignore_errors=True)


def _free_shared_memory(pid_file: Path) -> None:
    """Free the shared memory of a killed postmaster, which otherwise only a later one on the same data would free."""
    shared = Path("/proc/sysvipc/shm")
    try:
        identifiers = pid_file.read_text(encoding="utf-8").splitlines()[6].split()
        lines = [line.split() for line in shared.read_text(encoding="ascii").splitlines()]
    except (OSError, IndexError):
        return
    if any(line[:2] == identifiers and line[_ATTACHED_COLUMN] == "0" for line in lines):
        ctypes.CDLL(None).shmctl(int(identifiers[1]), _IPC_RMID, None)


def _bind_to_owner() -> dict[str, Callable[[], None]]:
    if sys.platform != "linux":
        return {}
    library = ctypes.CDLL(None, use_errno=True)
    owner = os.getpid()

    def bind() -> None:
        library.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)
        if os.getppid() != owner:  # the owner ended before prctl took effect
            os._exit(1)

    return {"preexec_fn": bind}


__all__ = ["TemporaryServer", "run_temporary_server"]
