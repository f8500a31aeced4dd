"""One schema change drafted and proven, by Seedbed or by plain Alembic, on one server."""

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

from seedbed.migrations.diff.statement import Statement
from seedbed.migrations.diff.undrafted_differences import UndraftedCheck
from seedbed.migrations.draft.decisions import Decisions
from seedbed.migrations.draft.planner import plan_changes
from seedbed.migrations.draft.revision_file import render_body
from seedbed.migrations.draft.revision_plans import ChangeSet, RevisionPlan, build_candidate
from seedbed.migrations.proof.candidate import RevisionRun
from seedbed.migrations.proof.proof import Proof, prove
from seedbed.postgres.catalog import Catalog, read_catalog
from seedbed.postgres.catalog.system_rows import SystemRows, read_system_rows
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import TemporaryServer
from seedbed.schema import Schema
from seedbed.schema.creation import create_schema
from seedbed.settings import Environment, Origin
from seedbed.settings.sources import SourceKind

_ORIGIN = Origin(SourceKind.DERIVED, "a temporary server")
_OWNER = "catalog_owner"


@dataclass
class TrialServer:
    """A server on which changes are tried, as a role that owns its databases and is not a superuser."""

    server: TemporaryServer
    _name: str = field(default_factory=lambda: f"case_{secrets.token_hex(3)}")
    _numbers: Iterator[int] = field(default_factory=itertools.count)

    def __post_init__(self) -> None:
        create_role = f"CREATE ROLE {_OWNER} LOGIN PASSWORD 'owner'"  # several modules and processes may use one server
        already_exists = "duplicate_object OR unique_violation"
        self._administer(f"DO $$ BEGIN {create_role}; EXCEPTION WHEN {already_exists} THEN NULL; END $$")

    @contextmanager
    def database(self, template: str | None = None) -> Iterator[Database]:
        name = f"{self._name}_{next(self._numbers)}"
        template_clause = sql.SQL(" TEMPLATE {}").format(sql.Identifier(template)) if template else sql.SQL("")
        create_role = sql.SQL("CREATE DATABASE {} OWNER {}").format(sql.Identifier(name), sql.Identifier(_OWNER))
        self._administer(create_role + template_clause)
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

    def build(self, database: Database, metadata: MetaData) -> Catalog:
        with connect(database) as connection:
            create_schema(connection, Schema(metadata, {}), create_role=self._make_role)
            return read_catalog(connection)

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


def prove_with_seedbed(trial_server: TrialServer, before: MetaData, after: MetaData, decisions: Decisions) -> Proof:
    """Draft and prove a change as `seedbed migrate draft` does, from the text of the rendered file."""
    with trial_server.database() as start:
        trial_server.build(start, before)
        change, revision_runs = draft_changes(trial_server, start, after, decisions)
        return prove(build_candidate(change, revision_runs), lambda: trial_server.copy_of(start))


def draft_changes(
    trial_server: TrialServer, start: Database, after: MetaData, decisions: Decisions
) -> tuple[ChangeSet, list[RevisionRun]]:
    """The change of a database to the models, and its revisions with how to run them."""
    change = plan_change(start, build_models(trial_server, after), after, decisions)
    return change, make_revision_runs(change)


@dataclass(frozen=True)
class BuiltModels:
    """What PostgreSQL has in its catalogs after the models were created in an empty database."""

    catalog: Catalog
    rows: SystemRows


def build_models(trial_server: TrialServer, after: MetaData) -> BuiltModels:
    with trial_server.database() as end:
        catalog = trial_server.build(end, after)
        with connect(end) as connection:
            return BuiltModels(catalog, read_system_rows(connection))


def plan_change(start: Database, models: BuiltModels, after: MetaData, decisions: Decisions) -> ChangeSet:
    """Plan the change of a database to the models; one empty revision if they are equal."""
    with connect(start) as connection:
        change = plan_changes(connection, models.catalog, Schema(after, {}), decisions)
        undrafted_check = UndraftedCheck(read_system_rows(connection), models.rows)
    return replace(
        change,
        revision_plans=change.revision_plans or (RevisionPlan((), (), models.catalog),),
        undrafted_check=undrafted_check,
    )


def make_revision_runs(change: ChangeSet) -> list[RevisionRun]:
    """Make functions that run each revision of a change from the text of its file."""
    return [
        RevisionRun(
            up=_make_runner(render_body(plan.up, is_online=plan.is_online)),
            down=None if isinstance(plan.down, str) else _make_runner(render_body(plan.down, is_online=plan.is_online)),
            end=plan.end,
        )
        for plan in change.revision_plans
    ]


def prove_with_alembic(trial_server: TrialServer, before: MetaData, after: MetaData) -> Proof:
    """Prove what Alembic drafts with its default template, comparing types and defaults."""
    with trial_server.database() as start, trial_server.database() as end:
        trial_server.build(start, before)
        models_catalog = trial_server.build(end, after)
        with connect(start) as connection:
            database_catalog = read_catalog(connection)
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
        plan = RevisionPlan((Statement("", up),), (Statement("", down),), models_catalog)
        change = ChangeSet((), (plan,), database_catalog, Schema(after, {}))
        revision_runs = [RevisionRun(_make_runner(up), _make_runner(down), models_catalog)]
        return prove(build_candidate(change, revision_runs), lambda: trial_server.copy_of(start))


def _make_runner(text: str) -> Callable[[Connection], None]:
    """Make a function that runs the body of a revision as Alembic would, in one transaction except for autocommit
    blocks.
    """
    code = compile("def run():\n" + (text if text.strip() else "    pass"), "<revision>", "exec")

    def run(connection: Connection) -> None:
        names: dict[str, Any] = {"op": op, "sa": sa, "postgresql": postgresql}
        exec(code, names)
        context = MigrationContext.configure(connection, opts={"transaction_per_migration": True})
        with Operations.context(context), context.begin_transaction(_per_migration=True):
            names["run"]()
        connection.commit()

    return run
