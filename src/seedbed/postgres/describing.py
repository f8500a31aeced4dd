"""What is known of an environment's database without starting anything."""

from dataclasses import dataclass

import psycopg2
from sqlalchemy import text

from seedbed.errors import ServerError
from seedbed.postgres.connecting import connect
from seedbed.postgres.databases import Database, database_name, embedded_server, located
from seedbed.postgres.marks import read_mark
from seedbed.settings import Configuration


@dataclass(frozen=True)
class Description:
    """`running` says whether the database answered; `mark` and `version` are None where it did not."""

    environment: str
    server: str
    running: bool
    version: str | None
    database: str
    mark: str | None
    folder: str | None


def describe(configuration: Configuration) -> Description:
    """Look at the environment's database. One that cannot be reached is described, and is no error."""
    database, folder, name = located(configuration), None, database_name(configuration)
    server = str(database.origin) if database else "the embedded server"
    if database is None:
        embedded = embedded_server(configuration)
        folder = str(embedded.home)
        if embedded.status().running:
            url = embedded.owner_url(name)
            database = Database(url, url, configuration.environment, configuration.chosen_by, embedded)
    version, mark = _asked(database) if database is not None else (None, None)
    return Description(
        environment=configuration.environment.value,
        server=server,
        running=version is not None,
        version=version,
        database=database.direct.address if database is not None else name,
        mark=mark,
        folder=folder,
    )


def _asked(database: Database) -> tuple[str | None, str | None]:
    try:
        with connect(database) as connection:
            version = connection.execute(text("SHOW server_version")).scalar()
            return version, read_mark(connection)
    except (ServerError, psycopg2.Error):
        return None, None
