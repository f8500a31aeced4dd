"""Plan an upgrade: the revisions that a database lacks, and their SQL. Nothing is changed."""

import io
from contextlib import redirect_stdout
from dataclasses import dataclass

from alembic import command

from seedbed.errors import EnvPyFailure, UnsupportedChange
from seedbed.migrations.apply.shared_connection import translate_env_errors
from seedbed.migrations.history.applied_log import find_edited_revisions
from seedbed.migrations.history.revisions import Revision, build_alembic_config, read_current_revision, read_history
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.environment_mark import read_mark
from seedbed.settings import Project


@dataclass(frozen=True)
class UpgradePlan:
    """Where a database is, where the revision files are, and the pending revisions between them, oldest first.

    `edited` are applied revisions whose files have changed in effect.
    """

    database: str
    environment: str
    mark: str | None
    revision: str | None
    head: str | None
    pending: tuple[Revision, ...]
    edited: tuple[Revision, ...]


def plan_upgrade(project: Project, database: Database) -> UpgradePlan:
    """Find out what `apply` would do. The database is only read.

    Raises:
        MultipleHeads, InvalidRevisionFile: the revision files are no history with one head.
        UnknownDatabaseRevision: the database is at a revision that has no file.
    """
    history = read_history(project)
    with connect(database) as connection:
        mark = read_mark(connection)
        revision = read_current_revision(connection, project)
        pending = history.find_pending(revision, database.name)
        edited = find_edited_revisions(connection, history, revision)
    return UpgradePlan(
        database=database.name,
        environment=database.environment.value,
        mark=mark,
        revision=revision,
        head=history.head,
        pending=pending,
        edited=edited,
    )


def render_offline_sql(project: Project, plan: UpgradePlan) -> str:
    """Return the SQL of the pending revisions as Alembic's offline mode writes it, without a server.

    Raises:
        UnsupportedChange: a revision reads the database, so it needs a server.
    """
    if not plan.pending:
        return ""
    output = io.StringIO()
    config = build_alembic_config(project)
    config.output_buffer = output
    try:
        with redirect_stdout(output), translate_env_errors(project):
            command.upgrade(config, f"{plan.revision or 'base'}:head", sql=True)
    except EnvPyFailure:
        raise
    except Exception as error:
        raise UnsupportedChange(
            "the SQL without a server", f"a revision needs one: {type(error).__name__}: {error}"
        ) from error
    return output.getvalue()
