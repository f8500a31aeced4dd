"""The record, in the database, of the seeds that were loaded, and whether others may follow them."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, text

from seedbed.errors import AppendConflict, UnseededRows
from seedbed.postgres.database import Database
from seedbed.postgres.environment_mark import ensure_seedbed_schema
from seedbed.postgres.locks import SEEDING_LOCK
from seedbed.seeding.loading.target_tables import TargetTables
from seedbed.seeding.planning.lock_file import Lock
from seedbed.seeding.planning.seed_plan import SeedPlan


@dataclass(frozen=True)
class SeedLogEntry:
    """The plan that was loaded last: its content, the values of its lock, and the seeded rows of each table."""

    content: str
    rows: Mapping[str, int]
    engine: int
    seed: int
    as_of: datetime

    def find_mismatch(self, lock: Lock) -> tuple[str, object, object] | None:
        """Find the first value that a lock has changed since these rows: its name, the old and the new value."""
        facts = (("engine", self.engine, lock.engine), ("seed", self.seed, lock.seed))
        timestamps = ("as_of", self.as_of.astimezone(UTC).isoformat(), lock.as_of.astimezone(UTC).isoformat())
        return next((fact for fact in (*facts, timestamps) if fact[1] != fact[2]), None)


def acquire_seeding_lock(connection: Connection) -> None:
    """Wait until no other session seeds this database; holds an advisory lock until the transaction ends."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": SEEDING_LOCK})


def read_seed_log(connection: Connection) -> SeedLogEntry | None:
    """Read the record of the last load, if there is one."""
    if connection.execute(text("SELECT to_regclass('seedbed.seeds')")).scalar() is None:
        return None
    row = connection.execute(text("SELECT content, rows, engine, seed, as_of FROM seedbed.seeds")).one_or_none()
    return None if row is None else SeedLogEntry(row.content, row.rows, row.engine, row.seed, row.as_of)


def write_seed_log(
    connection: Connection,
    plan: SeedPlan,
    revision: str | None,
    previous: SeedLogEntry | None,
    *,
    is_append: bool = False,
) -> None:
    """Record the plan that was loaded, in the transaction that loads it; tables of earlier plans stay in the record.

    With `is_append` the row count of a table never decreases.
    """
    ensure_seedbed_schema(connection)
    connection.execute(
        text(
            "CREATE TABLE IF NOT EXISTS seedbed.seeds ("
            " singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton), content text NOT NULL, engine int NOT NULL,"
            " seed bigint NOT NULL, as_of timestamptz NOT NULL, revision text, rows jsonb NOT NULL,"
            " seeded_at timestamptz NOT NULL DEFAULT now())"
        )
    )
    rows = dict(previous.rows) if previous is not None else {}
    for table in plan.tables:
        rows[table.name] = max(table.count, rows.get(table.name, 0)) if is_append else table.count
    connection.execute(
        text(
            "INSERT INTO seedbed.seeds (content, engine, seed, as_of, revision, rows)"
            " VALUES (:content, :engine, :seed, :as_of, :revision, CAST(:rows AS jsonb))"
            " ON CONFLICT (singleton) DO UPDATE SET content = excluded.content, engine = excluded.engine,"
            " seed = excluded.seed, as_of = excluded.as_of, revision = excluded.revision, rows = excluded.rows,"
            " seeded_at = now()"
        ),
        {
            "content": plan.content,
            "engine": plan.lock.engine,
            "seed": plan.lock.seed,
            "as_of": plan.lock.as_of,
            "revision": revision,
            "rows": json.dumps(rows),
        },
    )


def check_seeded(database: Database, target: TargetTables, log_entry: SeedLogEntry | None) -> None:
    """Check that all tables with rows were seeded before; other rows are from a migration or a person."""
    if unseeded := list_unseeded(target, log_entry):
        raise UnseededRows(database.name, unseeded)


def list_unseeded(target: TargetTables, log_entry: SeedLogEntry | None) -> list[str]:
    return [name for name in target.occupied if log_entry is None or name not in log_entry.rows]


def check_appendable(plan: SeedPlan, ranges: Mapping[str, range]) -> None:
    """Check that new rows do not change the classes of existing rows.

    Raises:
        AppendConflict: in joined inheritance, the class of a row depends on the row counts of the subclasses.
    """
    for table in plan.tables:
        extensions = [] if table.inheritance is None else [n for n in table.inheritance.extensions if n in ranges]
        names = [name for name in (table.name, *extensions) if ranges[name]]
        if extensions and names:
            raise AppendConflict(
                f"The class of each row of {table.name} depends on the row counts of its subclasses, and the seeds"
                f" plan more rows of {', '.join(names)}"
            )
