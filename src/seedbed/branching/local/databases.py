"""What is done to a local branch's database as a whole, and what its mark says that it is for."""

from typing import TYPE_CHECKING

from psycopg2 import sql

from seedbed.branching.local import annotations
from seedbed.branching.protocol import Branch
from seedbed.errors import BranchNotReady, UnmarkedDatabase
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.environment_mark import PREPARING, find_tables_with_rows, read_database_mark, write_mark
from seedbed.settings import Environment

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a type, whatever its author called it


def rename_sql(old: str, new: str) -> sql.Composed:
    return sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new))


def comment_sql(database: str, branch: Branch) -> sql.Composed:
    return sql.SQL("COMMENT ON DATABASE {} IS {}").format(
        sql.Identifier(database), sql.Literal(annotations.format_comment(branch))
    )


def execute_atomically(cursor: "Cursor", *statements: sql.Composed) -> None:
    """All of some statements, or nothing: what is sent to PostgreSQL at once is one transaction."""
    cursor.execute(sql.SQL("; ").join(statements))


def set_allow_connections(cursor: "Cursor", database: str, allowed: bool) -> None:
    cursor.execute(
        sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(sql.Identifier(database), sql.Literal(allowed))
    )


def terminate_sessions(cursor: "Cursor", database: str) -> None:
    cursor.execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
        (database,),
    )


def claim_source_environment(source: Database, parent: str) -> Environment:
    """What a database is for: by its mark, which is written where it has neither mark nor rows."""
    mark = read_database_mark(source)
    if mark is None:
        with connect(source) as connection:
            if occupied := find_tables_with_rows(connection):
                raise UnmarkedDatabase("copy", source.name, occupied)
            mark = source.environment
            write_mark(connection, source.environment)
            connection.commit()
    if mark == PREPARING:
        raise BranchNotReady(parent)
    return Environment(mark)


def drop_database(cursor: "Cursor", database: str) -> None:
    cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))
