"""The run's server as pytest-postgresql knows one."""

import os
from collections.abc import Iterator
from contextlib import contextmanager

from pytest_postgresql.executors import NoopExecutor
from pytest_postgresql.janitor import DatabaseJanitor

from seedbed.testing.runs import Run


@contextmanager
def executor(run: Run) -> Iterator[NoopExecutor]:
    """An executor with an empty template for its databases, each worker's with names of its own."""
    url = run.host.admin
    process = NoopExecutor(
        host=url.host or "",
        port=url.port or 5432,
        user=url.username or "",
        password=url.password,
        options="",
        dbname=f"tests{os.environ.get('PYTEST_XDIST_WORKER', '')}",
        maintenance_dbname=url.name,
    )
    janitor = DatabaseJanitor(
        user=process.user,
        host=process.host,
        port=process.port,
        dbname=process.template_dbname,
        maintenance_dbname=process.maintenance_dbname,
        as_template=True,
        password=url.password,
    )
    with janitor:
        yield process
