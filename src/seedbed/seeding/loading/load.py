"""A plan loaded into a database: one transaction, one connection, COPY."""

from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice

from psycopg2 import Error as DriverError
from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from seedbed.errors import (
    AppendConflict,
    CyclicReference,
    DatabaseUnreachable,
    RejectedRows,
    SeedLockMismatch,
    TablesNotEmpty,
    UnseededRows,
)
from seedbed.postgres.connection import connect, execute_verbatim
from seedbed.postgres.database import Database, refuse_pooler
from seedbed.postgres.environment_mark import DestructiveAction, claim_environment, refuse_protected_database
from seedbed.postgres.quoting import quote_table
from seedbed.seeding.encoding.rows import chunks
from seedbed.seeding.loading import dropped_constraints as asides
from seedbed.seeding.loading.check_trial import check_refused, try_checks
from seedbed.seeding.loading.copy import ahead, blamed, copy, named
from seedbed.seeding.loading.dropped_constraints import WORTH_IT, Aside, aside
from seedbed.seeding.loading.parallel import made_elsewhere
from seedbed.seeding.loading.row_security import unforced_row_security
from seedbed.seeding.loading.seed_log import Recorded, record, recorded, seeding_alone
from seedbed.seeding.loading.sequences import sequences_advanced
from seedbed.seeding.loading.table_lock import Held, hold, renewed
from seedbed.seeding.loading.target_tables import Found, changed, clear, look, rows_there
from seedbed.seeding.planning.seed_plan import SeedPlan
from seedbed.seeding.planning.table_plan import TablePlan

_TRIES = 3
"""A connection that is cut takes the whole load with it; it is begun again twice."""

Progress = Callable[[str, int], None]
"""Told the name of a table and how many rows of it go out."""


@dataclass(frozen=True)
class Seeded:
    """What a run did; `loaded` is false where there was nothing to load: these seeds were loaded before, or have no
    more rows than were.

    `rows` were loaded, or else are planned. `changed` are tables that have had another number of rows since they were
    loaded, with that number, of which one more than were loaded stands for any. `kept` says what stayed in place of
    constraints that would have been set aside, and why.
    """

    database: str
    content: str
    loaded: bool
    rows: dict[str, int]
    kept: dict[str, str] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)


def run(
    plan: SeedPlan,
    database: Database,
    *,
    revision: str | None,
    fresh: bool = False,
    append: bool = False,
    executor: Executor | None = None,
    progress: Progress | None = None,
    set_aside: bool | None = None,
) -> Seeded:
    """Load a plan, unless it was loaded already.

    All of it is one transaction: after a failure, or a kill, the database is as it was. Of several runs at once the
    first loads and the others find its rows. A cut connection is tried again, whole. `revision` is what the database is
    at, and is written down beside the rows.

    What people or an application changed of rows that were loaded is theirs, and is left. `fresh` first empties the
    tables of the plan; `append` adds the rows that come after those loaded before. An `executor` makes the rows
    elsewhere. `set_aside` says whether constraints and indexes are taken off empty tables for the load; otherwise the
    number of rows does.

    Raises:
        ProtectedEnvironment, EnvironmentMismatch, UnmarkedDatabase: its own mark, or the want of one, forbids it.
        MissingTables, ExtensionNotCreated: the database lacks a table, a column or a type of the plan.
        TablesNotEmpty, UnseededRows: there are other rows, and nothing says that they may go.
        ReferencedRows: they cannot go, since rows of other tables need them.
        RejectedRows, UnsatisfiedCheck: a row breaks a rule of the schema.
        AppendConflict: a row that would come after others does not go with them.
        SeedLockMismatch: rows would come after such as were made with another seed, clock or engine.
        RowSecurityActive: policies hold for the role, which is not the owner.
        LoadFailure: the server has no room.
        InvalidSeedsFile: a value in the seeds cannot be made, or does not fit its column.
    """
    refuse_pooler(database, trust_url=database.url != database.direct)
    load = _Load(plan, database, revision, executor, progress, set_aside)
    for tries_left in reversed(range(_TRIES)):
        try:
            return load.run(fresh=fresh, append=append)
        except DatabaseUnreachable:
            if not tries_left or not load.began:
                raise
    raise AssertionError


