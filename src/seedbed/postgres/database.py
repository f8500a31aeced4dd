"""The database that a command uses, set by a URL or kept by the embedded server, and the checks on its server."""

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
"""The oldest supported major version: the first whose pg_terminate_backend takes a timeout."""

_OPTION_ORIGIN = Origin(SourceKind.OPTION, "--on")
EMBEDDED_ORIGIN = Origin(SourceKind.DERIVED, "the embedded server")


@dataclass(frozen=True)
class Database:
    """A database with its addresses: `url` for the service, `direct` without a pooler for locks, migrations and loads.

    `server` is set for a database on the embedded server, where Seedbed may create and drop databases.
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
    """The environment's database: the one that a URL names, or one on the embedded server.

    Starts the embedded server and creates the database where necessary. With a URL neither is looked for.

    Raises:
        DatabaseNotConfigured: preview or production without a URL of its own.
        PostgresBinariesNotFound, ServerStartFailure: the embedded server is needed and cannot run.
    """
    configured = find_configured_database(configuration)
    if configured is not None:
        return configured
    server = EmbeddedServer.from_configuration(configuration)
    server.ensure_running()
    return ensure_environment_database(server, configuration)


def database_from_url(url: str, environment: Environment) -> Database:
    """The database of a URL from the command line.

    Raises:
        InvalidDatabaseUrl: it cannot be read.
    """
    try:
        parsed = parse_url(url)
    except MalformedUrl as error:
        raise InvalidDatabaseUrl("--on", str(_OPTION_ORIGIN), str(error)) from None
    return Database(parsed, parsed, environment, _OPTION_ORIGIN)


def find_configured_database(configuration: Configuration) -> Database | None:
    """The database that a URL names, or None where the environment uses the embedded server; starts nothing."""
    url = require_database_url(configuration)
    if url is None:
        return None
    unpooled = configuration.settings.database_url_unpooled
    variable = "DATABASE_URL" if unpooled is None else "DATABASE_URL_UNPOOLED"
    origin = configuration.get_origin(variable)
    return Database(url, unpooled or url, configuration.environment, Origin(origin.kind, origin.describe(variable)))


def ensure_environment_database(server: EmbeddedServer, configuration: Configuration) -> Database:
    """The environment's database on a running embedded server, created where it is missing."""
    url = server.ensure_database(get_database_name(configuration))
    return Database(url, url, configuration.environment, EMBEDDED_ORIGIN, server)


def get_database_name(configuration: Configuration) -> str:
    """The name of the environment's database on the embedded server."""
    return f"{configuration.project.identifier}_{configuration.environment}"


def get_embedded_server(configuration: Configuration) -> EmbeddedServer:
    """The embedded server, for commands that manage it.

    Raises:
        NoEmbeddedServer: the environment has a URL of another server.
    """
    if find_configured_database(configuration) is not None:
        raise NoEmbeddedServer(
            configuration.environment, configuration.get_origin("DATABASE_URL").describe("DATABASE_URL")
        )
    return EmbeddedServer.from_configuration(configuration)


def check_server(connection: Connection, database: Database) -> None:
    """Check that the server's version is supported and that the session may write.

    Raises:
        UnsupportedServerVersion: the server is too old.
        ReadOnlyDatabase: the server is a standby, or default_transaction_read_only is on.
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
    """Check that tables without a schema are created in `public`, as the models and the proof of a revision have it.

    Raises:
        DefaultSchemaMismatch: the database or the role has another search_path.
    """
    schema, search_path, source = connection.exec_driver_sql(
        "SELECT current_schema(), setting, source FROM pg_settings WHERE name = 'search_path'"
    ).one()
    if schema not in {"public", None} and source in {"database", "user", "database user"}:
        raise DefaultSchemaMismatch(database.name, search_path, schema)


def refuse_pooler(database: Database, *, trust_url: bool = False) -> None:
    """Refuse to lock, migrate or load through a connection pooler.

    On Neon the host name of a pooler is known. Elsewhere the process id of the protocol's handshake differs from the
    backend's own, since PgBouncer makes one up. So does Neon's proxy, for direct connections too, so there the ids are
    not compared.

    Raises:
        PooledConnection: it is a pooler; on other servers than Neon's only without `trust_url`, which is for a
            DATABASE_URL_UNPOOLED that the user set.
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
