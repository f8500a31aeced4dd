"""The environment mark: the environment that a database says it belongs to, and the actions that it forbids."""

from enum import StrEnum
from typing import Literal

import psycopg2
from sqlalchemy import Connection, text

from seedbed.errors import EnvironmentMismatch, ProtectedEnvironment, UnknownEnvironment, UnmarkedDatabase
from seedbed.postgres.connection import connect, open_connection, translate_errors
from seedbed.postgres.database import Database
from seedbed.postgres.locks import SEEDBED_SCHEMA_LOCK
from seedbed.postgres.version_table import LOOKS_LIKE_VERSION_TABLE
from seedbed.settings import Environment

SEEDBED_SCHEMA = "seedbed"
"""The schema of Seedbed's own tables, which every comparison of catalogs ignores."""

PREPARING: Literal["preparing"] = "preparing"
"""The mark of a copy that is becoming a preview: it may be migrated and seeded, and its URL is withheld."""

_SOURCE_SEPARATOR, _COPY_ID_SEPARATOR = ", copying ", " into "
"""Separators in `marked_by` of a copy that is being prepared. The role comes first, then the environment that its rows
were copied from, then the provider's unique identifier of the copy, where it has one.
"""


class DestructiveAction(StrEnum):
    """Actions that destroy rows; the value completes `is never ...`."""

    RESET = "reset"
    SEED = "seeded"
    MASK = "masked"

    @property
    def verb(self) -> str:
        return self.removesuffix("ed")


_ALLOWED_MARKS = {
    DestructiveAction.RESET: frozenset({Environment.DEVELOPMENT, Environment.TESTING, Environment.PREVIEW}),
    DestructiveAction.SEED: frozenset({Environment.DEVELOPMENT, Environment.TESTING, Environment.PREVIEW, PREPARING}),
    DestructiveAction.MASK: frozenset({Environment.DEVELOPMENT, Environment.TESTING, Environment.PREVIEW, PREPARING}),
}


def ensure_seedbed_schema(connection: Connection) -> None:
    """Create the schema of Seedbed's own tables, with the table of the mark, where they are missing.

    CREATE IF NOT EXISTS needs a privilege even where everything exists, so the table is looked up first. An advisory
    lock makes concurrent sessions wait, since of two that create the same schema at once one fails.
    """
    if not _has_mark_table(connection):
        connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": SEEDBED_SCHEMA_LOCK})
        connection.execute(text("CREATE SCHEMA IF NOT EXISTS seedbed"))
        connection.execute(
            text(
                "CREATE TABLE IF NOT EXISTS seedbed.environment ("
                " singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),"
                " name text NOT NULL, marked_at timestamptz NOT NULL DEFAULT now(), marked_by text NOT NULL)"
            )
        )


def read_mark(connection: Connection) -> str | None:
    """The mark, in the connection's transaction; None where the database has none."""
    if not _has_mark_table(connection):
        return None
    return connection.execute(text("SELECT name FROM seedbed.environment")).scalar()


def read_database_mark(database: Database) -> str | None:
    """The mark, read on a connection of its own.

    It is a psycopg2 connection, since SQLAlchemy sends four more queries when it connects.
    """
    with translate_errors(database):
        connection = open_connection(database)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT name FROM seedbed.environment")
                row = cursor.fetchone()
                return None if row is None else str(row[0])
        except (psycopg2.errors.UndefinedTable, psycopg2.errors.InvalidSchemaName):
            return None
        finally:
            connection.close()


def write_mark(connection: Connection, mark: Environment | Literal["preparing"]) -> None:
    """Mark a database, in the connection's transaction; copies of the database inherit the mark."""
    _insert_mark(
        connection,
        mark,
        "ON CONFLICT (singleton) DO UPDATE SET name = excluded.name, marked_at = now(), marked_by = current_user",
    )


def change_mark(database: Database, environment: Environment) -> None:
    """Mark a database on a connection of its own, whatever its mark was."""
    with connect(database) as connection:
        write_mark(connection, environment)
        connection.commit()


def parse_environment(name: str) -> Environment:
    """The environment that a database is to be marked for.

    Raises:
        UnknownEnvironment: there is no such environment.
    """
    try:
        return Environment(name)
    except ValueError:
        known = [environment.value for environment in Environment]
        raise UnknownEnvironment(name, "the argument of db mark", known) from None


def mark_as_copy(connection: Connection, source_environment: str, *, copy_id: str | None = None) -> None:
    """Mark a copy `preparing`, and record the environment that its rows were copied from.

    A later command can then continue after a kill. `copy_id` identifies this copy: a copy of the copy inherits the
    mark, and has another identifier.
    """
    write_mark(connection, PREPARING)
    _append_to_marked_by(
        connection, f"{_SOURCE_SEPARATOR}{source_environment}" + (f"{_COPY_ID_SEPARATOR}{copy_id}" if copy_id else "")
    )


