"""What a project's own modules print, kept apart from what a command prints."""

import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TextIO

_LOCK = threading.Lock()
_ASIDE: list[TextIO] = []


@contextmanager
def redirect_stdout_to_stderr() -> Iterator[None]:
    """Send what is printed to standard error for the length of a block: standard output is a command's result alone.

    Blocks of several threads may lie across each other, as those of a draft do; the last to end puts it back.
    """
    with _LOCK:
        _ASIDE.append(sys.stdout)
        sys.stdout = sys.stderr
    try:
        yield
    finally:
        with _LOCK:
            if len(_ASIDE) == 1:
                sys.stdout = _ASIDE[0]
            _ASIDE.pop()
