"""A project's branches on its embedded server looked up by name, in the comments of their databases."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedbed.branching.local import annotations
from seedbed.branching.local.databases import claim_source_environment, drop_database
from seedbed.branching.names import build_database_name, build_replaced_name, build_unfinished_name, is_environment_name
from seedbed.branching.protocol import Branch
from seedbed.errors import (
    AuthenticationFailure,
    BranchLockTimeout,
    BranchNotFound,
    BranchNotReady,
    DatabaseNotFound,
    NotABranch,
)
from seedbed.postgres.database import EMBEDDED_ORIGIN, Database, ensure_environment_database, get_database_name
from seedbed.postgres.embedded import EmbeddedServer
from seedbed.postgres.locks import BRANCH_LOCKS, poll_lock
from seedbed.settings import Configuration, Environment, Origin
from seedbed.settings.sources import SourceKind

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a type, whatever its author called it

_WAIT_SECONDS = 60.0


@dataclass(frozen=True)
class LocalBranchLookup:
    server: EmbeddedServer
    configuration: Configuration

    @property
    def owner(self) -> str:
        return self.configuration.project.identifier

    def get_database_name(self, name: str) -> str:
        return build_database_name(self.owner, name)

    def get_database(self, branch: Branch) -> Database:
        url = self.server.owner_url(self.get_database_name(branch.name))
        return Database(url, url, branch.environment, Origin(SourceKind.DERIVED, f"branch {branch.name}"), self.server)

    def ensure_environment_database(self) -> Database:
        """The environment's own database, made where it is missing."""
        return ensure_environment_database(self.server, self.configuration)

    @contextmanager
    def branch_lock(self, name: str) -> "Iterator[Cursor]":
        """A superuser's cursor whose session holds the branch's lock, with nothing there that a kill left of it. The
        lock is polled for, so that Ctrl-C is heard.
        """
        database = self.get_database_name(name)
        building = build_unfinished_name(database)
        with self.server.admin_cursor() as cursor:
            if not poll_lock(cursor, BRANCH_LOCKS, building, wait_seconds=_WAIT_SECONDS):
                raise BranchLockTimeout(name, _WAIT_SECONDS)
            left_over = (building, build_replaced_name(database))
            cursor.execute("SELECT datname FROM pg_database WHERE datname IN %s", (left_over,))
            for (left,) in cursor.fetchall():
                drop_database(cursor, left)
            yield cursor

    def read_branches(self, cursor: "Cursor") -> Iterator[Branch]:
        cursor.execute("SELECT shobj_description(oid, 'pg_database') FROM pg_database")
        for (comment,) in cursor.fetchall():
            branch = annotations.parse_comment(comment)
            if branch is not None and branch.owner == self.owner:
                yield branch

    def find_branch(self, cursor: "Cursor", name: str) -> Branch | None:
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
        database = self.get_database_name(name)
        cursor.execute("SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = %s", (database,))
        row = cursor.fetchone()
        if row is None:
            return None
        branch = annotations.parse_comment(row[0])
        if branch is None or (branch.name, branch.owner) != (name, self.owner):
            raise NotABranch(
                database, f"Seedbed did not make it as {name}", remedy="Choose another name, or rename the database."
            )
        return branch

    def get_branch(self, cursor: "Cursor", name: str) -> Branch:
        branch = self.find_branch(cursor, name)
        if branch is None:
            raise BranchNotFound(name)
        return branch

    def find_parent(self, cursor: "Cursor", name: str) -> tuple[str, Environment]:
        """A parent's database and what it is for; a sealed one is what its comment says, as nobody can change it."""
        if name == self.configuration.environment:
            url = self.server.owner_url(get_database_name(self.configuration))
            there = Database(url, url, self.configuration.environment, EMBEDDED_ORIGIN, self.server)
            try:
                return there.name, claim_source_environment(there, name)
            except (DatabaseNotFound, AuthenticationFailure):  # neither it nor its role was made yet
                return there.name, claim_source_environment(self.ensure_environment_database(), name)
        branch = self.get_branch(cursor, name)
        if not branch.ready:
            raise BranchNotReady(name)
        source = self.get_database(branch)
        return source.name, branch.environment if branch.sealed else claim_source_environment(source, name)
