"""Branches on the embedded server: each is a database, copied from its parent's."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from seedbed.branching.local.lookup import (
    LocalBranchLookup,
    comment_sql,
    drop_database,
    execute_atomically,
    rename_sql,
    set_allow_connections,
    terminate_sessions,
)
from seedbed.branching.protocol import Branch, build_replaced_name, build_unfinished_name, check_branch_name
from seedbed.errors import (
    BranchExists,
    BranchNotReady,
    DatabaseUnreachable,
    InvalidExpiry,
    SealedBranch,
    UnmaskedProductionCopy,
)
from seedbed.postgres.clone import clone_database, wait_until_unused
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import EmbeddedServer
from seedbed.postgres.environment_mark import PREPARING, mark_as_copy, read_mark, write_mark
from seedbed.settings import Configuration, DatabaseUrl, Environment

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a type, whatever its author called it

_WAIT_SECONDS = 60.0
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class LocalBranches:
    """The provider on the embedded server. The comment of a branch's database describes the branch.

    A copy gets its final name last, once it is marked `preparing` and has its comment. So a database with that name is
    always a branch, and a kill leaves at most a copy under another name, which the next call for the branch drops. One
    session at a time creates, finishes or deletes a branch; others wait.
    """

    server: EmbeddedServer
    configuration: Configuration

    def create(
        self,
        name: str,
        *,
        parent: str | None = None,
        environment: Environment | None = None,
        expires_at: datetime | None = None,
        force: bool = False,
        allow_production: bool = False,
    ) -> Branch:
        return self._copy_parent(name, parent, environment, expires_at, force=force, allow_production=allow_production)

    def create_ready(
        self, name: str, *, parent: str | None = None, expires_at: datetime | None = None, force: bool = False
    ) -> Branch:
        """The copy inherits the right mark, so nothing is written into it."""
        return self._copy_parent(name, parent, None, expires_at, force=force, ready=True)

    def finish(self, name: str, *, sealed: bool = False) -> Branch:
        with self._lookup.branch_lock(name) as cursor:
            branch = self._lookup.get_branch(cursor, name)
            if branch.ready and branch.sealed == sealed:
                return branch
            database = self._lookup.get_database_name(name)
            if branch.sealed:
                set_allow_connections(cursor, database, True)
            finished = replace(branch, ready=True, sealed=sealed)
            with connect(self._lookup.get_database(branch)) as connection:
                write_mark(connection, branch.environment)
                connection.commit()
            cursor.execute(comment_sql(database, finished))
            if sealed:
                set_allow_connections(cursor, database, False)
                terminate_sessions(cursor, database)
        return finished

    def reset(
        self, name: str, *, force: bool = False, allow_production: bool = False, require_ready: bool = False
    ) -> Branch:
        with self._lookup.branch_lock(name) as cursor:
            branch = self._lookup.get_branch(cursor, name)
            if require_ready and not branch.ready:
                raise BranchNotReady(name)
            source, source_environment = self._lookup.find_parent(cursor, branch.parent)
            if (
                source_environment is Environment.PRODUCTION
                and branch.environment is not source_environment
                and not allow_production
            ):
                raise UnmaskedProductionCopy(branch.parent, str(branch.environment))
            now = _now()
            lifetime = branch.expires_at - branch.created_at if branch.expires_at is not None else None
            recreated = replace(
                branch,
                ready=False,
                sealed=False,
                created_at=now,
                expires_at=now + lifetime if lifetime is not None else None,
            )
            database = self._lookup.get_database_name(name)
            with self._unfinished_copy(cursor, source, recreated, source_environment, force=force) as unfinished:
                set_allow_connections(cursor, database, False)
                terminate_sessions(cursor, database)
                execute_atomically(
                    cursor,
                    rename_sql(database, build_replaced_name(database)),
                    comment_sql(unfinished, recreated),
                    rename_sql(unfinished, database),
                )
            drop_database(cursor, build_replaced_name(database))
        return recreated

    def set_expiry(self, name: str, at: datetime | None) -> Branch:
        if at is not None and at <= _now():
            raise InvalidExpiry(name, f"{at:%Y-%m-%d %H:%M} is past")
        with self._lookup.branch_lock(name) as cursor:
            updated = replace(self._lookup.get_branch(cursor, name), expires_at=at)
            cursor.execute(comment_sql(self._lookup.get_database_name(name), updated))
        return updated

    def wait_until_reachable(self, name: str, *, seconds: float = _WAIT_SECONDS) -> None:
        """The server runs on this machine, so an existing branch accepts connections soon."""
        until = time.monotonic() + seconds
        branch = self.get(name)
        while not branch.sealed:
            try:
                with connect(self._lookup.get_database(branch)):
                    return
            except DatabaseUnreachable:
                if time.monotonic() > until:
                    raise
                time.sleep(_POLL_SECONDS)

    def get(self, name: str) -> Branch:
        with self.server.admin_cursor() as cursor:
            return self._lookup.get_branch(cursor, name)

    def list(self) -> tuple[Branch, ...]:
        with self.server.admin_cursor() as cursor:
            return tuple(sorted(self._lookup.read_branches(cursor), key=lambda branch: branch.name))

    def delete(self, name: str) -> None:
        with self._lookup.branch_lock(name) as cursor:
            self._lookup.get_branch(cursor, name)
            drop_database(cursor, self._lookup.get_database_name(name))

    def url(self, name: str, *, allow_unready: bool = False, pooled: bool = False) -> DatabaseUrl:  # noqa: ARG002 - none here
        branch = self.get(name)
        if not branch.ready and not allow_unready:
            raise BranchNotReady(name)
        if branch.sealed:
            raise SealedBranch(name)
        return self.server.owner_url(self._lookup.get_database_name(name))

    def get_environment_database(self) -> Database:
        return self._lookup.ensure_environment_database()

    def _copy_parent(
        self,
        name: str,
        parent: str | None,
        environment: Environment | None,
        expires_at: datetime | None,
        *,
        force: bool,
        allow_production: bool = False,
        ready: bool = False,
    ) -> Branch:
        check_branch_name(name)
        parent = parent or self.configuration.environment.value
        with self._lookup.branch_lock(name) as cursor:
            if existing := self._lookup.find_branch(cursor, name):
                raise BranchExists(name, existing.parent)
            now = _now()
            if expires_at is not None and expires_at <= now:
                raise InvalidExpiry(name, f"{expires_at:%Y-%m-%d %H:%M} is past")
            source, source_environment = self._lookup.find_parent(cursor, parent)
            if (
                source_environment is Environment.PRODUCTION
                and environment not in {None, source_environment}
                and not allow_production
            ):
                raise UnmaskedProductionCopy(parent, str(environment))
            branch = Branch(
                name=name,
                parent=parent,
                environment=environment or source_environment,
                ready=ready,
                created_at=now,
                expires_at=expires_at,
                owner=self._lookup.owner,
            )
            with self._unfinished_copy(cursor, source, branch, source_environment, force=force) as unfinished:
                execute_atomically(
                    cursor,
                    comment_sql(unfinished, branch),
                    rename_sql(unfinished, self._lookup.get_database_name(name)),
                )
        return branch

    @property
    def _lookup(self) -> LocalBranchLookup:
        return LocalBranchLookup(self.server, self.configuration)

    @contextmanager
    def _unfinished_copy(
        self, cursor: "Cursor", source: str, branch: Branch, source_environment: Environment, *, force: bool
    ) -> Iterator[str]:
        """Create a copy under a temporary name, and drop it where the block fails."""
        unfinished = build_unfinished_name(self._lookup.get_database_name(branch.name))
        try:
            clone_database(cursor, source, unfinished, force=force, data_directory=self.server.directory)
            if not branch.ready:
                self._mark_copied(unfinished, branch, source_environment)
                wait_until_unused(cursor, unfinished)
            yield unfinished
        except BaseException:
            drop_database(cursor, unfinished)
            raise

    def _mark_copied(self, unfinished: str, branch: Branch, source_environment: Environment) -> None:
        url = self.server.owner_url(unfinished)
        with connect(replace(self._lookup.get_database(branch), url=url, direct=url)) as connection:
            if read_mark(connection) == PREPARING:  # the parent is being reset
                raise BranchNotReady(branch.parent)
            mark_as_copy(connection, source_environment)
            connection.commit()


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
