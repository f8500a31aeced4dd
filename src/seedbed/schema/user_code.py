"""Run the user's own modules: keep their output apart, and locate and describe their errors."""

import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TextIO

from pydantic import ValidationError

_LOCK = threading.Lock()
_REPLACED_STDOUTS: list[TextIO] = []


@contextmanager
def redirect_stdout_to_stderr() -> Iterator[None]:
    """Redirect standard output to standard error for the length of a block: standard output is for a command's result.

    Blocks of several threads may overlap, as in a draft. The last one to end restores standard output.
    """
    with _LOCK:
        _REPLACED_STDOUTS.append(sys.stdout)
        sys.stdout = sys.stderr
    try:
        yield
    finally:
        with _LOCK:
            if len(_REPLACED_STDOUTS) == 1:
                sys.stdout = _REPLACED_STDOUTS[0]
            _REPLACED_STDOUTS.pop()


def find_failing_line(root: Path, error: BaseException) -> str:
    """Return the user's line that an exception came from: the last frame under the project's root."""
    if isinstance(error, SyntaxError) and error.filename:
        return format_location(root, error.filename, error.lineno or 0)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_own(root, Path(frame.filename))]
    return format_location(root, frames[-1].filename, frames[-1].lineno or 0) if frames else str(root)


def describe_exception(error: BaseException) -> str:
    """Describe an exception of the user's code in one line, without the values that a failed validation contains."""
    if isinstance(error, ValidationError):
        details = "; ".join(
            f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}"
            for detail in error.errors(include_input=False, include_url=False, include_context=False)
        )
        return f"{type(error).__name__} of {error.title}: {details}"
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"


def format_location(root: Path, filename: str, line: int) -> str:
    """Return a line of a file for a message, with the path relative to the project's root."""
    path = Path(filename)
    return f"{path.relative_to(root) if path.is_relative_to(root) else path}, line {line}"


def _is_own(root: Path, path: Path) -> bool:
    return path.is_relative_to(root) and "site-packages" not in path.relative_to(root).parts
