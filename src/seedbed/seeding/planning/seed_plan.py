"""The plan of a seed run, and its comparison with the lock file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Table as SqlTable

from seedbed.errors import CyclicReference, ParentNotPlanned, TooFewUniqueValues
from seedbed.extras import get_faker_version
from seedbed.schema import Schema
from seedbed.seeding.analysis.inheritance import find_inheritance
from seedbed.seeding.analysis.table_analysis import analyse
from seedbed.seeding.analysis.table_spec import TableDefinition, TableSpec, read_column_types
from seedbed.seeding.api.rules import Constant
from seedbed.seeding.api.seeds_file import RowsPerParent, TableRequest, read_seeds
from seedbed.seeding.core.faker_pool import FakerCache, FakerPools
from seedbed.seeding.planning.digest import compute_digest
from seedbed.seeding.planning.inheritance_check import InheritanceCheck
from seedbed.seeding.planning.lock_file import Lock, get_lock_path, read_lock, write_lock
from seedbed.seeding.planning.table_generators import check_explicit_rows
from seedbed.seeding.planning.table_plan import TablePlan, make_sample
from seedbed.seeding.planning.table_plan_registry import TablePlanRegistry
from seedbed.seeding.resolution.parent_rows import ExistingRows
from seedbed.seeding.resolution.resolved_table import find_row_shortage
from seedbed.settings import Environment, Project

POOL_CACHE = Path(".seedbed/pools")
"""The folder in which a project caches Faker's values. It can be deleted."""


@dataclass(frozen=True, eq=False)
class SeedPlan:
    """Everything that a run loads. Plans with the same `content` load the same rows."""

    environment: Environment
    project: Project
    schema: Schema
    lock: Lock
    tables: tuple[TablePlan, ...]
    pools: FakerPools
    content: str

    @property
    def rows(self) -> int:
        return sum(table.count for table in self.tables)

    def with_existing(self, existing: Mapping[str, ExistingRows]) -> "SeedPlan":
        """The same plan, with rows that a database has in tables that the seeds do not plan."""
        requests = {table.name: table.request for table in self.tables}
        order = [table.sql for table in self.tables]
        tables = plan_tables(self.project, self.schema, order, requests, self.lock, self.pools, existing)
        return replace(self, tables=tables)


def plan(project: Project, schema: Schema, environment: Environment, *, as_of: datetime | None = None) -> SeedPlan:
    """Plan the tables of seeds/<environment>.py, in an order that foreign keys allow.

    `as_of` takes the place of the lock's. A lock is written where there is none: without one, the same seeds would
    give other rows tomorrow.

    Raises:
        SeedsFileNotFound, InvalidSeedsFile: the file is missing or raises.
        ParentNotPlanned, CyclicReference, NoGenerator, TooFewUniqueValues, UnsupportedUniqueConstraint: as named.
    """
    requests = {request.table: request for request in read_seeds(project, schema, environment)}
    lock = read_lock(project, environment, as_of=as_of)
    order = _sort_by_dependencies([table for table in schema.tables if table.key in requests], requests)
    pools = FakerPools(lock.as_of, FakerCache(project.root / POOL_CACHE))
    tables = _plan_with_fewer_rows(project, schema, order, requests, lock, pools)
    seed_plan = SeedPlan(environment, project, schema, lock, tables, pools, compute_digest(lock, tables))
    if not get_lock_path(project, environment).exists():
        write_lock(project, environment, lock)
    return seed_plan


def _plan_with_fewer_rows(
    project: Project,
    schema: Schema,
    order: Sequence[SqlTable],
    requests: Mapping[str, TableRequest],
    lock: Lock,
    pools: FakerPools,
) -> tuple[TablePlan, ...]:
    """Plan the tables, with fewer rows where a table allows fewer.

    Raises:
        TooFewUniqueValues: there are too few values for the rows of another.
    """
    while True:
        planned = _plan_or_shortage(project, schema, order, requests, lock, pools, {})
        if not isinstance(planned, TooFewUniqueValues):
            return planned
        request = requests.get(planned.table)
        if request is None or not request.allows_fewer:
            raise planned
        if not isinstance(request.rows, int) or planned.available >= request.rows:
            raise planned
        requests = {**requests, planned.table: replace(request, rows=planned.available)}


def plan_tables(
    project: Project,
    schema: Schema,
    order: Sequence[SqlTable],
    requests: Mapping[str, TableRequest],
    lock: Lock,
    pools: FakerPools,
    existing: Mapping[str, ExistingRows],
) -> tuple[TablePlan, ...]:
    """Plan tables in an order that is known already; `existing` are rows of tables that are not planned.

    Raises:
        TooFewUniqueValues: there are too few values for the rows of one.
    """
    planned = _plan_or_shortage(project, schema, order, requests, lock, pools, existing)
    if isinstance(planned, TooFewUniqueValues):
        raise planned
    return planned


