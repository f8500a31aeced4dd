"""Ranges of rows made by other processes, which are told names and never closures or credentials."""

import multiprocessing
from collections import deque
from collections.abc import Iterator
from concurrent.futures import BrokenExecutor, Executor, Future, ProcessPoolExecutor
from contextlib import contextmanager
from datetime import datetime
from functools import lru_cache
from itertools import islice
from pathlib import Path

from seedbed.errors import DaskMissing, SeedbedError
from seedbed.modelling import load_schema
from seedbed.seeding.encoding.rows import chunks, encoded
from seedbed.seeding.parents import Existing
from seedbed.seeding.plan import SeedPlan, plan
from seedbed.seeding.tables import TablePlan
from seedbed.settings import Environment, find_project

_AHEAD = 6
"""Ranges that are made before they are asked for: enough that no worker waits, and few enough to be held."""


def made_here(table: TablePlan, rows: range) -> Iterator[bytes]:
    """The rows' bytes, made by this process some thousands at a time."""
    for part in chunks(rows):
        yield encoded(table, part)


def made_elsewhere(executor: Executor | None, made: SeedPlan, table: TablePlan, rows: range) -> Iterator[bytes]:
    """The same bytes in the same order, made by an executor's workers.

    A range that a worker cannot make is made here again, so that its error is this process's own. So are those of a
    worker that died, of one that has other seeds or models than this process, and of tables whose rows follow from
    others that only the database knows.
    """
    if executor is None or _follows_from_the_database(table):
        yield from made_here(table, rows)
        return
    told = (str(made.project.root), str(made.environment), made.lock.as_of.isoformat(), made.content, table.name)
    parts = iter(chunks(rows))
    waiting: deque[tuple[range, Future[bytes | None]]] = deque()

    def more(count: int) -> None:
        for part in islice(parts, count):
            waiting.append((part, executor.submit(make, *told, part.start, part.stop)))

    more(_AHEAD)
    while waiting:
        part, future = waiting.popleft()
        try:
            bytes_made = future.result()
            more(1)
        except BrokenExecutor:
            yield from made_here(table, range(part.start, rows.stop))
            return
        yield encoded(table, part) if bytes_made is None else bytes_made


def _follows_from_the_database(table: TablePlan, seen: frozenset[str] = frozenset()) -> bool:
    return any(
        isinstance(reference.parent, Existing)
        or (
            isinstance(reference.parent, TablePlan)
            and reference.parent.name not in seen | {table.name}
            and _follows_from_the_database(reference.parent, seen | {table.name})
        )
        for reference in table.references
    )


def make(root: str, environment: str, as_of: str, content: str, table: str, start: int, stop: int) -> bytes | None:
    """Some rows of a table, by names alone; None where they cannot be made, or would be those of another plan: a worker
    of a cluster outlives many a change of the seeds.
    """
    try:
        tables = _tables(root, environment, as_of, content)
        return None if tables is None else encoded(tables[table], range(start, stop))
    except SeedbedError:
        return None


@contextmanager
def processes(count: int) -> Iterator[Executor | None]:
    """So many processes that make rows; none for one, since this process is one already."""
    if count <= 1:
        yield None
        return
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, mp_context=context) as executor:
        try:
            yield executor
        except BaseException:
            executor.shutdown(wait=False, cancel_futures=True)
            raise


@contextmanager
def cluster(address: str) -> Iterator[Executor]:
    """The workers of a Dask cluster, which need the project and its packages as much as this machine does.

    Raises:
        DaskMissing: the extra is not installed.
    """
    try:
        from distributed import Client  # noqa: PLC0415 - an extra
    except ImportError as error:
        raise DaskMissing from error
    with Client(address) as client:  # type: ignore[no-untyped-call]
        yield client.get_executor()


@lru_cache(maxsize=2)
def _tables(root: str, environment: str, as_of: str, content: str) -> dict[str, TablePlan] | None:
    project = find_project(Path(root))
    made = plan(project, load_schema(project), Environment(environment), as_of=datetime.fromisoformat(as_of))
    return {table.name: table for table in made.tables} if made.content == content else None
