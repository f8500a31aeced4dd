"""Undo applied revisions, each in its own transaction."""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from alembic import command
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from seedbed.errors import DowngradeFailure, IrreversibleRevision, NoDowngradePath, SeedbedError
from seedbed.migrations.apply.lock_retry import (
    DEFAULT_RETRY_POLICY,
    LockRetryPolicy,
    limit_lock_waits,
    retry_on_lock_errors,
)
from seedbed.migrations.apply.shared_connection import require_connection_support, share_connection
from seedbed.migrations.apply.upgrade import DEFAULT_LOCK_WAIT, describe_failure, format_downgrade_target
from seedbed.migrations.history.revisions import (
    History,
    Revision,
    find_heads,
    find_irreversible_reason,
    read_current_revision,
    read_history,
    split_heads,
)
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database, check_server, refuse_pooler
from seedbed.postgres.environment_mark import claim_environment, read_mark
from seedbed.postgres.locks import migration_lock
from seedbed.settings import Project

BASE = "base"
_RELATIVE = re.compile(r"(?P<start>.*?)-(?P<steps>\d+)")


@dataclass(frozen=True)
class DowngradePlan:
    """Where a database is, and the revisions that a downgrade undoes, newest first."""

    database: str
    environment: str
    mark: str | None
    revision: str
    revisions: tuple[Revision, ...]


@dataclass(frozen=True)
class UndoneRevisions:
    """The revisions that were undone, newest first, and the revision that the database is at now.

    The `seconds` run from the migration lock to the last commit, with the waits between tries.
    """

    database: str
    undone: tuple[Revision, ...]
    revision: str | None
    seconds: float


def plan_downgrade(project: Project, database: Database, target: str) -> DowngradePlan:
    """Find out what a downgrade would undo. The database is only read.

    `target` is a revision or an unambiguous prefix of one, `base`, `-N`, or `REVISION-N`.

    Raises:
        MultipleHeads, InvalidRevisionFile: the revision files are no history with one head.
        UnknownDatabaseRevision: the database is at a revision that has no file.
        RevisionNotFound: no revision matches the target.
        NoDowngradePath: the target is not below the database's revision, or several paths lead down to it.
        IrreversibleRevision: a revision on the path cannot be undone.
    """
    history = read_history(project)
    with connect(database) as connection:
        mark = read_mark(connection)
        current = read_current_revision(connection, project)
    applied = [
        revision for revision in history.revisions if revision not in history.find_pending(current, database.name)
    ]
    kept = _find_kept(history, applied, database.name, current, target)
    undone = tuple(revision for revision in reversed(applied) if revision.id not in kept)
    if current is None or not undone:
        raise NoDowngradePath(database.name, current, target)
    for undone_revision in undone:
        if (reason := find_irreversible_reason(undone_revision)) is not None:
            raise IrreversibleRevision(undone_revision.id, reason or None)
    return DowngradePlan(database.name, database.environment.value, mark, current, undone)


