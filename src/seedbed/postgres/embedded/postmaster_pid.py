"""The server process of a data directory, read from PostgreSQL's lock file and checked against running processes."""

import signal
from dataclasses import dataclass
from pathlib import Path

import psutil

_PID_LINE, _PORT_LINE, _STATUS_LINE = 0, 3, 7
"""Lines of postmaster.pid, as src/include/utils/pidfile.h numbers them from 1."""
_MAX_PID = 1 << 31


@dataclass(frozen=True)
class Postmaster:
    """The main process of a server. It writes its port before it accepts connections, and `is_ready` once it does."""

    pid: int
    port: int | None
    is_ready: bool


def find_postmaster(data: Path) -> Postmaster | None:
    """The server that runs on a data directory, or None.

    The process is checked too: after a crash, the process id in the lock file may belong to any program.
    """
    lines = _read_lock_file(data)
    pid = _parse_number(lines, _PID_LINE)
    if pid is None or not 0 < pid < _MAX_PID or not _runs_on(pid, data):
        return None
    return Postmaster(
        pid, _parse_number(lines, _PORT_LINE), len(lines) > _STATUS_LINE and lines[_STATUS_LINE].strip() == "ready"
    )


def remove_stale_lock_file(data: Path) -> None:
    """Remove a lock file that would keep PostgreSQL from starting, since its process id is no longer a server's.

    Any other lock file is left for PostgreSQL to check. Call this only where `find_postmaster` returned None and no
    other process can start a server.
    """
    pid = abs(_parse_number(_read_lock_file(data), _PID_LINE) or 0)  # in single-user mode it is written negative
    if not 0 < pid < _MAX_PID or psutil.pid_exists(pid):
        (data / "postmaster.pid").unlink(missing_ok=True)


def terminate_orphaned_backends(data: Path) -> None:
    """Terminate backends whose postmaster was killed: one that runs a query does not notice.

    They would write to the same files as the next server. Processes in another container are left alone: the process
    ids there are others, and the server may be running.
    """
    for process in psutil.process_iter(["name"]):
        if (process.info["name"] or "").startswith("postgres"):
            try:
                if Path(process.cwd()).samefile(data) and _is_in_same_pid_namespace(process.pid):
                    process.send_signal(signal.SIGQUIT)
            except (psutil.Error, OSError):
                continue


def _is_in_same_pid_namespace(pid: int) -> bool:
    """Whether a process is in the same pid namespace as this one; True on systems without namespaces."""
    try:
        return Path(f"/proc/{pid}/ns/pid").samefile("/proc/self/ns/pid")
    except FileNotFoundError:
        return True


def _read_lock_file(data: Path) -> list[str]:
    try:
        return (data / "postmaster.pid").read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _parse_number(lines: list[str], line: int) -> int | None:
    try:
        return int(lines[line])
    except (IndexError, ValueError):
        return None


def _runs_on(pid: int, data: Path) -> bool:
    """Whether a process is a server on the data directory, which is a postmaster's working directory.

    Root without CAP_SYS_PTRACE, as in most containers, cannot read the working directory of another account's process,
    but can read its command line.
    """
    try:
        process = psutil.Process(pid)
        try:
            return Path(process.cwd()).samefile(data)
        except (psutil.AccessDenied, NotImplementedError):
            return process.name().startswith("postgres") and str(data) in process.cmdline()
    except (psutil.Error, OSError):
        return False
