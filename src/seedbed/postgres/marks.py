"""The environment a database says it belongs to, written inside it, and what that forbids."""

from enum import StrEnum
from typing import Literal

from sqlalchemy import Connection, text

from seedbed.errors import MarkedOtherwise, ProtectedEnvironment, UnmarkedWithRows
from seedbed.postgres.databases import Database
from seedbed.settings import Environment

SCHEMA = "seedbed"
"""The schema of Seedbed's own records, which every comparison of catalogues ignores."""

PREPARING: Literal["preparing"] = "preparing"
"""The mark of a copy that is being made into a preview: it may be migrated and seeded, and its URL is withheld."""


class Destructive(StrEnum):
    """What destroys rows; the value completes `was not ...` and `is never ...`."""

    RESET = "reset"
    SEED = "seeded"


_ALLOWED = {
    Destructive.RESET: frozenset({Environment.DEVELOPMENT, Environment.TESTING, Environment.PREVIEW}),
    Destructive.SEED: frozenset({Environment.DEVELOPMENT, Environment.TESTING, Environment.PREVIEW, PREPARING}),
}


def ensure_records(connection: Connection) -> None:
    """Make the schema of Seedbed's records. CREATE IF NOT EXISTS needs a right even where there is nothing to do, so
    it is looked for first.
    """
    found = connection.execute(text("SELECT to_regclass('seedbed.environment')")).scalar()
    if found is None:
        connection.execute(text("CREATE SCHEMA IF NOT EXISTS seedbed"))
        connection.execute(
            text(
                "CREATE TABLE IF NOT EXISTS seedbed.environment ("
                " singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),"
                " name text NOT NULL, marked_at timestamptz NOT NULL DEFAULT now(), marked_by text NOT NULL)"
            )
        )


def read_mark(connection: Connection) -> str | None:
    if connection.execute(text("SELECT to_regclass('seedbed.environment')")).scalar() is None:
        return None
    return connection.execute(text("SELECT name FROM seedbed.environment")).scalar()


def write_mark(connection: Connection, mark: Environment | Literal["preparing"]) -> None:
    """Mark a database, in the connection's transaction; copies of the database inherit the mark."""
    ensure_records(connection)
    connection.execute(
        text(
            "INSERT INTO seedbed.environment (name, marked_by) VALUES (:name, current_user)"
            " ON CONFLICT (singleton) DO UPDATE SET name = excluded.name, marked_at = now(), marked_by = current_user"
        ),
        {"name": str(mark)},
    )


def agree(connection: Connection, database: Database, action: str) -> None:
    """See that a database belongs to the environment chosen, and mark it where it is unmarked and has no rows.

    What the database says wins over what the shell says.

    Raises:
        MarkedOtherwise: it is marked for another environment.
        UnmarkedWithRows: it has rows and no mark, and the environment chosen is not production.
    """
    mark = read_mark(connection)
    if mark is None:
        occupied = tables_with_rows(connection)
        if occupied and database.environment is not Environment.PRODUCTION:
            raise UnmarkedWithRows(action, database.name, occupied)
        write_mark(connection, database.environment)
    elif not _belongs(mark, database.environment):
        raise MarkedOtherwise(action, database.name, mark, database.environment)


def refuse_protected(connection: Connection, database: Database, action: Destructive) -> None:
    """Refuse to destroy rows of a database whose own mark, or whose rows without one, forbid it.

    Raises:
        ProtectedEnvironment: its mark forbids it.
        UnmarkedWithRows: it has no mark and rows that Seedbed did not put there, and so counts as production.
        MarkedOtherwise: it may be destroyed, but as another environment's.
    """
    mark = read_mark(connection)
    if mark is None:
        if occupied := tables_with_rows(connection):
            raise UnmarkedWithRows(action, database.name, occupied)
        return
    if mark not in _ALLOWED[action]:
        raise ProtectedEnvironment(action, database.name, mark)
    if not _belongs(mark, database.environment):
        raise MarkedOtherwise(action.removesuffix("ed"), database.name, mark, database.environment)


def tables_with_rows(connection: Connection) -> list[str]:
    """The user's tables that hold at least one row, by name; extensions', Alembic's and Seedbed's own do not count."""
    names = connection.execute(
        text(
            "SELECT quote_ident(n.nspname) || '.' || quote_ident(c.relname),"
            " CASE n.nspname WHEN 'public' THEN '' ELSE n.nspname || '.' END || c.relname"
            " FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace"
            " WHERE c.relkind IN ('r', 'p') AND NOT c.relispartition AND c.relname <> 'alembic_version'"
            " AND n.nspname NOT IN ('pg_catalog', 'information_schema', 'seedbed') AND n.nspname NOT LIKE 'pg_toast%'"
            " AND n.nspname NOT LIKE 'pg_temp%'"
            " AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')"
            " ORDER BY 1"
        )
    ).all()
    return [
        shown for quoted, shown in names if connection.execute(text(f"SELECT EXISTS (SELECT FROM {quoted})")).scalar()
    ]


def _belongs(mark: str, environment: Environment) -> bool:
    return mark == environment or (mark == PREPARING and environment is Environment.PREVIEW)
