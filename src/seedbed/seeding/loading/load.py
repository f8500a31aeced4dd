"""Loading of a seed plan into a database, in one transaction."""

from collections.abc import Callable, Generator, Mapping, Sequence
from concurrent.futures import Executor
from contextlib import closing
from dataclasses import dataclass, field
from itertools import islice

from psycopg2 import Error as DriverError
from sqlalchemy import Connection, text

from seedbed.errors import (
    AppendConflict,
    CyclicReference,
    DatabaseUnreachable,
    RejectedRows,
    SeedLockMismatch,
    TablesNotEmpty,
)
from seedbed.postgres.connection import connect, execute_verbatim
from seedbed.postgres.database import Database, refuse_pooler
from seedbed.postgres.environment_mark import DestructiveAction, claim_environment, refuse_protected_database
from seedbed.postgres.quoting import quote_table
from seedbed.seeding.encoding.rows import split_into_chunks
from seedbed.seeding.loading.check_trial import translate_check_error, try_checks
from seedbed.seeding.loading.copy import (
    check_deferred_constraints,
    copy_rows,
    prefetch,
    translate_copy_error,
    translate_driver_error,
)
from seedbed.seeding.loading.dropped_constraints import (
    CONSTRAINT_DROP_MIN_ROWS,
    ConstraintDrop,
    execute_statements,
    plan_constraint_drop,
)
from seedbed.seeding.loading.parallel import encode_with_executor
from seedbed.seeding.loading.seed_log import (
    acquire_seeding_lock,
    check_appendable,
    check_seeded,
    list_unseeded,
    read_seed_log,
    write_seed_log,
)
from seedbed.seeding.loading.sequences import build_setval_statements
from seedbed.seeding.loading.target_tables import (
    LockedTables,
    TargetTables,
    build_truncate,
    count_changed_rows,
    find_target_tables,
    lock_tables,
    read_existing_rows,
    suspend_forced_row_security,
    truncate_tables,
)
from seedbed.seeding.planning.seed_plan import SeedPlan
from seedbed.seeding.planning.table_plan import TablePlan

_MAX_ATTEMPTS = 3
"""A lost connection ends the whole load, so the load starts again, up to this many times."""

Progress = Callable[[str, int], None]
"""Receives the name of a table and the number of rows that are sent to it next."""


@dataclass(frozen=True)
class LoadedSeeds:
    """The result of a load.

    `loaded` is false if there was nothing to load: these seeds are already loaded, or `append` found no new rows.
    `rows` has the rows of each table that were loaded, or else those that are planned. `changed` has the tables whose
    row count has changed since they were loaded, each with its current count; counting stops at one more than were
    loaded. `kept` has the constraints and indexes that were not dropped during the load, each with the reason.
    """

    database: str
    content: str
    loaded: bool
    rows: dict[str, int]
    kept: dict[str, str] = field(default_factory=dict)
    changed: dict[str, int] = field(default_factory=dict)


def load_seeds(
    plan: SeedPlan,
    database: Database,
    *,
    revision: str | None,
    fresh: bool = False,
    append: bool = False,
    executor: Executor | None = None,
    progress: Progress | None = None,
    drop_constraints: bool | None = None,
) -> LoadedSeeds:
    """Load a plan, unless it is already loaded.

    The load is one transaction: after a failure or a kill the database is unchanged. If several processes load the same
    plan at once, the first one loads and the others find its rows. A load that loses its connection starts again.
    `revision` is the database's current revision, which is recorded in the seed log.

    Seeded rows that somebody has changed since they were loaded stay as they are. `fresh` first empties the planned
    tables; `append` adds the rows after those already loaded. An `executor` encodes the rows in other processes.
    `drop_constraints` says whether constraints and indexes of empty tables are dropped during the load; by default this
    depends on the number of rows.

    Raises:
        ProtectedEnvironment, EnvironmentMismatch, UnmarkedDatabase: the database's mark, or a missing one, forbids it.
        MissingTables, ExtensionNotCreated: the database lacks a table, a column or a type of the plan.
        TablesNotEmpty, UnseededRows: tables have other rows that may not be deleted.
        ReferencedRows: rows of other tables refer to rows that would be deleted.
        RejectedRows, UnsatisfiedCheck: a row violates a rule of the schema.
        AppendConflict: a new row conflicts with the existing rows.
        SeedLockMismatch: the existing rows were generated with another seed, `as_of` or engine.
        RowSecurityActive: row level security applies to the role, which is not the owner.
        LoadFailure: the server could not store the rows.
        InvalidSeedsFile: a value in the seeds cannot be generated, or does not fit its column.
    """
    refuse_pooler(database, trust_url=database.url != database.direct)
    loader = _Loader(plan, database, revision, executor, progress, drop_constraints)
    for attempts_left in reversed(range(_MAX_ATTEMPTS)):
        try:
            return loader.load(fresh=fresh, append=append)
        except DatabaseUnreachable:
            if not attempts_left or not loader.has_started:
                raise
    raise AssertionError


