"""Run Alembic from a project's env.py, set up for the project's database and models, and guard production."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any, Literal

from alembic import command, context
from alembic.util import CommandError
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.types import TypeDecorator, TypeEngine

from seedbed.errors import ProductionNotConfirmed, SeedbedError
from seedbed.migrations.apply.lock_retry import DEFAULT_RETRY_POLICY, limit_lock_waits
from seedbed.migrations.apply.name_clashes import refuse_name_clashes
from seedbed.migrations.apply.plan import plan_upgrade
from seedbed.migrations.apply.shared_connection import nest_alembic
from seedbed.migrations.hazards.trial_run import assess_downgrade, assess_upgrade, refuse_unallowed_hazards
from seedbed.migrations.history.applied_log import record_step
from seedbed.migrations.history.revisions import (
    PROJECT_ATTRIBUTE,
    History,
    Revision,
    get_version_table_options,
    read_current_revision,
    read_history,
    split_heads,
)
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database, check_default_schema, refuse_pooler, resolve_database
from seedbed.postgres.environment_mark import SEEDBED_SCHEMA, claim_environment, read_mark
from seedbed.postgres.locks import migration_lock
from seedbed.postgres.version_table import ensure_version_table_schema
from seedbed.schema import load_schema
from seedbed.settings import Configuration, Environment, Project, find_project, load_configuration

_PLUGINS = ["alembic.autogenerate.*", "seedbed.*"]
_TEXT_FORMATS = {"datestyle": "ISO", "intervalstyle": "postgres", "extra_float_digits": "1"}
"""Settings for the text form of values while revisions run, whatever the database or the role sets. pg_dump uses the
same three. DateStyle keeps its order of day and month, which decides how text becomes a date."""


def run() -> None:
    """Run Alembic's command on the connection that Seedbed passes, or else on the database of the environment.

    An env.py calls this. Under plain `alembic`, the database is the one of SEEDBED_ENV. The rules of `seedbed migrate
    apply` then hold: the mark must match, a connection pooler is refused, the migration lock is held, and production is
    guarded.

    Raises:
        CommandError: any error of Seedbed's under plain `alembic`, which prints it in one line.
    """
    if context.config.attributes.get("connection") is not None:
        _run()
        return
    try:
        _run()
    except SeedbedError as error:
        raise CommandError(f"{error.code} {error.message} {error.remedy}") from error


def build_context_options(metadata: MetaData, project: Project) -> dict[str, Any]:
    """Return the options for Alembic's `context.configure`, the same however Alembic is started."""
    return {
        "target_metadata": metadata,
        "transaction_per_migration": True,
        "include_schemas": True,
        "include_name": _include_project_schemas(metadata),
        "compare_type": True,
        "compare_server_default": True,
        "autogenerate_plugins": _PLUGINS,
        "render_item": _render_stored_type,
        "on_version_apply": record_step,
        **get_version_table_options(project),
    }


def _run() -> None:
    config = context.config
    shared_connection = config.attributes.get("connection")
    project = config.attributes.get(PROJECT_ATTRIBUTE) or find_project(
        Path(config.config_file_name or "alembic.ini").parent
    )
    if isinstance(shared_connection, Connection):
        _migrate(
            shared_connection, project, MetaData(), nullcontext()
        )  # how Seedbed runs revisions; they need no models
        return
    metadata = load_schema(project).metadata
    if context.is_offline_mode():
        dialect_options = {"paramstyle": "named"}  # the driver's own style doubles each %
        context.configure(
            dialect_name="postgresql",
            dialect_opts=dialect_options,
            literal_binds=True,
            **build_context_options(metadata, project),
        )
        with context.begin_transaction():
            for setting, value in _TEXT_FORMATS.items():
                context.execute(f"SET {setting} = {value}")
            context.run_migrations()
        return
    configuration = load_configuration(project)
    database = resolve_database(configuration)
    refuse_pooler(database, trust_url=database.url != database.direct)
    with connect(database, application="alembic") as connection:
        claim_environment(connection, database, "migrate")
        mark = read_mark(connection)
        connection.commit()
        if read_current_revision(connection, project) is None:
            check_default_schema(connection, database)
            connection.rollback()
        if mark == Environment.PRODUCTION:
            guard_production(configuration, database)
        with limit_lock_waits(connection, DEFAULT_RETRY_POLICY), refuse_name_clashes(connection, database.name):
            _migrate(connection, project, metadata, migration_lock(connection, database.name))


