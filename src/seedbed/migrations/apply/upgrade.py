"""Apply pending revisions to a database, each in its own transaction."""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

import psycopg2
from alembic import command
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from seedbed.errors import DowngradeFailure, ExtensionUnavailable, RevisionFailure, SeedbedError
from seedbed.interrupts import raise_interrupt_behind
from seedbed.migrations.apply.index_progress import report_index_progress
from seedbed.migrations.apply.lock_retry import (
    DEFAULT_RETRY_POLICY,
    LockRetryPolicy,
    limit_lock_waits,
    retry_on_lock_errors,
)
from seedbed.migrations.apply.name_clashes import refuse_name_clashes
from seedbed.migrations.apply.shared_connection import require_connection_support, share_connection
from seedbed.migrations.history.applied_log import refuse_edited_revisions
from seedbed.migrations.history.revisions import (
    History,
    Revision,
    find_heads,
    read_current_revision,
    read_history,
    select_applicable,
    split_heads,
)
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database, check_default_schema, check_server, refuse_pooler
from seedbed.postgres.driver_errors import find_missing_extension, get_server_message
from seedbed.postgres.environment_mark import claim_environment
from seedbed.postgres.locks import migration_lock
from seedbed.schema.loader import describe_exception, find_failing_line
from seedbed.settings import Project

DEFAULT_LOCK_WAIT = timedelta(seconds=60)


@dataclass(frozen=True)
class AppliedRevisions:
    """The revisions that were applied, oldest first; empty where none was pending.

    `revision` is where the database is now and `head` the newest revision. `pending_contract` lies between them: a
    contract revision and what comes after it. The `seconds` run from the migration lock to the last commit, with the
    waits between tries.
    """

    database: str
    applied: tuple[Revision, ...]
    revision: str | None
    head: str | None
    pending_contract: tuple[Revision, ...]
    seconds: float


def apply(
    project: Project,
    database: Database,
    *,
    contract: bool = False,
    lock_wait: timedelta = DEFAULT_LOCK_WAIT,
    retry_policy: LockRetryPolicy = DEFAULT_RETRY_POLICY,
    report: Callable[[str], None] = lambda _: None,
    report_progress: Callable[[str], None] | None = None,
) -> AppliedRevisions:
    """Upgrade a database to the newest revision, and return what was applied.

    This stops before a contract revision, which removes what the previous release still uses, unless `contract` is
    true. A database without a revision has no previous release, so all revisions are applied to it.

    One advisory lock is held from planning to the last commit. So of two deploys that start together, each revision is
    applied once, and the second deploy waits up to `lock_wait`. A database without rows that has no mark is marked for
    its environment first. A failing revision is rolled back and stops the run; the revisions before it stay applied. A
    revision that waits for a table lock longer than `retry_policy` allows is rolled back and tried again, so that no
    other session queues behind it for long. `report` gets a line for each retry, and `report_progress` the progress of
    an index build every two seconds.

    Raises:
        EnvironmentMismatch, UnmarkedDatabase: the database belongs to another environment, or it has rows and no mark.
        PooledConnection: the URL leads to a connection pooler.
        UnsupportedServerVersion, ReadOnlyDatabase, MissingPrivilege: the server or the role cannot run migrations.
        MigrationLockTimeout: another session was still migrating after `lock_wait`.
        UnsupportedEnvPy: env.py opens its own connection.
        DefaultSchemaMismatch: the database has no revision, and its tables would not be created in public.
        UnknownDatabaseRevision: the database is at a revision that has no file.
        EditedAppliedRevision: the file of an applied revision was edited.
        TableLockTimeout: other sessions held a lock during every try.
        ObjectNameConflict: a revision creates an object, and another one in the database has its name.
        RevisionFailure: with the revision and PostgreSQL's message.
    """
    require_connection_support(project)
    history = read_history(project)
    refuse_pooler(database, trust_url=database.url != database.direct)
    applicable: tuple[Revision, ...] = ()
    try:
        with connect(database) as connection:
            check_server(connection, database)
            claim_environment(connection, database, "migrate")
            connection.commit()
            with migration_lock(connection, database.name, wait=lock_wait):
                started_at = time.monotonic()
                revision = read_current_revision(connection, project)
                if revision is None:
                    check_default_schema(connection, database)
                pending = history.find_pending(revision, database.name)
                refuse_edited_revisions(connection, history, revision, database.name)
                connection.rollback()
                applicable = select_applicable(pending, revision, contract=contract)

                def find_remaining() -> tuple[Revision, ...]:
                    pending = history.find_pending(read_current_revision(connection, project), database.name)
                    return tuple(candidate for candidate in pending if candidate in applicable)

                with (
                    report_index_progress(connection, database, report_progress),
                    limit_lock_waits(connection, retry_policy),
                    refuse_name_clashes(connection, database.name),
                ):
                    retry_on_lock_errors(
                        connection,
                        retry_policy,
                        applicable,
                        lambda revisions: run_upgrades(project, history, connection, revisions),
                        find_remaining,
                        report,
                    )
                seconds = round(time.monotonic() - started_at, 3)
                final_revision = read_current_revision(connection, project) if applicable else revision
    except KeyboardInterrupt as interrupt:
        interrupt.add_note(_describe_interruption(project, history, database, applicable))
        raise
    return AppliedRevisions(
        database.name, applicable, final_revision, history.head, pending[len(applicable) :], seconds
    )


