"""Where the rows of a preview come from: migrated, and then seeded, masked or left as they are."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from seedbed.branching import BranchProvider
from seedbed.errors import MigrationError, UnmaskedProductionCopy, ProjectError, SeedsFileNotFound, ServerError
from seedbed.migrations.apply.plan import plan_upgrade as plan_migrations
from seedbed.migrations.apply.upgrade import AppliedRevisions, apply
from seedbed.migrations.hazards.losses import report_losses
from seedbed.migrations.hazards.rules import Hazard
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database, resolve_database
from seedbed.postgres.environment_mark import read_source_environment, read_copy_id, find_tables_with_rows, mark_rows_replaced
from seedbed.postgres.reset import empty_copy
from seedbed.previews.model_comparison import ModelComparison, compare_with_models
from seedbed.schema import Schema, load_schema
from seedbed.seeding.core.faker_pool import Pools, Shelf
from seedbed.seeding.loading.load import Seeded, run
from seedbed.seeding.masking import Exceptions, Masked, check_coverage, marked_columns, mask
from seedbed.seeding.planning.lock_file import read_lock
from seedbed.seeding.planning.seed_plan import POOLS, plan
from seedbed.settings import Configuration, Environment, Origin
from seedbed.settings.sources import SourceKind


class DataMode(StrEnum):
    """What is asked for: rows made by seeds/preview.py, those of the parent, or those with personal data replaced.

    `auto` keeps what the copy has, and seeds where it has nothing.
    """

    AUTO = "auto"
    SEED = "seed"
    COPY = "copy"
    MASKED = "masked"

    @property
    def replaces_rows(self) -> bool:
        """Whether none of the copied rows can be seen in what comes of it."""
        return self in {DataMode.SEED, DataMode.MASKED}


class RowSource(StrEnum):
    """What came of it."""

    COPIED = "copied"
    MASKED = "masked"
    SEEDED = "seeded"
    NONE = "none"


@dataclass(frozen=True)
class PreviewData:
    migration: AppliedRevisions
    row_source: RowSource
    losses: tuple[Hazard, ...] = ()
    seed_result: Seeded | None = None
    mask_result: Masked | None = None
    schema_comparison: ModelComparison | None = None
    """None where nothing was to be compared, or no server could hold the models' own database."""


def get_branch_database(provider: BranchProvider, name: str) -> Database:
    """A branch that is being prepared, for whoever prepares it."""
    url = provider.url(name, allow_unready=True)
    return Database(url, url, Environment.PREVIEW, Origin(SourceKind.DERIVED, f"branch {name}"))


def prepare_branch(
    configuration: Configuration,
    database: Database,
    data: DataMode,
    *,
    parent: str,
    allow_production: bool = False,
    comparison_name: str | None = None,
    report: Callable[[str], None] | None = None,
    exceptions: Exceptions | None = None,
) -> PreviewData:
    """Migrate a branch that is being prepared, and give it its rows. `comparison_name` is the name under which its schema
    is compared with the models first; `report` is told beforehand what the revisions lose.

    It may be one that was left by a kill at any moment: what was begun is done again, and rows of production are in it
    until a mask or the seeds have taken their place. `exceptions` are the project's, unless others are given.

    Raises:
        UnmaskedProductionCopy: it has rows of production, and they were to stay as they are.
        MigrationError, SeedError: a revision, the seeds or a mask failed.
        SeedsFileNotFound: rows were to be made, and there is no seeds/preview.py.
        PreviewSchemaMismatch: the migrated database does not have the schema of the models.
    """
    with connect(database) as connection:
        of_production = read_source_environment(connection) == Environment.PRODUCTION
    if of_production and not (data.replaces_rows or (data is DataMode.COPY and allow_production)):
        raise UnmaskedProductionCopy(parent, Environment.PREVIEW)
    if data is DataMode.SEED:
        empty_copy(database)
    losses: tuple[Hazard, ...] = ()
    if report is not None and data is not DataMode.SEED:
        losses = report_losses(configuration, database, plan_migrations(configuration.project, database), report)
    applied = apply(configuration.project, database, contract=True)
    comparison = compare_with_models(configuration, comparison_name, database) if comparison_name is not None else None
    filled = _fill_rows(configuration, database, data, applied, exceptions)
    return replace(filled, losses=losses, schema_comparison=comparison)


def _fill_rows(
    configuration: Configuration, database: Database, data: DataMode, applied: AppliedRevisions, exceptions: Exceptions | None
) -> PreviewData:
    if data is DataMode.COPY:
        return PreviewData(applied, RowSource.COPIED)
    if data is DataMode.MASKED:
        return PreviewData(applied, RowSource.MASKED, mask_result=_masked(configuration, database, exceptions))
    with connect(database) as connection:
        occupied = bool(find_tables_with_rows(connection))
    if data is DataMode.AUTO and occupied:
        return PreviewData(applied, RowSource.COPIED)
    try:
        wanted = plan(configuration.project, load_schema(configuration.project), Environment.PREVIEW)
    except SeedsFileNotFound:
        if data is DataMode.SEED:
            raise
        return PreviewData(applied, RowSource.NONE)
    return PreviewData(applied, RowSource.SEEDED, seed_result=run(wanted, database, revision=applied.revision))


def check_data_mode(configuration: Configuration, data: DataMode, exceptions: Exceptions | None = None) -> None:
    """Find what the schema, the marks or the seeds have against it before anything is given up for the new rows.

    Raises:
        SeedError, SeedsFileNotFound: as for `prepare_branch`.
    """
    if data is DataMode.SEED:
        plan(configuration.project, load_schema(configuration.project), Environment.PREVIEW)
    elif data is DataMode.MASKED:
        schema = load_schema(configuration.project)
        marked_columns(schema, _pools(configuration))
        _check_coverage(configuration, schema, exceptions or Exceptions.of(configuration.project))


def _check_coverage(configuration: Configuration, schema: Schema, exceptions: Exceptions) -> None:
    """Look for what the models do not describe in the database that is copied, unless a pending revision may yet make
    or drop tables, or the database cannot be reached from here. Masking looks again.
    """
    project = configuration.project
    try:
        database = resolve_database(configuration)
        if plan_migrations(project, database).pending:
            return
    except (ProjectError, ServerError, MigrationError):
        return
    check_coverage(schema, database, exceptions, version_table=project.version_table)


def _pools(configuration: Configuration) -> Pools:
    lock = read_lock(configuration.project, Environment.PREVIEW)
    return Pools(lock.as_of, Shelf(configuration.project.root / POOLS))


def _masked(configuration: Configuration, database: Database, exceptions: Exceptions | None) -> Masked:
    project = configuration.project
    masked = mask(
        load_schema(project),
        database,
        _pools(configuration),
        exceptions=exceptions or Exceptions.of(project),
        version_table=project.version_table,
    )
    with connect(database) as connection:
        mark_rows_replaced(connection, read_copy_id(connection))
        connection.commit()
    return masked
