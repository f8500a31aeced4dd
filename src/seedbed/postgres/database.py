"""Which database a command is to use, be it given by a URL or kept by the embedded server."""

from dataclasses import dataclass

from sqlalchemy import Connection

from seedbed.errors import (
    DefaultSchemaMismatch,
    InvalidDatabaseUrl,
    NoEmbeddedServer,
    PooledConnection,
    ReadOnlyDatabase,
    UnsupportedServerVersion,
)
from seedbed.postgres.connection import autocommit_cursor, open_connection, translate_errors
from seedbed.postgres.embedded import EmbeddedServer
from seedbed.settings import Configuration, DatabaseUrl, Environment, Origin, require_database_url
from seedbed.settings.sources import SourceKind
from seedbed.settings.url_parser import MalformedUrl, parse_url

OLDEST_MAJOR_VERSION = 14
"""The oldest major version whose statements are all known here: pg_terminate_backend that waits, for one."""

_TYPED = Origin(SourceKind.OPTION, "--on")
EMBEDDED_ORIGIN = Origin(SourceKind.DERIVED, "the embedded server")


@dataclass(frozen=True)
class Database:
    """A database to speak to. `url` is for the service, `direct` for whatever locks, migrates or loads.

    `server` is set where Seedbed owns the server and may make and drop databases on it.
    """

    url: DatabaseUrl
    direct: DatabaseUrl
    environment: Environment
    origin: Origin
    server: EmbeddedServer | None = None

    @property
    def name(self) -> str:
        return self.direct.name


def resolve_database(configuration: Configuration) -> Database:
    """The environment's database: the given one as it is, or the embedded server's, started and made where missing.

    With a URL given, no embedded server is started or looked for.

    Raises:
        DatabaseNotConfigured: preview or production without a URL of its own.
        PostgresBinariesNotFound, ServerStartFailure: the embedded server was needed.
    """
    given = find_configured_database(configuration)
    if given is not None:
        return given
    server = EmbeddedServer.from_configuration(configuration)
    server.ensure_running()
    return ensure_environment_database(server, configuration)


def database_from_url(url: str, environment: Environment) -> Database:
    """A database whose URL was typed on the command line.

    Raises:
        InvalidDatabaseUrl: it cannot be read.
    """
    try:
        parsed = parse_url(url)
    except MalformedUrl as error:
        raise InvalidDatabaseUrl("--on", str(_TYPED), str(error)) from None
    return Database(parsed, parsed, environment, _TYPED)


def find_configured_database(configuration: Configuration) -> Database | None:
    """The given database, or None where the embedded server is to be used; nothing is started."""
    url = require_database_url(configuration)
    if url is None:
        return None
    unpooled = configuration.settings.database_url_unpooled
    variable = "DATABASE_URL" if unpooled is None else "DATABASE_URL_UNPOOLED"
    origin = configuration.get_origin(variable)
    named = Origin(origin.kind, origin.describe(variable))
    return Database(url, unpooled or url, configuration.environment, named)


def ensure_environment_database(server: EmbeddedServer, configuration: Configuration) -> Database:
    """The environment's database on an embedded server that runs, made where it is missing."""
    url = server.ensure_database(get_database_name(configuration))
    return Database(url, url, configuration.environment, EMBEDDED_ORIGIN, server)


def get_database_name(configuration: Configuration) -> str:
    """What the environment's database is called on the embedded server."""
    return f"{configuration.project.identifier}_{configuration.environment}"


def get_embedded_server(configuration: Configuration) -> EmbeddedServer:
    """The embedded server, for commands that are about it.

    Raises:
        NoEmbeddedServer: this environment uses a server from a URL.
    """
    given = find_configured_database(configuration)
    if given is not None:
        raise NoEmbeddedServer(configuration.environment, configuration.get_origin("DATABASE_URL").describe("DATABASE_URL"))
    return EmbeddedServer.from_configuration(configuration)


def check_server(connection: Connection, database: Database) -> None:
    """See that a server is of a version that is tested, and that the session may change anything.

    Raises:
        UnsupportedServerVersion: with its version.
        ReadOnlyDatabase: it is a standby, or set so.
    """
    version = connection.connection.dbapi_connection.server_version // 10000  # type: ignore[union-attr]
    if version < OLDEST_MAJOR_VERSION:
        raise UnsupportedServerVersion(database.direct.address, version, OLDEST_MAJOR_VERSION)
    read_only, standby = connection.exec_driver_sql(
        "SELECT current_setting('transaction_read_only') = 'on', pg_is_in_recovery()"
    ).one()
    if read_only:
        reason = "it is a standby" if standby else "default_transaction_read_only is on"
        raise ReadOnlyDatabase(database.direct.address, reason)


def check_default_schema(connection: Connection, database: Database) -> None:
    """Check that no setting of the database or the role puts tables without a schema elsewhere than in public, where
    the models and the proof of a revision have them.

    Raises:
        DefaultSchemaMismatch: with the search_path that the database or the role has.
    """
    schema, search_path, source = connection.exec_driver_sql(
        "SELECT current_schema(), setting, source FROM pg_settings WHERE name = 'search_path'"
    ).one()
    if schema not in {"public", None} and source in {"database", "user", "database user"}:
        raise DefaultSchemaMismatch(database.name, search_path, schema)


def refuse_pooler(database: Database, *, trust_url: bool = False) -> None:
    """Refuse to lock, migrate or load through a pooler.

    On Neon its host name tells. Elsewhere the process id of the protocol's handshake differs from the backend's own,
    since PgBouncer invents one. Neon's proxy invents one for direct connections too, so there the ids say nothing.

    Raises:
        PooledConnection: unless `trust_url`, for a DATABASE_URL_UNPOOLED that a user set.
    """
    if database.direct.is_neon_pooler:
        raise PooledConnection(database.direct.address, str(database.origin))
    if trust_url or ".neon." in (database.direct.host or ""):
        return
    with translate_errors(database):
        connection = open_connection(database)
        with autocommit_cursor(connection) as cursor:
            cursor.execute("SELECT pg_backend_pid()")
            row = cursor.fetchone()
            if row is not None and row[0] != connection.info.backend_pid:
                raise PooledConnection(database.direct.address, str(database.origin))