class _Loader:
    def __init__(
        self,
        plan: SeedPlan,
        database: Database,
        revision: str | None,
        executor: Executor | None,
        progress: Progress | None,
        drop_constraints: bool | None,
    ) -> None:
        self._plan, self._database, self._revision = plan, database, revision
        self._executor, self._progress, self._drop_constraints = executor, progress, drop_constraints
        self.has_started = False

    def load(self, *, fresh: bool, append: bool) -> LoadedSeeds:
        database, plan = self._database, self._plan
        with connect(database, application="seedbed seed") as connection:
            refuse_protected_database(connection, database, DestructiveAction.SEED)
            acquire_seeding_lock(connection)
            claim_environment(connection, database, "seed")
            connection.execute(text("SET LOCAL TimeZone TO 'UTC'"))  # as the planner evaluates CHECKs
            with suspend_forced_row_security(connection, plan):
                result = self._load_in_transaction(connection, fresh=fresh, append=append)
            connection.commit()
        if result.loaded:
            plan.pools.save()
        return result

    def _load_in_transaction(self, connection: Connection, *, fresh: bool, append: bool) -> LoadedSeeds:
        database, plan = self._database, self._plan
        target, log_entry = find_target_tables(connection, database, plan), read_seed_log(connection)
        self.has_started = True
        if target.occupied and not fresh:
            if log_entry is not None and log_entry.content == plan.content:
                return self._build_result(
                    loaded=False, rows=log_entry.rows, changed=count_changed_rows(connection, plan, log_entry.rows)
                )
            if not append or log_entry is None or not set(target.occupied) <= set(log_entry.rows):
                raise TablesNotEmpty(database.name, target.occupied, unseeded=list_unseeded(target, log_entry))
            if (mismatch := log_entry.find_mismatch(plan.lock)) is not None:
                raise SeedLockMismatch(target.occupied, *mismatch)
        if target.occupied and fresh:
            check_seeded(database, target, log_entry)
            truncate_tables(connection, plan)
        existing_rows = read_existing_rows(connection, plan)
        if existing_rows:
            plan = plan.with_existing(existing_rows)
        loaded_rows = log_entry.rows if append and log_entry is not None and target.occupied else {}
        ranges = {table.name: range(loaded_rows.get(table.name, 0), table.count) for table in plan.tables}
        if loaded_rows and not any(ranges.values()):
            return self._build_result(loaded=False)
        if loaded_rows:
            check_appendable(plan, ranges)
        try:
            kept = self._copy_tables(connection, plan, target, ranges, is_first_load=not loaded_rows)
            check_deferred_constraints(connection)
        except RejectedRows as error:
            if not loaded_rows:
                raise
            raise AppendConflict(error.message) from error
        write_seed_log(connection, plan, self._revision, log_entry, is_append=bool(loaded_rows))
        return self._build_result(loaded=True, kept=kept, rows={name: len(rows) for name, rows in ranges.items()})

    def _build_result(
        self,
        *,
        loaded: bool,
        rows: Mapping[str, int] | None = None,
        kept: dict[str, str] | None = None,
        changed: dict[str, int] | None = None,
    ) -> LoadedSeeds:
        known_counts = rows or {}
        counts = {table.name: known_counts.get(table.name, table.count) for table in self._plan.tables}
        return LoadedSeeds(self._database.name, self._plan.content, loaded, counts, kept or {}, changed or {})

    def _copy_tables(
        self,
        connection: Connection,
        plan: SeedPlan,
        target: TargetTables,
        ranges: Mapping[str, range],
        *,
        is_first_load: bool,
    ) -> dict[str, str]:
        if is_first_load:
            try_checks(connection, plan, target.oids, translate_copy_error)
        constraint_drop, truncated = self._plan_preparation(connection, plan, target, is_first_load=is_first_load)
        execute_statements(connection, [*constraint_drop.drop_statements, *build_truncate(truncated)])
        if any(key.is_loaded_later for table in plan.tables for key in table.keys):
            connection.execute(text("SET CONSTRAINTS ALL DEFERRED"))
        with closing(prefetch(self._generate_chunks(plan, ranges), sum(map(len, ranges.values())))) as chunks:
            for table in plan.tables:
                if rows := ranges[table.name]:
                    table_chunks = islice(chunks, len(split_into_chunks(rows)))
                    copy_rows(connection, table, table_chunks, freeze=quote_table(table.sql) in truncated)
        try:
            execute_statements(connection, constraint_drop.restore_statements)
        except DriverError as error:
            raise self._translate_error(error) from error
        execute_verbatim(connection, ";\n".join([*build_setval_statements(connection, plan), *_build_analyze(plan)]))
        return dict(constraint_drop.kept)

    def _generate_chunks(self, plan: SeedPlan, ranges: Mapping[str, range]) -> Generator[bytes]:
        """Generate the encoded rows of all tables, table by table."""
        for table in plan.tables:
            rows = ranges[table.name]
            encoded_chunks = encode_with_executor(self._executor, self._plan, table, rows)
            for chunk_range, chunk in zip(split_into_chunks(rows), encoded_chunks, strict=True):
                if self._progress is not None:
                    self._progress(table.name, len(chunk_range))
                yield chunk

    def _plan_preparation(
        self, connection: Connection, plan: SeedPlan, target: TargetTables, *, is_first_load: bool
    ) -> tuple[ConstraintDrop, Sequence[str]]:
        """Find the constraints to drop and the tables to truncate.

        A large load into empty tables drops and truncates all it can. A small one drops only the foreign keys that a
        cycle of rows violates in the meantime.
        """
        late_keys = [
            (table.name, key.columns[0])
            for table in plan.tables
            for key in table.keys
            if key.is_loaded_later and not _is_deferrable(table, key.columns[0])
        ]
        is_large = plan.rows >= CONSTRAINT_DROP_MIN_ROWS
        drops_constraints = is_large if self._drop_constraints is None else self._drop_constraints
        locked = self._lock_tables(connection, plan) if is_first_load and (is_large or drops_constraints) else None
        truncatable = locked.truncatable if locked is not None else ()
        if drops_constraints and locked is not None:
            return plan_constraint_drop(connection, target.oids), truncatable
        if not late_keys:
            busy = (("everything", "another session is using the tables"),)
            return ConstraintDrop(kept=busy if drops_constraints and is_first_load else ()), truncatable
        constraint_drop = plan_constraint_drop(connection, target.oids, only=late_keys)
        if len(constraint_drop.drop_statements) < len(late_keys):
            name, column = late_keys[0]
            table = next(table for table in plan.tables if table.name == name)
            key = table.find_key(column)
            raise CyclicReference(name, column, key.target if key is not None else name, nullable=True)
        return constraint_drop, truncatable

    def _lock_tables(self, connection: Connection, plan: SeedPlan) -> LockedTables | None:
        names = {quote_table(table.sql): table.name for table in plan.tables}
        locked = lock_tables(connection, [*names])
        if locked is not None and locked.occupied:
            raise TablesNotEmpty(self._database.name, [names[quoted] for quoted in locked.occupied])
        return locked

    def _translate_error(self, error: DriverError) -> Exception:
        name = str(error.diag.table_name)
        table = next((table for table in self._plan.tables if table.sql.name == name), None)
        check_error = translate_check_error(table, error) if table is not None else None
        return check_error or translate_driver_error(table.name if table is not None else name, error) or error


def _is_deferrable(table: TablePlan, column: str) -> bool:
    return any(key.deferrable for key in table.sql.foreign_key_constraints if key.elements[0].parent.name == column)


def _build_analyze(plan: SeedPlan) -> list[str]:
    """Build the ANALYZE of all loaded tables; a role without the right to it gets only a warning."""
    tables = [quote_table(table.sql) for table in plan.tables if table.count]
    return [f"ANALYZE {', '.join(tables)}" if tables else "SELECT"]