class _Load:
    def __init__(
        self,
        plan: SeedPlan,
        database: Database,
        revision: str | None,
        executor: Executor | None,
        progress: Progress | None,
        set_aside: bool | None,
    ) -> None:
        self._plan, self._database, self._revision = plan, database, revision
        self._executor, self._progress, self._set_aside = executor, progress, set_aside
        self.began = False

    def run(self, *, fresh: bool, append: bool) -> Seeded:
        database, plan = self._database, self._plan
        with connect(database, application="seedbed seed") as connection:
            refuse_protected_database(connection, database, DestructiveAction.SEED)
            seeding_alone(connection)
            claim_environment(connection, database, "seed")
            connection.execute(text("SET LOCAL TimeZone TO 'UTC'"))  # in which CHECKs read times without a zone here
            with unforced_row_security(connection, plan):
                seeded = self._run(connection, fresh=fresh, append=append)
            connection.commit()
        if seeded.loaded:
            plan.sources.save()
        return seeded

    def _run(self, connection: Connection, *, fresh: bool, append: bool) -> Seeded:
        database, plan = self._database, self._plan
        found, before = look(connection, database, plan), recorded(connection)
        self.began = True
        if found.occupied and not fresh:
            if before is not None and before.content == plan.content:
                return self._seeded(loaded=False, rows=before.rows, changed=changed(connection, plan, before.rows))
            if not append or before is None or not set(found.occupied) <= set(before.rows):
                raise TablesNotEmpty(database.name, found.occupied, unseeded=_of_others(found, before))
            if (otherwise := before.otherwise(plan.lock)) is not None:
                raise SeedLockMismatch(found.occupied, *otherwise)
        if found.occupied and fresh:
            _see_that_they_are_ours(database, found, before)
            clear(connection, plan)
        there = rows_there(connection, plan)
        if there:
            plan = plan.with_existing(there)
        start = before.rows if append and before is not None and found.occupied else {}
        parts = {table.name: range(start.get(table.name, 0), table.count) for table in plan.tables}
        if start and not any(parts.values()):
            return self._seeded(loaded=False)
        if start:
            _check_appendable(plan, parts)
        try:
            kept = self._load(connection, plan, found, parts, untouched=not start)
            _check_deferred(connection)
        except RejectedRows as error:
            if not start:
                raise
            raise AppendConflict(error.message) from error
        record(connection, plan, self._revision, before, added=bool(start))
        return self._seeded(loaded=True, kept=kept, rows={name: len(rows) for name, rows in parts.items()})

    def _seeded(
        self,
        *,
        loaded: bool,
        rows: Mapping[str, int] | None = None,
        kept: dict[str, str] | None = None,
        changed: dict[str, int] | None = None,
    ) -> Seeded:
        known = rows or {}
        counts = {table.name: known.get(table.name, table.count) for table in self._plan.tables}
        return Seeded(self._database.name, self._plan.content, loaded, counts, kept or {}, changed or {})

    def _load(
        self, connection: Connection, plan: SeedPlan, found: Found, parts: Mapping[str, range], *, untouched: bool
    ) -> dict[str, str]:
        if untouched:
            try_checks(connection, plan, found.oids, named)
        away, anew = self._away(connection, plan, found, untouched=untouched)
        asides.run(connection, [*away.off, *renewed(anew)])
        if any(key.is_loaded_later for table in plan.tables for key in table.keys):
            connection.execute(text("SET CONSTRAINTS ALL DEFERRED"))
        with closing(ahead(self._chunks(plan, parts), sum(map(len, parts.values())))) as made:
            for table in plan.tables:
                if rows := parts[table.name]:
                    copy(connection, table, islice(made, len(chunks(rows))), frozen=quote_table(table.sql) in anew)
        try:
            asides.run(connection, away.back)
        except DriverError as error:
            raise self._blamed(error) from error
        execute_verbatim(connection, ";\n".join([*sequences_advanced(connection, plan), *_analysed(plan)]))
        return dict(away.kept)

    def _chunks(self, plan: SeedPlan, parts: Mapping[str, range]) -> Generator[bytes]:
        """The rows of all tables, one after another."""
        for table in plan.tables:
            rows = parts[table.name]
            made = made_elsewhere(self._executor, self._plan, table, rows)
            for part, written in zip(chunks(rows), made, strict=True):
                if self._progress is not None:
                    self._progress(table.name, len(part))
                yield written

    def _away(
        self, connection: Connection, plan: SeedPlan, found: Found, *, untouched: bool
    ) -> tuple[Aside, Sequence[str]]:
        """What is set aside, and which tables are made anew: all that can be for a big load into empty tables, else
        only keys that rows of a cycle need away.
        """
        late = [
            (table.name, key.columns[0])
            for table in plan.tables
            for key in table.keys
            if key.is_loaded_later and not _may_wait(table, key.columns[0])
        ]
        big = plan.rows >= WORTH_IT
        wanted = big if self._set_aside is None else self._set_aside
        held = self._held(connection, plan) if untouched and (big or wanted) else None
        anew = held.renewable if held is not None else ()
        if wanted and held is not None:
            return aside(connection, found.oids), anew
        if not late:
            busy = wanted and untouched
            return Aside(kept=(("everything", "somebody else is using the tables"),) if busy else ()), anew
        away = aside(connection, found.oids, only=late)
        if len(away.off) < len(late):
            name, column = late[0]
            table = next(table for table in plan.tables if table.name == name)
            key = table.find_key(column)
            raise CyclicReference(name, column, key.target if key is not None else name, nullable=True)
        return away, anew

    def _held(self, connection: Connection, plan: SeedPlan) -> Held | None:
        names = {quote_table(table.sql): table.name for table in plan.tables}
        held = hold(connection, [*names])
        if held is not None and held.occupied:
            raise TablesNotEmpty(self._database.name, [names[quoted] for quoted in held.occupied])
        return held

    def _blamed(self, error: DriverError) -> Exception:
        name = str(error.diag.table_name)
        table = next((table for table in self._plan.tables if table.sql.name == name), None)
        met = check_refused(table, error) if table is not None else None
        return met or blamed(table.name if table is not None else name, error) or error


