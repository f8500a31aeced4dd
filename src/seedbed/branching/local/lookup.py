"""The lookup of a project's branches on the embedded server, by the comments of their databases."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from seedbed.branching.local.databases import claim_source_environment, drop_database, parse_comment
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
    """Finds branches by name, and locks them."""

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
        """The environment's own database, created where it is missing."""
        return ensure_environment_database(self.server, self.configuration)

    @contextmanager
    def branch_lock(self, name: str) -> "Iterator[Cursor]":
        """A superuser's cursor whose session holds the lock of a branch, after dropping what a killed command left.

        Raises:
            BranchLockTimeout: another session kept the lock too long.
        """
        database = self.get_database_name(name)
        unfinished = build_unfinished_name(database)
        with self.server.admin_cursor() as cursor:
            if not poll_lock(cursor, BRANCH_LOCKS, unfinished, wait_seconds=_WAIT_SECONDS):
                raise BranchLockTimeout(name, _WAIT_SECONDS)
            leftovers = (unfinished, build_replaced_name(database))
            cursor.execute("SELECT datname FROM pg_database WHERE datname IN %s", (leftovers,))
            for (leftover,) in cursor.fetchall():
                drop_database(cursor, leftover)
            yield cursor

    def read_branches(self, cursor: "Cursor") -> Iterator[Branch]:
        cursor.execute("SELECT shobj_description(oid, 'pg_database') FROM pg_database")
        for (comment,) in cursor.fetchall():
            branch = parse_comment(comment)
            if branch is not None and branch.owner == self.owner:
                yield branch

    def find_branch(self, cursor: "Cursor", name: str) -> Branch | None:
        """The branch of a name; None where there is none.

        Raises:
            NotABranch: the name is an environment's, or the project did not create the database of that name.
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
        branch = parse_comment(row[0])
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
        """The database of a parent and its environment, which for a sealed branch is read from its comment."""
        if name == self.configuration.environment:
            url = self.server.owner_url(get_database_name(self.configuration))
            database = Database(url, url, self.configuration.environment, EMBEDDED_ORIGIN, self.server)
            try:
                return database.name, claim_source_environment(database, name)
            except (DatabaseNotFound, AuthenticationFailure):  # the database or its role does not exist yet
                return database.name, claim_source_environment(self.ensure_environment_database(), name)
        branch = self.get_branch(cursor, name)
        if not branch.ready:
            raise BranchNotReady(name)
        source = self.get_database(branch)
        return source.name, branch.environment if branch.sealed else claim_source_environment(source, name)
