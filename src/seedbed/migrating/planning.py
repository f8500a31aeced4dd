"""What a database still needs, and the SQL that would bring it there; nothing is changed."""

import io
from contextlib import redirect_stdout
from dataclasses import dataclass

from alembic import command
from sqlalchemy import event
from sqlalchemy.exc import DBAPIError

from seedbed.errors import CannotDraft, RevisionFailed
from seedbed.migrating.applying import move
from seedbed.migrating.history import Revision, alembic_config, current_revision, read_history
from seedbed.postgres.connecting import connect, sentence
from seedbed.postgres.databases import Database
from seedbed.postgres.marks import read_mark
from seedbed.postgres.shadows import shadow_database
from seedbed.settings import Configuration, Project


@dataclass(frozen=True)
class Plan:
    """Where a database is, where the files are, and the revisions between, oldest first."""

    database: str
    environment: str
    mark: str | None
    revision: str | None
    head: str | None
    pending: tuple[Revision, ...]


def plan(project: Project, database: Database) -> Plan:
    """Work out what `apply` would do, reading the database and writing nothing.

    Raises:
        ForkedHistory, UnreadableRevision: the files are no single history.
        UnknownRevision: the database is at a revision that no file has.
    """
    history = read_history(project)
    with connect(database) as connection:
        mark = read_mark(connection)
        revision = current_revision(connection)
    return Plan(
        database=database.name,
        environment=database.environment.value,
        mark=mark,
        revision=revision,
        head=history.head,
        pending=history.after(revision, database.name),
    )


def recorded_sql(configuration: Configuration, pending: Plan) -> list[str]:
    """The statements of the pending revisions, recorded while they ran on a throw-away database.

    What a revision sends in a loop is said once, with how often it was sent there; on rows it may be more.

    Raises:
        RevisionFailed: one does not run on a database without rows.
    """
    said: list[str] = []
    with shadow_database(configuration) as shadow, connect(shadow) as connection:
        if pending.revision is not None:
            move(configuration.project, connection, pending.revision)
        counted: list[tuple[str, int]] = []
        moved = False

        @event.listens_for(connection, "before_cursor_execute")
        def _record(_c: object, _k: object, statement: str, *_rest: object) -> None:
            nonlocal moved
            moved = moved or statement.startswith(("INSERT INTO alembic_version", "UPDATE alembic_version"))
            if moved or "alembic_version" in statement or statement.startswith(("SELECT pg_catalog", "SELECT EXISTS")):
                return
            if counted and counted[-1][0] == statement:
                counted[-1] = (statement, counted[-1][1] + 1)
            else:
                counted.append((statement, 1))

        for revision in pending.pending:
            counted.clear()
            moved = False  # once it has, what follows is Seedbed's own record of the revision
            try:
                move(configuration.project, connection, revision.id)
            except DBAPIError as error:
                raise RevisionFailed(revision.id, sentence(error), applied=()) from error
            said.append(f"-- {revision.id} {revision.message}")
            said += [f"{s.strip()};{f'  -- {n} times' if n > 1 else ''}" for s, n in counted]
    return said


def offline_sql(project: Project, pending: Plan) -> str:
    """The SQL of the pending revisions as Alembic writes it without any server.

    Raises:
        CannotDraft: a revision looks at the database, and so cannot be written without one.
    """
    if not pending.pending:
        return ""
    written = io.StringIO()
    config = alembic_config(project)
    config.output_buffer = written
    try:
        with redirect_stdout(written):
            command.upgrade(config, f"{pending.revision or 'base'}:head", sql=True)
    except Exception as error:
        raise CannotDraft(
            "the SQL without a server", f"a revision needs one: {type(error).__name__}: {error}"
        ) from error
    return written.getvalue()
