"""A database's mark looked at and changed."""

from seedbed.errors import UnknownEnvironment
from seedbed.postgres.connecting import connect
from seedbed.postgres.databases import Database
from seedbed.postgres.marks import read_mark, write_mark
from seedbed.settings import Environment


def mark_of(database: Database) -> str | None:
    with connect(database) as connection:
        return read_mark(connection)


def change_mark(database: Database, environment: str) -> None:
    """Mark a database, whatever its mark was.

    Raises:
        UnknownEnvironment: there is no such environment.
    """
    try:
        chosen = Environment(environment)
    except ValueError:
        known = [known.value for known in Environment]
        raise UnknownEnvironment(environment, "the argument of db mark", known) from None
    with connect(database) as connection:
        write_mark(connection, chosen)
        connection.commit()
