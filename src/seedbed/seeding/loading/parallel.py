"""Ranges of rows made by other processes, which are told names and never closures or credentials."""

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
from seedbed.seeding.encoding.rows import chunks
from seedbed.seeding.planning.seed_plan import SeedPlan, plan
from seedbed.seeding.planning.table_plan import TablePlan, encode_rows
from seedbed.settings import Environment, find_project

_AHEAD = 6
"""Ranges that are made before they are asked for: enough that no worker waits, and few enough to be held."""

_SECONDS = 10
"""How long a cluster's scheduler may take to answer."""


def made_here(table: TablePlan, rows: range) -> Iterator[bytes]:
    """The rows' bytes, made by this process some thousands at a time."""
    for part in chunks(rows):
        yield encode_rows(table, part)


def made_elsewhere(executor: Executor | None, made: SeedPlan, table: TablePlan, rows: range) -> Iterator[bytes]:
    """The same bytes in the same order, made by an executor's workers.

    A range that a worker cannot make is made here again, so that its error is this process's own. So are those of a
    worker that died, of one that has other seeds or models than this process, and of tables whose rows follow from
    others that only the database knows.
    """
    if executor is None or _follows_from_the_database(made, table):
        yield from made_here(table, rows)
        return
    told = (str(made.project.root), str(made.environment), made.lock.as_of.isoformat(), made.content, table.name)
    parts = iter(chunks(rows))
    waiting: deque[tuple[range, Future[bytes | None]]] = deque()

    def more(count: int) -> None:
        for part in islice(parts, count):
            waiting.append((part, executor.submit(make, *told, part.start, part.stop)))

    begin = rows.start
    try:
        more(_AHEAD)
        while waiting:
            part, future = waiting.popleft()
            bytes_made = future.result()
            more(1)
            yield encode_rows(table, part) if bytes_made is None else bytes_made
            begin = part.stop
    except BrokenExecutor:
        yield from made_here(table, range(begin, rows.stop))


def _follows_from_the_database(made: SeedPlan, table: TablePlan, seen: frozenset[str] = frozenset()) -> bool:
    """Whether rows of a table need rows that only the database has."""
    planned = {other.name: other for other in made.tables}
    return any(
        not key.is_planned
        or (
            key.target not in seen | {table.name}
            and _follows_from_the_database(made, planned[key.target], seen | {table.name})
        )
        for key in table.keys
    )


def make(root: str, environment: str, as_of: str, content: str, table: str, start: int, stop: int) -> bytes | None:
    """Some rows of a table, by names alone; None where they cannot be made, or would be those of another plan: a worker
    of a cluster outlives many a change of the seeds.
    """
    try:
        tables = _tables(root, environment, as_of, content)
        return None if tables is None else encode_rows(tables[table], range(start, stop))
    except SeedbedError:
        return None


@contextmanager
def processes(count: int) -> Iterator[Executor | None]:
    """So many processes that make rows; none for one, since this process is one already."""
    if count <= 1:
        yield None
        return
    context = multiprocessing.get_context("spawn")
    with _Processes(count, mp_context=context) as executor:
        try:
            yield executor
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise


class _Processes(ProcessPoolExecutor):
    """Processes that a terminal's Ctrl-C does not reach: this one ends them."""

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        if not hasattr(signal, "pthread_sigmask"):
            return super().submit(fn, *args, **kwargs)
        before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})  # a process it starts inherits the mask
        try:
            return super().submit(fn, *args, **kwargs)
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)


@contextmanager
def cluster(address: str) -> Iterator[Executor]:
    """The workers of a Dask cluster, which need the project in the same folder, and its packages.

    Raises:
        ExtraMissing: Dask is not installed.
        DaskUnreachable: nobody answers there as Dask's scheduler.
    """
    require_extra("dask", "--dask", alternative="use --workers N")
    from distributed import Client  # noqa: PLC0415 - an extra

    try:
        client = Client(address, timeout=_SECONDS)  # type: ignore[no-untyped-call]
    except (OSError, ValueError) as error:
        raise DaskUnreachable(address, str(error)) from error
    with client:
        yield _Cluster(client)


class _Cluster(Executor):
    """What a cluster owes is broken, and not waited for, once its scheduler is lost or its workers are."""

    def __init__(self, client: Any) -> None:
        self._client = client

    def submit(self, fn: Callable[..., Any], /, *args: Any, **kwargs: Any) -> "Future[Any]":
        if self._client.status != "running":
            raise BrokenExecutor
        return _Owed(self._client, self._client.submit(fn, *args, pure=False, **kwargs))


class _Owed(Future[Any]):
    def __init__(self, client: Any, owed: Any) -> None:
        super().__init__()
        self._client, self._owed = client, owed

    def result(self, timeout: float | None = None) -> Any:  # noqa: ARG002 - nobody gives one
        while True:
            try:
                return self._owed.result(timeout=1)
            except TimeoutError as error:
                if self._client.status != "running":
                    raise BrokenExecutor from error
            except Exception as error:
                raise BrokenExecutor from error


@lru_cache(maxsize=2)
def _tables(root: str, environment: str, as_of: str, content: str) -> dict[str, TablePlan] | None:
    project = find_project(Path(root))
    made = plan(project, load_schema(project), Environment(environment), as_of=datetime.fromisoformat(as_of))
    return {table.name: table for table in made.tables} if made.content == content else None
