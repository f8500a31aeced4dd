"""Little projects, written where a test wants one: tables, migrations and seeds of its own, and Seedbed run in them."""

import json
import os
import re
import resource
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import dedent
from typing import Any

import psycopg2
from psycopg2 import sql

from seedbed.postgres.connection import autocommit_cursor
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import TemporaryServer
from seedbed.schema import Schema, load_schema
from seedbed.settings import (
    Configuration,
    DatabaseUrl,
    Environment,
    Origin,
    find_project,
    load_configuration,
)
from seedbed.settings import Project as Settled
from seedbed.settings.sources import SourceKind
from tests.support.patience import PATIENCE

ROOT = Path(__file__).parents[2]
GIVEN = Origin(SourceKind.PROCESS, "DATABASE_URL in the process's environment")
HEADER = """
from datetime import date, datetime
from decimal import Decimal
from enum import Enum
from uuid import UUID, uuid4

from sqlalchemy import (
    JSON, BigInteger, CheckConstraint, Column, ForeignKeyConstraint, Identity, Index, MetaData, UniqueConstraint, text
)
from sqlmodel import Field, Relationship, SQLModel

from seedbed.schema import declare


class Table(SQLModel):
    metadata = MetaData()


metadata = Table.metadata


"""
SEEDS = """
import schema as tables
from seedbed.seeding import Seeds, choice, constant, derive, faker, fixed, from_file, per, same, template, zipf

"""


@dataclass(frozen=True)
class Project:
    """A project on disk. Its tables' module has a name of its own, so that several can be imported in one process;
    in the texts it is given, it is called `schema`.
    """

    root: Path
    schema: str

    @property
    def settled(self) -> Settled:
        return find_project(self.root)

    def load_schema(self) -> Schema:
        return load_schema(self.settled)

    def configuration(self, **variables: str) -> Configuration:
        return load_configuration(self.settled, environ=variables)

    def write(self, name: str, text: str) -> Path:
        file = self.root / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(re.sub(r"\bimport schema\b", f"import {self.schema}", dedent(text)), encoding="utf-8")
        return file

    def write_tables(self, text: str) -> Path:
        return self.write(f"{self.schema}/__init__.py", HEADER + dedent(text))

    def write_seeds(self, body: str, environment: str = "development") -> Path:
        """`body` is what `plan(seeds)` does; `tables` is the project's schema there."""
        plan = "def plan(seeds: Seeds) -> None:\n" + "".join(f"    {line}\n" for line in dedent(body).splitlines())
        return self.write(f"seeds/{environment}.py", SEEDS + plan)

    def write_revision(
        self,
        name: str,
        upgrade: str,
        *,
        follows: str | tuple[str, ...] | None = None,
        downgrade: str = "pass",
        depends_on: str | None = None,
        label: str | None = None,
    ) -> Path:
        """`upgrade` and `downgrade` are lines of Python."""

        def indented(lines: str) -> str:
            return "".join(f"    {line}\n" for line in dedent(lines).strip().splitlines())

        return self.write(
            f"migrations/versions/{name}.py",
            f'"""{name.replace("_", " ").capitalize()}"""\n\nimport time\n\nfrom alembic import op\n\n'
            f"revision = {name!r}\ndown_revision = {follows!r}\ndepends_on = {depends_on!r}\n"
            f"branch_labels = {label!r}\n\n\n"
            f"def upgrade() -> None:\n{indented(upgrade)}\n\ndef downgrade() -> None:\n{indented(downgrade)}",
        )

    def revisions(self) -> list[str]:
        return sorted(file.name for file in (self.root / "migrations/versions").glob("*.py"))

    def start(self, *command: str, **variables: str) -> "subprocess.Popen[str]":
        """A command of this Python, such as `seedbed` or `alembic`, in the project's folder."""
        kept = {
            name: value for name, value in os.environ.items() if not name.startswith(("SEEDBED_", "DATABASE_", "PG"))
        }
        return subprocess.Popen(
            [sys.executable, "-m", *command],
            cwd=self.root,
            env={**kept, **variables},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(
        self, *command: str, code: int = 0, given: Mapping[str, str] | None = None, **variables: str
    ) -> "subprocess.CompletedProcess[str]":
        """Run a command to its end, which must be the given one. Variables are `given`, or named one by one."""
        process = self.start(*command, **(given or {}), **variables)
        out, err = process.communicate(timeout=PATIENCE)
        assert process.returncode == code, f"{command} ended with {process.returncode}\n{out}\n{err}"
        return subprocess.CompletedProcess(command, code, out, err)

    def json(self, *command: str, code: int = 0, **variables: str) -> Any:
        return json.loads(self.run(*command, "--json", code=code, given=variables).stdout)


@contextmanager
def little_project(root: Path, tables: str, seeds: str = "") -> Iterator[Project]:
    """Write a project, and forget its modules at the end."""
    project = Project(root, f"schema_{secrets.token_hex(4)}")
    name = f"little_{secrets.token_hex(4)}"
    project.write("pyproject.toml", f'[project]\nname = "{name}"\n[tool.seedbed]\nschema = "{project.schema}"\n')
    project.write_tables(tables)
    (root / "migrations/versions").mkdir(parents=True)
    for file in ("alembic.ini", "migrations/env.py", "migrations/script.py.mako"):
        shutil.copy2(ROOT / file, root / file)
    (root / "seeds").mkdir()
    for environment in Environment:
        (root / f"seeds/{environment}.lock").write_text("engine = 4\nseed = 1\nas_of = 2026-11-01T00:00:00+00:00\n")
    if seeds:
        project.write_seeds(seeds)
    try:
        yield project
    finally:
        sys.path[:] = [entry for entry in sys.path if entry != str(root)]
        for module in [module for module in sys.modules if module.partition(".")[0] == project.schema]:
            del sys.modules[module]


@contextmanager
def reference_copy(root: Path) -> Iterator[Project]:
    """A copy of the reference project, to be run in processes of its own: its schema is called as the original's."""
    for part in ("schema", "migrations", "seeds"):
        shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__"))
    for file in ("alembic.ini", "pyproject.toml"):
        shutil.copy2(ROOT / file, root / file)
    yield Project(root, "schema")


@contextmanager
def fresh_database(server: TemporaryServer, environment: Environment = Environment.DEVELOPMENT) -> Iterator[Database]:
    """An empty database, dropped at the end."""
    name = f"little_{secrets.token_hex(4)}"
    url = server.url(name)
    execute(server.url(), sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    try:
        yield Database(url, url, environment, GIVEN)
    finally:
        execute(server.url(), sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


def execute(url: DatabaseUrl, *statements: str | sql.Composable) -> list[tuple[Any, ...]]:
    """Run statements, each committed as it runs, and give the rows of the last."""
    arguments: dict[str, Any] = {**url.connect_arguments()}
    with autocommit_cursor(psycopg2.connect(**arguments)) as cursor:
        for statement in statements:
            cursor.execute(statement)
        return cursor.fetchall() if cursor.description else []


@contextmanager
def no_room() -> Iterator[None]:
    """Let no file of this process grow past ten bytes; Python ignores the signal that comes with it."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (10, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
