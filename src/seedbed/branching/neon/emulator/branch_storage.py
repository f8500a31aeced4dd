"""The databases of the emulator's branches, on one temporary server."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import psycopg2
from psycopg2 import sql

from seedbed.errors import BranchCopyFailure, ParentInUse
from seedbed.postgres.clone import clone_database
from seedbed.postgres.connection import autocommit_cursor
from seedbed.postgres.embedded import TemporaryServer

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a type, whatever its author called it


@dataclass(frozen=True)
class BranchStorage:
    """Databases are named by their branch's id and their own name; all branches share the server's roles."""

    server: TemporaryServer

    def create_role(self, name: str, password: str) -> None:
        """Create a role with the privileges of Neon's, unless another branch has created it."""
        role = sql.Identifier(name)
        with self._cursor() as cursor:
            cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", (name,))
            if cursor.fetchone() is None:
                create_role = sql.SQL("CREATE ROLE {} LOGIN CREATEDB CREATEROLE BYPASSRLS PASSWORD {}")
                cursor.execute(create_role.format(role, sql.Literal(password)))
                cursor.execute(sql.SQL("GRANT pg_read_all_data, pg_write_all_data TO {}").format(role))

    def create_database(self, database: str, owner: str) -> None:
        with self._cursor() as cursor:
            cursor.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(
                    sql.Identifier(database), sql.Identifier(owner)
                )
            )

    def copy_database(self, source: str, target: str, owner: str, *, schema_only: bool = False) -> None:
        """Copy a database; where it is in use, which PostgreSQL refuses and Neon allows, dump and restore it."""
        if not schema_only:
            try:
                with self._cursor() as cursor:
                    clone_database(cursor, source, target)
            except (ParentInUse, BranchCopyFailure):  # the latter where a session has just ended
                self.drop_database(target)
            else:
                return
        self.create_database(target, owner)
        self._psql(target, self.dump_database(source, schema_only=schema_only, owners=True))

    def drop_database(self, database: str) -> None:
        with self._cursor() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(database)))

    def terminate_sessions(self, database: str) -> None:
        with self._cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (database,))

    def dump_database(self, database: str, *, schema_only: bool = True, owners: bool = False) -> str:
        """The output of pg_dump without the lines that differ from run to run."""
        flags = [*(["--schema-only"] if schema_only else []), *([] if owners else ["--no-owner"])]
        output = self._run("pg_dump", *flags, database).stdout
        return "".join(
            line for line in output.splitlines(keepends=True) if not line.startswith((r"\restrict", r"\unre"))
        )

    def _psql(self, database: str, script: str) -> None:
        self._run("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", database, stdin=script)

    def _run(self, program: str, *arguments: str, stdin: str = "") -> "subprocess.CompletedProcess[str]":
        url = self.server.url()
        variables = {
            "PGHOST": "127.0.0.1",
            "PGPORT": str(self.server.port),
            "PGUSER": url.username or "",
            "PGPASSWORD": self.server.password,
            "PGSSLMODE": "disable",
        }
        kept = {name: value for name, value in os.environ.items() if not name.startswith("PG")}
        command = [str(self.server.binaries.program_path(program)), *arguments]
        result = subprocess.run(
            command, env={**kept, **variables}, input=stdin, capture_output=True, text=True, check=False
        )
        if result.returncode != 0:
            raise RuntimeError(f"{program} ended with {result.returncode}: {result.stderr.strip()[-500:]}")
        return result

    @contextmanager
    def _cursor(self) -> "Iterator[Cursor]":
        arguments: dict[str, Any] = {**self.server.url().connect_arguments(), "hostaddr": "127.0.0.1"}
        with autocommit_cursor(psycopg2.connect(**arguments)) as cursor:
            yield cursor
