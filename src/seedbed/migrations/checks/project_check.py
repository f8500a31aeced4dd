"""`seedbed migrate check`: check that the revision files and the models agree."""

import re
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from seedbed.errors import (
    EditedRevision,
    ExtensionUnavailable,
    MissingRevisionFile,
    MixedTransactionRevision,
    RevisionNotReversible,
    UndraftedModelChanges,
    UnsupportedDifference,
)
from seedbed.migrations.apply.upgrade import format_downgrade_target, migrate_to, run_upgrades
from seedbed.migrations.diff.undrafted_differences import find_system_differences, read_project_rows
from seedbed.migrations.draft.draft import build_model_catalog
from seedbed.migrations.draft.hint_effects import list_hints
from seedbed.migrations.draft.unregistered_drops import check_unregistered_drops, find_unregistered_tables
from seedbed.migrations.hazards.trace import record_transaction_modes
from seedbed.migrations.history.checksum import find_broken_seals, find_missing_revisions
from seedbed.migrations.history.revisions import History, Revision, read_current_revision, read_history
from seedbed.migrations.proof.candidate import is_about_rows
from seedbed.migrations.proof.samples.sample_rows import insert_sample_rows, truncate_tables
from seedbed.postgres.catalog import Catalog, copy_ignored_objects, find_differences, read_catalog
from seedbed.postgres.connection import connect
from seedbed.postgres.driver_errors import find_missing_extension, get_server_message
from seedbed.postgres.shadow_database import shadow_database
from seedbed.postgres.version_table import ensure_version_table_schema
from seedbed.schema import load_schema
from seedbed.settings import Configuration, Project

_ROW_CHANGES = re.compile(r"\b(UPDATE|INSERT INTO|DELETE FROM|MERGE INTO)\b|\.(update|insert|delete)\(|\bbulk_insert\(")


@dataclass(frozen=True)
class ProjectCheck:
    """What was checked; a check that fails raises an error instead.

    `stale_hints` are hints without effect. `conditions` are requirements on rows: a revision that changes data stops on
    other rows, and changes nothing. `unregistered_tables` are table classes in the project's files that the schema
    lacks.
    """

    head: str | None
    revisions: int
    checks: tuple[str, ...]
    stale_hints: tuple[str, ...]
    conditions: tuple[str, ...]
    unregistered_tables: tuple[str, ...]


def check_project(configuration: Configuration, *, since: str | None = None) -> ProjectCheck:
    """Check that the history has one head, that each revision is reversible, and that the schema matches the models.

    Each revision is upgraded, downgraded and upgraded again, and the catalogs are compared. A revision that changes
    data also runs on sample rows; the other revisions were proven on sample rows when they were drafted. Revisions up
    to `since`, from before the project used Seedbed, are only upgraded. Everything runs on temporary databases; no
    environment's database is needed.

    Raises:
        MultipleHeads, InvalidRevisionFile: the revision files are no history with one head.
        RevisionNotFound: no revision matches `since`.
        MergeConflictMarkers: migrations/head has conflict markers of a merge.
        MissingRevisionFile: a revision in migrations/head has no file.
        EditedRevision: a file has changed since it was sealed in migrations/head.
        MixedTransactionRevision: some statements of a revision run in autocommit mode, and others in its transaction.
        RevisionNotReversible: the downgrade of a revision, or the upgrade after it, gives another catalog.
        UnregisteredTableDrop: the revisions create a table whose class is not imported.
        UndraftedModelChanges: the models and the revisions differ.
        UnsupportedDifference: they differ in something that a draft does not create.
    """
    project = configuration.project
    history = read_history(project)
    if missing := find_missing_revisions(project, history):
        raise MissingRevisionFile(missing)
    if broken_seals := find_broken_seals(project, history):
        raise EditedRevision([revision.id for revision in broken_seals], "migrations/head")
    skipped = _select_until(history, since)
    schema = load_schema(project)
    expected, expected_rows = build_model_catalog(configuration, schema)
    with shadow_database(configuration) as shadow, connect(shadow) as connection:
        ensure_version_table_schema(connection, project.version_table)
        conditions: list[str] = []
        actual = _run_revisions(project, history, connection, conditions, skipped=skipped)
        actual_rows = read_project_rows(connection, project.ignore, project.version_table)
    expected = copy_ignored_objects(expected, actual, project.ignore, project.version_table)
    if different := find_differences(actual, expected):
        check_unregistered_drops(project, schema, actual, expected)
        raise UndraftedModelChanges([str(difference) for difference in different])
    if undrafted := find_system_differences(actual_rows, expected_rows):
        raise UnsupportedDifference([str(difference) for difference in undrafted], is_complete=True)
    return ProjectCheck(
        head=history.head,
        revisions=len(history.revisions),
        checks=(
            "one head",
            f"every revision{f' after {skipped[-1].id}' if skipped else ''} is reversible",
            "the schema matches the models",
        ),
        stale_hints=tuple(list_hints(schema)),
        conditions=tuple(conditions),
        unregistered_tables=tuple(table.sentence for table in find_unregistered_tables(project, schema)),
    )


