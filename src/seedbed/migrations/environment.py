"""What a project's env.py runs: Alembic's context set up for the project's database and models."""

from contextlib import AbstractContextManager, nullcontext
from pathlib import Path
from typing import Any, Literal

from alembic import context
from alembic.util import CommandError
from sqlalchemy import Connection, MetaData, text
from sqlalchemy.types import TypeDecorator, TypeEngine

from seedbed.errors import SeedbedError
from seedbed.migrations.alembic_bridge.production_guard import guard_production
from seedbed.migrations.apply.lock_retry import DEFAULT_RETRY_POLICY, limit_lock_waits
from seedbed.migrations.apply.name_clashes import refuse_name_clashes
from seedbed.migrations.history.applied_log import record_step
from seedbed.migrations.history.revisions import PROJECT_ATTRIBUTE, read_current_revision, get_version_table_options
from seedbed.postgres.connection import connect
from seedbed.postgres.database import check_default_schema, resolve_database, refuse_pooler
from seedbed.postgres.environment_mark import SEEDBED_SCHEMA, claim_environment, read_mark
from seedbed.postgres.locks import migration_lock
from seedbed.postgres.version_table import ensure_version_table_schema
from seedbed.schema import load_schema
from seedbed.settings import Environment, Project, find_project, load

_PLUGINS = ["alembic.autogenerate.*", "seedbed.*"]
_TEXT_FORMATS = {"datestyle": "ISO", "intervalstyle": "postgres", "extra_float_digits": "1"}
"""How values become text while revisions run, in whatever way the database or the role prints them; pg_dump sets the
same three. DateStyle keeps its order of day and month, by which text becomes dates."""


def run() -> None:
    """Run what Alembic was asked for: on the connection Seedbed hands over, else on the environment's own database.

    Started by plain `alembic`, the database is the one of SEEDBED_ENV; its mark is obeyed, a pooler is refused, and
    the migration lock is held, as `seedbed migrate apply` does; production is guarded as it is there.

    Raises:
        CommandError: to plain `alembic`, which prints it in a line, whatever of Seedbed's errors it was.
    """
    if context.config.attributes.get("connection") is not None:
        _run()
        return
    try:
        _run()
    except SeedbedError as error:
        raise CommandError(f"{error.code} {error.message} {error.remedy}") from error


def options(metadata: MetaData, project: Project) -> dict[str, Any]:
    """How revisions are compared and run, the same for every way in."""
    return {
        "target_metadata": metadata,
        "transaction_per_migration": True,
        "include_schemas": True,
        "include_name": _ours(metadata),
        "compare_type": True,
        "compare_server_default": True,
        "autogenerate_plugins": _PLUGINS,
        "render_item": _without_models,
        "on_version_apply": record_step,
        **get_version_table_options(project),
    }


def _run() -> None:
    config = context.config
    handed = config.attributes.get("connection")
    project = config.attributes.get(PROJECT_ATTRIBUTE) or find_project(Path(config.config_file_name or "alembic.ini").parent)
    if isinstance(handed, Connection):
        _migrate(handed, project, MetaData(), nullcontext())  # Seedbed runs revisions that way; those need no models
        return
    metadata = load_schema(project).metadata
    if context.is_offline_mode():
        named = {"paramstyle": "named"}  # the driver's own writes each % of a statement as two
        context.configure(
            dialect_name="postgresql", dialect_opts=named, literal_binds=True, **options(metadata, project)
        )
        with context.begin_transaction():
            for setting, value in _TEXT_FORMATS.items():
                context.execute(f"SET {setting} = {value}")
            context.run_migrations()
        return
    configuration = load(project)
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
        context.configure(connection=connection, **options(metadata, project))
        with context.begin_transaction():
            context.run_migrations()


def _set_text_formats(connection: Connection) -> None:
    """Outside a transaction of the caller's the settings are committed, so that they outlive a revision's rollback."""
    begun = connection.in_transaction()
    for setting, value in _TEXT_FORMATS.items():
        connection.execute(text("SELECT set_config(:setting, :value, false)"), {"setting": setting, "value": value})
    if not begun:
        connection.commit()


def _ours(metadata: MetaData) -> Any:
    schemas = {table.schema for table in metadata.tables.values()} | {None}

    def include(name: str | None, kind: str, _parents: object) -> bool:
        return kind != "schema" or (name in schemas and name != SEEDBED_SCHEMA)

    return include


def _without_models(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Render a Python-side type as the database type it stores: a revision must outlive the code of its day."""
    if kind == "type" and isinstance(item, TypeDecorator):
        stored = item.impl
        kept: TypeEngine[Any] = stored if isinstance(stored, TypeEngine) else stored()
        return f"sa.{kept!r}"
    return False
