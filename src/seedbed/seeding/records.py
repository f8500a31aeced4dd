"""What a database says of the seeds that are in it."""

import json

from sqlalchemy import Connection, text

from seedbed.postgres.marks import ensure_records
from seedbed.seeding.plan import SeedPlan

_KEY = 0x5EED


def seeding_alone(connection: Connection) -> None:
    """Wait for another session that seeds this database, and keep the next one waiting until the transaction ends."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _KEY})


def recorded(connection: Connection) -> str | None:
    """The content of the plan that was loaded last."""
    if connection.execute(text("SELECT to_regclass('seedbed.seeds')")).scalar() is None:
        return None
    return connection.execute(text("SELECT content FROM seedbed.seeds")).scalar()


def record(connection: Connection, plan: SeedPlan, revision: str | None) -> None:
    """Write down which plan was loaded, in the transaction that loads it."""
    ensure_records(connection)
    connection.execute(
        text(
            "CREATE TABLE IF NOT EXISTS seedbed.seeds ("
            " singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton), content text NOT NULL, engine int NOT NULL,"
            " seed bigint NOT NULL, as_of timestamptz NOT NULL, revision text, rows jsonb NOT NULL,"
            " seeded_at timestamptz NOT NULL DEFAULT now())"
        )
    )
    connection.execute(text("DELETE FROM seedbed.seeds"))
    connection.execute(
        text(
            "INSERT INTO seedbed.seeds (content, engine, seed, as_of, revision, rows)"
            " VALUES (:content, :engine, :seed, :as_of, :revision, CAST(:rows AS jsonb))"
        ),
        {
            "content": plan.content,
            "engine": plan.lock.engine,
            "seed": plan.lock.seed,
            "as_of": plan.lock.as_of,
            "revision": revision,
            "rows": json.dumps({table.name: table.count for table in plan.tables}),
        },
    )
