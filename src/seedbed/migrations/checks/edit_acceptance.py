"""Accept an edited revision for a database that already has it."""

from dataclasses import dataclass

from seedbed.migrations.checks.drift import compare_with_files
from seedbed.migrations.history.applied_log import find_edited_revisions
from seedbed.migrations.history.applied_log import replace_checksum as record_accepted
from seedbed.migrations.history.revisions import Revision, read_current_revision, read_history
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database, refuse_pooler
from seedbed.postgres.environment_mark import claim_environment
from seedbed.postgres.locks import migration_lock
from seedbed.settings import Configuration


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
