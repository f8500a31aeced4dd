"""An edit of a revision that a database has had, compared with the database and accepted."""

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
    """A revision, whether its file does something else than when the database had it, and how the database differs from
    what the files make now.
    """

    database: str
    revision: Revision
    edited: bool
    differences: tuple[str, ...]


def read_edit(configuration: Configuration, database: Database, revision: str) -> RevisionEdit:
    """Find out what accepting an edited revision means for a database. Nothing is written.

    The files are run on a throw-away database as they are now, up to the revision that the database is at.

    Raises:
        RevisionNotFound: no revision has that id.
        UnknownDatabaseRevision: the database is at a revision that no file has.
        NoShadowServer, DatabaseUnreachable: there is no server for the throw-away database.
    """
    history = read_history(configuration.project)
    found = history.find(revision)
    with connect(database) as connection:
        at = read_current_revision(connection, configuration.project)
        history.find_pending(at, database.name)
        edited = found in find_edited_revisions(connection, history, at)
    differences = compare_with_files(configuration, database) if edited else ()
    return RevisionEdit(database.name, found, edited, tuple(map(str, differences)))


def accept_edit(database: Database, edit: RevisionEdit) -> None:
    """Record in the database that it has the revision as its file is now.

    Raises:
        EnvironmentMismatch, UnmarkedDatabase: the database belongs to another environment than the one chosen.
        MigrationLockTimeout: another session is migrating the database.
    """
    refuse_pooler(database, trust_url=database.url != database.direct)
    with connect(database) as connection:
        claim_environment(connection, database, "migrate")
        connection.commit()
        with migration_lock(connection, database.name):
            record_accepted(connection, edit.revision)
            connection.commit()
