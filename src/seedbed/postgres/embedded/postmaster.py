"""Who runs on a data folder: what PostgreSQL's lock file says, checked against the processes there are."""

import signal
from dataclasses import dataclass
from pathlib import Path

import psutil

_PID, _PORT, _STATUS = 0, 3, 7
"""Lines of postmaster.pid, as src/include/utils/pidfile.h numbers them from 1."""
_PIDS = 1 << 31


@dataclass(frozen=True)
class Postmaster:
    """A server's first process. It writes its port before it answers, and is `is_ready` once it does."""

    pid: int
    port: int | None
    is_ready: bool


def find_postmaster(data: Path) -> Postmaster | None:
    """The server that runs on this folder, or None.

    The lock file alone does not tell: after a crash its process id may belong to any program.
    """
    lines = _lock_file(data)
    pid = _number(lines, _PID)
    if pid is None or not 0 < pid < _PIDS or not _runs_on(pid, data):
        return None
    return Postmaster(pid, _number(lines, _PORT), len(lines) > _STATUS and lines[_STATUS].strip() == "ready")


def remove_stale_lock_file(data: Path) -> None:
    """Remove a lock file that PostgreSQL would stop at: its process id belongs to another program by now, or is none.

    Otherwise the file stays for PostgreSQL itself to look through. To be called only where `find_postmaster` said None
    and nobody else can start a server.
    """
    pid = abs(_number(_lock_file(data), _PID) or 0)  # in single-user mode it is written negative
    if not 0 < pid < _PIDS or psutil.pid_exists(pid):
        (data / "postmaster.pid").unlink(missing_ok=True)


def terminate_orphaned_backends(data: Path) -> None:
    """End what is left of a server whose first process was killed: a backend in the middle of a query does not notice.

    They would write to the same files as the next server. What runs in a container is left alone: there the process id
    in the lock file means another process, and the server may be well.
    """
    for process in psutil.process_iter(["name"]):
        if (process.info["name"] or "").startswith("postgres"):
            try:
                if Path(process.cwd()).samefile(data) and _counts_as_we_do(process.pid):
                    process.send_signal(signal.SIGQUIT)
            except (psutil.Error, OSError):
                continue


def _counts_as_we_do(pid: int) -> bool:
    """Whether a process has its id in the same namespace as this one; where there are none, it has."""
    try:
        return Path(f"/proc/{pid}/ns/pid").samefile("/proc/self/ns/pid")
    except FileNotFoundError:
        return True


def _lock_file(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _number(lines: list[str], line: int) -> int | None:
    try:
        return int(lines[line])
    except (IndexError, ValueError):
        return None


def _runs_on(pid: int, data: Path) -> bool:
    """Whether a process is a server on this folder: a postmaster's working directory is its data folder.

    Root without CAP_SYS_PTRACE, as in most containers, may not read another account's working directory, but may
    read its command.
    """
    try:
        process = psutil.Process(pid)
        try:
            return Path(process.cwd()).samefile(data)
        except (psutil.AccessDenied, NotImplementedError):
            return process.name().startswith("postgres") and str(data) in process.cmdline()
    except (psutil.Error, OSError):
        return False
