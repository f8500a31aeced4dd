"""Record revisions that a database already has: the baseline of an existing database, and an edited revision."""

from dataclasses import dataclass

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from seedbed.errors import BaselineRefused
from seedbed.migrations.apply.upgrade import migrate_to
from seedbed.migrations.checks.status import compare_with_files
from seedbed.migrations.history.applied_log import find_edited_revisions
from seedbed.migrations.history.applied_log import replace_checksum as record_accepted
from seedbed.migrations.history.revisions import (
    Revision,
    build_alembic_config,
    get_version_table_options,
    read_current_revision,
    read_history,
    split_heads,
)
from seedbed.postgres.catalog import exclude_objects, find_differences, read_catalog
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database, refuse_pooler
from seedbed.postgres.environment_mark import claim_environment
from seedbed.postgres.locks import migration_lock
from seedbed.postgres.shadow_database import shadow_database
from seedbed.settings import Configuration


@dataclass(frozen=True)
class Baseline:
    """The revision that was recorded for a database."""

    database: str
    revision: str


def adopt(configuration: Configuration, database: Database, *, revision: str | None = None) -> Baseline:
    """Record which revision a database is at, if its catalog equals that of the revision. Nothing else changes.

    Without `revision`, every revision is compared, and the newest one with an equal catalog is recorded.

    Raises:
        BaselineRefused: a revision is recorded already, or the catalog equals none; the message says what differs.
        EnvironmentMismatch, UnmarkedDatabase: the database belongs to another environment.
    """
    project = configuration.project
    history = read_history(project)
    refuse_pooler(database, trust_url=database.url != database.direct)
    with connect(database) as connection:
        if (current := read_current_revision(connection, project)) is not None:
            raise BaselineRefused(database.name, f"it is at {current} already", has_revision=True)
        claim_environment(connection, database, "adopt")
        connection.commit()
        catalog = exclude_objects(read_catalog(connection, project.version_table), project.ignore)
        matching, reason = None, "there is no revision"
        with shadow_database(configuration) as shadow, connect(shadow) as shadow_connection:
            for candidate in [
                known_revision.id for known_revision in history.revisions if revision in {None, known_revision.id}
            ]:
                migrate_to(project, shadow_connection, candidate)
                different = find_differences(
                    catalog, exclude_objects(read_catalog(shadow_connection, project.version_table), project.ignore)
                )
                reason = f"at {candidate}, {'; '.join(map(str, different))}"
                matching = matching if different else read_current_revision(shadow_connection, project)
        if matching is None:
            raise BaselineRefused(database.name, reason)
        with migration_lock(connection, database.name):
            directory = ScriptDirectory.from_config(build_alembic_config(project))
            for head in split_heads(matching):
                MigrationContext.configure(connection, opts=get_version_table_options(project)).stamp(directory, head)
            connection.commit()
    return Baseline(database.name, matching)


@dataclass(frozen=True)
class RevisionEdit:
    """A revision, whether its file has changed in effect since it was applied, and the drift of the database."""

    database: str
    revision: Revision
    edited: bool
    differences: tuple[str, ...]


def read_edit(configuration: Configuration, database: Database, revision: str) -> RevisionEdit:
    """Find out what accepting an edited revision means for a database. Nothing is written.

    The current files are run on a temporary database, up to the revision of the database.

    Raises:
        RevisionNotFound: no revision has that id.
        UnknownDatabaseRevision: the database is at a revision that has no file.
        NoShadowServer, DatabaseUnreachable: no server for the temporary database is available.
    """
    history = read_history(configuration.project)
    edited_revision = history.find(revision)
    with connect(database) as connection:
        current = read_current_revision(connection, configuration.project)
        history.find_pending(current, database.name)
        edited = edited_revision in find_edited_revisions(connection, history, current)
    differences = compare_with_files(configuration, database) if edited else ()
    return RevisionEdit(database.name, edited_revision, edited, tuple(map(str, differences)))


def accept_edit(database: Database, edit: RevisionEdit) -> None:
    """Record in the database that it has the revision as its file is now.

    Raises:
        EnvironmentMismatch, UnmarkedDatabase: the database belongs to another environment, or it has rows and no mark.
        MigrationLockTimeout: another session is migrating the database.
    """
    refuse_pooler(database, trust_url=database.url != database.direct)
    with connect(database) as connection:
        claim_environment(connection, database, "migrate")
        connection.commit()
        with migration_lock(connection, database.name):
            record_accepted(connection, edit.revision)
            connection.commit()
