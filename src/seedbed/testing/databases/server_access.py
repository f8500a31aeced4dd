"""Access the server of the tests' databases: the run's own, or the one of `--seedbed-url`."""

import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import psycopg2
from psycopg.conninfo import make_conninfo
from psycopg.pq import PGconn, Ping
from psycopg2 import sql

from seedbed.postgres.connection import autocommit_cursor, open_connection, translate_errors
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import TemporaryServer
from seedbed.settings import DatabaseUrl, Environment, Origin
from seedbed.settings.sources import SourceKind

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812 - psycopg2 names the class in lower case

_OWN_SERVER = Origin(SourceKind.DERIVED, "the server of this run of tests")
_GIVEN_SERVER = Origin(SourceKind.OPTION, "--seedbed-url")
_RECOVERY_SECONDS = 30


@dataclass(frozen=True)
class ServerAccess:
    """`admin` creates and drops databases, and `owner` owns them. On the run's own server the owner is no superuser.

    `data_directory` is that of the run's own server, and None for a given server.
    """

    admin: DatabaseUrl
    owner: DatabaseUrl
    data_directory: Path | None

    @classmethod
    def from_embedded(cls, server: TemporaryServer, owner: str) -> "ServerAccess":
        admin = server.url()
        owner_url = DatabaseUrl(
            owner, server.owner_password, admin.host, admin.port, admin.database, parameters=admin.parameters
        )
        return cls(admin, owner_url, server.directory)

    @classmethod
    def from_url(cls, url: DatabaseUrl) -> "ServerAccess":
        return cls(url, url, None)

    def database(self, name: str) -> Database:
        url = self.owner.with_database(name)
        return Database(url, url, Environment.TESTING, self._origin)

    @property
    def _origin(self) -> Origin:
        return _OWN_SERVER if self.data_directory is not None else _GIVEN_SERVER

    @contextmanager
    def open_admin_cursor(self) -> Iterator["Cursor"]:
        """Open a cursor in autocommit mode that may create databases.

        Raises:
            DatabaseUnreachable, AuthenticationFailure, DatabaseNotFound, MissingPrivilege: the connection failed.
        """
        maintenance = Database(self.admin, self.admin, Environment.TESTING, self._origin)
        with (
            translate_errors(maintenance),
            autocommit_cursor(open_connection(maintenance, application="seedbed tests")) as cursor,
        ):
            yield cursor

    def await_recovery(self) -> None:
        """Wait while the server refuses connections because it recovers from a crash."""
        conninfo = make_conninfo(**self.admin.connect_arguments()).encode()
        deadline = time.monotonic() + _RECOVERY_SECONDS
        while PGconn.ping(conninfo) == Ping.REJECT and time.monotonic() < deadline:
            time.sleep(0.02)

    def ensure_owner_role(self, cursor: "Cursor") -> None:
        """Create the owner role if it is missing. On a given server, the user of the URL is the owner."""
        if self.data_directory is None:
            return
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (self.owner.username,))
        if cursor.fetchone() is None:
            role, password = sql.Identifier(self.owner.username or ""), sql.Literal(self.owner.password)
            with suppress(
                psycopg2.errors.DuplicateObject, psycopg2.errors.UniqueViolation
            ):  # another worker created it
                cursor.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}").format(role, password))

    def create_empty_database(self, cursor: "Cursor", name: str) -> None:
        database, owner = sql.Identifier(name), sql.Identifier(self.owner.username or "")
        owner_clause = sql.SQL("") if self.data_directory is None else sql.SQL(" OWNER {}").format(owner)
        cursor.execute(sql.SQL("CREATE DATABASE {}{} TEMPLATE template0").format(database, owner_clause))


def drop_database(cursor: "Cursor", name: str) -> None:
    """Drop a database, and terminate the sessions on it."""
    cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
