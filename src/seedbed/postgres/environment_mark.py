"""The environment a database says it belongs to, written inside it, and what that forbids."""

from enum import StrEnum
from typing import Literal

import psycopg2
from sqlalchemy import Connection, text

from seedbed.errors import MarkedOtherwise, ProtectedEnvironment, UnmarkedWithRows
from seedbed.postgres.connection import open_connection, translated
from seedbed.postgres.database import Database
from seedbed.postgres.version_table import LOOKS_LIKE_VERSION_TABLE
from seedbed.settings import Environment

SCHEMA = "seedbed"
"""The schema of Seedbed's own records, which every comparison of catalogues ignores."""

PREPARING: Literal["preparing"] = "preparing"
"""The mark of a copy that is being made into a preview: it may be migrated and seeded, and its URL is withheld."""


_COPYING, _INTO = ", copying ", " into "
"""What follows the role in `marked_by` of a copy that is being prepared: before the environment whose rows it has, and
before which copy it is, where the provider has a name for it that no other one ever has.
"""

_ONE_AT_A_TIME = 0x5EED1
"""CREATE ... IF NOT EXISTS looks first and makes after, so two commands at once would both make."""


class Destructive(StrEnum):
    """What destroys rows; the value completes `is never ...`."""

    RESET = "reset"
    SEED = "seeded"
    MASK = "masked"

    @property
    def verb(self) -> str:
        return self.removesuffix("ed")


_ALLOWED = {
    Destructive.RESET: frozenset({Environment.DEVELOPMENT, Environment.TESTING, Environment.PREVIEW}),
    Destructive.SEED: frozenset({Environment.DEVELOPMENT, Environment.TESTING, Environment.PREVIEW, PREPARING}),
    Destructive.MASK: frozenset({Environment.DEVELOPMENT, Environment.TESTING, Environment.PREVIEW, PREPARING}),
}


def ensure_records(connection: Connection) -> None:
    """Make the schema of Seedbed's records. CREATE IF NOT EXISTS needs a right even where there is nothing to do, so
    it is looked for first; and of two at once one fails, so one waits for the other.
    """
    if not _has_records(connection):
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": _ONE_AT_A_TIME})
        connection.execute(text("CREATE SCHEMA IF NOT EXISTS seedbed"))
        connection.execute(
            text(
                "CREATE TABLE IF NOT EXISTS seedbed.environment ("
                " singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),"
                " name text NOT NULL, marked_at timestamptz NOT NULL DEFAULT now(), marked_by text NOT NULL)"
            )
        )


def read_mark(connection: Connection) -> str | None:
    if not _has_records(connection):
        return None
    return connection.execute(text("SELECT name FROM seedbed.environment")).scalar()


def mark_of(database: Database) -> str | None:
    """The same on a connection of its own, for who wants nothing else: SQLAlchemy's would ask four things before."""
    with translated(database):
        connection = open_connection(database)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT name FROM seedbed.environment")
                found = cursor.fetchone()
                return None if found is None else str(found[0])
        except (psycopg2.errors.UndefinedTable, psycopg2.errors.InvalidSchemaName):
            return None
        finally:
            connection.close()


def write_mark(connection: Connection, mark: Environment | Literal["preparing"]) -> None:
    """Mark a database, in the connection's transaction; copies of the database inherit the mark."""
    _insert(
        connection,
        mark,
        "ON CONFLICT (singleton) DO UPDATE SET name = excluded.name, marked_at = now(), marked_by = current_user",
    )


def write_copied(connection: Connection, of: str, *, into: str | None = None) -> None:
    """Mark a copy `preparing` with whose rows it has as they are, so that whoever goes on with it after a kill knows.

    `into` says which copy this is: a copy of it inherits the mark, and is another one.
    """
    write_mark(connection, PREPARING)
    _note(connection, f"{_COPYING}{of}" + (f"{_INTO}{into}" if into else ""))


def write_replaced(connection: Connection, into: str | None) -> None:
    """Mark a copy `preparing` whose rows are others by now; `into` is what `read_into` said of it before."""
    write_mark(connection, PREPARING)
    _note(connection, f"{_INTO}{into}" if into else "")


def read_copied(connection: Connection) -> str | None:
    """The environment whose rows a copy that is being prepared has as they are; None once they are others."""
    return _read_note(connection)[0]