def _describe_interruption(
    project: Project, history: History, database: Database, applicable: Sequence[Revision]
) -> str:
    """Describe where an interrupted run leaves the database, as read from the database."""
    if not applicable:
        return f"Nothing was applied to {database.name}."
    try:
        with connect(database) as connection:
            remaining = [
                candidate
                for candidate in history.find_pending(read_current_revision(connection, project), database.name)
                if candidate in applicable
            ]
    except SeedbedError as error:
        return f"The revision of {database.name} cannot be read: {error.message}"
    applied = ", ".join(candidate.id for candidate in applicable if candidate not in remaining) or "nothing"
    summary = f"Applied to {database.name}: {applied}."
    if remaining and _uses_autocommit(remaining[0]):
        return f"{summary} Steps of {remaining[0].id} may have been committed; seedbed migrate apply runs it again."
    return f"{summary} {remaining[0].id} was rolled back." if remaining else summary


def run_upgrades(project: Project, history: History, connection: Connection, pending: tuple[Revision, ...]) -> None:
    """Apply revisions on a connection, each in its own transaction, without a lock or a mark.

    Use `apply` for a database that other sessions use.

    Raises:
        RevisionFailure: with the revision and PostgreSQL's message.
        ExtensionUnavailable: the server lacks an extension that a revision creates.
    """
    try:
        with share_connection(project, connection) as config:
            for head in find_heads(pending):
                command.upgrade(config, head)
    except SeedbedError:
        raise
    except Exception as error:
        raise_interrupt_behind(error)
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise
        connection.rollback()
        remaining = history.find_pending(read_current_revision(connection, project), "")
        if (extension := find_missing_extension(error)) is not None:
            raise ExtensionUnavailable(remaining[0].id, extension) from error
        applied = [revision.id for revision in pending if revision not in remaining]
        message, location = describe_failure(project, error)
        raise RevisionFailure(
            remaining[0].id, message, applied=applied, in_steps=_uses_autocommit(remaining[0]), location=location
        ) from error


def _uses_autocommit(revision: Revision) -> bool:
    return "autocommit_block" in revision.file.read_text(encoding="utf-8")


def format_downgrade_target(revision: Revision) -> str:
    """Return the Alembic target that downgrades this revision and no revision of another branch."""
    return f"{revision.id}@{revision.down_revisions[0] if revision.down_revisions else 'base'}"


def migrate_to(project: Project, connection: Connection, target: str) -> None:
    """Upgrade or downgrade a temporary database to a revision, without a lock or a mark.

    `target` is a revision, several as `read_current_revision` returns them, or a downgrade target.

    Raises:
        DBAPIError: PostgreSQL refused a statement.
        RevisionFailure, DowngradeFailure: the code of the revision raised an exception.
        RuntimeError: the downgrade raised this: the revision is irreversible.
    """
    is_downgrade = target == "base" or target.startswith("-") or "@" in target
    try:
        with share_connection(project, connection) as config, limit_lock_waits(connection, DEFAULT_RETRY_POLICY):
            for head in split_heads(target):
                (command.downgrade if is_downgrade else command.upgrade)(config, head)
    except (SeedbedError, DBAPIError, psycopg2.Error):
        raise
    except Exception as error:
        raise_interrupt_behind(error)
        if is_downgrade and isinstance(error, RuntimeError):
            raise
        message, location = describe_failure(project, error)
        if is_downgrade:
            raise DowngradeFailure(target.partition("@")[0], message, undone=(), location=location) from error
        raise RevisionFailure(target, message, applied=(), location=location) from error
    connection.rollback()


def describe_failure(project: Project, error: Exception) -> tuple[str, str | None]:
    """Return PostgreSQL's message, or else the exception of the revision's own code and its location."""
    if isinstance(error, DBAPIError):
        return get_server_message(error), None
    return describe_exception(error), find_failing_line(project.root, error)
