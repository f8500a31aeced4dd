"""A database that was made without the migrations, taken into their history."""

from dataclasses import dataclass

from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from seedbed.errors import BaselineRefused
from seedbed.migrations.apply.upgrade import migrate_to
from seedbed.migrations.history.revisions import build_alembic_config, read_current_revision, split_heads, read_history, get_version_table_options
from seedbed.postgres.catalog import differences, read_catalog, without
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database, refuse_pooler
from seedbed.postgres.environment_mark import claim_environment
from seedbed.postgres.locks import migration_lock
from seedbed.postgres.shadow_database import shadow_database
from seedbed.settings import Configuration


@dataclass(frozen=True)
class Baseline:
    """The revision that a database is at from now on."""

    database: str
    revision: str


def adopt(configuration: Configuration, database: Database, *, at: str | None = None) -> Baseline:
    """Write down which revision a database is at, having seen that it is: nothing else about it is changed.

    Without `at`, every revision is tried, and the newest whose catalog the database has is taken.

    Raises:
        BaselineRefused: it is in the history already, or no revision makes what it has; what differs is said.
        EnvironmentMismatch, UnmarkedDatabase: it belongs to another environment than the one chosen.
    """
    project = configuration.project
    history = read_history(project)
    refuse_pooler(database, taken_at_its_word=database.url != database.direct)
    with connect(database) as connection:
        if (revision := read_current_revision(connection, project)) is not None:
            raise BaselineRefused(database.name, f"it is at {revision} already", already=True)
        claim_environment(connection, database, "adopt")
        connection.commit()
        found = without(read_catalog(connection, project.version_table), project.ignore)
        chosen, said = None, "there is no revision"
        with shadow_database(configuration) as shadow, connect(shadow) as scratch:
            for revision in [known.id for known in history.revisions if at in {None, known.id}]:
                migrate_to(project, scratch, revision)
                left = differences(found, without(read_catalog(scratch, project.version_table), project.ignore))
                said = f"at {revision}, {'; '.join(map(str, left))}"
                chosen = chosen if left else read_current_revision(scratch, project)
        if chosen is None:
            raise BaselineRefused(database.name, said)
        with migration_lock(connection, database.name):
            directory = ScriptDirectory.from_config(build_alembic_config(project))
            for one in split_heads(chosen):
                MigrationContext.configure(connection, opts=get_version_table_options(project)).stamp(directory, one)
            connection.commit()
    return Baseline(database.name, chosen)
