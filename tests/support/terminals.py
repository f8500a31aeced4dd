"""Commands on a real pseudo-terminal, with a person who reads and types."""

import errno
import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

SEEDBED = [sys.executable, "-m", "seedbed"]
CTRL_C, CTRL_D, ENTER = "\x03", "\x04", "\n"
ESCAPE = "\x1b"
_SECONDS = 120.0
_SEQUENCES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """A program whose three streams are a terminal, with what it has shown so far in `shown`."""

    def __init__(
        self,
        command: Sequence[str | Path],
        *,
        cwd: Path,
        env: Mapping[str, str] | None = None,
        columns: int = 80,
        stdout: int | None = None,
    ) -> None:
        """With `stdout`, that stream goes to a file descriptor instead."""
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24 if columns else 0, columns, 0, 0))
        self._process = subprocess.Popen(
            command,
            cwd=cwd,
            env={"TERM": "xterm-256color", **_inherited(), **(env or {})},
            stdin=slave,
            stdout=slave if stdout is None else stdout,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),  # noqa: PLW1509 - it is one system call
        )
        os.close(slave)
        self._read = ""
        self._expected = 0

    @property
    def shown(self) -> str:
        """What was shown, without the sequences that move the cursor and choose colours."""
        return _SEQUENCES.sub("", self._read).replace("\r", "")

    @property
    def raw(self) -> str:
        return self._read

    def expect(self, text: str) -> None:
        """Read until a text is shown that was not expected before."""
        self.wait_for(lambda: text in self.shown[self._expected :], f"{text!r} to be shown")
        self._expected = self.shown.index(text, self._expected) + len(text)

    def wait_for(self, condition: Callable[[], bool], described: str = "the condition") -> None:
        """Read until a condition holds."""
        until = time.monotonic() + _SECONDS
        while not condition():
            if time.monotonic() > until or not self._more(0.05):
                if condition():
                    return
                self.kill()
                raise AssertionError(f"waited in vain for {described}:\n{self.shown}")

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def send(self, number: signal.Signals) -> None:
        """Send a signal to the program alone, where Ctrl-C is one to its children as well."""
        self._process.send_signal(number)

    def end(self) -> int:
        """Read to the program's end, and return its exit code."""
        until = time.monotonic() + _SECONDS
        while self._more(0.05):
            if time.monotonic() > until:
                self.kill()
                raise AssertionError(f"it did not end:\n{self.shown}")
        code = self._process.wait(timeout=_SECONDS)
        os.close(self._master)
        return code

    def kill(self) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()

    def _more(self, seconds: float) -> bool:
        """Read what there is; False when nobody has the terminal open any more."""
        if select.select([self._master], [], [], seconds)[0]:
            try:
                read = os.read(self._master, 65536)
            except OSError as error:
                if error.errno != errno.EIO:
                    raise
                return False
            self._read += read.decode("utf-8", "replace")
            return bool(read)
        return self._process.poll() is None


def _inherited() -> dict[str, str]:
    secret = ("SEEDBED_", "DATABASE_", "PG", "NO_COLOR", "COLUMNS", "LINES", "TERM", "FORCE_COLOR")
    return {name: value for name, value in os.environ.items() if not name.startswith(secret)}
