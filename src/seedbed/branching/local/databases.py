"""The database of a local branch: statements on it, and the comment that describes the branch."""

import json
from datetime import datetime
from typing import TYPE_CHECKING, Any

from psycopg2 import sql
from pydantic import TypeAdapter, ValidationError
from pydantic_core import to_jsonable_python

from seedbed.branching.protocol import Branch
from seedbed.errors import BranchNotReady, UnmarkedDatabase
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.environment_mark import PREPARING, find_tables_with_rows, read_database_mark, write_mark
from seedbed.settings import Environment

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a type, whatever its author called it

_COMMENT_KEY = "seedbed_branch"
_FIELDS = ("name", "parent", "environment", "ready", "created_at", "expires_at", "owner", "sealed")
"""The keys of a comment, in the order of the values below; they are stored, so they never change."""
_FIELD_VALUES = TypeAdapter(tuple[str, str, Environment, bool, datetime, datetime | None, str, bool])


def format_comment(branch: Branch) -> str:
    """The comment of a branch's database, as JSON; it is renamed and dropped with the database."""
    values = (
        branch.name, branch.parent, branch.environment, branch.ready, branch.created_at, branch.expires_at,
        branch.owner, branch.sealed,
    )  # fmt: skip
    fields = dict(zip(_FIELDS, to_jsonable_python(values), strict=True))
    return json.dumps({_COMMENT_KEY: fields}, ensure_ascii=False)


def parse_comment(comment: str | None) -> Branch | None:
    """The branch in a comment; None for another comment. Keys of later versions are ignored."""
    try:
        document: Any = json.loads(comment or "")
        fields = {"sealed": False, **document[_COMMENT_KEY]}
        return Branch(*_FIELD_VALUES.validate_python([fields[name] for name in _FIELDS]))
    except (ValueError, KeyError, TypeError, ValidationError):
        return None


def rename_sql(old: str, new: str) -> sql.Composed:
    return sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(old), sql.Identifier(new))


def comment_sql(database: str, branch: Branch) -> sql.Composed:
    return sql.SQL("COMMENT ON DATABASE {} IS {}").format(sql.Identifier(database), sql.Literal(format_comment(branch)))


def execute_atomically(cursor: "Cursor", *statements: sql.Composed) -> None:
    """Run statements in one transaction, by sending them in one query."""
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
    """The environment of a database by its mark, which is written where the database has neither mark nor rows."""
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
