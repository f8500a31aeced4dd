"""Personal columns of a copy masked, beside a plain UPDATE of them; and what each leaves of the old values in files."""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path

import psycopg2
from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a type, whatever its author called it

from benchmarks.harness import Contender, machine, race, report
from seedbed.postgres.connection import autocommit_cursor
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import TemporaryServer, run_temporary_server
from seedbed.schema import load_schema
from seedbed.seeding.core.faker_pool import FakerCache, FakerPools
from seedbed.seeding.masking import mask
from seedbed.seeding.planning.lock_file import get_today
from seedbed.settings import Environment, Origin, find_project
from seedbed.settings.sources import SourceKind

MODELS = """
from sqlalchemy import MetaData
from sqlmodel import Field, SQLModel


class Person(SQLModel, table=True):
    metadata = MetaData()
    id: int | None = Field(default=None, primary_key=True)
    email: str = Field(unique=True, sa_column_kwargs={"info": {"pii": "email"}})
    full_name: str = Field(sa_column_kwargs={"info": {"pii": "name"}})
    note: str | None = Field(default=None, sa_column_kwargs={"info": {"pii": "text"}})


metadata = Person.metadata
"""
SOURCE = (
    "CREATE TABLE person (id bigserial PRIMARY KEY, email varchar NOT NULL UNIQUE, full_name varchar NOT NULL,"
    " note varchar)",
    "INSERT INTO person (email, full_name, note) SELECT 'secret.' || n || '@real.org', 'Realname ' || n,"
    " repeat('known only to ' || n, 3) FROM generate_series(1, {rows}) n",
    "CREATE SCHEMA seedbed",
    "CREATE TABLE seedbed.environment (singleton boolean PRIMARY KEY DEFAULT true, name text NOT NULL,"
    " marked_at timestamptz NOT NULL DEFAULT now(), marked_by text NOT NULL)",
    "INSERT INTO seedbed.environment (name, marked_by) VALUES ('development', 'a benchmark')",
    "VACUUM ANALYZE",
)
PLAIN = "UPDATE person SET email = 'm' || id || '@example.com', full_name = 'Name ' || id, note = 'text ' || id"
WORDS = (b"secret.", b"Realname", b"known only")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rows", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=7)
    chosen = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder, run_temporary_server() as server:
        (Path(folder) / "people").mkdir()
        (Path(folder) / "people/__init__.py").write_text(MODELS)
        (Path(folder) / "pyproject.toml").write_text('[project]\nname = "masking"\n[tool.seedbed]\nschema = "people"\n')
        schema = load_schema(find_project(Path(folder)))
        print(f"{machine()}\nPostgreSQL {server.binaries.version}, {chosen.rows:,} rows with three personal columns\n")
        url = server.url("copy")
        copied = Database(url, url, Environment.DEVELOPMENT, Origin(SourceKind.DERIVED, "a benchmark"))
        left: dict[str, int] = {}
        with autocommit_cursor(psycopg2.connect(**server.url().connect_arguments())) as cursor:  # type: ignore[call-overload]
            cursor.execute("CREATE DATABASE source")
            run(server, "source", *(statement.format(rows=chosen.rows) for statement in SOURCE))

            def contender(name: str, work: Callable[[], object]) -> Contender:
                return Contender(work, copying(cursor), lambda: look_and_drop(server, cursor, left, name))

            ways = {
                "UPDATE": lambda: run(server, "copy", PLAIN),
                "UPDATE, VACUUM FULL and ANALYZE": lambda: run(server, "copy", PLAIN, "VACUUM (FULL, ANALYZE) person"),
                "seedbed seed mask": lambda: mask(schema, copied, FakerPools(get_today(), FakerCache(Path(folder)))),
            }
            seconds = race({name: contender(name, work) for name, work in ways.items()}, rounds=chosen.rounds)
        report(f"{chosen.rows:,} rows masked", seconds, against="UPDATE")
        for name, count in left.items():
            print(f"{name}: {count:,} old values are left in the files of tables and indexes")


def run(server: TemporaryServer, database: str, *statements: str) -> None:
    connection = psycopg2.connect(**server.url(database).connect_arguments())  # type: ignore[call-overload]
    with autocommit_cursor(connection) as cursor:
        for statement in statements:
            cursor.execute(statement)


def copying(cursor: Cursor) -> Callable[[], None]:
    return lambda: cursor.execute("CREATE DATABASE copy TEMPLATE source STRATEGY file_copy")


def look_and_drop(server: TemporaryServer, cursor: Cursor, left: dict[str, int], name: str) -> None:
    """Count what a first round left in the database's files."""
    cursor.execute("CHECKPOINT")
    cursor.execute("SELECT oid FROM pg_database WHERE datname = 'copy'")
    (oid,) = cursor.fetchone() or (0,)
    if name not in left:
        (folder,) = server.directory.rglob(f"base/{oid}")
        files = [file.read_bytes() for file in folder.iterdir()]
        left[name] = sum(text.count(word) for text in files for word in WORDS)
    cursor.execute("DROP DATABASE copy")


if __name__ == "__main__":
    main()
