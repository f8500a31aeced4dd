"""What a seed run will load, worked out before anything is loaded: tables in order, row counts, columns' sources."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import Table as SqlTable

from seedbed.errors import CyclicReference, TooFewUniqueValues, ParentNotPlanned
from seedbed.schema import Schema
from seedbed.seeding.analysis.inheritance import check_inheritance
from seedbed.seeding.api.rules import Constant
from seedbed.seeding.api.seeds_file import Share, Wanted, read_seeds
from seedbed.seeding.core.faker_pool import Pools, Shelf
from seedbed.seeding.planning.digest import content
from seedbed.seeding.planning.explicit_rows import see_that_there_is_room
from seedbed.seeding.planning.lock_file import Lock, lock_file, read_lock, write_lock
from seedbed.seeding.planning.table_plan import TablePlan
from seedbed.seeding.resolution.parent_rows import Existing
from seedbed.seeding.resolution.uniqueness import see_that_they_fit
from seedbed.settings import Environment, Project

POOLS = Path(".seedbed/pools")
"""Where a project keeps Faker's values for the next run; nothing is lost with it."""


@dataclass(frozen=True, eq=False)
class SeedPlan:
    """Everything that a run loads. Two plans with the same `content` load the same rows."""

    environment: Environment
    project: Project
    schema: Schema
    lock: Lock
    tables: tuple[TablePlan, ...]
    sources: Pools
    content: str

    @property
    def rows(self) -> int:
        return sum(table.count for table in self.tables)

    def with_rows_there(self, found: Mapping[str, Existing]) -> "SeedPlan":
        """The same plan over rows that a database has in tables which the seeds do not plan."""
        wanted = {table.name: table.wish for table in self.tables}
        order = [table.sql for table in self.tables]
        tables = table_plans(self.project, self.schema, order, wanted, self.lock, self.sources, found)
        return SeedPlan(self.environment, self.project, self.schema, self.lock, tables, self.sources, self.content)


def plan(project: Project, schema: Schema, environment: Environment, *, as_of: datetime | None = None) -> SeedPlan:
    """Work out what seeds/<environment>.py asks for, in the order in which foreign keys let it be loaded.

    `as_of` takes the place of the lock's. A lock is written where there is none: without one, the same seeds would
    give other rows tomorrow.

    Raises:
        SeedsFileNotFound, InvalidSeedsFile: the file is missing or raises.
        ParentNotPlanned, CyclicReference, NoGenerator, TooFewUniqueValues, UnsupportedUniqueConstraint: it cannot be made.
    """
    wanted = {wish.table: wish for wish in read_seeds(project, schema, environment)}
    lock = read_lock(project, environment, as_of=as_of)
    order = _in_order([table for table in schema.tables if table.key in wanted], wanted)
    sources = Pools(lock.as_of, Shelf(project.root / POOLS))
    tables = _fitted(lambda: table_plans(project, schema, order, wanted, lock, sources, {}), wanted)
    made = SeedPlan(environment, project, schema, lock, tables, sources, content(lock, tables))
    if not lock_file(project, environment).exists():
        write_lock(project, environment, lock)
    return made


def _fitted(make: Callable[[], tuple[TablePlan, ...]], wanted: Mapping[str, Wanted]) -> tuple[TablePlan, ...]:
    """Plan the tables, with fewer rows of those of which fewer will do."""
    while True:
        try:
            return make()
        except TooFewUniqueValues as error:
            wish = wanted.get(error.table)
            if wish is None or not wish.or_fewer or not isinstance(wish.rows, int) or error.available >= wish.rows:
                raise
            wish.rows = error.available


def table_plans(
    project: Project,
    schema: Schema,
    order: Sequence[SqlTable],
    wanted: Mapping[str, Wanted],
    lock: Lock,
    sources: Pools,
    there: Mapping[str, Existing],
) -> tuple[TablePlan, ...]:
    """Plans of tables in an order that is known already; `there` are rows of tables that are not planned."""
    planned: dict[str, TablePlan] = {}
    for rank, table in enumerate(order):
        wish, model = wanted[table.key], schema.classes.get(table.key)
        planned[table.key] = TablePlan(table, model, wish, lock, project.root, sources, planned, rank, there)
    for made in planned.values():
        _see_its_parent(made)
    for made in planned.values():
        check_inheritance(made)
    for made in planned.values():
        if made.fillings:
            see_that_they_fit(made)
        see_that_there_is_room(made)
    return tuple(planned.values())


def _see_its_parent(table: TablePlan) -> None:
    share = table.share
    if share is None:
        return
    parent = table.planned.get(share.parent)
    if parent is None:
        raise ParentNotPlanned(table.name, share.column, share.parent)
    if parent.rank >= table.rank:
        raise CyclicReference(table.name, share.column, share.parent, nullable=False)


def _in_order(tables: Sequence[SqlTable], wanted: Mapping[str, Wanted]) -> list[SqlTable]:
    """Parents before children. A foreign key that the seeds leave NULL does not count, and so can open a cycle; so does
    one that may be NULL or may wait for the end of the transaction, where nothing else opens it.
    """
    waiting, ordered = list(tables), list[SqlTable]()
    while waiting:
        left = {table.key for table in waiting}
        free = (table for table in waiting if not left & _needed(table, wanted[table.key]))
        opened = (table for table in waiting if not left & _needed(table, wanted[table.key], strictly=True))
        chosen = next(free, None)
        ordered.append(chosen if chosen is not None else next(opened, waiting[0]))
        waiting.remove(ordered[-1])
    return ordered


def _needed(table: SqlTable, wish: Wanted, *, strictly: bool = False) -> set[str]:
    """The tables whose rows must be there before; `strictly` those without which no row can be made at all."""
    found = set()
    for key in table.foreign_key_constraints:
        own = [element.parent for element in key.elements]
        if any(wish.rules.get(str(column.name)) == Constant(None) for column in own):
            continue
        follows = isinstance(wish.rows, Share) and wish.rows.column == own[0].name
        if strictly and not follows and (key.deferrable or any(column.nullable for column in own)):
            continue
        found.add(key.elements[0].column.table.key)
    return found - {table.key}
