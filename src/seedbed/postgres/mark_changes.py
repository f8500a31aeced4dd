"""A database's mark looked at and changed."""

from seedbed.errors import UnknownEnvironment
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.environment_mark import read_mark, write_mark
from seedbed.settings import Environment


def mark_of(database: Database) -> str | None:
    with connect(database) as connection:
        return read_mark(connection)


def environment_named(name: str) -> Environment:
    """The environment a database is to be marked for.

    Raises:
        UnknownEnvironment: there is no such environment.
    """
    try:
        return Environment(name)
    except ValueError:
        known = [known.value for known in Environment]
        raise UnknownEnvironment(name, "the argument of db mark", known) from None


def change_mark(database: Database, environment: Environment) -> None:
    """Mark a database, whatever its mark was."""
    with connect(database) as connection:
        write_mark(connection, environment)
        connection.commit()
