"""A project's branches on its embedded server looked up by name, in the comments of their databases."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedbed.branching.local import annotations
from seedbed.branching.local.databases import drop, environment_of
from seedbed.branching.names import build_unfinished_name, build_database_name, is_environment_name, build_replaced_name
from seedbed.branching.protocol import Branch
from seedbed.errors import BranchLockTimeout, BranchNotFound, BranchNotReady, DatabaseNotFound, AuthenticationFailure, NotABranch
from seedbed.postgres.database import EMBEDDED_ORIGIN, Database, get_database_name, ensure_environment_database
from seedbed.postgres.embedded import EmbeddedServer
from seedbed.postgres.locks import BRANCH_LOCKS, poll_lock
from seedbed.settings import Configuration, Environment, Origin
from seedbed.settings.sources import SourceKind

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a type, whatever its author called it

_WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class Looking:
    server: EmbeddedServer
    configuration: Configuration

    @property
    def owner(self) -> str:
        return self.configuration.project.identifier

    def database_of(self, name: str) -> str:
        return build_database_name(self.owner, name)

    def database(self, branch: Branch) -> Database:
        url = self.server.owner_url(self.database_of(branch.name))
        return Database(url, url, branch.environment, Origin(SourceKind.DERIVED, f"branch {branch.name}"), self.server)

    def original(self) -> Database:
        """The environment's own database, made where it is missing."""
        return ensure_environment_database(self.server, self.configuration)

    @contextmanager
    def alone(self, name: str) -> "Iterator[Cursor]":
        """A superuser's cursor whose session holds the branch's lock, with nothing there that a kill left of it. The
        lock is polled for, so that Ctrl-C is heard.
        """
        database = self.database_of(name)
        building = build_unfinished_name(database)
        with self.server.admin_cursor() as cursor:
            if not poll_lock(cursor, BRANCH_LOCKS, building, wait_seconds=_WAIT_SECONDS):
                raise BranchLockTimeout(name, _WAIT_SECONDS)
            left_over = (building, build_replaced_name(database))
            cursor.execute("SELECT datname FROM pg_database WHERE datname IN %s", (left_over,))
            for (left,) in cursor.fetchall():
                drop(cursor, left)
            yield cursor

    def every(self, cursor: "Cursor") -> Iterator[Branch]:
        cursor.execute("SELECT shobj_description(oid, 'pg_database') FROM pg_database")
        for (comment,) in cursor.fetchall():
            branch = annotations.read(comment)
            if branch is not None and branch.owner == self.owner:
                yield branch

    def found(self, cursor: "Cursor", name: str) -> Branch | None:
        """The branch of a name.

        Raises:
            NotABranch: it is an environment's, or its database is somebody else's.
        """
        if is_environment_name(name):
            raise NotABranch(
                name,
                "it is an environment's own database",
                remedy=f"seedbed branch list shows the branches. To empty it: seedbed db reset -e {name}",
            )
        database = self.database_of(name)
        cursor.execute("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", (database,))
        row = cursor.fetchone()
        if row is None:
            return None
        branch = annotations.read(row[0])
        if branch is None or (branch.name, branch.owner) != (name, self.owner):
            raise NotABranch(
                database, f"Seedbed did not make it as {name}", remedy="Choose another name, or rename the database."
            )
        return branch

    def existing(self, cursor: "Cursor", name: str) -> Branch:
        branch = self.found(cursor, name)
        if branch is None:
            raise BranchNotFound(name)
        return branch

    def parent(self, cursor: "Cursor", name: str) -> tuple[str, Environment]:
        """A parent's database and what it is for; a sealed one is what its comment says, as nobody can change it."""
        if name == self.configuration.environment:
            url = self.server.owner_url(get_database_name(self.configuration))
            there = Database(url, url, self.configuration.environment, EMBEDDED_ORIGIN, self.server)
            try:
                return there.name, environment_of(there, name)
            except (DatabaseNotFound, AuthenticationFailure):  # neither it nor its role was made yet
                return there.name, environment_of(self.original(), name)
        branch = self.existing(cursor, name)
        if not branch.ready:
            raise BranchNotReady(name)
        source = self.database(branch)
        return source.name, branch.environment if branch.sealed else environment_of(source, name)
