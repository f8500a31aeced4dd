"""Encoding of rows in other processes, which receive only names, never closures or credentials."""

import multiprocessing
import signal
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path
from typing import Any

from seedbed.errors import DaskUnreachable, SeedbedError
from seedbed.extras import require_extra
from seedbed.schema import load_schema
from seedbed.seeding.encoding.rows import split_into_chunks
from seedbed.seeding.planning.seed_plan import SeedPlan, plan
from seedbed.seeding.planning.table_plan import TablePlan, encode_rows
from seedbed.settings import Environment, find_project

_MAX_PENDING = 6
"""Chunks that are submitted before they are read: enough to keep all workers busy, few enough to hold in memory."""

_SCHEDULER_TIMEOUT = 10
"""Seconds to wait for the scheduler of a Dask cluster."""


def encode_locally(table: TablePlan, rows: range) -> Iterator[bytes]:
    """Encode rows in this process, chunk by chunk."""
    for chunk in split_into_chunks(rows):
        yield encode_rows(table, chunk)


def encode_with_executor(
    executor: Executor | None, seed_plan: SeedPlan, table: TablePlan, rows: range
) -> Iterator[bytes]:
    """Encode rows with the workers of an executor; the bytes and their order are the same.

    This process encodes a chunk itself if a worker fails, so that the error is raised here. It also does so if a worker
    dies or has other seeds or models, and for tables whose rows depend on rows that are only in the database.
    """
    if executor is None or _depends_on_existing_rows(seed_plan, table):
        yield from encode_locally(table, rows)
        return
    arguments = (
        str(seed_plan.project.root),
        str(seed_plan.environment),
        seed_plan.lock.as_of.isoformat(),
        seed_plan.content,
        table.name,
    )
    remaining = iter(split_into_chunks(rows))
    pending: deque[tuple[range, Future[bytes | None]]] = deque()

    def submit_next(count: int) -> None:
        for chunk in islice(remaining, count):
            pending.append((chunk, executor.submit(encode_in_worker, *arguments, chunk.start, chunk.stop)))

    start = rows.start
    try:
        submit_next(_MAX_PENDING)
        while pending:
            part, future = pending.popleft()
            data = future.result()
            submit_next(1)
            yield encode_rows(table, part) if data is None else data
            start = part.stop
    except BrokenExecutor:
        yield from encode_locally(table, range(start, rows.stop))


def _depends_on_existing_rows(seed_plan: SeedPlan, table: TablePlan, visited: frozenset[str] = frozenset()) -> bool:
    """Whether rows of a table depend on rows that are only in the database."""
    planned = {other.name: other for other in seed_plan.tables}
    return any(
        not key.is_planned
        or (
            key.target not in visited | {table.name}
            and _depends_on_existing_rows(seed_plan, planned[key.target], visited | {table.name})
        )
        for key in table.keys
    )


def encode_in_worker(
    root: str, environment: str, as_of: str, content: str, table: str, start: int, stop: int
) -> bytes | None:
    """Plan the seeds from names and encode rows of a table.

    Returns None if that fails, or if the worker's plan has other content: a long-lived worker of a cluster can have
    older seeds.
    """
    try:
        tables = _load_tables(root, environment, as_of, content)
        return None if tables is None else encode_rows(tables[table], range(start, stop))
    except SeedbedError:
        return None


@contextmanager
def process_executor(count: int) -> Iterator[Executor | None]:
    """Start worker processes; yield None for a count of 1, because this process encodes rows itself."""
    if count <= 1:
        yield None
        return
    context = multiprocessing.get_context("spawn")
    with _ProcessPool(count, mp_context=context) as executor:
        try:
            yield executor
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise


class _ProcessPool(ProcessPoolExecutor):
    """A pool whose processes ignore Ctrl-C; the parent process ends them."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        if not hasattr(signal, "pthread_sigmask"):
            return super().submit(fn, *args, **kwargs)
        previous_mask = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # new processes inherit the mask
        try:
            return super().submit(fn, *args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, previous_mask)


@contextmanager
def dask_executor(address: str) -> Iterator[Executor]:
    """Connect to a Dask cluster, whose workers need the project in the same folder and its packages.

    Raises:
        ExtraMissing: Dask is not installed.
        DaskUnreachable: no Dask scheduler answers at the address.
    """
    require_extra("dask", "--dask", alternative="use --workers N")
    from distributed import Client  # noqa: PLC0415 - an extra

    try:
        client = Client(address, timeout=_SCHEDULER_TIMEOUT)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise DaskUnreachable(address, str(error)) from error
    with client:
        yield _DaskExecutor(client)


class _DaskExecutor(Executor):
    """An executor whose futures fail, instead of waiting, once the scheduler or the workers are lost."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        if self._client.status != "running":
            raise BrokenExecutor
        return _DaskFuture(self._client, self._client.submit(fn, *args, pure=False, **kwargs))


class _DaskFuture(Future[Any]):
    def __init__(self, client: Any, future: Any) -> None:
        super().__init__()
        self._client, self._future = client, future

    def result(self, timeout: float | None = None) -> Any:  # noqa: ARG002 - part of the interface
        while True:
            try:
                return self._future.result(timeout=1)
            except TimeoutError as error:
                if self._client.status != "running":
                    raise BrokenExecutor from error
            except Exception as error:
                raise BrokenExecutor from error


@lru_cache(maxsize=2)
def _load_tables(root: str, environment: str, as_of: str, content: str) -> dict[str, TablePlan] | None:
    project = find_project(Path(root))
    seed_plan = plan(project, load_schema(project), Environment(environment), as_of=datetime.fromisoformat(as_of))
    return {table.name: table for table in seed_plan.tables} if seed_plan.content == content else None