def downgrade(
    project: Project,
    database: Database,
    plan: DowngradePlan,
    *,
    lock_wait: timedelta = DEFAULT_LOCK_WAIT,
    retry_policy: LockRetryPolicy = DEFAULT_RETRY_POLICY,
    report: Callable[[str], None] = lambda _: None,
) -> UndoneRevisions:
    """Undo the planned revisions under one migration lock, each in its own transaction, with lock timeouts.

    A failing downgrade is rolled back and stops the run; the revisions undone before it stay undone. A downgrade that
    meets another session's lock is tried again as `retry_policy` says.

    Raises:
        NoDowngradePath: another session has migrated the database since the plan was made.
        EnvironmentMismatch, UnmarkedDatabase: the database belongs to another environment, or it has rows and no mark.
        PooledConnection: the URL leads to a connection pooler.
        UnsupportedServerVersion, ReadOnlyDatabase, MissingPrivilege: the server or the role cannot run migrations.
        MigrationLockTimeout: another session was still migrating after `lock_wait`.
        TableLockTimeout: other sessions held a lock during every try.
        DowngradeFailure: with the revision and PostgreSQL's message.
    """
    require_connection_support(project)
    history = read_history(project)
    refuse_pooler(database, trust_url=database.url != database.direct)
    with connect(database) as connection:
        check_server(connection, database)
        claim_environment(connection, database, "migrate")
        connection.commit()
        with migration_lock(connection, database.name, wait=lock_wait):
            started_at = time.monotonic()
            current = read_current_revision(connection, project)
            if current != plan.revision:
                reason = "another session has migrated it since"
                raise NoDowngradePath(database.name, current, "what was shown", reason)

            def find_remaining() -> tuple[Revision, ...]:
                pending = history.find_pending(read_current_revision(connection, project), database.name)
                return tuple(revision for revision in plan.revisions if revision not in pending)

            with limit_lock_waits(connection, retry_policy):
                retry_on_lock_errors(
                    connection,
                    retry_policy,
                    plan.revisions,
                    lambda revisions: _undo(project, connection, revisions, plan.revisions),
                    find_remaining,
                    report,
                )
            seconds = round(time.monotonic() - started_at, 3)
            final_revision = read_current_revision(connection, project)
    return UndoneRevisions(database.name, plan.revisions, final_revision, seconds)


def _undo(project: Project, connection: Connection, revisions: Sequence[Revision], plan: Sequence[Revision]) -> None:
    undone = [revision.id for revision in plan if revision not in revisions]
    with share_connection(project, connection) as config:
        for revision in revisions:
            try:
                command.downgrade(config, format_downgrade_target(revision))
            except SeedbedError:
                raise
            except Exception as error:
                if isinstance(error, DBAPIError) and error.connection_invalidated:
                    raise
                connection.rollback()
                message, location = describe_failure(project, error)
                in_steps = "autocommit_block" in revision.file.read_text(encoding="utf-8")
                raise DowngradeFailure(
                    revision.id, message, undone=undone, in_steps=in_steps, location=location
                ) from error
            undone.append(revision.id)


def _find_kept(
    history: History, applied: Sequence[Revision], database: str, current: str | None, target: str
) -> set[str]:
    """Return the ids of the applied revisions that the target keeps: the target and all that it follows."""
    if target == BASE:
        return set()
    relative = _RELATIVE.fullmatch(target)
    if relative is not None and not any(revision.id == target for revision in history.revisions):
        steps, start_id = int(relative["steps"]), relative["start"]
        position = history.find(start_id).id if start_id else current
        for _ in range(steps):
            if position is None or len(split_heads(position)) > 1:
                reason = f"several paths lead there, to {position}; name a revision" if position else None
                raise NoDowngradePath(database, current, target, reason)
            follows = next(revision.down_revisions for revision in history.revisions if revision.id == position)
            position = (
                ", ".join(sorted(find_heads([revision for revision in applied if revision.id in follows]))) or None
            )
        kept = _with_ancestors(history, split_heads(position) if position else ())
        return kept
    kept = _with_ancestors(history, [history.find(target).id])
    if not kept <= {revision.id for revision in applied}:
        raise NoDowngradePath(database, current, target, "it is not applied to the database")
    undone = [revision for revision in applied if revision.id not in kept]
    if from_other_branch := [
        revision.id for revision in undone if not _with_ancestors(history, [revision.id]) & {history.find(target).id}
    ]:
        reason = f"another branch has {' and '.join(from_other_branch)}; use alembic downgrade BRANCH@REVISION"
        raise NoDowngradePath(database, current, target, reason)
    return kept


def _with_ancestors(history: History, revisions: Sequence[str]) -> set[str]:
    """Return the given revisions and all that they follow."""
    by_id = {revision.id: revision for revision in history.revisions}
    visited: set[str] = set()
    to_visit = list(revisions)
    while to_visit:
        revision = to_visit.pop()
        if revision not in visited:
            visited.add(revision)
            to_visit += by_id[revision].down_revisions
    return visited
