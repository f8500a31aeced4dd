"""The status of an environment's database, read without starting anything."""

from dataclasses import dataclass

import psycopg2
from sqlalchemy import text

from seedbed.errors import ServerError
from seedbed.postgres.connection import connect
from seedbed.postgres.database import (
    EMBEDDED_ORIGIN,
    Database,
    find_configured_database,
    get_database_name,
    get_embedded_server,
)
from seedbed.postgres.driver_errors import get_server_message
from seedbed.postgres.embedded import EmbeddedServer
from seedbed.postgres.environment_mark import read_mark
from seedbed.settings import Configuration


@dataclass(frozen=True)
class DatabaseStatus:
    """The server and database of an environment.

    `mark` is None where the database has none, or where it cannot be read; `problem` then has the reason.
    """

    environment: str
    server: str
    running: bool
    version: str | None
    database: str
    mark: str | None
    data_directory: str | None
    problem: str | None


def read_database_status(configuration: Configuration) -> DatabaseStatus:
    """Read the status; a database that cannot be reached is a `problem`, not an error."""
    configured = find_configured_database(configuration)
    if configured is not None:
        answer = _query_database(configured)
        return DatabaseStatus(
            environment=configuration.environment.value,
            server=str(configured.origin),
            running=answer.version is not None,
            version=answer.version,
            database=configured.direct.address,
            mark=answer.mark,
            data_directory=None,
            problem=answer.problem,
        )
    server, name = get_embedded_server(configuration), get_database_name(configuration)
    status = server.read_status()
    answer = _Answer()
    if status.accepts_connections:
        answer = _query_embedded(server, name, configuration)
    return DatabaseStatus(
        environment=configuration.environment.value,
        server=str(EMBEDDED_ORIGIN),
        running=status.running,
        version=answer.version or status.version,
        database=f"127.0.0.1:{status.port}/{name}" if status.port is not None else name,
        mark=answer.mark,
        data_directory=str(status.data_directory),
        problem=answer.problem,
    )


@dataclass(frozen=True)
class _Answer:
    version: str | None = None
    mark: str | None = None
    problem: str | None = None


def _query_embedded(server: EmbeddedServer, name: str, configuration: Configuration) -> _Answer:
    try:
        if not server.has_database(name):
            return _Answer(problem="it does not exist yet; the first command that needs it creates it")
    except ServerError as error:
        return _Answer(problem=error.message)
    url = server.owner_url(name)
    return _query_database(Database(url, url, configuration.environment, EMBEDDED_ORIGIN, server))


def _query_database(database: Database) -> _Answer:
    """A role that may not read the mark still learns the server's version."""
    version = None
    try:
        with connect(database) as connection:
            version = connection.execute(text("SHOW server_version")).scalar()
            return _Answer(version, read_mark(connection))
    except ServerError as error:
        return _Answer(version, problem=error.message)
    except psycopg2.Error as error:
        return _Answer(version, problem=get_server_message(error))
