"""Report Seedbed's own errors without a traceback."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from seedbed.errors import SeedbedError


@contextmanager
def without_traceback() -> Iterator[None]:
    """Fail the test with two lines for an error of Seedbed's own, instead of a traceback."""
    from seedbed.errors import SeedbedError

    try:
        yield
    except SeedbedError as error:
        raise pytest.fail.Exception(format_error(error), pytrace=False) from None


def format_error(error: "SeedbedError") -> str:
    """Format an error's code, message and remedy."""
    return f"{error.code} {error.message}\n      {error.remedy}"
