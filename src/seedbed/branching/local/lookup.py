"""The lookup of a project's branches on the embedded server, by the comments of their databases."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any

from psycopg2 import sql
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from seedbed.branching.protocol import (
    Branch,
    build_database_name,
    build_replaced_name,
    build_unfinished_name,
    is_environment_name,
)
from seedbed.errors import (
    AuthenticationFailure,
    BranchLockTimeout,
    BranchNotFound,
    BranchNotReady,
    DatabaseNotFound,
    NotABranch,
    UnmarkedDatabase,
)
from seedbed.postgres.connection import connect
from seedbed.postgres.database import EMBEDDED_ORIGIN, Database, ensure_environment_database, get_database_name
from seedbed.postgres.embedded import EmbeddedServer
from seedbed.postgres.environment_mark import PREPARING, find_tables_with_rows, read_database_mark, write_mark
from seedbed.postgres.locks import BRANCH_LOCKS, poll_lock
from seedbed.settings import Configuration, Environment, Origin
from seedbed.settings.sources import SourceKind

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a type, whatever its author called it  # noqa: N812 - a type, whatever its author called it


_COMMENT_KEY = "seedbed_branch"
_FIELDS = ("name", "parent", "environment", "ready", "created_at", "expires_at", "owner", "sealed")
"""The keys of a comment, in the order of the values below; they are stored, so they never change."""
_FIELD_VALUES = TypeAdapter(tuple[str, str, Environment, bool, datetime, datetime | None, str, bool])

_WAIT_SECONDS = 60.0


def format_comment(branch: Branch) -> str:
    """The comment of a branch's database, as JSON; it is renamed and dropped with the database."""
    values = (
        branch.name, branch.parent, branch.environment, branch.ready, branch.created_at, branch.expires_at,
        branch.owner, branch.sealed,
    )  # fmt: skip
    fields = dict(zip(_FIELDS, to_jsonable_python(values), strict=True))
    return json.dumps({_COMMENT_KEY: fields}, ensure_ascii=False)


def parse_comment(comment: str | None) -> Branch | None:
    """The branch in a comment; None for another comment. Keys of later versions are ignored."""
    try:
        document: Any = json.loads(comment or "")
        fields = {"sealed": False, **document[_COMMENT_KEY]}
        return Branch(*_FIELD_VALUES.validate_python([fields[name] for name in _FIELDS]))
    except (ValueError, KeyError, TypeError, ValidationError):
        return None


def rename_sql(old: str, new: str) -> sql.Composed:
    return sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new))


def comment_sql(database: str, branch: Branch) -> sql.Composed:
    return sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(database), sql.Literal(format_comment(branch)))


def execute_atomically(cursor: "Cursor", *statements: sql.Composed) -> None:
    """Run statements in one transaction, by sending them in one query."""
    cursor.execute(sql.SQL("; ").join(statements))


def set_allow_connections(cursor: "Cursor", database: str, allowed: bool) -> None:
    cursor.execute(
        sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(sql.Identifier(database), sql.Literal(allowed))
    )


def terminate_sessions(cursor: "Cursor", database: str) -> None:
    cursor.execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
        (database,),
    )


def claim_source_environment(source: Database, parent: str) -> Environment:
    """The environment of a database by its mark, which is written where the database has neither mark nor rows."""
    mark = read_database_mark(source)
    if mark is None:
        with connect(source) as connection:
            if occupied := find_tables_with_rows(connection):
                raise UnmarkedDatabase("copy", source.name, occupied)
            mark = source.environment
            write_mark(connection, source.environment)
            connection.commit()
    if mark == PREPARING:
        raise BranchNotReady(parent)
    return Environment(mark)


def drop_database(cursor: "Cursor", database: str) -> None:
    cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))


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
