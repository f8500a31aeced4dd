"""A server for one run of tests: in memory where there is room, tuned for speed, and gone with its owner."""

import ctypes
import os
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from seedbed.errors import FolderNotWritable
from seedbed.postgres.embedded.account import Account, runnable_by, server_account
from seedbed.postgres.embedded.binaries import Binaries, find_binaries
from seedbed.postgres.embedded.cluster import SUPERUSER, Cluster
from seedbed.postgres.embedded.files import Holder, State, read_state, write_state
from seedbed.settings import DatabaseUrl

_MEMORY = Path("/dev/shm")  # noqa: S108 - a file system in memory, not a place for other people's files
_ROOM = 1 << 30
_PREFIX = "seedbed-throwaway-"
_PR_SET_PDEATHSIG = 1
_SETTINGS = {
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "shared_buffers": "128MB",
    "max_connections": "200",
    "wal_level": "minimal",
    "max_wal_senders": "0",
}
_CHEAP_LOGIN = 16
"""The major version since which a login's cost can be set; 4,096 rounds are 8 ms of every connection of a test."""


@dataclass(frozen=True)
class ThrowawayServer:
    """A running server that keeps nothing."""

    port: int
    password: str = field(repr=False)
    folder: Path
    binaries: Binaries

    def url(self, database: str = "postgres") -> DatabaseUrl:
        return DatabaseUrl(SUPERUSER, self.password, "127.0.0.1", str(self.port), database)


@contextmanager
def throwaway_server(binaries: Binaries | None = None) -> Iterator[ThrowawayServer]:
    """Run a server for the length of a block.

    On Linux the kernel ends it with the thread that started it, even after kill -9; so start it from a thread that
    lives as long as the block. Folders that killed owners left are removed by the next one.
    """
    account = server_account()
    binaries = runnable_by(account, binaries or find_binaries())
    parent = _parent()
    _remove_orphans(parent)
    home = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=parent))
    try:
        home.chmod(0o711)
        state = State.fresh().with_holders(Holder.this_process())
        write_state(home, state)
        cluster = Cluster(home / "data", home / "log", binaries, account)
        cluster.create(state.superuser_password, sync=False)
        login = {"scram_iterations": "1"} if binaries.major >= _CHEAP_LOGIN else {}
        process, port = cluster.start(
            state.superuser_password, port=None, settings=_SETTINGS | login, options=_bound_to_owner()
        )
        try:
            yield ThrowawayServer(port, state.superuser_password, home, binaries)
        finally:
            cluster.stop(mode="immediate")
            process.wait(timeout=30)
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _parent() -> Path:
    if _MEMORY.is_dir() and os.access(_MEMORY, os.W_OK) and shutil.disk_usage(_MEMORY).free >= _ROOM:
        return _MEMORY
    return Path(tempfile.gettempdir())


def _remove_orphans(parent: Path) -> None:
    for home in parent.glob(f"{_PREFIX}*"):
        try:
            state = read_state(home)
        except FolderNotWritable:
            continue
        if state is not None and not any(holder.alive for holder in state.holders):
            pid = Cluster(home / "data", home / "log", Binaries(Path(), "0", ""), Account()).postmaster()
            if pid is not None:
                os.kill(pid, signal.SIGTERM if sys.platform == "win32" else signal.SIGQUIT)
            shutil.rmtree(home, ignore_errors=True)


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


__all__ = ["ThrowawayServer", "throwaway_server"]
