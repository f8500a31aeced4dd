"""A server for one run of tests: in memory where there is room, tuned for speed, and gone with its owner."""

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
from seedbed.postgres.embedded.binaries import Binaries, find_binaries
from seedbed.postgres.embedded.binaries_copy import ensure_runnable
from seedbed.postgres.embedded.cluster import SUPERUSER, Cluster
from seedbed.postgres.embedded.os_account import OsAccount, get_server_account
from seedbed.postgres.embedded.state_files import Holder, ServerState, read_state, write_state
from seedbed.settings import DatabaseUrl

_MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory, not a place for other people's files
_ROOM = 1 << 30
_PREFIX = "seedbed-throwaway-"
_UNFINISHED_SECONDS = 600
"""A folder that is this old and has no state never got one, or is what was still being written as it was removed."""
_PR_SET_PDEATHSIG = 1
_IPC_RMID = 0
_ATTACHED = 6
"""Where /proc/sysvipc/shm says how many processes use a segment."""
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "128MB",
    "max_connections": str(max(200, 20 * (os.cpu_count() or 1))),  # a worker of tests for each core has a dozen
    # In the data folder, and gone with it; of POSIX's own, a killed server leaves pieces behind.
    **({} if sys.platform == "win32" else {"dynamic_shared_memory_type": "mmap"}),
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
_CHEAP_LOGIN = 16
"""The major version since which a login's cost can be set; 4,096 rounds are 8 ms of every connection of a test."""


@dataclass(frozen=True)
class TemporaryServer:
    """A running server that keeps nothing. `owner_password` is for a role that whoever uses it may make."""

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
        """Stop the server and copy it to a folder that is not there yet, for others to begin from."""
        account = get_server_account()
        self._cluster(account).stop()
        target.mkdir(mode=0o711)
        _copy(self.directory / "data", target / "data")
        write_state(target, ServerState(self.password, self.owner_password))

    def _cluster(self, account: OsAccount) -> Cluster:
        return Cluster(self.directory / "data", self.directory / "log", self.binaries, account)


@contextmanager
def run_temporary_server(binaries: Binaries | None = None, *, saved: Path | None = None) -> Iterator[TemporaryServer]:
    """Run a server for the length of a block, on a copy of what one `saved`, where there is such.

    On Linux the kernel ends it with the thread that started it, even after kill -9; so start it from a thread that
    lives as long as the block. Folders that killed owners left are removed by the next one.
    """
    account = get_server_account()
    binaries = ensure_runnable(account, binaries or find_binaries())
    parent = _parent(account)
    _remove_orphans(parent)
    home = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    cluster = Cluster(home / "data", home / "log", binaries, account)
    try:
        home.chmod(0o711)
        known = read_state(saved) if saved is not None else None
        state = (known or ServerState.generate()).with_holders(Holder.this_process())
        write_state(home, state)
        if saved is not None and known is not None:
            _copy(saved / "data", home / "data")
        else:
            cluster.create(state.superuser_password, sync=False)
        login = {"scram_iterations": "1"} if binaries.major_version >= _CHEAP_LOGIN else {}
        process, port = cluster.start(port=None, settings=_SETTINGS | login, options=_bound_to_owner())
        process.returncode = 0  # it is ended by its folder, below, however far this came
        yield TemporaryServer(port, state.superuser_password, home, binaries, state.owner_password)
    finally:
        _remove(home, cluster)


def _parent(account: OsAccount) -> Path:
    """Memory where there is room, and otherwise a folder for temporary files that the server's account may enter."""
    if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free >= _ROOM:
        return _MEMORY
    usual = Path(tempfile.gettempdir())
    others = (Path("/tmp"), Path("/var/tmp"))  # noqa: S108 - the folder made in it has a random name and is ours alone
    return next((folder for folder in (usual, *others) if folder.is_dir() and account.can_enter(folder)), usual)


def _copy(source: Path, target: Path) -> None:
    """Copy a data folder with its owners. Thousands of small files take Python five times as long as they take cp."""
    if sys.platform == "win32":
        shutil.copytree(source, target)
        return
    done = subprocess.run(["cp", "-a", source, target], capture_output=True, text=True, check=False)  # noqa: S607
    if done.returncode != 0:
        raise DataDirectoryNotWritable(target, done.stderr.strip() or f"cp ended with {done.returncode}")


def _remove_orphans(parent: Path) -> None:
    """Remove what killed owners of this user left. Another user's folder is not looked into: it could name any process
    or point anywhere.
    """
    for home in parent.glob(f"{_PREFIX}*"):
        try:
            found = home.lstat()
            if not stat.S_ISDIR(found.st_mode) or (hasattr(os, "geteuid") and found.st_uid != os.geteuid()):
                continue
            state = read_state(home)
        except (DataDirectoryNotWritable, FileNotFoundError):
            continue
        if state.living_holders if state is not None else time.time() - found.st_mtime < _UNFINISHED_SECONDS:
            continue
        _remove(home, Cluster(home / "data", home / "log", Binaries(Path(), "0", ""), OsAccount()))


def _remove(home: Path, cluster: Cluster) -> None:
    cluster.stop(immediate=True)
    _free_segment(cluster.data_directory / "postmaster.pid")
    shutil.rmtree(home, ignore_errors=True)


def _free_segment(left: Path) -> None:
    """Free the few bytes of shared memory that a killed postmaster leaves with its file, and that only the next one on
    the same data would free.
    """
    shared = Path("/proc/sysvipc/shm")
    try:
        identifiers = left.read_text(encoding="utf-8").splitlines()[6].split()
        lines = [line.split() for line in shared.read_text(encoding="ascii").splitlines()]
    except (OSError, IndexError):
        return
    if any(line[:2] == identifiers and line[_ATTACHED] == "0" for line in lines):
        ctypes.CDLL(None).shmctl(int(identifiers[1]), _IPC_RMID, None)


def _bound_to_owner() -> dict[str, Callable[[], None]]:
    if sys.platform != "linux":
        return {}
    library = ctypes.CDLL(None, use_errno=True)
    owner = os.getpid()

    def bind() -> None:
        library.prctl(_PR_SET_PDEATHSIG, signal.SIGQUIT)
        if os.getppid() != owner:  # it died in between, and would never be noticed
            os._exit(1)

    return {"preexec_fn": bind}


__all__ = ["TemporaryServer", "run_temporary_server"]
