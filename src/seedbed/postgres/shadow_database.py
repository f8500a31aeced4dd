"""Shadow databases: temporary databases on which drafts are created and proven, never the target itself."""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass

import psycopg2
from psycopg2 import sql

from seedbed.errors import NoShadowServer, PostgresBinariesNotFound, SeedbedError, ServerError
from seedbed.postgres.connection import autocommit_cursor, open_connection, translate_errors
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import EmbeddedServer
from seedbed.settings import Configuration, Environment, Origin
from seedbed.settings.sources import SourceKind

_PREFIX = "seedbed_shadow_"
_ABANDONED_AFTER_SECONDS = 3600
_ORIGIN = Origin(SourceKind.DERIVED, "a temporary database")


@dataclass(frozen=True)
class _ShadowServer:
    """The server that shadow databases are created on: the embedded one, or the one of SHADOW_DATABASE_URL."""

    admin_database: Database
    server: EmbeddedServer | None

    @contextmanager
    def cursor(self) -> Iterator["psycopg2.extensions.cursor"]:
        if self.server is not None:
            with self.server.admin_cursor() as cursor:
                yield cursor
            return
        with translate_errors(self.admin_database), autocommit_cursor(open_connection(self.admin_database)) as cursor:
            yield cursor


@contextmanager
def shadow_database(configuration: Configuration) -> Iterator[Database]:
    """Create an empty database for the length of a block; on the embedded server its owner is no superuser.

    It is dropped at the end. A later command drops the database of a killed one, an hour after its creation.
    """
    shadow_server = _find_shadow_server(configuration)
    name = generate_shadow_name()
    with ExitStack() as stack:
        with shadow_server.cursor() as cursor:
            _drop_abandoned(cursor)
            stack.callback(_drop, shadow_server, name)
            owner = (
                sql.SQL(" OWNER {}").format(sql.Identifier(shadow_server.server.owner))
                if shadow_server.server
                else sql.SQL("")
            )
            template = sql.SQL(" TEMPLATE template0")
            cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)) + owner + template)
        url = shadow_server.admin_database.direct.with_database(name)
        yield Database(url, url, Environment.TESTING, _ORIGIN, shadow_server.server)


def _drop(shadow_server: _ShadowServer, name: str) -> None:
    """Errors are suppressed: an earlier one matters more, and a later command drops what remains."""
    with suppress(ServerError, psycopg2.Error), shadow_server.cursor() as cursor:
        cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))


def generate_shadow_name() -> str:
    """A new name, which holds the time of creation, so that abandoned databases can be found."""
    return f"{_PREFIX}{int(time.time())}_{secrets.token_hex(4)}"


def terminate_sessions(shadow: Database) -> None:
    """Terminate the other sessions on a shadow database, such as those of another thread of this process."""
    with suppress(SeedbedError, psycopg2.Error), autocommit_cursor(open_connection(shadow)) as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def get_role_creator(shadow: Database) -> Callable[[str], None] | None:
    """A function that creates a role which a schema refers to; None on a server that is not the embedded one."""
    server = shadow.server
    if server is None:
        return None

    def create_role(role: str) -> None:
        with server.admin_cursor() as cursor:
            cursor.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))

    return create_role


def _find_shadow_server(configuration: Configuration) -> _ShadowServer:
    url = configuration.settings.shadow_database_url
    if url is not None:
        origin = configuration.get_origin("SHADOW_DATABASE_URL")
        described = Origin(origin.kind, origin.describe("SHADOW_DATABASE_URL"))
        return _ShadowServer(Database(url, url, Environment.TESTING, described), None)
    try:
        server = EmbeddedServer.from_configuration(configuration)
        server.ensure_running()
    except PostgresBinariesNotFound as error:
        raise NoShadowServer(error.locations) from error
    owner = server.owner_url("postgres")
    server.ensure_owner_role()
    return _ShadowServer(Database(owner, owner, Environment.TESTING, _ORIGIN), server)


def _drop_abandoned(cursor: "psycopg2.extensions.cursor") -> None:
    """Drop what killed commands left; errors are suppressed, as another command may drop it at the same moment."""
    cursor.execute(
        "SELECT datname FROM pg_database WHERE datname LIKE %s AND pg_has_role(datdba, 'USAGE')"
        " AND NOT EXISTS (SELECT FROM pg_stat_activity a WHERE a.datname = pg_database.datname)",
        (_PREFIX.replace("_", r"\_") + "%",),
    )
    for (name,) in cursor.fetchall():
        created_at = name.removeprefix(_PREFIX).partition("_")[0]
        if created_at.isdigit() and time.time() - int(created_at) > _ABANDONED_AFTER_SECONDS:
            with suppress(psycopg2.Error):
                cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {}").format(sql.Identifier(name)))
