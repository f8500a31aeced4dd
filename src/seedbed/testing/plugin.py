"""The pytest plugin: pytest-postgresql's fixtures on a server that needs no set-up.

    postgresql = pytest_postgresql.factories.postgresql("seedbed_proc")

gives a test a database of its own and a psycopg connection to it, as root and as anyone, with no PostgreSQL installed.
"""

from collections.abc import Iterator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from pytest_postgresql.executors import NoopExecutor

    from seedbed.postgres.embedded import ThrowawayServer


@pytest.fixture(scope="session")
def seedbed_server() -> "Iterator[ThrowawayServer]":
    """A PostgreSQL for this run of tests, in memory where there is room, and gone with it even after kill -9."""
    from seedbed.postgres.embedded import throwaway_server

    with throwaway_server() as server:
        yield server


@pytest.fixture(scope="session")
def seedbed_proc(seedbed_server: "ThrowawayServer") -> "Iterator[NoopExecutor]":
    """That server as a process fixture of pytest-postgresql, with an empty template for its databases."""
    from pytest_postgresql.executors import NoopExecutor
    from pytest_postgresql.janitor import DatabaseJanitor

    url = seedbed_server.url()
    process = NoopExecutor(
        host="127.0.0.1", port=seedbed_server.port, user=url.username or "", options="", dbname="tests",
        password=url.password,
    )  # fmt: skip
    janitor = DatabaseJanitor(
        user=process.user, host=process.host, port=process.port, dbname=process.template_dbname, as_template=True,
        password=url.password,
    )  # fmt: skip
    with janitor:
        yield process
