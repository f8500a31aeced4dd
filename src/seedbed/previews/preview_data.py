"""Migrate a preview, give it rows (seeded, masked, or as they were copied), and compare its schema with the models."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import StrEnum

from seedbed.branching import BranchProvider
from seedbed.errors import (
    MigrationError,
    NoShadowServer,
    PreviewSchemaMismatch,
    ProjectError,
    SeedsFileNotFound,
    ServerError,
    UnmaskedProductionCopy,
)
from seedbed.migrations.apply.plan import plan_upgrade as plan_migrations
from seedbed.migrations.apply.upgrade import AppliedRevisions, apply
from seedbed.migrations.draft.draft import build_model_catalog
from seedbed.migrations.hazards.rules import Hazard
from seedbed.migrations.hazards.trial_run import report_losses
from seedbed.postgres.catalog import Difference, copy_ignored_objects, find_differences, read_catalog
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database, resolve_database
from seedbed.postgres.environment_mark import (
    find_tables_with_rows,
    mark_rows_replaced,
    read_copy_id,
    read_source_environment,
)
from seedbed.postgres.reset import empty_copy
from seedbed.schema import Schema, load_schema
from seedbed.seeding.core.faker_pool import FakerCache, FakerPools
from seedbed.seeding.loading.load import LoadedSeeds, load_seeds
from seedbed.seeding.masking import MaskedDatabase, MaskingExceptions, check_coverage, find_marked_columns, mask
from seedbed.seeding.planning.lock_file import read_lock
from seedbed.seeding.planning.seed_plan import POOL_CACHE, plan
from seedbed.settings import Configuration, Environment, Origin
from seedbed.settings.sources import SourceKind

_TABLE_OBJECTS = ("column", "constraint", "trigger", "policy")
"""Types of objects that affect which rows a model's table accepts, even if no model declares them."""


@dataclass(frozen=True)
class ModelComparison:
    """The objects and privileges of a preview's database beyond the models; no query of a model uses them."""

    extra: tuple[str, ...]


def compare_with_models(configuration: Configuration, name: str, database: Database) -> ModelComparison | None:
    """Compare a preview's catalog with that of a temporary database created from the models.

    Everything that the models declare must exist as declared, and their tables may have nothing else except indexes.
    Other tables, functions and so on that no model describes, and additional privileges, are returned instead. Objects
    that the project ignores are left out. Return None where no server can hold the temporary database.

    Raises:
        PreviewSchemaMismatch: with the differences.
        SchemaBuildFailure: PostgreSQL refuses what the models declare.
    """
    project = configuration.project
    try:
        expected, _ = build_model_catalog(configuration, load_schema(project))
    except NoShadowServer:
        return None
    with connect(database) as connection:
        actual = read_catalog(connection, project.version_table)
    all_differences = find_differences(
        actual, copy_ignored_objects(expected, actual, project.ignore, project.version_table)
    )
    undeclared_tables = {
        difference.object.removeprefix("table ")
        for difference in all_differences
        if _is_unexpected(difference, "table")
    }
    extra = [difference for difference in all_differences if _is_extra(difference, undeclared_tables)]
    if mismatches := [str(difference) for difference in all_differences if difference not in extra]:
        raise PreviewSchemaMismatch(name, mismatches)
    return ModelComparison(
        tuple(difference.object if not difference.attribute else str(difference) for difference in extra)
    )


def _is_unexpected(difference: Difference, *object_types: str) -> bool:
    return difference.found == "not wanted" and not difference.attribute and difference.object.startswith(object_types)


def _is_extra(difference: Difference, unknown_tables: set[str]) -> bool:
    if difference.attribute == "privileges":
        return _split_privileges(difference.expected) <= _split_privileges(difference.found)
    if _is_unexpected(difference, *_TABLE_OBJECTS):
        return difference.object.rpartition(" of ")[2] in unknown_tables
    return _is_unexpected(difference, "")


def _split_privileges(privileges: str) -> set[str]:
    return set(privileges.split(", ")) - {"none"}


class DataMode(StrEnum):
    """The requested rows: seeded from seeds/preview.py, copied from the parent, or copied and masked.

    `auto` keeps the copied rows, and seeds an empty copy.
    """

    AUTO = "auto"
    SEED = "seed"
    COPY = "copy"
    MASKED = "masked"

    @property
    def replaces_rows(self) -> bool:
        """Whether the result contains none of the copied rows unchanged."""
        return self in {DataMode.SEED, DataMode.MASKED}


class RowSource(StrEnum):
    """Where the rows came from."""

    COPIED = "copied"
    MASKED = "masked"
    SEEDED = "seeded"
    NONE = "none"


