"""What a database has that its revision did not make, or lacks that it did."""

from seedbed.errors import SchemaDrift
from seedbed.migrations.apply.upgrade import migrate_to
from seedbed.migrations.history.applied_log import refuse_edited_revisions
from seedbed.migrations.history.revisions import read_current_revision, read_history
from seedbed.postgres.catalog import Difference, differences, read_catalog, exclude_objects
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.shadow_database import shadow_database
from seedbed.settings import Configuration


def find_drift(configuration: Configuration, database: Database) -> tuple[Difference, ...]:
    """Compare a database with a throw-away one that was brought to the same revision; the database is only read.

    Catalogs are compared, so what Alembic's `check` is blind to is seen: a changed check, a predicate, a function, a
    policy, a grant. What the project ignores is left out.

    Raises:
        UnknownDatabaseRevision: the database is at a revision that no file has.
        EditedAppliedRevision: a file is not what it was when the database had it.
    """
    project = configuration.project
    history = read_history(project)
    with connect(database) as connection:
        revision = read_current_revision(connection, project)
        history.find_pending(revision, database.name)
        refuse_edited_revisions(connection, history, revision, database.name)
    return compare_with_files(configuration, database)


def compare_with_files(configuration: Configuration, database: Database) -> tuple[Difference, ...]:
    """The same, whether or not files were edited: they are taken as they are now."""
    project = configuration.project
    with connect(database) as connection:
        revision = read_current_revision(connection, project)
        found = exclude_objects(read_catalog(connection, project.version_table), project.ignore)
    with shadow_database(configuration) as shadow, connect(shadow) as connection:
        if revision is not None:
            migrate_to(project, connection, revision)
        return differences(found, exclude_objects(read_catalog(connection, project.version_table), project.ignore))


def refuse_drift(configuration: Configuration, database: Database) -> None:
    """See that a database is what its revision made it.

    Raises:
        SchemaDrift: with what differs.
    """
    if found := find_drift(configuration, database):
        raise SchemaDrift(database.name, [str(difference) for difference in found])