def _select_until(history: History, since: str | None) -> tuple[Revision, ...]:
    """Return the revisions up to one. A prefix of its id is enough, as for Alembic."""
    if since is None:
        return ()
    return history.revisions[: history.revisions.index(history.find(since)) + 1]


def _run_revisions(
    project: Project,
    history: History,
    connection: Connection,
    conditions: list[str],
    *,
    skipped: tuple[Revision, ...] = (),
) -> Catalog:
    """Upgrade, downgrade and upgrade each revision, and return the final catalog."""
    if skipped:
        run_upgrades(project, history, connection, skipped)
    catalog_before = read_catalog(connection, project.version_table)
    for revision in history.revisions[len(skipped) :]:
        try:
            if may_change_rows(revision.file) and (condition := _run_with_rows(project, connection, revision)):
                conditions.append(condition)
            with record_transaction_modes(connection, project.version_table) as modes:
                migrate_to(project, connection, revision.id)
            if len(modes) > 1:
                raise MixedTransactionRevision(revision.id)
            catalog_after = read_catalog(connection, project.version_table)
            if _try_downgrade(project, connection, revision):
                if different := find_differences(read_catalog(connection, project.version_table), catalog_before):
                    raise RevisionNotReversible(revision.id, f"after its downgrade, {'; '.join(map(str, different))}")
                migrate_to(project, connection, revision.id)
                if different := find_differences(read_catalog(connection, project.version_table), catalog_after):
                    raise RevisionNotReversible(revision.id, f"up again, {'; '.join(map(str, different))}")
        except DBAPIError as error:
            if (extension := find_missing_extension(error)) is not None:
                raise ExtensionUnavailable(revision.id, extension) from error
            raise RevisionNotReversible(revision.id, get_server_message(error)) from error
        catalog_before = catalog_after
    return catalog_before


def may_change_rows(file: Path) -> bool:
    """Return whether a revision seems to change rows, judged by keywords of SQL and calls of SQLAlchemy."""
    return bool(_ROW_CHANGES.search(file.read_text(encoding="utf-8")))


def _run_with_rows(project: Project, connection: Connection, revision: Revision) -> str | None:
    """Run a revision up, down, up and down over sample rows. Return what failed, or None.

    Raises:
        DBAPIError: the revision fails for another reason than the rows.
    """
    insert_sample_rows(connection, version_table=project.version_table)
    try:
        migrate_to(project, connection, revision.id)
        if _try_downgrade(project, connection, revision):
            migrate_to(project, connection, revision.id)
            _try_downgrade(project, connection, revision)
    except DBAPIError as error:
        connection.rollback()
        if not is_about_rows(error):
            raise
        if read_current_revision(connection, project) == revision.id:
            _try_downgrade(project, connection, revision)
        return f"{revision.id}: {get_server_message(error)}"
    finally:
        truncate_tables(connection, project.version_table)
    return None


def _try_downgrade(project: Project, connection: Connection, revision: Revision) -> bool:
    """Downgrade a revision, and return False where the revision is irreversible."""
    try:
        migrate_to(project, connection, format_downgrade_target(revision))
    except RuntimeError:
        connection.rollback()
        return False
    return True
