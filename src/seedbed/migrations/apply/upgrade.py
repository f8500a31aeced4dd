"""Pending revisions applied to a database, one transaction each."""

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
from seedbed.migrations.apply.lock_retry import DEFAULT_RETRY_POLICY, LockRetryPolicy, limit_lock_waits, retry_on_lock_errors
from seedbed.migrations.apply.name_clashes import refuse_name_clashes
from seedbed.migrations.apply.shared_connection import share_connection, require_connection_support
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
from seedbed.postgres.driver_errors import find_missing_extension, get_server_message
from seedbed.postgres.database import Database, check_default_schema, refuse_pooler, check_server
from seedbed.postgres.environment_mark import claim_environment
from seedbed.postgres.locks import migration_lock
from seedbed.schema.loader import failing_place, in_words
from seedbed.settings import Project

DEFAULT_LOCK_WAIT = timedelta(seconds=60)


@dataclass(frozen=True)
class AppliedRevisions:
    """What an apply did, oldest revision first; empty when there was nothing to do. `revision` is where the database
    is now, `head` the newest one, and `pending_contract` what lies between: a contract revision, and what comes after it.
    The `seconds` are those from the migration lock to the last commit, pauses between tries included.
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
    """Bring a database to the newest revision, and return what was applied.

    It stops before a contract revision, which takes away what programs of before the deploy use, unless `contract` says
    that these are gone. A database that has no revision yet has no such programs.

    One advisory lock is held from planning to the last commit, so two deploys started together apply each revision
    once: the second waits up to `lock_wait`. An unmarked database without rows is marked for its environment first. A
    revision that fails is rolled back and stops the run; those before it stay applied. One that has to wait for a
    table's lock longer than `retry_policy` has it is rolled back and tried again, so that nobody queues behind it for long;
    `report` is told, and `report_progress` every two seconds how far an index build is.

    Raises:
        EnvironmentMismatch, UnmarkedDatabase: the database belongs to another environment than the one chosen.
        PooledConnection: the address is a pooler's.
        UnsupportedServerVersion, ReadOnlyDatabase, MissingPrivilege: the server or the role cannot.
        MigrationLockTimeout: another session was still migrating after `lock_wait`.
        UnsupportedEnvPy: env.py makes a connection of its own.
        DefaultSchemaMismatch: it has no revision yet, and its tables would not be created in public.
        UnknownDatabaseRevision: the database is ahead of the files.
        EditedAppliedRevision: a file is not what it was when the database had it.
        TableLockTimeout: others kept a lock through every try.
        ObjectNameConflict: a revision makes something whose name something else has there.
        RevisionFailure: with the revision and what PostgreSQL said.
    """
    require_connection_support(project)
    history = read_history(project)
    refuse_pooler(database, trust_url=database.url != database.direct)
    chosen: tuple[Revision, ...] = ()
    try:
        with connect(database) as connection:
            check_server(connection, database)
            claim_environment(connection, database, "migrate")
            connection.commit()
            with migration_lock(connection, database.name, wait=lock_wait):
                begun = time.monotonic()
                revision = read_current_revision(connection, project)
                if revision is None:
                    check_default_schema(connection, database)
                pending = history.find_pending(revision, database.name)
                refuse_edited_revisions(connection, history, revision, database.name)
                connection.rollback()
                chosen = select_applicable(pending, revision, contract=contract)

                def left() -> tuple[Revision, ...]:
                    pending = history.find_pending(read_current_revision(connection, project), database.name)
                    return tuple(one for one in pending if one in chosen)

                with (
                    report_index_progress(connection, database, report_progress),
                    limit_lock_waits(connection, retry_policy),
                    refuse_name_clashes(connection, database.name),
                ):
                    retry_on_lock_errors(
                        connection,
                        retry_policy,
                        chosen,
                        lambda revisions: run_upgrades(project, history, connection, revisions),
                        left,
                        report,
                    )
                seconds = round(time.monotonic() - begun, 3)
                reached = read_current_revision(connection, project) if chosen else revision
    except KeyboardInterrupt as interrupt:
        interrupt.add_note(_left_behind(project, history, database, chosen))
        raise
    return AppliedRevisions(database.name, chosen, reached, history.head, pending[len(chosen) :], seconds)


def _left_behind(project: Project, history: History, database: Database, chosen: Sequence[Revision]) -> str:
    """Where an interrupted apply leaves the database, as the database itself says."""
    if not chosen:
        return f"Nothing was applied to {database.name}."
    try:
        with connect(database) as connection:
            left = [one for one in history.find_pending(read_current_revision(connection, project), database.name) if one in chosen]
    except SeedbedError as error:
        return f"How far {database.name} is, cannot be seen: {error.message}"
    done = ", ".join(one.id for one in chosen if one not in left) or "nothing"
    said = f"Applied to {database.name}: {done}."
    if left and _runs_in_steps(left[0]):
        return f"{said} Steps of {left[0].id} may have been committed; seedbed migrate apply runs it again."
    return f"{said} {left[0].id} was rolled back." if left else said


def run_upgrades(project: Project, history: History, connection: Connection, pending: tuple[Revision, ...]) -> None:
    """Apply revisions on a connection, a transaction each. No lock, no mark: `apply` is for what others use.

    Raises:
        RevisionFailure: with the revision and what PostgreSQL said.
        ExtensionUnavailable: the server lacks an extension that a revision makes.
    """
    try:
        with share_connection(project, connection) as config:
            for end in find_heads(pending):
                command.upgrade(config, end)
    except SeedbedError:
        raise
    except Exception as error:
        raise_interrupt_behind(error)
        if isinstance(error, DBAPIError) and error.connection_invalidated:
            raise
        connection.rollback()
        left = history.find_pending(read_current_revision(connection, project), "")
        if (extension := find_missing_extension(error)) is not None:
            raise ExtensionUnavailable(left[0].id, extension) from error
        done = [revision.id for revision in pending if revision not in left]
        said, place = describe_failure(project, error)
        raise RevisionFailure(left[0].id, said, applied=done, in_steps=_runs_in_steps(left[0]), location=place) from error


def _runs_in_steps(revision: Revision) -> bool:
    return "autocommit_block" in revision.file.read_text(encoding="utf-8")


def format_downgrade_target(revision: Revision) -> str:
    """The target of a step down by this revision and no other, whatever branches there are beside it."""
    return f"{revision.id}@{revision.down_revisions[0] if revision.down_revisions else 'base'}"


def migrate_to(project: Project, connection: Connection, target: str) -> None:
    """Take a throw-away database up or down to a revision, or up to where `read_current_revision` says that another one is.
    No lock, no mark: nobody else has it.

    Raises:
        DBAPIError: PostgreSQL refused it.
        RevisionFailure, DowngradeFailure: its own code raised.
        RuntimeError: its downgrade says that there is no way back.
    """
    down = target == "base" or target.startswith("-") or "@" in target
    try:
        with share_connection(project, connection) as config, limit_lock_waits(connection, DEFAULT_RETRY_POLICY):
            for one in split_heads(target):
                (command.downgrade if down else command.upgrade)(config, one)
    except (SeedbedError, DBAPIError, psycopg2.Error):
        raise
    except Exception as error:
        raise_interrupt_behind(error)
        if down and isinstance(error, RuntimeError):
            raise
        said, place = describe_failure(project, error)
        if down:
            raise DowngradeFailure(target.partition("@")[0], said, undone=(), location=place) from error
        raise RevisionFailure(target, said, applied=(), location=place) from error
    connection.rollback()


def describe_failure(project: Project, error: Exception) -> tuple[str, str | None]:
    """What PostgreSQL said, or else what the revision's own code did, and where."""
    if isinstance(error, DBAPIError):
        return get_server_message(error), None
    return in_words(error), failing_place(project.root, error)
