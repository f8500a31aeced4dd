"""Signals that end a command: raised at once, put off, raised again where Python loses them."""

import signal
import subprocess
import sys
import textwrap
import time
from pathlib import Path

import pytest

from tests.support.patience import PATIENCE

pytestmark = pytest.mark.unit

_HEAD = """
import gc, os, signal, sys, time, weakref
from pathlib import Path
from seedbed.interrupts import Interrupted, cancel_when_blocked, deferred_interrupts, raised_interrupts

def wait_for(name):
    until = time.monotonic() + 600
    while not Path(name).exists():
        assert time.monotonic() < until
"""


def run(code: str, folder: Path, *, number: signal.Signals = signal.SIGINT) -> tuple[int, str, str]:
    """Run Python code, and send a signal to it when it has made the file `ready`."""
    with subprocess.Popen(
        [sys.executable, "-c", _HEAD + textwrap.dedent(code)],
        cwd=folder, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        try:
            while process.poll() is None and not (folder / "ready").exists():
                time.sleep(0.01)
            process.send_signal(number)
            out, err = process.communicate(timeout=PATIENCE)
        finally:
            process.kill()
    return process.returncode, out, err


class TestRaisedInterrupts:
    @pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
    def test_a_signal_is_raised_in_the_main_thread(self, tmp_path: Path, number: signal.Signals) -> None:
        code = """
        try:
            with raised_interrupts():
                Path("ready").touch()
                time.sleep(600)
        except Interrupted as interrupted:
            interrupted.add_note("Nothing is left.")
            print(interrupted.exit_code, interrupted.line)
        """

        ended = run(code, tmp_path, number=number)

        fact = "Interrupted." if number is signal.SIGINT else f"Ended by {number.name}."
        assert ended == (0, f"{128 + number} {fact} Nothing is left.\n", "")

    @pytest.mark.parametrize("place", ["__del__", "weakref"])
    def test_a_signal_in_a_callback_that_loses_it_is_raised_again(self, tmp_path: Path, place: str) -> None:
        code = f"""
        class Thing:
            def __del__(self):
                if {place == "__del__"}:
                    lose()

        def lose(_=None):
            Path("ready").touch()
            wait_for("never")

        try:
            with raised_interrupts():
                thing = Thing()
                reference = weakref.ref(thing, lose) if {place == "weakref"} else None
                del thing
                time.sleep(600)
        except Interrupted as interrupted:
            print("caught")
        """

        assert run(code, tmp_path) == (0, "caught\n", "")

    def test_another_exception_in_a_callback_is_reported_as_python_does(self, tmp_path: Path) -> None:
        code = """
        class Thing:
            def __del__(self):
                raise ValueError("mine")

        with raised_interrupts():
            Thing()
            Path("ready").touch()
            try:
                time.sleep(600)
            except Interrupted:
                pass
        """

        code_, _, err = run(code, tmp_path)

        assert (code_, "ValueError: mine" in err) == (0, True)

    def test_a_blocking_call_of_c_is_cancelled(self, tmp_path: Path) -> None:
        code = """
        import ctypes
        library, mutex = ctypes.CDLL(None), ctypes.create_string_buffer(64)
        cancel_when_blocked(lambda: library.pthread_mutex_unlock(mutex))
        library.pthread_mutex_lock(mutex)
        try:
            with raised_interrupts():
                Path("ready").touch()
                library.pthread_mutex_lock(mutex)  # no signal ends it
                print("never")
        except Interrupted as interrupted:
            print("caught")
        """

        assert run(code, tmp_path) == (0, "caught\n", "")

    def test_the_same_signal_sent_twice_at_once_does_not_stop_what_is_undone(self, tmp_path: Path) -> None:
        code = """
        try:
            with raised_interrupts():
                try:
                    Path("ready").touch()
                    time.sleep(600)
                finally:
                    os.kill(os.getpid(), signal.SIGINT)
                    print("undone")
        except Interrupted as interrupted:
            print("caught")
        """

        assert run(code, tmp_path) == (0, "undone\ncaught\n", "")

    def test_an_ignored_signal_stays_ignored(self, tmp_path: Path) -> None:
        code = """
        signal.signal(signal.SIGHUP, signal.SIG_IGN)
        with raised_interrupts():
            os.kill(os.getpid(), signal.SIGHUP)
            Path("ready").touch()
            try:
                time.sleep(600)
            except Interrupted as interrupted:
                print(interrupted.line)
        """

        assert run(code, tmp_path) == (0, "Interrupted.\n", "")


class TestDeferredInterrupts:
    def test_a_block_happens_as_a_whole(self, tmp_path: Path) -> None:
        code = """
        try:
            with raised_interrupts():
                with deferred_interrupts():
                    os.kill(os.getpid(), signal.SIGINT)
                    print("whole")
                print("never")
        except Interrupted as interrupted:
            print("caught")
        """

        assert run(code, tmp_path)[1] == "whole\ncaught\n"
