"""Throw-away databases on which a draft is made and proven, never the target's own."""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

import psycopg2
from psycopg2 import sql

from seedbed.errors import PostgresBinariesNotFound, NoShadowServer, SeedbedError, ServerError
from seedbed.postgres.connection import autocommit_cursor, open_connection, translate_errors
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import EmbeddedServer
from seedbed.settings import Configuration, Environment, Origin
from seedbed.settings.sources import SourceKind

_PREFIX = "seedbed_shadow_"
_ABANDONED_SECONDS = 3600
_ORIGIN = Origin(SourceKind.DERIVED, "a throw-away database")


@dataclass(frozen=True)
class _Maker:
    """A way to make and drop databases: the embedded server, or the one of SHADOW_DATABASE_URL."""

    administered: Database
    server: EmbeddedServer | None

    @contextmanager
    def cursor(self) -> Iterator["psycopg2.extensions.cursor"]:
        if self.server is not None:
            with self.server.admin_cursor() as cursor:
                yield cursor
            return
        with translate_errors(self.administered), autocommit_cursor(open_connection(self.administered)) as cursor:
            yield cursor


@contextmanager
def shadow_database(configuration: Configuration) -> Iterator[Database]:
    """An empty database for the length of a block, owned by a role without superuser rights on the embedded server.

    It is dropped at the end. One that a killed command left is dropped by a later one, an hour after it was made.
    """
    maker = _maker(configuration)
    name = generate_shadow_name()
    with ExitStack() as stack:
        with maker.cursor() as cursor:
            _drop_abandoned(cursor)
            stack.callback(_drop, maker, name)
            owner = sql.SQL(" OWNER {}").format(sql.Identifier(maker.server.owner)) if maker.server else sql.SQL("")
            copied = sql.SQL(" TEMPLATE template0")
            cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)) + owner + copied)
        url = maker.administered.direct.with_database(name)
        yield Database(url, url, Environment.TESTING, _ORIGIN, maker.server)


def _drop(maker: _Maker, name: str) -> None:
    """What went wrong before is what to tell; a database that cannot be dropped now is abandoned, no more."""
    with suppress(ServerError, psycopg2.Error), maker.cursor() as cursor:
        cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def generate_shadow_name() -> str:
    """A name that says when it was made, by which what a killed command left is found and dropped."""
    return f"{_PREFIX}{int(time.time())}_{secrets.token_hex(4)}"


def terminate_sessions(shadow: Database) -> None:
    """End whatever another thread of this process runs on a throw-away database."""
    with suppress(SeedbedError, psycopg2.Error), autocommit_cursor(open_connection(shadow)) as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def get_role_creator(shadow: Database) -> Callable[[str], None] | None:
    """What makes a role that a schema names; None on a given server, whose roles are not ours to make."""
    server = shadow.server
    if server is None:
        return None

    def make(role: str) -> None:
        with server.admin_cursor() as cursor:
            cursor.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))

    return make


def _maker(configuration: Configuration) -> _Maker:
    url = configuration.settings.shadow_database_url
    if url is not None:
        origin = configuration.get_origin("SHADOW_DATABASE_URL")
        named = Origin(origin.kind, origin.describe("SHADOW_DATABASE_URL"))
        return _Maker(Database(url, url, Environment.TESTING, named), None)
    try:
        server = EmbeddedServer.from_configuration(configuration)
        server.ensure_running()
    except PostgresBinariesNotFound as error:
        raise NoShadowServer(error.locations) from error
    owner = server.owner_url("postgres")
    server.ensure_owner_role()
    return _Maker(Database(owner, owner, Environment.TESTING, _ORIGIN), server)


def _drop_abandoned(cursor: "psycopg2.extensions.cursor") -> None:
    """Another command may do the same, or connect, at this moment; then that one is left to it."""
    cursor.execute(
        "SELECT datname FROM pg_database WHERE datname LIKE %s AND pg_has_role(datdba, 'USAGE')"
        " AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datname = pg_database.datname)",
        (_PREFIX.replace("_", r"\_") + "%",),
    )
    for (name,) in cursor.fetchall():
        made = name.removeprefix(_PREFIX).partition("_")[0]
        if made.isdigit() and time.time() - int(made) > _ABANDONED_SECONDS:
            with suppress(psycopg2.Error):
                cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
