"""Seedbed's schema comparison for `alembic revision --autogenerate` and `alembic check`."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from glob import escape
from pathlib import Path
from typing import Any

from alembic.autogenerate.api import AutogenContext
from alembic.autogenerate.render import renderers
from alembic.operations.ops import MigrateOperation, UpgradeOps
from sqlalchemy import MetaData, Table

from seedbed.migrations.apply.shared_connection import nest_alembic
from seedbed.migrations.diff.statement import Statement
from seedbed.migrations.draft.decisions import Decisions, RolloutStrategy
from seedbed.migrations.draft.draft import find_changes
from seedbed.migrations.draft.revision_plans import RevisionPlan
from seedbed.migrations.history.revisions import read_history
from seedbed.postgres.shadow_database import shadow_database
from seedbed.settings import find_project, load_configuration


@dataclass(frozen=True, eq=False)
class RevisionSteps(MigrateOperation):
    """All steps of a revision as one Alembic operation, because their order matters."""

    steps: Sequence[Statement]
    downgrade_steps: Sequence[Statement]

    def reverse(self) -> "RevisionSteps":
        return RevisionSteps(self.downgrade_steps, self.steps)

    def to_diff_tuple(self) -> tuple[Any, ...]:
        return ("seedbed", *(step.sql for step in self.steps))


def compare(context: AutogenContext, upgrade: UpgradeOps) -> None:
    """Add the steps from the migrations to the models to a revision that Alembic is drafting.

    Alembic requires the target to be at the newest revision. So this compares the history, replayed on a temporary
    database, and reads only table names from the target. Tables that env.py excludes by `include_name` or
    `include_object` are left alone. The revision is not proven. It is one transaction, because Alembic writes one file;
    `seedbed migrate draft` proves, and separates the steps that would block other sessions.

    Raises:
        SeedbedError: the errors of `seedbed migrate draft`.
    """
    file = context.migration_context.environment_context.config.config_file_name  # type: ignore[union-attr]
    configuration = load_configuration(find_project(Path(file or "alembic.ini").parent))
    project = configuration.project
    configuration = replace(configuration, project=replace(project, ignore=(*project.ignore, *_find_excluded(context))))
    with nest_alembic(), shadow_database(configuration) as beginning:
        change = find_changes(
            configuration, read_history(configuration.project), beginning, Decisions(strategy=RolloutStrategy.PLAIN)
        )
    for part in change.revision_plans:
        upgrade.ops.append(RevisionSteps(part.up, _get_downgrade_steps(part)))
    context.imports.add("from sqlalchemy.dialects import postgresql")


def _find_excluded(context: AutogenContext) -> Iterator[str]:
    """Return the tables of the models and the target that env.py's filters exclude, as patterns of `schema.name`."""
    tables = {(table.schema, str(table.name)): table for table in context.sorted_tables}
    for (schema, name), table in tables.items():
        if not _is_included(context, table, reflected=False):
            yield f"{escape(schema or 'public')}.{escape(name)}"
    for schema in {schema for schema, _ in tables} | {None}:
        for name in context.inspector.get_table_names(schema=schema):
            reflected_table = Table(name, MetaData(), schema=schema)
            if (schema, name) not in tables and not _is_included(context, reflected_table, reflected=True):
                yield f"{escape(schema or 'public')}.{escape(name)}"


def _is_included(context: AutogenContext, table: Table, *, reflected: bool) -> bool:
    name = str(table.name)
    return context.run_name_filters(name, "table", {"schema_name": table.schema}) and context.run_object_filters(
        table, name, "table", reflected, None
    )


def _get_downgrade_steps(part: RevisionPlan) -> Sequence[Statement]:
    if isinstance(part.down, str):
        return [Statement("", f"raise RuntimeError({part.down!r})")]
    return part.down


@renderers.dispatch_for(RevisionSteps)
def _render_steps(_context: AutogenContext, operation: RevisionSteps) -> list[str]:
    return [step.python_code for step in operation.steps]
