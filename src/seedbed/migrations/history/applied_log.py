"""What a database remembers of each revision that was applied to it, whoever applied it."""

from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from seedbed.errors import EditedAppliedRevision
from seedbed.migrations.history.checksum import compute_checksum
from seedbed.migrations.history.revisions import History, Revision
from seedbed.postgres.environment_mark import ensure_records

_TABLE = """
CREATE TABLE IF NOT EXISTS seedbed.revisions (
    revision text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now(),
    applied_by text NOT NULL DEFAULT current_user, seconds double precision NOT NULL)
"""
_INSERT = """
INSERT INTO seedbed.revisions (revision, checksum, seconds)
VALUES (:revision, :checksum, extract(epoch FROM clock_timestamp() - now()))
ON CONFLICT (revision) DO UPDATE SET checksum = excluded.checksum, applied_at = now(), applied_by = current_user,
    seconds = excluded.seconds
"""
_ACCEPT = "UPDATE seedbed.revisions SET checksum = :checksum WHERE revision = :revision"


def record_step(*, ctx: Any, step: Any, **_rest: object) -> None:
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
    connection.execute(text(_INSERT), {"revision": script.revision, "checksum": compute_checksum(Path(script.path))})


def replace_checksum(connection: Connection, revision: Revision) -> None:
    """Replace the checksum of an applied revision by that of its file as it is now, in the connection's transaction."""
    connection.execute(text(_ACCEPT), {"revision": revision.id, "checksum": compute_checksum(revision.file)})


def find_edited_revisions(connection: Connection, history: History, revision: str | None) -> tuple[Revision, ...]:
    """Return the revisions that a database `revision` a revision has had and whose files do something else now.

    One without a checksum in the database was applied before Seedbed recorded any, and is not one of them.
    """
    known = read_checksums(connection)
    if not known:
        return ()
    pending = {revision.id for revision in history.find_pending(revision, "")}
    applied = [revision for revision in history.revisions if revision.id in known and revision.id not in pending]
    return tuple(revision for revision in applied if known[revision.id] != compute_checksum(revision.file))


def refuse_edited_revisions(connection: Connection, history: History, revision: str | None, database: str) -> None:
    """Refuse to go on from revisions that were edited after the database had them.

    Raises:
        EditedAppliedRevision: with the revisions.
    """
    if edited := find_edited_revisions(connection, history, revision):
        raise EditedAppliedRevision([revision.id for revision in edited], database)


def read_checksums(connection: Connection) -> dict[str, str]:
    """The checksums of the revisions that were applied; those from before Seedbed kept them have none."""
    if connection.execute(text("SELECT to_regclass('seedbed.revisions')")).scalar() is None:
        return {}
    rows = connection.execute(text("SELECT revision, checksum FROM seedbed.revisions")).all()
    return {str(revision): str(checksum) for revision, checksum in rows}