def _plan_or_shortage(
    project: Project,
    schema: Schema,
    order: Sequence[SqlTable],
    requests: Mapping[str, TableRequest],
    lock: Lock,
    pools: FakerPools,
    existing: Mapping[str, ExistingRows],
) -> tuple[TablePlan, ...] | TooFewUniqueValues:
    """The tables, or the first shortage of values that is found."""
    specs = {
        str(table.key): analyse_table(
            table, schema.classes.get(table.key), requests[table.key], lock, project.root, rank
        )
        for rank, table in enumerate(order)
    }
    for spec in specs.values():
        _check_rows_per_parent(spec, specs)
    tables = TablePlanRegistry(specs, existing, pools)
    check = InheritanceCheck(lambda name: tables.get_resolved(name) if name in specs else None)
    inheriting = [name for name, spec in specs.items() if find_inheritance(spec) is not None]
    for find_shortage in (find_row_shortage, check.check):
        for name in inheriting:
            if (shortage := find_shortage(tables.get_resolved(name))) is not None:
                return shortage
    for name in specs:
        shortage = tables.shortage(name)
        if shortage is not None:
            return shortage
        check_explicit_rows(tables.get_resolved(name))
    return tuple(tables.get_plan(name) for name in specs)


def analyse_table(
    table: SqlTable, model: type[Any] | None, request: TableRequest, lock: Lock, root: Path, rank: int
) -> TableSpec:
    """Analyse one table of the plan."""
    return analyse(TableDefinition(table, model, request, lock.seed, lock.as_of, root, rank, read_column_types(table)))


def _check_rows_per_parent(table: TableSpec, specs: Mapping[str, TableSpec]) -> None:
    """Check that the parent of a share is planned, and loaded before the table."""
    share = table.rows_per_parent
    if share is None:
        return
    parent = specs.get(share.parent)
    if parent is None:
        raise ParentNotPlanned(table.name, share.column, share.parent)
    if parent.rank >= table.rank:
        raise CyclicReference(table.name, share.column, share.parent, nullable=False)


def _sort_by_dependencies(tables: Sequence[SqlTable], requests: Mapping[str, TableRequest]) -> list[SqlTable]:
    """Parents before children. A foreign key that the seeds leave NULL does not count, and so can open a cycle; so does
    one that may be NULL or may wait for the end of the transaction, where nothing else opens it.
    """
    waiting, ordered = list(tables), list[SqlTable]()
    while waiting:
        remaining = {table.key for table in waiting}
        unblocked = (table for table in waiting if not remaining & _find_required_tables(table, requests[table.key]))
        breakable = (
            table
            for table in waiting
            if not remaining & _find_required_tables(table, requests[table.key], strictly=True)
        )
        chosen = next(unblocked, None)
        ordered.append(chosen if chosen is not None else next(breakable, waiting[0]))
        waiting.remove(ordered[-1])
    return ordered


def _find_required_tables(table: SqlTable, request: TableRequest, *, strictly: bool = False) -> set[str]:
    """The tables that must be loaded before; with `strictly`, only those that no row can do without."""
    required = set()
    for key in table.foreign_key_constraints:
        own = [element.parent for element in key.elements]
        if any(request.rules.get(str(column.name)) == Constant(None) for column in own):
            continue
        follows = isinstance(request.rows, RowsPerParent) and request.rows.column == own[0].name
        if strictly and not follows and (key.deferrable or any(column.nullable for column in own)):
            continue
        required.add(key.elements[0].column.table.key)
    return required - {table.key}


_SAMPLED_ROWS = 8
"""Rows of each table that are made to find the pools it uses."""


@dataclass(frozen=True)
class LockComparison:
    """The lock's file, and what would be otherwise now; nothing where the rows are the same.

    `accepted` is false where the lock does not say which rows the seeds gave.
    """

    file: str
    content: str
    changes: tuple[str, ...]
    accepted: bool


def compare_with_lock(plan: SeedPlan, *, revision: str | None) -> LockComparison:
    """Compare what the seeds give now with their lock."""
    now = compute_lock(plan, revision)
    file = str(get_lock_path(plan.project, plan.environment).relative_to(plan.project.root))
    return LockComparison(file, plan.content, tuple(_describe_changes(plan.lock, now)), bool(plan.lock.content))


def update_lock(plan: SeedPlan, *, revision: str | None) -> None:
    """Write what the seeds give now to the lock file."""
    write_lock(plan.project, plan.environment, compute_lock(plan, revision))


def compute_lock(plan: SeedPlan, revision: str | None) -> Lock:
    for table in plan.tables:
        make_sample(table, _SAMPLED_ROWS)
    return replace(
        plan.lock,
        content=plan.content,
        revision=revision or "",
        faker=get_faker_version(),
        pools=plan.pools.digest_entries(),
    )


def _describe_changes(lock: Lock, now: Lock) -> list[str]:
    """Values that the lock file does not have yet are no change."""
    changes = []
    if lock.revision and lock.revision != now.revision:
        changes.append(f"the newest revision is {now.revision or 'none'}, and was {lock.revision}")
    if lock.content and lock.content != now.content:
        changes.append(f"the content is {now.content}, and was {lock.content}")
    if lock.faker and lock.faker != now.faker and lock.pools != now.pools:
        changes.append(f"Faker is {now.faker}, and was {lock.faker}")
    if lock.pools:
        other = [name for name, digest in now.pools.items() if lock.pools.get(name, digest) != digest]
        changes += [f"the values of {name} are others" for name in other]
    return changes
