"""What is done to a local branch's database as a whole, and what its mark says that it is for."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from psycopg2 import sql

from seedbed.errors import BranchNotReady, UnmarkedWithRows
from seedbed.postgres.connecting import connect
from seedbed.postgres.databases import Database
from seedbed.postgres.marks import PREPARING, read_mark, tables_with_rows, write_mark
from seedbed.settings import Environment

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a type, whatever its author called it


@contextmanager
def together(cursor: "Cursor") -> Iterator[None]:
    """One transaction on a cursor in autocommit: all of the block, or nothing."""
    cursor.execute("BEGIN")
    try:
        yield
    except BaseException:
        cursor.execute("ROLLBACK")
        raise
    cursor.execute("COMMIT")


def rename(cursor: "Cursor", old: str, new: str) -> None:
    cursor.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new)))


def allow(cursor: "Cursor", database: str, allowed: bool) -> None:
    cursor.execute(
        sql.SQL("ALTER DATABASE {} ALLOW_CONNECTIONS {}").format(sql.Identifier(database), sql.Literal(allowed))
    )


def end_sessions(cursor: "Cursor", database: str) -> None:
    cursor.execute(
        "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE datname = %s AND pid <> pg_backend_pid()",
        (database,),
    )


def environment_of(source: Database, parent: str) -> Environment:
    """What a database is for: by its mark, which is written where it has neither mark nor rows."""
    with connect(source) as connection:
        mark = read_mark(connection)
        if mark is None:
            if occupied := tables_with_rows(connection):
                raise UnmarkedWithRows("copy", source.name, occupied)
            mark = source.environment
            write_mark(connection, source.environment)
            connection.commit()
    if mark == PREPARING:
        raise BranchNotReady(parent)
    return Environment(mark)


def drop(cursor: "Cursor", database: str) -> None:
    cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))


def asked(cursor: "Cursor", statement: str, *parameters: object) -> object:
    cursor.execute(statement, parameters)
    row = cursor.fetchone()
    return row[0] if row is not None else None