@dataclass(frozen=True)
class PreviewData:
    """How a preview was migrated and filled."""

    migration: AppliedRevisions
    row_source: RowSource
    losses: tuple[Hazard, ...] = ()
    seed_result: LoadedSeeds | None = None
    mask_result: MaskedDatabase | None = None
    schema_comparison: ModelComparison | None = None
    """None if nothing was compared, or no server could hold the database of the models."""


def get_branch_database(provider: BranchProvider, name: str) -> Database:
    """Return the database of a branch that is being prepared."""
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
    exceptions: MaskingExceptions | None = None,
) -> PreviewData:
    """Migrate a branch that is being prepared, and give it its rows.

    `comparison_name` is the name under which its schema is compared with the models first. `report` gets the data that
    the revisions lose, before they are applied. An earlier call may have been killed at any moment: its work is done
    again, and the branch contains rows of production until a mask or the seeds have replaced them. `exceptions` default
    to those of the project.

    Raises:
        UnmaskedProductionCopy: the branch contains rows of production, and the mode keeps them.
        MigrationError, SeedError: a revision, the seeds or a mask failed.
        SeedsFileNotFound: the mode seeds, and seeds/preview.py does not exist.
        PreviewSchemaMismatch: the migrated schema differs from the models.
    """
    with connect(database) as connection:
        has_production_rows = read_source_environment(connection) == Environment.PRODUCTION
    if has_production_rows and not (data.replaces_rows or (data is DataMode.COPY and allow_production)):
        raise UnmaskedProductionCopy(parent, Environment.PREVIEW)
    if data is DataMode.SEED:
        empty_copy(database)
    losses: tuple[Hazard, ...] = ()
    if report is not None and data is not DataMode.SEED:
        losses = report_losses(configuration, database, plan_migrations(configuration.project, database), report)
    applied = apply(configuration.project, database, contract=True)
    comparison = compare_with_models(configuration, comparison_name, database) if comparison_name is not None else None
    preview_data = _fill_rows(configuration, database, data, applied, exceptions)
    return replace(preview_data, losses=losses, schema_comparison=comparison)


def _fill_rows(
    configuration: Configuration,
    database: Database,
    data: DataMode,
    applied: AppliedRevisions,
    exceptions: MaskingExceptions | None,
) -> PreviewData:
    if data is DataMode.COPY:
        return PreviewData(applied, RowSource.COPIED)
    if data is DataMode.MASKED:
        return PreviewData(applied, RowSource.MASKED, mask_result=_mask(configuration, database, exceptions))
    with connect(database) as connection:
        has_rows = bool(find_tables_with_rows(connection))
    if data is DataMode.AUTO and has_rows:
        return PreviewData(applied, RowSource.COPIED)
    try:
        seed_plan = plan(configuration.project, load_schema(configuration.project), Environment.PREVIEW)
    except SeedsFileNotFound:
        if data is DataMode.SEED:
            raise
        return PreviewData(applied, RowSource.NONE)
    return PreviewData(
        applied, RowSource.SEEDED, seed_result=load_seeds(seed_plan, database, revision=applied.revision)
    )


def check_data_mode(configuration: Configuration, data: DataMode, exceptions: MaskingExceptions | None = None) -> None:
    """Check that the rows can be replaced, before the old ones are given up: the schema, the marks and the seeds.

    Raises:
        SeedError, SeedsFileNotFound: the errors of `prepare_branch`.
    """
    if data is DataMode.SEED:
        plan(configuration.project, load_schema(configuration.project), Environment.PREVIEW)
    elif data is DataMode.MASKED:
        schema = load_schema(configuration.project)
        find_marked_columns(schema, _open_pools(configuration))
        _check_coverage(configuration, schema, exceptions or MaskingExceptions.from_project(configuration.project))


def _check_coverage(configuration: Configuration, schema: Schema, exceptions: MaskingExceptions) -> None:
    """Check the copied database for data that the models do not describe.

    The check is skipped if a pending revision may still create or drop tables, or if the database cannot be reached.
    Masking checks again.
    """
    project = configuration.project
    try:
        database = resolve_database(configuration)
        if plan_migrations(project, database).pending:
            return
    except (ProjectError, ServerError, MigrationError):
        return
    check_coverage(schema, database, exceptions, version_table=project.version_table)


def _open_pools(configuration: Configuration) -> FakerPools:
    lock = read_lock(configuration.project, Environment.PREVIEW)
    return FakerPools(lock.as_of, FakerCache(configuration.project.root / POOL_CACHE))


def _mask(configuration: Configuration, database: Database, exceptions: MaskingExceptions | None) -> MaskedDatabase:
    project = configuration.project
    mask_result = mask(
        load_schema(project),
        database,
        _open_pools(configuration),
        exceptions=exceptions or MaskingExceptions.from_project(project),
        version_table=project.version_table,
    )
    with connect(database) as connection:
        mark_rows_replaced(connection, read_copy_id(connection))
        connection.commit()
    return mask_result
