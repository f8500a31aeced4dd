"""What a database remembers of each revision that was applied to it, whoever applied it."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from seedbed.migrating.sealing import fingerprint
from seedbed.postgres.marks import ensure_records

_TABLE = """
CREATE TABLE IF NOT EXISTS seedbed.revisions (
    revision text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now(),
    applied_by text NOT NULL DEFAULT current_user, seconds double precision NOT NULL)
"""


def record(*, ctx: Any, step: Any, **_rest: object) -> None:
    """Alembic's `on_version_apply`: write the step down in its own transaction, so that it is recorded if it happened.

    The seconds are those since the transaction began, which is the step's own.
    """
    connection = ctx.connection
    if ctx.as_sql or connection is None:
        return
    ensure_records(connection)
    connection.execute(text(_TABLE))
    if not step.is_upgrade:
        down = {"revisions": list(step.up_revision_ids)}
        connection.execute(text("DELETE FROM seedbed.revisions WHERE revision = ANY (:revisions)"), down)
        return
    script = step.up_revision
    connection.execute(
        text(
            "INSERT INTO seedbed.revisions (revision, checksum, seconds)"
            " VALUES (:revision, :checksum, extract(epoch FROM clock_timestamp() - now()))"
            " ON CONFLICT (revision) DO UPDATE SET checksum = excluded.checksum, applied_at = now(),"
            " applied_by = current_user, seconds = excluded.seconds"
        ),
        {"revision": script.revision, "checksum": fingerprint(Path(script.path))},
    )


def recorded(connection: Connection) -> dict[str, str]:
    """The checksums of the revisions that were applied; those from before Seedbed kept them have none."""
    if connection.execute(text("SELECT to_regclass('seedbed.revisions')")).scalar() is None:
        return {}
    rows = connection.execute(text("SELECT revision, checksum FROM seedbed.revisions")).all()
    return {str(revision): str(checksum) for revision, checksum in rows}
