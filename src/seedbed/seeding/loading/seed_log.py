"""What a database says of the seeds that are in it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from sqlalchemy import Connection, text

from seedbed.postgres.environment_mark import ensure_seedbed_schema
from seedbed.postgres.locks import SEEDING_LOCK
from seedbed.seeding.planning.lock_file import Lock
from seedbed.seeding.planning.seed_plan import SeedPlan


@dataclass(frozen=True)
class Recorded:
    """The plan that was loaded last: its content, what its lock made the rows from, and how many rows of each table
    seeds have put there.
    """

    content: str
    rows: Mapping[str, int]
    engine: int
    seed: int
    as_of: datetime

    def otherwise(self, lock: Lock) -> tuple[str, object, object] | None:
        """A value that a lock has, and these rows were not made with: its name, what it was and what it is."""
        facts = (("engine", self.engine, lock.engine), ("seed", self.seed, lock.seed))
        moments = ("as_of", self.as_of.astimezone(UTC).isoformat(), lock.as_of.astimezone(UTC).isoformat())
        return next((fact for fact in (*facts, moments) if fact[1] != fact[2]), None)


def seeding_alone(connection: Connection) -> None:
    """Wait for another session that seeds this database, and keep the next one waiting until the transaction ends."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": SEEDING_LOCK})


def recorded(connection: Connection) -> Recorded | None:
    """What was loaded last, if anything was."""
    if connection.execute(text("SELECT to_regclass('seedbed.seeds')")).scalar() is None:
        return None
    row = connection.execute(text("SELECT content, rows, engine, seed, as_of FROM seedbed.seeds")).one_or_none()
    return None if row is None else Recorded(row.content, row.rows, row.engine, row.seed, row.as_of)


def record(
    connection: Connection, plan: SeedPlan, revision: str | None, before: Recorded | None, *, added: bool = False
) -> None:
    """Write down which plan was loaded, in the transaction that loads it; tables of earlier plans stay known.

    `added` says that its rows came after those of before: of a table that has more than the plan, all stay known.
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
    rows = dict(before.rows) if before is not None else {}
    for table in plan.tables:
        rows[table.name] = max(table.count, rows.get(table.name, 0)) if added else table.count
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
