"""The table `seedbed.revisions`: which revisions a database has had, and the checksums of their files."""

from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, text

from seedbed.errors import EditedAppliedRevision
from seedbed.migrations.history.checksum import compute_checksum
from seedbed.migrations.history.revisions import History, Revision
from seedbed.postgres.environment_mark import ensure_seedbed_schema

_CREATE_TABLE = """
CREATE TABLE IF NOT EXISTS seedbed.revisions (
    revision text PRIMARY KEY, checksum text NOT NULL, applied_at timestamptz NOT NULL DEFAULT now(),
    applied_by text NOT NULL DEFAULT current_user, seconds double precision NOT NULL)
"""
_RECORD = """
INSERT INTO seedbed.revisions (revision, checksum, seconds)
VALUES (:revision, :checksum, extract(epoch FROM clock_timestamp() - now()))
ON CONFLICT (revision) DO UPDATE SET checksum = excluded.checksum, applied_at = now(), applied_by = current_user,
    seconds = excluded.seconds
"""
_UPDATE_CHECKSUM = "UPDATE seedbed.revisions SET checksum = :checksum WHERE revision = :revision"


def record_step(*, ctx: Any, step: Any, **_rest: object) -> None:
    """Record a step of Alembic's in the transaction of the step. This is the hook for `on_version_apply`.

    The seconds count from the start of the transaction, which is the start of the step.
    """
    connection = ctx.connection
    if ctx.as_sql or connection is None:
        return
    ensure_seedbed_schema(connection)
    connection.execute(text(_CREATE_TABLE))
    if not step.is_upgrade:
        parameters = {"revisions": list(step.up_revision_ids)}
        connection.execute(text("DELETE FROM seedbed.revisions WHERE revision = ANY (:revisions)"), parameters)
        return
    revision_script = step.up_revision
    connection.execute(
        text(_RECORD), {"revision": revision_script.revision, "checksum": compute_checksum(Path(revision_script.path))}
    )


def replace_checksum(connection: Connection, revision: Revision) -> None:
    """Replace the recorded checksum of a revision with that of its file, in the connection's transaction."""
    connection.execute(text(_UPDATE_CHECKSUM), {"revision": revision.id, "checksum": compute_checksum(revision.file)})


def find_edited_revisions(connection: Connection, history: History, revision: str | None) -> tuple[Revision, ...]:
    """Return the applied revisions whose files have changed in effect since the database had them.

    `revision` is the revision that the database is at. A revision that was applied before Seedbed recorded checksums is
    never returned.
    """
    checksums = read_checksums(connection)
    if not checksums:
        return ()
    pending = {revision.id for revision in history.find_pending(revision, "")}
    applied = [revision for revision in history.revisions if revision.id in checksums and revision.id not in pending]
    return tuple(revision for revision in applied if checksums[revision.id] != compute_checksum(revision.file))


def refuse_edited_revisions(connection: Connection, history: History, revision: str | None, database: str) -> None:
    """Raise an error if an applied revision was edited.

    Raises:
        EditedAppliedRevision: with the edited revisions.
    """
    if edited := find_edited_revisions(connection, history, revision):
        raise EditedAppliedRevision([revision.id for revision in edited], database)


def read_checksums(connection: Connection) -> dict[str, str]:
    """Return the recorded checksums by revision. Revisions applied before Seedbed recorded checksums are missing."""
    if connection.execute(text("SELECT to_regclass('seedbed.revisions')")).scalar() is None:
        return {}
    rows = connection.execute(text("SELECT revision, checksum FROM seedbed.revisions")).all()
    return {str(revision): str(checksum) for revision, checksum in rows}


def read_applied_records(connection: Connection) -> dict[str, tuple[datetime, str]]:
    """Return when and by which role each revision was applied. Revisions applied without Seedbed are missing."""
    if connection.execute(text("SELECT to_regclass('seedbed.revisions')")).scalar() is None:
        return {}
    rows = connection.execute(text("SELECT revision, applied_at, applied_by FROM seedbed.revisions")).all()
    return {str(revision): (applied_at, str(applied_by)) for revision, applied_at, applied_by in rows}
