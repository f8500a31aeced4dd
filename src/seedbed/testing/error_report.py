"""What a user can mend, told without the way it came."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from seedbed.errors import SeedbedError


@contextmanager
def without_traceback() -> Iterator[None]:
    """Have an error of Seedbed's own fail the test in two lines."""
    from seedbed.errors import SeedbedError

    try:
        yield
    except SeedbedError as error:
        raise pytest.fail.Exception(format_error(error), pytrace=False) from None


def format_error(error: "SeedbedError") -> str:
    """Its code and sentence, and what to do."""
    return f"{error.code} {error.message}\n      {error.remedy}"
