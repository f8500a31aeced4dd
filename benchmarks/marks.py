"""Four ways to write into a database which environment it is, tried: who can set it, and what it outlives."""

import subprocess
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg2
from psycopg2 import sql

from benchmarks.harness import machine, table
from seedbed.postgres.embedded import TemporaryServer, run_temporary_server
from seedbed.settings import DatabaseUrl

OWNER = "shop_owner"


@dataclass(frozen=True)
class Way:
    """A statement that marks the database `name`, and a query that reads the mark there."""

    mark: str
    read: str


WAYS = {
    "ALTER DATABASE SET seedbed.environment": Way(
        "ALTER DATABASE {name} SET seedbed.environment = 'production'",
        "SELECT current_setting('seedbed.environment', true)",
    ),
    "ALTER DATABASE SET application_name": Way(
        "ALTER DATABASE {name} SET application_name = 'production'", "SELECT current_setting('application_name')"
    ),
    "COMMENT ON DATABASE": Way(
        "COMMENT ON DATABASE {name} IS 'production'",
        "SELECT shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = current_database()",
    ),
    "a row of a table": Way(
        "CREATE SCHEMA seedbed; CREATE TABLE seedbed.environment AS SELECT 'production' AS name",
        "SELECT name FROM seedbed.environment",
    ),
}


def execute(url: DatabaseUrl, statement: str, *, options: str = "") -> Any:
    """The first value of a statement in autocommit; None where it failed or gave none."""
    arguments: dict[str, Any] = {**url.connect_arguments(), "options": options}
    connection = psycopg2.connect(**arguments)
    try:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(statement)
            row = cursor.fetchone() if cursor.description else None
            return row[0] if row else None
    except (psycopg2.errors.InsufficientPrivilege, psycopg2.errors.UndefinedTable):
        return None
    finally:
        connection.close()


def tried(server: TemporaryServer, name: str, way: Way) -> list[str]:
    """Whether the owner can set it, and whether it then stands in the database, under PGOPTIONS, in a copy by
    TEMPLATE_SCOPE_KEY, and in what pg_dump dumped and psql loaded. The superuser sets it where the owner may not.
    """
    admin, url = server.url(), server.url(name)
    owner = DatabaseUrl(OWNER, server.password, url.host, url.port, name)
    execute(admin, f"CREATE DATABASE {name} OWNER {OWNER}")
    execute(owner, way.mark.format(name=name))
    by_owner = execute(url, way.read) == "production"
    if not by_owner:
        execute(url, way.mark.format(name=name))
    overridden = "-c seedbed.environment=development -c application_name=development"
    stands: list[Callable[[], bool]] = [
        lambda: execute(url, way.read, options=overridden) == "production",
        lambda: execute(copied(server, name), way.read) == "production",
        lambda: execute(loaded(server, name), way.read) == "production",
    ]
    return ["yes" if yes else "no" for yes in [by_owner, *(stand() for stand in stands)]]


def copied(server: TemporaryServer, name: str) -> DatabaseUrl:
    execute(server.url(), f"CREATE DATABASE {name}_copied TEMPLATE {name}")
    return server.url(f"{name}_copied")


def loaded(server: TemporaryServer, name: str) -> DatabaseUrl:
    execute(server.url(), f"CREATE DATABASE {name}_loaded")
    dumped = _program(server, "pg_dump", name)
    _program(server, "psql", f"{name}_loaded", "--quiet", read=dumped)
    return server.url(f"{name}_loaded")


def _program(server: TemporaryServer, program: str, database: str, *arguments: str, read: str = "") -> str:
    url = server.url(database)
    where = {"PGHOST": url.host, "PGPORT": url.port, "PGUSER": url.username, "PGPASSWORD": url.password}
    command: list[str | Path] = [server.binaries.program_path(program), *arguments, database]
    variables = {variable: value or "" for variable, value in where.items()}
    done = subprocess.run(command, input=read, capture_output=True, check=True, text=True, env=variables)
    return done.stdout


def main() -> None:
    with run_temporary_server() as server:
        print(f"{machine()}\nPostgreSQL {server.binaries.version}\n")
        role = sql.SQL("CREATE ROLE {} LOGIN PASSWORD {}").format(sql.Identifier(OWNER), sql.Literal(server.password))
        connection = psycopg2.connect(**server.url().connect_arguments())  # type: ignore[call-overload]
        with connection, connection.cursor() as cursor:
            cursor.execute(role)
        connection.close()
        rows = [[way, *tried(server, f"by_{i}", WAYS[way])] for i, way in enumerate(WAYS)]
        table(["the mark is", "owner may set it", "beats PGOPTIONS", "in a TEMPLATE copy", "in pg_dump"], rows)


if __name__ == "__main__":
    main()
