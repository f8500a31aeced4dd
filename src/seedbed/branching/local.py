"""Branches on the project's embedded server: each is a database, copied from its parent's."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from psycopg2 import sql

from seedbed.branching import comments
from seedbed.branching.naming import building_of, check_name, database_of, is_environment
from seedbed.branching.protocol import Branch
from seedbed.errors import (
    BranchBusy,
    BranchExists,
    BranchNotFound,
    BranchNotReady,
    NotABranch,
    ProductionCopied,
    UnmarkedWithRows,
)
from seedbed.postgres.cloning import await_unused, clone
from seedbed.postgres.connecting import connect
from seedbed.postgres.databases import Database, on_server
from seedbed.postgres.embedded import Server
from seedbed.postgres.marks import PREPARING, read_mark, tables_with_rows, write_mark
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
    ) -> Branch:
        check_name(name)
        parent = parent or self.configuration.environment.value
        with self._alone(name) as cursor:
            if existing := self._found(cursor, name):
                raise BranchExists(name, existing.parent)
            source = self._parent(cursor, parent)
            own = _environment_of(source, parent)
            if own is Environment.PRODUCTION and environment not in {None, own}:
                raise ProductionCopied(parent, str(environment))
            branch = Branch(
                name=name,
                parent=parent,
                environment=environment or own,
                ready=False,
                created_at=datetime.now(UTC).replace(microsecond=0),
                expires_at=expires_at,
                owner=self._owner,
            )
            self._copy(cursor, source.name, branch, force=force)
        return branch

    def finish(self, name: str) -> Branch:
        with self._alone(name) as cursor:
            branch = self._existing(cursor, name)
            finished = replace(branch, ready=True)
            with connect(self._database(branch)) as connection:
                write_mark(connection, branch.environment)
                connection.commit()
            self._comment(cursor, self._database_of(name), finished)
        return finished

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
            _drop(cursor, self._database_of(name))

    def url(self, name: str, *, unfinished: bool = False) -> DatabaseUrl:
        branch = self.get(name)
        if not branch.ready and not unfinished:
            raise BranchNotReady(name)
        return self.server.owner_url(self._database_of(name))

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
            while not _asked(cursor, "SELECT pg_try_advisory_lock(%s, hashtext(%s))", _KEY, building):
                if time.monotonic() > until:
                    raise BranchBusy(name, _WAIT_SECONDS)
                time.sleep(_POLL_SECONDS)
            _drop(cursor, building)
            yield cursor

    def _found(self, cursor: "Cursor", name: str) -> Branch | None:
        if is_environment(name):
            raise NotABranch(
                name,
                "it is an environment's own database",
                remedy=f"seedbed branch list shows the branches. To empty it: seedbed db reset -e {name}",
            )
        database = self._database_of(name)
        if not _asked(cursor, "SELECT count(*) FROM pg_database WHERE datname = %s", database):
            return None
        comment = _asked(
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

    def _parent(self, cursor: "Cursor", parent: str) -> Database:
        if parent == self.configuration.environment:
            return on_server(self.server, self.configuration)
        branch = self._existing(cursor, parent)
        if not branch.ready:
            raise BranchNotReady(parent)
        return self._database(branch)

    def _copy(self, cursor: "Cursor", source: str, branch: Branch, *, force: bool) -> None:
        database = self._database_of(branch.name)
        building = building_of(database)
        try:
            clone(cursor, source, building, force=force)
            url = self.server.owner_url(building)
            with connect(replace(self._database(branch), url=url, direct=url)) as connection:
                write_mark(connection, PREPARING)
                connection.commit()
            self._comment(cursor, building, branch)
            await_unused(cursor, building)
            cursor.execute(
                sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(building), sql.Identifier(database))
            )
        except BaseException:
            _drop(cursor, building)
            raise

    def _comment(self, cursor: "Cursor", database: str, branch: Branch) -> None:
        cursor.execute(
            sql.SQL("COMMENT ON DATABASE {} IS {}").format(
                sql.Identifier(database), sql.Literal(comments.written(branch))
            )
        )


def _environment_of(source: Database, parent: str) -> Environment:
    """What a database is for: by its mark, or by the environment it was made for while it has neither mark nor rows."""
    with connect(source) as connection:
        mark = read_mark(connection)
        if mark is None and (occupied := tables_with_rows(connection)):
            raise UnmarkedWithRows("copy", source.name, occupied)
    if mark == PREPARING:
        raise BranchNotReady(parent)
    return Environment(mark or source.environment)


def _drop(cursor: "Cursor", database: str) -> None:
    cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))


def _asked(cursor: "Cursor", statement: str, *parameters: object) -> object:
    cursor.execute(statement, parameters)
    row = cursor.fetchone()
    return row[0] if row is not None else None
