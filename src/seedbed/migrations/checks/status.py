"""The status of databases: their drift from their revision, and all environments side by side."""

from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path

from sqlalchemy import text

from seedbed.errors import SchemaDrift, SeedbedError
from seedbed.migrations.apply.plan import plan_upgrade
from seedbed.migrations.apply.upgrade import migrate_to
from seedbed.migrations.history.applied_log import read_applied_records, refuse_edited_revisions
from seedbed.migrations.history.revisions import read_current_revision, read_history
from seedbed.postgres.catalog import Difference, exclude_objects, find_differences, read_catalog
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database, resolve_database
from seedbed.postgres.database_status import read_database_status
from seedbed.postgres.shadow_database import shadow_database
from seedbed.settings import Configuration, Environment, Project, load_configuration

_LAST_APPLIED_AT = "SELECT max(applied_at) FROM seedbed.revisions"


def find_drift(configuration: Configuration, database: Database) -> tuple[Difference, ...]:
    """Compare a database with a temporary one at the same revision. The database is only read.

    The comparison covers the catalog, so it finds what Alembic's `check` does not: a changed CHECK, predicate,
    function, policy or grant. Objects that the project ignores are left out.

    Raises:
        UnknownDatabaseRevision: the database is at a revision that has no file.
        EditedAppliedRevision: the file of an applied revision was edited.
    """
    project = configuration.project
    history = read_history(project)
    with connect(database) as connection:
        revision = read_current_revision(connection, project)
        history.find_pending(revision, database.name)
        refuse_edited_revisions(connection, history, revision, database.name)
    return compare_with_files(configuration, database)


def compare_with_files(configuration: Configuration, database: Database) -> tuple[Difference, ...]:
    """Compare a database with a temporary one as `find_drift` does, but accept edited revision files."""
    project = configuration.project
    with connect(database) as connection:
        revision = read_current_revision(connection, project)
        catalog = exclude_objects(read_catalog(connection, project.version_table), project.ignore)
    with shadow_database(configuration) as shadow, connect(shadow) as connection:
        if revision is not None:
            migrate_to(project, connection, revision)
        return find_differences(
            catalog, exclude_objects(read_catalog(connection, project.version_table), project.ignore)
        )


def refuse_drift(configuration: Configuration, database: Database) -> None:
    """Check that a database has no drift.

    Raises:
        SchemaDrift: with the differences.
    """
    if differences := find_drift(configuration, database):
        raise SchemaDrift(database.name, [str(difference) for difference in differences])


@dataclass(frozen=True)
class EnvironmentStatus:
    """The status of an environment: its database, its revision, and how far both are behind.

    `pending_count` counts the pending revisions, and `drift_count` the differences from the revision. `applied_at` is
    the time of the last applied revision. An unknown value is None, and `problem` gives the reason.
    """

    environment: str
    database: str
    mark: str | None = None
    revision: str | None = None
    pending_count: int | None = None
    drift_count: int | None = None
    applied_at: datetime | None = None
    problem: str | None = None


def read_environment_statuses(project: Project) -> list[EnvironmentStatus]:
    """Return the status of each environment. No server is started, and no error ends it."""
    return [_read_status(project, environment) for environment in Environment]


def _read_status(project: Project, environment: Environment) -> EnvironmentStatus:
    status = EnvironmentStatus(environment.value, "-")
    try:
        configuration = load_configuration(project, environment.value)
        database_status = read_database_status(configuration)
        status = replace(status, database=database_status.database, mark=database_status.mark)
        if database_status.problem is not None or not database_status.running:
            return replace(status, problem=database_status.problem or "the embedded server is not running")
        database = resolve_database(configuration)
        plan = plan_upgrade(project, database)
        status = replace(
            status, revision=plan.revision, pending_count=len(plan.pending), applied_at=_read_last_applied_at(database)
        )
        return replace(status, drift_count=len(find_drift(configuration, database)))
    except SeedbedError as error:
        return replace(status, problem=f"{error.code} {error.message}")


def _read_last_applied_at(database: Database) -> datetime | None:
    with connect(database) as connection:
        if connection.execute(text("SELECT to_regclass('seedbed.revisions')")).scalar() is None:
            return None
        applied: datetime | None = connection.execute(text(_LAST_APPLIED_AT)).scalar()
        return applied


@dataclass(frozen=True)
class RevisionStatus:
    """A revision, and whether a database has it: `state` is `applied` or `pending`.

    `applied_at` and `applied_by` are None for a pending revision, and for one that was applied without Seedbed.
    """

    id: str
    message: str
    file: Path
    is_contract: bool
    state: str
    applied_at: datetime | None = None
    applied_by: str | None = None


def read_revision_statuses(configuration: Configuration) -> list[RevisionStatus]:
    """Read which revisions the environment's database has, newest first. The database is only read.

    Raises:
        UnknownDatabaseRevision: the database is at a revision that has no file.
    """
    database, project = resolve_database(configuration), configuration.project
    history = read_history(project)
    with connect(database) as connection:
        current = read_current_revision(connection, project)
        records = read_applied_records(connection)
    pending = {revision.id for revision in history.find_pending(current, database.name)}
    return [
        RevisionStatus(
            revision.id,
            revision.message,
            revision.file,
            revision.is_contract,
            "pending" if revision.id in pending else "applied",
            *(records.get(revision.id, (None, None)) if revision.id not in pending else (None, None)),
        )
        for revision in reversed(history.revisions)
    ]
