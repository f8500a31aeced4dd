"""Branches on the project's embedded server: each is a database, copied from its parent's."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from psycopg2 import sql

from seedbed.branching import comments
from seedbed.branching.administering import allow, asked, drop, end_sessions, environment_of, rename, together
from seedbed.branching.naming import building_of, check_name, database_of, is_environment, replaced_of
from seedbed.branching.protocol import Branch
from seedbed.errors import (
    BadExpiry,
    BranchBusy,
    BranchExists,
    BranchNotFound,
    BranchNotReady,
    BranchSealed,
    DatabaseMissing,
    LoginRefused,
    NotABranch,
    ProductionCopied,
    Unreachable,
)
from seedbed.postgres.cloning import await_unused, clone
from seedbed.postgres.connecting import connect
from seedbed.postgres.databases import EMBEDDED, Database, database_name, on_server
from seedbed.postgres.embedded import Server
from seedbed.postgres.marks import PREPARING, read_mark, write_copied, write_mark
from seedbed.settings import Configuration, DatabaseUrl, Environment, Origin
from seedbed.settings.sources import Kind

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a type, whatever its author called it

_KEY = 0x5EEDBED
_WAIT_SECONDS = 60.0
_POLL_SECONDS = 0.02


@dataclass(frozen=True)
class LocalBranches:
    """A provider. What is known of a branch stands in its database's comment, so there is nothing to lose beside it.

    A copy gets its branch's name last, once it is marked `preparing` and has its comment: so whatever has the name is
    a branch, and a kill leaves at most a copy under a name that the next call for that branch drops. One session at a
    time makes, finishes or deletes a branch; others wait for it.
    """

    server: Server
    configuration: Configuration

    def create(
        self,
        name: str,
        *,
        parent: str | None = None,
        environment: Environment | None = None,
        expires_at: datetime | None = None,
        force: bool = False,
        even_production: bool = False,
    ) -> Branch:
        return self._made(name, parent, environment, expires_at, force=force, even_production=even_production)

    def make(
        self, name: str, *, parent: str | None = None, expires_at: datetime | None = None, force: bool = False
    ) -> Branch:
        """The mark that the copy brings along is its own, so nothing is written into it."""
        return self._made(name, parent, None, expires_at, force=force, ready=True)

    def finish(self, name: str, *, sealed: bool = False) -> Branch:
        with self._alone(name) as cursor:
            branch = self._existing(cursor, name)
            if branch.ready and branch.sealed == sealed:
                return branch
            database = self._database_of(name)
            if branch.sealed:
                allow(cursor, database, True)
            finished = replace(branch, ready=True, sealed=sealed)
            with connect(self._database(branch)) as connection:
                write_mark(connection, branch.environment)
                connection.commit()
            self._comment(cursor, database, finished)
            if sealed:
                allow(cursor, database, False)
                end_sessions(cursor, database)
        return finished

    def reset(self, name: str, *, force: bool = False, even_production: bool = False) -> Branch:
        with self._alone(name) as cursor:
            branch = self._existing(cursor, name)
            source, own = self._parent(cursor, branch.parent)
            if own is Environment.PRODUCTION and branch.environment is not own and not even_production:
                raise ProductionCopied(branch.parent, str(branch.environment))
            now = _now()
            lasting = branch.expires_at - branch.created_at if branch.expires_at is not None else None
            anew = replace(
                branch,
                ready=False,
                sealed=False,
                created_at=now,
                expires_at=now + lasting if lasting is not None else None,
            )
            database = self._database_of(name)
            with self._copied(cursor, source, anew, own, force=force) as building:
                allow(cursor, database, False)
                end_sessions(cursor, database)
                with together(cursor):
                    rename(cursor, database, replaced_of(database))
                    self._name(cursor, building, anew)
            drop(cursor, replaced_of(database))
        return anew

    def expire(self, name: str, at: datetime | None) -> Branch:
        if at is not None and at <= _now():
            raise BadExpiry(name, f"{at:%Y-%m-%d %H:%M} is past")
        with self._alone(name) as cursor:
            lasting = replace(self._existing(cursor, name), expires_at=at)
            self._comment(cursor, self._database_of(name), lasting)
        return lasting

    def wait(self, name: str, *, seconds: float = _WAIT_SECONDS) -> None:
        """The server is this machine's, so a branch that is there takes connections."""
        until = time.monotonic() + seconds
        branch = self.get(name)
        while not branch.sealed:
            try:
                with connect(self._database(branch)):
                    return
            except Unreachable:
                if time.monotonic() > until:
                    raise
                time.sleep(_POLL_SECONDS)

    def get(self, name: str) -> Branch:
        with self.server.administration() as cursor:
            return self._existing(cursor, name)

    def list(self) -> tuple[Branch, ...]:
        with self.server.administration() as cursor:
            cursor.execute("SELECT shobj_description(oid, 'pg_database') FROM pg_database")
            found = [comments.read(comment) for (comment,) in cursor.fetchall()]
        ours = [branch for branch in found if branch is not None and branch.owner == self._owner]
        return tuple(sorted(ours, key=lambda branch: branch.name))

    def delete(self, name: str) -> None:
        with self._alone(name) as cursor:
            self._existing(cursor, name)
            drop(cursor, self._database_of(name))

    def url(self, name: str, *, unfinished: bool = False, pooled: bool = False) -> DatabaseUrl:  # noqa: ARG002 - none here
        branch = self.get(name)
        if not branch.ready and not unfinished:
            raise BranchNotReady(name)
        if branch.sealed:
            raise BranchSealed(name)
        return self.server.owner_url(self._database_of(name))

    def original(self) -> Database:
        return on_server(self.server, self.configuration)

    def _made(
        self,
        name: str,
        parent: str | None,
        environment: Environment | None,
        expires_at: datetime | None,
        *,
        force: bool,
        even_production: bool = False,
        ready: bool = False,
    ) -> Branch:
        check_name(name)
        parent = parent or self.configuration.environment.value
        with self._alone(name) as cursor:
            if existing := self._found(cursor, name):
                raise BranchExists(name, existing.parent)
            now = _now()
            if expires_at is not None and expires_at <= now:
                raise BadExpiry(name, f"{expires_at:%Y-%m-%d %H:%M} is past")
            source, own = self._parent(cursor, parent)
            if own is Environment.PRODUCTION and environment not in {None, own} and not even_production:
                raise ProductionCopied(parent, str(environment))
            branch = Branch(
                name=name,
                parent=parent,
                environment=environment or own,
                ready=ready,
                created_at=now,
                expires_at=expires_at,
                owner=self._owner,
            )
            with self._copied(cursor, source, branch, own, force=force) as building, together(cursor):
                self._name(cursor, building, branch)
        return branch

    @property
    def _owner(self) -> str:
        return self.configuration.project.identifier

    def _database_of(self, name: str) -> str:
        return database_of(self._owner, name)

    def _database(self, branch: Branch) -> Database:
        url = self.server.owner_url(self._database_of(branch.name))
        return Database(url, url, branch.environment, Origin(Kind.DERIVED, f"branch {branch.name}"), self.server)

    @contextmanager
    def _alone(self, name: str) -> "Iterator[Cursor]":
        """A superuser's cursor whose session holds the branch's lock. It is polled for, so that Ctrl-C is heard."""
        with self.server.administration() as cursor:
            building = building_of(self._database_of(name))
            until = time.monotonic() + _WAIT_SECONDS
            while not asked(cursor, "SELECT pg_try_advisory_lock(%s, hashtext(%s))", _KEY, building):
                if time.monotonic() > until:
                    raise BranchBusy(name, _WAIT_SECONDS)
                time.sleep(_POLL_SECONDS)
            for left in (building, replaced_of(self._database_of(name))):
                drop(cursor, left)
            yield cursor

    def _found(self, cursor: "Cursor", name: str) -> Branch | None:
        if is_environment(name):
            raise NotABranch(
                name,
                "it is an environment's own database",
                remedy=f"seedbed branch list shows the branches. To empty it: seedbed db reset -e {name}",
            )
        database = self._database_of(name)
        if not asked(cursor, "SELECT count(*) FROM pg_database WHERE datname = %s", database):
            return None
        comment = asked(
            cursor, "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", database
        )
        branch = comments.read(str(comment))
        if branch is None or (branch.name, branch.owner) != (name, self._owner):
            raise NotABranch(
                database, f"Seedbed did not make it as {name}", remedy="Choose another name, or rename the database."
            )
        return branch

    def _existing(self, cursor: "Cursor", name: str) -> Branch:
        branch = self._found(cursor, name)
        if branch is None:
            raise BranchNotFound(name)
        return branch

    def _parent(self, cursor: "Cursor", parent: str) -> tuple[str, Environment]:
        """A parent's database and what it is for; a sealed one is what its comment says, as nobody can change it."""
        if parent == self.configuration.environment:
            url = self.server.owner_url(database_name(self.configuration))
            there = Database(url, url, self.configuration.environment, EMBEDDED, self.server)
            try:
                return there.name, environment_of(there, parent)
            except (DatabaseMissing, LoginRefused):  # neither it nor its role was made yet
                return there.name, environment_of(self.original(), parent)
        branch = self._existing(cursor, parent)
        if not branch.ready:
            raise BranchNotReady(parent)
        source = self._database(branch)
        return source.name, branch.environment if branch.sealed else environment_of(source, parent)

    @contextmanager
    def _copied(self, cursor: "Cursor", source: str, branch: Branch, of: Environment, *, force: bool) -> Iterator[str]:
        """A copy that has not its name yet; dropped when the block fails."""
        building = building_of(self._database_of(branch.name))
        try:
            clone(cursor, source, building, force=force, folder=self.server.home)
            if not branch.ready:
                self._mark_copied(building, branch, of)
            await_unused(cursor, building)
            yield building
        except BaseException:
            drop(cursor, building)
            raise

    def _mark_copied(self, building: str, branch: Branch, of: Environment) -> None:
        url = self.server.owner_url(building)
        with connect(replace(self._database(branch), url=url, direct=url)) as connection:
            if read_mark(connection) == PREPARING:  # its parent was begun anew since it was looked at
                raise BranchNotReady(branch.parent)
            write_copied(connection, of)
            connection.commit()

    def _name(self, cursor: "Cursor", building: str, branch: Branch) -> None:
        self._comment(cursor, building, branch)
        rename(cursor, building, self._database_of(branch.name))

    def _comment(self, cursor: "Cursor", database: str, branch: Branch) -> None:
        cursor.execute(
            sql.SQL("COMMENT ON DATABASE {} IS {}").format(
                sql.Identifier(database), sql.Literal(comments.written(branch))
            )
        )


def _now() -> datetime:
    return datetime.now(UTC).replace(microsecond=0)
