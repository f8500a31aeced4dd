"""Signals that end a command, raised as an exception in its main thread so that cleanup code runs."""

import _thread
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from types import FrameType
from typing import Any

_SIGNALS = [getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name)]
_REPEAT_SECONDS = 1.0
"""Two signals within this time count as one: a terminal and the parent process may both send it."""
_BLOCKED_SECONDS = 0.2
"""Python runs no handler while the main thread is in a C library, such as libpq waiting for a statement."""
_RETRY_SECONDS = 0.02


class Interrupted(KeyboardInterrupt):
    """A signal asked this process to end. Code that leaves something behind adds a note."""

    def __init__(self, number: int) -> None:
        self.number = signal.Signals(number)
        super().__init__(self.number.name)

    @property
    def exit_code(self) -> int:
        return 128 + self.number

    @property
    def line(self) -> str:
        fact = "Interrupted." if self.number == signal.SIGINT else f"Ended by {self.number.name}."
        return " ".join([fact, *getattr(self, "__notes__", [])])


def raise_interrupt_behind(error: BaseException) -> None:
    """Raise the interrupt that an error came from, so that it is reported instead of a failed cleanup.

    Raises:
        Interrupted: the error was raised while an interrupt was handled.
    """
    seen: set[int] = set()
    cause: BaseException | None = error
    while cause is not None and id(cause) not in seen:
        if isinstance(cause, Interrupted):
            raise cause from None
        seen.add(id(cause))
        cause = cause.__cause__ or cause.__context__


@dataclass
class _State:
    deferrals: int = 0
    deferred: int | None = None
    lost: signal.Signals | None = None
    """A signal whose exception was raised where Python discards exceptions."""
    handled_at: float = -_REPEAT_SECONDS
    wakeup: int = -1
    hook: Callable[[Any], Any] = sys.__unraisablehook__
    cancels: list[Callable[[], None]] = field(default_factory=list)


_state = _State()


def cancel_when_blocked(cancel: Callable[[], None]) -> Callable[[], None]:
    """Register a function that makes a blocking C call return.

    Another thread calls it when a signal has arrived and the main thread does not handle it.
    """
    _state.cancels.append(cancel)
    return cancel


@contextmanager
def deferred_interrupts() -> Iterator[None]:
    """Defer a signal that arrives during a block to its end, so that the block runs as a whole."""
    _state.deferrals += 1
    try:
        yield
    finally:
        _state.deferrals -= 1
        if not _state.deferrals and _state.deferred is not None:
            number, _state.deferred = _state.deferred, None
            raise Interrupted(number)


@contextmanager
def raised_interrupts() -> Iterator[None]:
    """Raise SIGINT, SIGTERM and SIGHUP as `Interrupted` for the length of a block; ignored ones stay ignored.

    Python discards an exception in a weak reference's callback or a `__del__`, as imports and connection pools have
    them, and prints "Exception ignored". Such an interrupt is raised again. On Windows, and in another thread than the
    main one, Python's own KeyboardInterrupt stays.
    """
    if sys.platform == "win32" or threading.current_thread() is not threading.main_thread():
        yield
        return
    read_end, _state.wakeup = os.pipe()
    os.set_blocking(_state.wakeup, False)
    stopped = threading.Event()
    watcher = threading.Thread(target=_watch, args=(read_end, stopped), daemon=True)
    watcher.start()
    _state.hook, sys.unraisablehook = sys.unraisablehook, _raise_again
    handlers = {number: signal.getsignal(number) for number in _SIGNALS}
    wakeup = signal.set_wakeup_fd(_state.wakeup, warn_on_full_buffer=False)
    for number, handler in handlers.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, _handle)
    try:
        yield
    finally:
        for number, handler in handlers.items():
            signal.signal(number, handler)
        signal.set_wakeup_fd(wakeup)
        sys.unraisablehook = _state.hook
        stopped.set()
        os.close(_state.wakeup)
        watcher.join()
        _state.lost = None


def _handle(number: int, frame: FrameType | None) -> None:
    now = time.monotonic()
    if _state.lost is None and now - _state.handled_at < _REPEAT_SECONDS:
        return
    while frame is not None:
        if frame.f_code is _raise_again.__code__:  # raised here it would be discarded again
            return
        frame = frame.f_back
    _state.lost, _state.handled_at = None, now
    if _state.deferrals:
        _state.deferred = number
    else:
        raise Interrupted(number)


def _raise_again(unraisable: Any) -> None:
    if isinstance(unraisable.exc_value, Interrupted):
        _state.lost = unraisable.exc_value.number
        os.write(_state.wakeup, bytes([_state.lost]))
    else:
        _state.hook(unraisable)


def _send_to_main_thread(number: signal.Signals) -> None:
    main = threading.main_thread().ident
    if hasattr(signal, "pthread_kill") and main is not None:
        signal.pthread_kill(main, number)  # it ends a sleep as well
    else:
        _thread.interrupt_main(number)


def _watch(read_end: int, stopped: threading.Event) -> None:
    """Read the signals that Python's C handler writes at once, whatever the main thread is doing."""
    with os.fdopen(read_end, "rb", buffering=0) as signals:
        while received := signals.read(1):
            handled_since = time.monotonic() - _REPEAT_SECONDS
            while (lost := _state.lost) is not None:
                _send_to_main_thread(lost)
                stopped.wait(_RETRY_SECONDS)
            if signal.getsignal(received[0]) is _handle:
                while not stopped.wait(_BLOCKED_SECONDS) and _state.handled_at < handled_since:
                    _send_to_main_thread(
                        signal.Signals(received[0])
                    )  # the main thread may have entered the C call just after the first
                    for cancel in _state.cancels:
                        with suppress(Exception):
                            cancel()
