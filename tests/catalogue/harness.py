"""One change of the catalogue drafted and proven, by Seedbed or by plain Alembic, on one server."""

import itertools
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg2
import sqlalchemy as sa
from alembic import op
from alembic.autogenerate import produce_migrations, render_python_code
from alembic.operations import Operations
from alembic.runtime.migration import MigrationContext
from psycopg2 import sql
from sqlalchemy import Connection, MetaData
from sqlalchemy.dialects import postgresql

from seedbed.migrating.changing import Change, Part, candidate_of
from seedbed.migrating.comparing.statements import Statement
from seedbed.migrating.proving.candidates import Leg
from seedbed.migrating.proving.proof import Proof, prove
from seedbed.migrating.separating import change_between
from seedbed.migrating.unmodelled import Unmodelled
from seedbed.migrating.words import Words
from seedbed.migrating.writing import body
from seedbed.modelling import Schema
from seedbed.modelling.building import build
from seedbed.postgres.catalogue import Catalogue, read_catalogue
from seedbed.postgres.catalogue.system_rows import SystemRows, read_system_rows
from seedbed.postgres.connecting import connect
from seedbed.postgres.databases import Database
from seedbed.postgres.embedded import ThrowawayServer
from seedbed.settings import Environment, Origin
from seedbed.settings.sources import Kind

_ORIGIN = Origin(Kind.DERIVED, "a throw-away server")
_OWNER = "catalogue_owner"


@dataclass
class Ground:
    """A server on which changes are tried, as a role that owns its databases and is no superuser."""

    server: ThrowawayServer
    _name: str = field(default_factory=lambda: f"case_{secrets.token_hex(3)}")
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        made = f"CREATE ROLE {_OWNER} LOGIN PASSWORD 'owner'"  # several modules and processes may use one server
        there = "duplicate_object OR unique_violation"
        self._administer(f"DO $$ BEGIN {made}; EXCEPTION WHEN {there} THEN NULL; END $$")

    @contextmanager
    def database(self, template: str | None = None) -> Iterator[Database]:
        name = f"{self._name}_{next(self._numbers)}"
        copied = sql.SQL(" TEMPLATE {}").format(sql.Identifier(template)) if template else sql.SQL("")
        made = sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(_OWNER))
        self._administer(made + copied)
        url = self.server.url(name)
        url = type(url)(_OWNER, "owner", url.host, url.port, name)
        try:
            yield Database(url, url, Environment.TESTING, _ORIGIN)
        finally:
            self._administer(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))

    @contextmanager
    def copy_of(self, database: Database) -> Iterator[Connection]:
        with self.database(database.name) as copy, connect(copy) as connection:
            yield connection

    def build(self, database: Database, metadata: MetaData) -> Catalogue:
        with connect(database) as connection:
            build(connection, Schema(metadata, {}), make_role=self._make_role)
            return read_catalogue(connection)

    def _make_role(self, role: str) -> None:
        self._administer(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(role)))

    def _administer(self, statement: str | sql.Composable) -> None:
        arguments: dict[str, Any] = {**self.server.url().connect_arguments()}
        connection = psycopg2.connect(**arguments)
        try:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute(statement)
        finally:
            connection.close()


def seedbed_proves(ground: Ground, before: MetaData, after: MetaData, words: Words) -> Proof:
    """Draft and prove a change as `seedbed migrate draft` does, from the rendered file's own text."""
    with ground.database() as beginning:
        ground.build(beginning, before)
        change, legs = drafted(ground, beginning, after, words)
        return prove(candidate_of(change, legs), lambda: ground.copy_of(beginning))


def drafted(ground: Ground, beginning: Database, after: MetaData, words: Words) -> tuple[Change, list[Leg]]:
    """What changes a database, and its revisions as they are run."""
    change = change_to(beginning, read_target(ground, after), after, words)
    return change, steps_of(change)


@dataclass(frozen=True)
class Target:
    """What PostgreSQL knows of a database that was built from the models alone."""

    catalogue: Catalogue
    rows: SystemRows


def read_target(ground: Ground, after: MetaData) -> Target:
    """Build the models in a database of their own, and read what PostgreSQL makes of them."""
    with ground.database() as end:
        catalogue = ground.build(end, after)
        with connect(end) as connection:
            return Target(catalogue, read_system_rows(connection))


def change_to(beginning: Database, target: Target, after: MetaData, words: Words) -> Change:
    """What changes a database into the target; one empty revision where the two are alike."""
    with connect(beginning) as connection:
        change = change_between(connection, target.catalogue, Schema(after, {}), words)
        unmodelled = Unmodelled(read_system_rows(connection), target.rows)
    parts = change.parts or (Part((), (), target.catalogue),)
    return replace(change, parts=parts, unmodelled=unmodelled)


def steps_of(change: Change) -> list[Leg]:
    """The revisions of a change, each as functions that run the text of its file."""
    return [
        Leg(
            up=_runner(body(part.up, online=part.online)),
            down=None if isinstance(part.down, str) else _runner(body(part.down, online=part.online)),
            above=part.after,
        )
        for part in change.parts
    ]


def alembic_proves(ground: Ground, before: MetaData, after: MetaData) -> Proof:
    """The same for what Alembic drafts by itself, with its default template and types and defaults compared."""
    with ground.database() as beginning, ground.database() as end:
        ground.build(beginning, before)
        wanted = ground.build(end, after)
        with connect(beginning) as connection:
            found = read_catalogue(connection)
            options: dict[str, Any] = {"compare_type": True, "compare_server_default": True, "include_schemas": True}
            options["include_name"] = lambda name, kind, _: kind != "schema" or name in {None, "app"}
            context = MigrationContext.configure(connection, opts={**options, "target_metadata": after})
            script = produce_migrations(context, after)
            up, down = (
                render_python_code(ops, migration_context=context)
                for ops in (script.upgrade_ops, script.downgrade_ops)
                if ops is not None
            )
            connection.rollback()
        part = Part((Statement("", up),), (Statement("", down),), wanted)
        change = Change((), (part,), found, Schema(after, {}))
        legs = [Leg(_runner(up), _runner(down), wanted)]
        return prove(candidate_of(change, legs), lambda: ground.copy_of(beginning))


def _runner(text: str) -> Callable[[Connection], None]:
    """Run the body of a revision as Alembic would, in one transaction but for its autocommit blocks."""
    code = compile("def run():\n" + (text if text.strip() else "    pass"), "<revision>", "exec")

    def run(connection: Connection) -> None:
        names: dict[str, Any] = {"op": op, "sa": sa, "postgresql": postgresql}
        exec(code, names)
        context = MigrationContext.configure(connection, opts={"transaction_per_migration": True})
        with Operations.context(context), context.begin_transaction(_per_migration=True):
            names["run"]()
        connection.commit()

    return run