def _migrate(connection: Connection, project: Project, metadata: MetaData, lock: AbstractContextManager[None]) -> None:
    with lock:
        _set_text_formats(connection)
        ensure_version_table_schema(connection, project.version_table)
        context.configure(connection=connection, **build_context_options(metadata, project))
        with context.begin_transaction():
            context.run_migrations()


def _set_text_formats(connection: Connection) -> None:
    """Set the text formats. Outside a transaction, commit them, so that they survive the rollback of a revision."""
    was_in_transaction = connection.in_transaction()
    for setting, value in _TEXT_FORMATS.items():
        connection.execute(text("SELECT set_config(:setting, :value, false)"), {"setting": setting, "value": value})
    if not was_in_transaction:
        connection.commit()


def _include_project_schemas(metadata: MetaData) -> Any:
    schemas = {table.schema for table in metadata.tables.values()} | {None}

    def include(name: str | None, object_type: str, _parents: object) -> bool:
        return object_type != "schema" or (name in schemas and name != SEEDBED_SCHEMA)

    return include


def _render_stored_type(object_type: str, item: object, _context: object) -> str | Literal[False]:
    """Render a Python-side type as the database type that it stores, so that the revision does not depend on the
    models.
    """
    if object_type == "type" and isinstance(item, TypeDecorator):
        stored_type = item.impl
        type_instance: TypeEngine[Any] = stored_type if isinstance(stored_type, TypeEngine) else stored_type()
        return f"sa.{type_instance!r}"
    return False


def guard_production(configuration: Configuration, database: Database) -> None:
    """Check that a plain Alembic command on production is confirmed, as `seedbed migrate apply` does.

    The revisions run on a temporary database first. Destructive hazards must be allowed, by a note in the revision or
    by `-x allow=RULE`, with several rules separated by commas. A downgrade is always destructive, and needs no `allow`.
    The database must be named with `-x yes=NAME`. Other Alembic commands pass, and so does a command that changes
    nothing.

    Raises:
        HazardsNotAllowed, ProductionNotConfirmed: with what the revisions would do.
        RevisionFailure: a revision fails on a database without rows.
        NoShadowServer, DatabaseUnreachable: no server for temporary databases is available.
    """
    alembic_command: tuple[Any, ...] = getattr(context.config.cmd_opts, "cmd", (None,))
    if alembic_command[0] not in {command.upgrade, command.downgrade}:
        return
    is_upgrade = alembic_command[0] is command.upgrade
    plan = plan_upgrade(configuration.project, database)
    revisions = _find_revisions(read_history(configuration.project), plan.revision, is_upgrade=is_upgrade)
    if not revisions:
        return
    with nest_alembic():
        if is_upgrade:
            assessments = assess_upgrade(configuration, database, replace(plan, pending=revisions))
        else:
            assessments = assess_downgrade(configuration, database, plan.revision, revisions)
    arguments = context.get_x_argument(as_dictionary=True)
    if is_upgrade:
        refuse_unallowed_hazards(
            database.name, assessments, [rule.strip() for rule in str(arguments.get("allow", "")).split(",")]
        )
    if arguments.get("yes") != database.name:
        verb = "upgrade" if is_upgrade else "downgrade"
        hazards = [hazard.sentence for assessment in assessments for hazard in assessment.hazards]
        raise ProductionNotConfirmed(database.name, verb, [revision.id for revision in revisions], hazards)


def _find_revisions(history: History, current: str | None, *, is_upgrade: bool) -> tuple[Revision, ...]:
    """Return the revisions in the order in which Alembic will run them. Alembic resolves targets such as `+1` and
    `base`.
    """
    script, target = context.script, context.config.cmd_opts.revision  # type: ignore[union-attr]
    find_steps: Any = script._upgrade_revs if is_upgrade else script._downgrade_revs  # noqa: SLF001
    by_id = {revision.id: revision for revision in history.revisions}
    return tuple(
        by_id[step.revision.revision]
        for step in find_steps(target, split_heads(current) if current is not None else current)
    )
