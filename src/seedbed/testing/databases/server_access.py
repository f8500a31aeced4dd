"""A server that tests have their databases on: Seedbed's own for the run, or a given one."""

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
from seedbed.postgres.embedded import ThrowawayServer
from seedbed.settings import DatabaseUrl, Environment, Origin
from seedbed.settings.sources import Kind

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a type, whatever its author called it

_OWN = Origin(Kind.DERIVED, "the server of this run of tests")
_GIVEN = Origin(Kind.OPTION, "--seedbed-url")
_RECOVERY_SECONDS = 30


@dataclass(frozen=True)
class ServerAccess:
    """`admin` makes and drops databases, `owner` is whom they belong to: no superuser, where the server is our own.

    `data_directory` is where its data are, on our own.
    """

    admin: DatabaseUrl
    owner: DatabaseUrl
    data_directory: Path | None

    @classmethod
    def from_embedded(cls, server: ThrowawayServer, owner: str) -> "ServerAccess":
        admin = server.url()
        own = DatabaseUrl(
            owner, server.owner_password, admin.host, admin.port, admin.database, parameters=admin.parameters
        )
        return cls(admin, own, server.folder)

    @classmethod
    def from_url(cls, url: DatabaseUrl) -> "ServerAccess":
        return cls(url, url, None)

    def database(self, name: str) -> Database:
        url = self.owner.with_database(name)
        return Database(url, url, Environment.TESTING, _OWN if self.data_directory is not None else _GIVEN)

    @contextmanager
    def open_admin_cursor(self) -> Iterator["Cursor"]:
        """A cursor in autocommit that may make databases.

        Raises:
            DatabaseUnreachable, AuthenticationFailure, DatabaseNotFound, MissingPrivilege: it cannot.
        """
        origin = _OWN if self.data_directory is not None else _GIVEN
        place = Database(self.admin, self.admin, Environment.TESTING, origin)
        with translate_errors(place), autocommit_cursor(open_connection(place, application="seedbed tests")) as cursor:
            yield cursor

    def await_recovery(self) -> None:
        """Wait while the server is there and takes no connections, as it does after a crash."""
        conninfo = make_conninfo(**self.admin.connect_arguments()).encode()
        until = time.monotonic() + _RECOVERY_SECONDS
        while PGconn.ping(conninfo) == Ping.REJECT and time.monotonic() < until:
            time.sleep(0.02)

    def ensure_owner_role(self, cursor: "Cursor") -> None:
        """The owner, made where it is missing; on a given server the user of its URL owns what it makes."""
        if self.data_directory is None:
            return
        cursor.execute("SELECT 1 FROM pg_roles WHERE rolname = %s", (self.owner.username,))
        if cursor.fetchone() is None:
            role, password = sql.Identifier(self.owner.username or ""), sql.Literal(self.owner.password)
            with suppress(psycopg2.errors.DuplicateObject, psycopg2.errors.UniqueViolation):  # another worker's
                cursor.execute(sql.SQL("CREATE ROLE {} LOGIN CREATEDB PASSWORD {}").format(role, password))

    def create_empty_database(self, cursor: "Cursor", name: str) -> None:
        database, owner = sql.Identifier(name), sql.Identifier(self.owner.username or "")
        owned = sql.SQL("") if self.data_directory is None else sql.SQL(" OWNER {}").format(owner)
        cursor.execute(sql.SQL("CREATE DATABASE {}{} TEMPLATE template0").format(database, owned))


def drop_database(cursor: "Cursor", name: str) -> None:
    """Drop a database, ending the sessions on it."""
    cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
