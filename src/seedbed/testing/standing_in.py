"""pytest-postgresql's own `postgresql_proc` on the run's server: it looks for a PostgreSQL that few machines have."""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_postgresql.executors import NoopExecutor


@pytest.fixture(scope="session")
def postgresql_proc(seedbed_proc: "NoopExecutor") -> "Iterator[NoopExecutor]":
    """What `postgresql` and `postgresql_async` have their databases on."""
    yield seedbed_proc  # noqa: PT022 - as long as that one
