"""The databases behind the emulator's branches, on one throw-away PostgreSQL."""

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
    """A branch's databases have the branch's id before their names; roles are the server's, and so every branch's."""

    server: TemporaryServer

    def create_role(self, name: str, password: str) -> None:
        """With the rights of a role that Neon's API makes; one that is there, as another branch's, is left."""
        role = sql.Identifier(name)
        with self._cursor() as cursor:
            cursor.execute("SELECT FROM pg_roles WHERE rolname = %s", (name,))
            if cursor.fetchone() is None:
                made = sql.SQL("CREATE ROLE {} LOGIN CREATEDB CREATEROLE BYPASSRLS PASSWORD {}")
                cursor.execute(made.format(role, sql.Literal(password)))
                cursor.execute(sql.SQL("GRANT pg_read_all_data, pg_write_all_data TO {}").format(role))

    def create_database(self, place: str, owner: str) -> None:
        with self._cursor() as cursor:
            cursor.execute(
                sql.SQL("CREATE DATABASE {} OWNER {} TEMPLATE template0").format(
                    sql.Identifier(place), sql.Identifier(owner)
                )
            )

    def copy_database(self, source: str, target: str, owner: str, *, schema_only: bool = False) -> None:
        """Copy a database. Neon copies one that is in use, and PostgreSQL does not: then it is dumped and restored."""
        if not schema_only:
            try:
                with self._cursor() as cursor:
                    clone_database(cursor, source, target)
            except (ParentInUse, BranchCopyFailure):  # the latter where whoever used it has just gone
                self.drop_database(target)
            else:
                return
        self.create_database(target, owner)
        self._psql(target, self.dump_database(source, schema_only=schema_only, owners=True))

    def drop_database(self, place: str) -> None:
        with self._cursor() as cursor:
            cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(place)))

    def terminate_sessions(self, place: str) -> None:
        with self._cursor() as cursor:
            cursor.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = %s", (place,))

    def dump_database(self, place: str, *, schema_only: bool = True, owners: bool = False) -> str:
        """What pg_dump says, without the lines that differ from run to run."""
        flags = [*(["--schema-only"] if schema_only else []), *([] if owners else ["--no-owner"])]
        said = self._run("pg_dump", *flags, place).stdout
        return "".join(line for line in said.splitlines(keepends=True) if not line.startswith((r"\restrict", r"\unre")))

    def _psql(self, place: str, script: str) -> None:
        self._run("psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", place, given=script)

    def _run(self, program: str, *arguments: str, given: str = "") -> "subprocess.CompletedProcess[str]":
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
        done = subprocess.run(
            command, env={**kept, **variables}, input=given, capture_output=True, text=True, check=False
        )
        if done.returncode != 0:
            raise RuntimeError(f"{program} ended with {done.returncode}: {done.stderr.strip()[-500:]}")
        return done

    @contextmanager
    def _cursor(self) -> "Iterator[Cursor]":
        arguments: dict[str, Any] = {**self.server.url().connect_arguments(), "hostaddr": "127.0.0.1"}
        with autocommit_cursor(psycopg2.connect(**arguments)) as cursor:
            yield cursor