def mark_rows_replaced(connection: Connection, copy_id: str | None) -> None:
    """Mark a copy `preparing` once its rows are no longer its source's; `copy_id` is what `read_copy_id` returned."""
    write_mark(connection, PREPARING)
    _append_to_marked_by(connection, f"{_COPY_ID_SEPARATOR}{copy_id}" if copy_id else "")


def read_source_environment(connection: Connection) -> str | None:
    """The environment whose rows a copy in preparation still holds unchanged; None once they are replaced."""
    return _read_marked_by(connection)[0]


def read_copy_id(connection: Connection) -> str | None:
    """The identifier of the copy that was marked `preparing`: this one, or the one that this was copied from."""
    return _read_marked_by(connection)[1]


def claim_environment(connection: Connection, database: Database, action: str) -> None:
    """Check that a database belongs to the chosen environment, and mark it where it has neither a mark nor rows.

    The database's mark wins over the shell's environment. Of two environments that claim the same unmarked database
    at once, the first gets it.

    Raises:
        EnvironmentMismatch: it is marked for another environment.
        UnmarkedDatabase: it has rows and no mark, and the chosen environment is not production.
    """
    mark = read_mark(connection)
    if mark is None:
        occupied = find_tables_with_rows(connection)
        if occupied and database.environment is not Environment.PRODUCTION:
            raise UnmarkedDatabase(action, database.name, occupied)
        _insert_mark(connection, database.environment, "ON CONFLICT (singleton) DO NOTHING")
        mark = read_mark(connection)
    if mark is not None and not _belongs_to(mark, database.environment):
        raise EnvironmentMismatch(action, database.name, mark, database.environment)


def refuse_protected_database(connection: Connection, database: Database, action: DestructiveAction) -> None:
    """Refuse to destroy rows of a database whose mark forbids it, or that has rows and no mark.

    Raises:
        ProtectedEnvironment: the mark forbids it, or the chosen environment where there is no mark.
        UnmarkedDatabase: it has no mark and rows that Seedbed did not load, so it counts as production.
        EnvironmentMismatch: the action is allowed, but under another environment.
    """
    mark = read_mark(connection)
    if mark is None and (occupied := find_tables_with_rows(connection)):
        raise UnmarkedDatabase(action.verb, database.name, occupied)
    if (mark or database.environment) not in _ALLOWED_MARKS[action]:
        raise ProtectedEnvironment(action, database.name, mark or database.environment, is_marked=mark is not None)
    if mark is not None and not _belongs_to(mark, database.environment):
        raise EnvironmentMismatch(action.verb, database.name, mark, database.environment)


def find_tables_with_rows(connection: Connection) -> list[str]:
    """The user's tables that hold at least one row, by name; tables of extensions, Alembic and Seedbed do not count.

    With `row_security` off, a policy that hides rows raises SQLSTATE 42501 instead of making a table look empty.
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
    checks = ", ".join(f"EXISTS (SELECT FROM {quoted})" for quoted, _ in names)
    results = connection.exec_driver_sql(f"SELECT ARRAY[{checks}]::bool[]").scalar() or ()
    connection.execute(text("SET LOCAL row_security TO DEFAULT"))
    return [shown for (_, shown), has_rows in zip(names, results, strict=True) if has_rows]


def _append_to_marked_by(connection: Connection, note: str) -> None:
    connection.execute(text("UPDATE seedbed.environment SET marked_by = marked_by || :note"), {"note": note})


def _read_marked_by(connection: Connection) -> tuple[str | None, str | None]:
    """The source environment and the identifier that a copy in preparation was marked with."""
    if read_mark(connection) != PREPARING:
        return None, None
    marked_by = str(connection.execute(text("SELECT marked_by FROM seedbed.environment")).scalar())
    head, _, copy_id = marked_by.partition(_COPY_ID_SEPARATOR)
    return head.partition(_SOURCE_SEPARATOR)[2] or None, copy_id or None


def _has_mark_table(connection: Connection) -> bool:
    return connection.execute(text("SELECT to_regclass('seedbed.environment')")).scalar() is not None


def _insert_mark(connection: Connection, mark: Environment | Literal["preparing"], on_conflict: str) -> None:
    ensure_seedbed_schema(connection)
    connection.execute(
        text(f"INSERT INTO seedbed.environment (name, marked_by) VALUES (:name, current_user) {on_conflict}"),
        {"name": str(mark)},
    )


def _belongs_to(mark: str, environment: Environment) -> bool:
    return mark == environment or (mark == PREPARING and environment is Environment.PREVIEW)
