"""Drift: how a database differs from what its revision creates."""

from seedbed.errors import SchemaDrift
from seedbed.migrations.apply.upgrade import migrate_to
from seedbed.migrations.history.applied_log import refuse_edited_revisions
from seedbed.migrations.history.revisions import read_current_revision, read_history
from seedbed.postgres.catalog import Difference, exclude_objects, find_differences, read_catalog
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.shadow_database import shadow_database
from seedbed.settings import Configuration


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
