"""What is known of an environment's database without starting anything."""

from dataclasses import dataclass

import psycopg2
from sqlalchemy import text

from seedbed.errors import ServerError
from seedbed.postgres.connection import connect
from seedbed.postgres.database import EMBEDDED_ORIGIN, Database, get_database_name, get_embedded_server, find_configured_database
from seedbed.postgres.driver_errors import get_server_message
from seedbed.postgres.embedded import EmbeddedServer
from seedbed.postgres.environment_mark import read_mark
from seedbed.settings import Configuration


@dataclass(frozen=True)
class DatabaseStatus:
    """`running` says whether the server is up; `mark` is None where the database has none or did not answer, and then
    `problem` says why.
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
    """Look at the environment's database. One that cannot be reached is described, and is no error."""
    given = find_configured_database(configuration)
    if given is not None:
        asked = _asked(given)
        return DatabaseStatus(
            environment=configuration.environment.value,
            server=str(given.origin),
            running=asked.version is not None,
            version=asked.version,
            database=given.direct.address,
            mark=asked.mark,
            data_directory=None,
            problem=asked.problem,
        )
    server, name = get_embedded_server(configuration), get_database_name(configuration)
    status = server.read_status()
    asked = _Asked()
    if status.accepts_connections:
        asked = _asked_of(server, name, configuration)
    return DatabaseStatus(
        environment=configuration.environment.value,
        server=str(EMBEDDED_ORIGIN),
        running=status.running,
        version=asked.version or status.version,
        database=f"127.0.0.1:{status.port}/{name}" if status.port is not None else name,
        mark=asked.mark,
        data_directory=str(status.data_directory),
        problem=asked.problem,
    )


@dataclass(frozen=True)
class _Asked:
    version: str | None = None
    mark: str | None = None
    problem: str | None = None


def _asked_of(server: EmbeddedServer, name: str, configuration: Configuration) -> _Asked:
    try:
        if not server.has_database(name):
            return _Asked(problem="it is not there yet; the first command that needs it makes it")
    except ServerError as error:
        return _Asked(problem=error.message)
    url = server.owner_url(name)
    return _asked(Database(url, url, configuration.environment, EMBEDDED_ORIGIN, server))


def _asked(database: Database) -> _Asked:
    """A role that may not see the mark has found a server that is up all the same."""
    version = None
    try:
        with connect(database) as connection:
            version = connection.execute(text("SHOW server_version")).scalar()
            return _Asked(version, read_mark(connection))
    except ServerError as error:
        return _Asked(version, problem=error.message)
    except psycopg2.Error as error:
        return _Asked(version, problem=get_server_message(error))