def read_into(connection: Connection) -> str | None:
    """Which copy `preparing` was written into, where that was said: this one, or what this one was copied from."""
    return _read_note(connection)[1]


def agree(connection: Connection, database: Database, action: str) -> None:
    """See that a database belongs to the environment chosen, and mark it where it is unmarked and has no rows.

    What the database says wins over what the shell says. Of two environments that want the same unmarked database at
    the same moment, the first gets it.

    Raises:
        MarkedOtherwise: it is marked for another environment.
        UnmarkedWithRows: it has rows and no mark, and the environment chosen is not production.
    """
    mark = read_mark(connection)
    if mark is None:
        occupied = tables_with_rows(connection)
        if occupied and database.environment is not Environment.PRODUCTION:
            raise UnmarkedWithRows(action, database.name, occupied)
        _insert(connection, database.environment, "ON CONFLICT (singleton) DO NOTHING")
        mark = read_mark(connection)
    if mark is not None and not _belongs(mark, database.environment):
        raise MarkedOtherwise(action, database.name, mark, database.environment)


def refuse_protected(connection: Connection, database: Database, action: Destructive) -> None:
    """Refuse to destroy rows of a database whose own mark, or whose rows without one, forbid it.

    Raises:
        ProtectedEnvironment: its mark forbids it, or the environment chosen where it has none.
        UnmarkedWithRows: it has no mark and rows that Seedbed did not put there, and so counts as production.
        MarkedOtherwise: it may be destroyed, but as another environment's.
    """
    mark = read_mark(connection)
    if mark is None and (occupied := tables_with_rows(connection)):
        raise UnmarkedWithRows(action.verb, database.name, occupied)
    if (mark or database.environment) not in _ALLOWED[action]:
        raise ProtectedEnvironment(action, database.name, mark or database.environment, marked=mark is not None)
    if mark is not None and not _belongs(mark, database.environment):
        raise MarkedOtherwise(action.verb, database.name, mark, database.environment)


def tables_with_rows(connection: Connection) -> list[str]:
    """The user's tables that hold at least one row, by name; extensions', Alembic's and Seedbed's own do not count.

    Rows that a policy would hide are an error rather than no rows: the database says 42501 with `row_security` off.
    """
    names = connection.execute(
        text(
            "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname),"
            " CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname"
            " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            f" WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND NOT {LOOKS_LIKE_VERSION_TABLE}"
            " AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'seedbed') AND n.nspname NOT LIKE 'pg_toast%'"
            " AND n.nspname NOT LIKE 'pg_temp%'"
            " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')"
            " ORDER BY 1"
        )
    ).all()
    connection.execute(text("SET LOCAL row_security = off"))
    asked = ", ".join(f"EXISTS (SELECT FROM {quoted})" for quoted, _ in names)
    answers = connection.exec_driver_sql(f"SELECT ARRAY[{asked}]::bool[]").scalar() or ()
    connection.execute(text("SET LOCAL row_security TO DEFAULT"))
    return [shown for (_, shown), occupied in zip(names, answers, strict=True) if occupied]


def _note(connection: Connection, note: str) -> None:
    connection.execute(text("UPDATE seedbed.environment SET marked_by = marked_by || :note"), {"note": note})


def _read_note(connection: Connection) -> tuple[str | None, str | None]:
    if read_mark(connection) != PREPARING:
        return None, None
    marked_by = str(connection.execute(text("SELECT marked_by FROM seedbed.environment")).scalar())
    head, _, into = marked_by.partition(_INTO)
    return head.partition(_COPYING)[2] or None, into or None


def _has_records(connection: Connection) -> bool:
    return connection.execute(text("SELECT to_regclass('seedbed.environment')")).scalar() is not None


def _insert(connection: Connection, mark: Environment | Literal["preparing"], where_there_is_one: str) -> None:
    ensure_records(connection)
    connection.execute(
        text(f"INSERT INTO seedbed.environment (name, marked_by) VALUES (:name, current_user) {where_there_is_one}"),
        {"name": str(mark)},
    )


def _belongs(mark: str, environment: Environment) -> bool:
    return mark == environment or (mark == PREPARING and environment is Environment.PREVIEW)
