"""Applied revisions undone, one transaction each."""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta

from alembic import command
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from seedbed.errors import DowngradeFailure, IrreversibleRevision, NoDowngradePath, SeedbedError
from seedbed.migrations.apply.lock_retry import DEFAULT_RETRY_POLICY, LockRetryPolicy, limit_lock_waits, retry_on_lock_errors
from seedbed.migrations.apply.shared_connection import share_connection, require_connection_support
from seedbed.migrations.apply.upgrade import DEFAULT_LOCK_WAIT, format_downgrade_target, describe_failure
from seedbed.migrations.history.revisions import find_forward_only_reason
from seedbed.migrations.history.revisions import History, Revision, read_current_revision, find_heads, split_heads, read_history
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database, refuse_pooler, check_server
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
    """What a downgrade undid, newest first, and the revision that the database is at now. The `seconds` are those from
    the migration lock to the last commit, pauses between tries included.
    """

    database: str
    undone: tuple[Revision, ...]
    revision: str | None
    seconds: float


def plan_downgrade(project: Project, database: Database, target: str) -> DowngradePlan:
    """Work out what a downgrade would undo, reading the database and writing nothing.

    `target` is a revision or enough of its first letters, `base`, `-N`, or `REVISION-N`.

    Raises:
        MultipleHeads, InvalidRevisionFile: the files are no single history.
        UnknownDatabaseRevision: the database is at a revision that no file has.
        RevisionNotFound: the target is no revision.
        NoDowngradePath: the target is not below the database's revision, or there are several ways down to it.
        IrreversibleRevision: a revision in between has no way back.
    """
    history = read_history(project)
    with connect(database) as connection:
        mark = read_mark(connection)
        at = read_current_revision(connection, project)
    applied = [one for one in history.revisions if one not in history.find_pending(at, database.name)]
    kept = _kept(history, applied, database.name, at, target)
    undone = tuple(one for one in reversed(applied) if one.id not in kept)
    if at is None or not undone:
        raise NoDowngradePath(database.name, at, target)
    for revision in undone:
        if (reason := find_forward_only_reason(revision)) is not None:
            raise IrreversibleRevision(revision.id, reason or None)
    return DowngradePlan(database.name, database.environment.value, mark, at, undone)


def downgrade(
    project: Project,
    database: Database,
    plan: DowngradePlan,
    *,
    lock_wait: timedelta = DEFAULT_LOCK_WAIT,
    retry_policy: LockRetryPolicy = DEFAULT_RETRY_POLICY,
    report: Callable[[str], None] = lambda _: None,
) -> UndoneRevisions:
    """Undo the planned revisions, with the care of `apply`: one migration lock, a transaction each, lock timeouts.

    A downgrade that fails is rolled back and stops the run; the revisions that were undone before it stay undone. One
    that meets another session's lock is tried again as `retry_policy` has it.

    Raises:
        NoDowngradePath: another session has migrated the database since the plan was made.
        EnvironmentMismatch, UnmarkedDatabase: the database belongs to another environment than the one chosen.
        PooledConnection: the address is a pooler's.
        UnsupportedServerVersion, ReadOnlyDatabase, MissingPrivilege: the server or the role cannot.
        MigrationLockTimeout: another session was still migrating after `lock_wait`.
        TableLockTimeout: others kept a lock through every try.
        DowngradeFailure: with the revision and what PostgreSQL said.
    """
    require_connection_support(project)
    history = read_history(project)
    refuse_pooler(database, trust_url=database.url != database.direct)
    with connect(database) as connection:
        check_server(connection, database)
        claim_environment(connection, database, "migrate")
        connection.commit()
        with migration_lock(connection, database.name, wait=lock_wait):
            begun = time.monotonic()
            at = read_current_revision(connection, project)
            if at != plan.revision:
                reason = "another session has migrated it meanwhile"
                raise NoDowngradePath(database.name, at, "what was shown", reason)

            def left() -> tuple[Revision, ...]:
                pending = history.find_pending(read_current_revision(connection, project), database.name)
                return tuple(one for one in plan.revisions if one not in pending)

            with limit_lock_waits(connection, retry_policy):
                retry_on_lock_errors(
                    connection,
                    retry_policy,
                    plan.revisions,
                    lambda revisions: _undo(project, connection, revisions, plan.revisions),
                    left,
                    report,
                )
            seconds = round(time.monotonic() - begun, 3)
            reached = read_current_revision(connection, project)
    return UndoneRevisions(database.name, plan.revisions, reached, seconds)


def _undo(project: Project, connection: Connection, revisions: Sequence[Revision], planned: Sequence[Revision]) -> None:
    undone = [one.id for one in planned if one not in revisions]
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
                said, place = describe_failure(project, error)
                in_steps = "autocommit_block" in revision.file.read_text(encoding="utf-8")
                raise DowngradeFailure(revision.id, said, undone=undone, in_steps=in_steps, location=place) from error
            undone.append(revision.id)


def _kept(history: History, applied: Sequence[Revision], database: str, at: str | None, target: str) -> set[str]:
    """The applied revisions that the target leaves: itself and all that it follows."""
    if target == BASE:
        return set()
    relative = _RELATIVE.fullmatch(target)
    if relative is not None and not any(one.id == target for one in history.revisions):
        steps, start = int(relative["steps"]), relative["start"]
        place = history.find(start).id if start else at
        for _ in range(steps):
            if place is None or len(split_heads(place)) > 1:
                several = f"it is reached by several ways, at {place}; name a revision" if place else None
                raise NoDowngradePath(database, at, target, several)
            follows = next(one.down_revisions for one in history.revisions if one.id == place)
            place = ", ".join(sorted(find_heads([one for one in applied if one.id in follows]))) or None
        kept = _with_ancestors(history, split_heads(place) if place else ())
        return kept
    kept = _with_ancestors(history, [history.find(target).id])
    if not kept <= {one.id for one in applied}:
        raise NoDowngradePath(database, at, target, "the database has not had it")
    undone = [one for one in applied if one.id not in kept]
    if beside := [one.id for one in undone if not _with_ancestors(history, [one.id]) & {history.find(target).id}]:
        reason = f"{' and '.join(beside)} came beside it, by another branch; alembic downgrade BRANCH@REVISION chooses"
        raise NoDowngradePath(database, at, target, reason)
    return kept


def _with_ancestors(history: History, revisions: Sequence[str]) -> set[str]:
    known = {one.id: one for one in history.revisions}
    found: set[str] = set()
    waiting = list(revisions)
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting += known[one].down_revisions
    return found