def _check_appendable(plan: SeedPlan, parts: Mapping[str, range]) -> None:
    """Check that no class of a row that is there depends on how many rows there are.

    Raises:
        AppendConflict: it does, in joined inheritance.
    """
    for table in plan.tables:
        extensions = [] if table.inheritance is None else [n for n in table.inheritance.extensions if n in parts]
        names = [name for name in (table.name, *extensions) if parts[name]]
        if extensions and names:
            raise AppendConflict(
                f"Which class a row of {table.name} is of depends on how many rows its subclasses have, and the seeds"
                f" plan more of {', '.join(names)}"
            )


def _see_that_they_are_ours(database: Database, found: Found, before: Recorded | None) -> None:
    """Rows of tables that were never seeded are a migration's or somebody's, and not ours to delete."""
    if others := _of_others(found, before):
        raise UnseededRows(database.name, others)


def _of_others(found: Found, before: Recorded | None) -> list[str]:
    return [name for name in found.occupied if before is None or name not in before.rows]


def _may_wait(table: TablePlan, column: str) -> bool:
    return any(key.deferrable for key in table.sql.foreign_key_constraints if key.elements[0].parent.name == column)


def _analysed(plan: SeedPlan) -> list[str]:
    """Have the planner know the rows before the first query; a role that may not is told so by a warning alone."""
    tables = [quote_table(table.sql) for table in plan.tables if table.count]
    return [f"ANALYZE {', '.join(tables)}" if tables else "SELECT"]


def _check_deferred(connection: Connection) -> None:
    """Have constraints that wait for the commit say now what they would say then."""
    try:
        connection.execute(text("SET CONSTRAINTS ALL IMMEDIATE"))
    except DBAPIError as error:
        ours = blamed(str(error.orig.diag.table_name), error.orig) if isinstance(error.orig, DriverError) else None
        if ours is None:
            raise
        raise ours from error
