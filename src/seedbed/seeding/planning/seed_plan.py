"""The plan of a seed run: tables in order, numbers of rows, and what fills each column."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Table as SqlTable

from seedbed.errors import CyclicReference, ParentNotPlanned, TooFewUniqueValues
from seedbed.schema import Schema
from seedbed.seeding.analysis.inheritance import find_inheritance
from seedbed.seeding.analysis.table_definition import TableDefinition, read_column_types
from seedbed.seeding.analysis.table_spec import TableSpec, analyse
from seedbed.seeding.api.rules import Constant
from seedbed.seeding.api.seeds_file import RowsPerParent, TableRequest, read_seeds
from seedbed.seeding.core.faker_pool import FakerCache, FakerPools
from seedbed.seeding.planning.digest import content
from seedbed.seeding.planning.explicit_rows import check_explicit_rows
from seedbed.seeding.planning.inheritance_check import InheritanceCheck
from seedbed.seeding.planning.lock_file import Lock, lock_file, read_lock, write_lock
from seedbed.seeding.planning.table_plan import TablePlan
from seedbed.seeding.planning.table_plan_registry import PlannedTables
from seedbed.seeding.resolution.parent_rows import ExistingRows
from seedbed.seeding.resolution.resolved_table import shortage_of_rows
from seedbed.settings import Environment, Project

POOLS = Path(".seedbed/pools")
"""The folder in which a project caches Faker's values. It can be deleted."""


@dataclass(frozen=True, eq=False)
class SeedPlan:
    """Everything that a run loads. Plans with the same `content` load the same rows."""

    environment: Environment
    project: Project
    schema: Schema
    lock: Lock
    tables: tuple[TablePlan, ...]
    sources: FakerPools
    content: str

    @property
    def rows(self) -> int:
        return sum(table.count for table in self.tables)

    def with_existing(self, existing: Mapping[str, ExistingRows]) -> "SeedPlan":
        """The same plan, with rows that a database has in tables that the seeds do not plan."""
        requests = {table.name: table.request for table in self.tables}
        order = [table.sql for table in self.tables]
        tables = plan_tables(self.project, self.schema, order, requests, self.lock, self.sources, existing)
        return replace(self, tables=tables)


def plan(project: Project, schema: Schema, environment: Environment, *, as_of: datetime | None = None) -> SeedPlan:
    """Work out what seeds/<environment>.py asks for, in the order in which foreign keys let it be loaded.

    `as_of` takes the place of the lock's. A lock is written where there is none: without one, the same seeds would
    give other rows tomorrow.

    Raises:
        SeedsFileNotFound, InvalidSeedsFile: the file is missing or raises.
        ParentNotPlanned, CyclicReference, NoGenerator, TooFewUniqueValues, UnsupportedUniqueConstraint: as named.
    """
    requests = {request.table: request for request in read_seeds(project, schema, environment)}
    lock = read_lock(project, environment, as_of=as_of)
    order = _in_order([table for table in schema.tables if table.key in requests], requests)
    sources = FakerPools(lock.as_of, FakerCache(project.root / POOLS))
    tables = _fitting(project, schema, order, requests, lock, sources)
    made = SeedPlan(environment, project, schema, lock, tables, sources, content(lock, tables))
    if not lock_file(project, environment).exists():
        write_lock(project, environment, lock)
    return made


def _fitting(
    project: Project,
    schema: Schema,
    order: Sequence[SqlTable],
    requests: Mapping[str, TableRequest],
    lock: Lock,
    sources: FakerPools,
) -> tuple[TablePlan, ...]:
    """Plan the tables, with fewer rows of those of which fewer will do.

    Raises:
        TooFewUniqueValues: there are too few values for the rows of another.
    """
    while True:
        planned = _plan_or_shortage(project, schema, order, requests, lock, sources, {})
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
    sources: FakerPools,
    existing: Mapping[str, ExistingRows],
) -> tuple[TablePlan, ...]:
    """Plan tables in an order that is known already; `existing` are rows of tables that are not planned.

    Raises:
        TooFewUniqueValues: there are too few values for the rows of one.
    """
    planned = _plan_or_shortage(project, schema, order, requests, lock, sources, existing)
    if isinstance(planned, TooFewUniqueValues):
        raise planned
    return planned


def _plan_or_shortage(
    project: Project,
    schema: Schema,
    order: Sequence[SqlTable],
    requests: Mapping[str, TableRequest],
    lock: Lock,
    sources: FakerPools,
    existing: Mapping[str, ExistingRows],
) -> tuple[TablePlan, ...] | TooFewUniqueValues:
    """The tables, or the first shortage of values that is found."""
    specs = {
        str(table.key): table_spec(table, schema.classes.get(table.key), requests[table.key], lock, project.root, rank)
        for rank, table in enumerate(order)
    }
    for spec in specs.values():
        _check_share(spec, specs)
    tables = PlannedTables(specs, existing, sources)
    check = InheritanceCheck(lambda name: tables.resolved(name) if name in specs else None)
    inheriting = [name for name, spec in specs.items() if find_inheritance(spec) is not None]
    for find in (shortage_of_rows, check.check):
        for name in inheriting:
            if (shortage := find(tables.resolved(name))) is not None:
                return shortage
    for name in specs:
        shortage = tables.shortage(name)
        if shortage is not None:
            return shortage
        check_explicit_rows(tables.resolved(name))
    return tuple(tables.plan(name) for name in specs)


def table_spec(
    table: SqlTable, model: type[Any] | None, request: TableRequest, lock: Lock, root: Path, rank: int
) -> TableSpec:
    """Analyse one table of the plan."""
    return analyse(TableDefinition(table, model, request, lock.seed, lock.as_of, root, rank, read_column_types(table)))


def _check_share(table: TableSpec, specs: Mapping[str, TableSpec]) -> None:
    """Check that the parent of a share is planned, and loaded before the table."""
    share = table.rows_per_parent
    if share is None:
        return
    parent = specs.get(share.parent)
    if parent is None:
        raise ParentNotPlanned(table.name, share.column, share.parent)
    if parent.rank >= table.rank:
        raise CyclicReference(table.name, share.column, share.parent, nullable=False)


def _in_order(tables: Sequence[SqlTable], requests: Mapping[str, TableRequest]) -> list[SqlTable]:
    """Parents before children. A foreign key that the seeds leave NULL does not count, and so can open a cycle; so does
    one that may be NULL or may wait for the end of the transaction, where nothing else opens it.
    """
    waiting, ordered = list(tables), list[SqlTable]()
    while waiting:
        left = {table.key for table in waiting}
        free = (table for table in waiting if not left & _needed(table, requests[table.key]))
        opened = (table for table in waiting if not left & _needed(table, requests[table.key], strictly=True))
        chosen = next(free, None)
        ordered.append(chosen if chosen is not None else next(opened, waiting[0]))
        waiting.remove(ordered[-1])
    return ordered


def _needed(table: SqlTable, request: TableRequest, *, strictly: bool = False) -> set[str]:
    """The tables that must be loaded before; with `strictly`, only those that no row can do without."""
    found = set()
    for key in table.foreign_key_constraints:
        own = [element.parent for element in key.elements]
        if any(request.rules.get(str(column.name)) == Constant(None) for column in own):
            continue
        follows = isinstance(request.rows, RowsPerParent) and request.rows.column == own[0].name
        if strictly and not follows and (key.deferrable or any(column.nullable for column in own)):
            continue
        found.add(key.elements[0].column.table.key)
    return found - {table.key}
