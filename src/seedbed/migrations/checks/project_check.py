"""Whether the files, the models and each other agree, for a person and for CI."""

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
from seedbed.migrations.diff.undrafted_differences import read_project_rows
from seedbed.migrations.draft.draft import build_model_catalog
from seedbed.migrations.draft.hint_effects import list_hints
from seedbed.migrations.draft.unregistered_drops import check_unregistered_drops, find_unregistered_tables
from seedbed.migrations.hazards.trace import record_transaction_modes
from seedbed.migrations.history.head_file import find_broken_seals, find_missing_revisions
from seedbed.migrations.history.revisions import History, Revision, read_current_revision, read_history
from seedbed.migrations.proof.candidate import is_about_rows
from seedbed.migrations.proof.samples.sample_rows import insert_sample_rows, truncate_tables
from seedbed.postgres.catalog import Catalog, differences, copy_ignored_objects, read_catalog
from seedbed.postgres.catalog.system_diff import find_system_differences
from seedbed.postgres.connection import connect
from seedbed.postgres.driver_errors import find_missing_extension, get_server_message
from seedbed.postgres.shadow_database import shadow_database
from seedbed.postgres.version_table import ensure_version_table_schema
from seedbed.schema import load_schema
from seedbed.settings import Configuration, Project

_MOVING = re.compile(r"\b(UPDATE|INSERT INTO|DELETE FROM|MERGE INTO)\b|\.(update|insert|delete)\(|\bbulk_insert\(")


@dataclass(frozen=True)
class ProjectCheck:
    """What was seen to hold; a check that fails raises instead. `stale_hints` are hints with nothing left to say, and
    `conditions` what rows must be for a revision that moves data: on others it stops, and changes nothing.
    `unregistered_tables` are classes of tables in the project's files that the schema does not have.
    """

    head: str | None
    revisions: int
    checks: tuple[str, ...]
    stale_hints: tuple[str, ...]
    conditions: tuple[str, ...]
    unregistered_tables: tuple[str, ...]


def check_project(configuration: Configuration, *, since: str | None = None) -> ProjectCheck:
    """See that the history has one head, that every step of it runs up, down and up again, and that it makes what the
    models say.

    Catalogs are compared, not models with reflected tables, so nothing that PostgreSQL knows escapes. A revision that
    moves data is run over rows too, made for every table and awkward ones among them; the others were proven over rows
    when they were drafted. Revisions up to `since`, which are older than the project's use of Seedbed, are only run up.
    All of it happens on throw-away databases; no environment's database is needed or touched.

    Raises:
        MultipleHeads, InvalidRevisionFile: the files are no single history.
        RevisionNotFound: there is no revision `since`.
        MergeConflictMarkers: a merge left its markers in migrations/head.
        MissingRevisionFile: a file is gone that migrations/head knows.
        EditedRevision: a file is not what it was when it was written, by migrations/head.
        MixedTransactionRevision: a revision holds statements that are committed as they run beside such that are not.
        RevisionNotReversible: a revision's downgrade, or the upgrade after it, does not lead where it should.
        UnregisteredTableDrop: the migrations have a table whose class nothing imports.
        UndraftedModelChanges: the models say something that no revision does, or the other way round.
        UnsupportedDifference: the same of something that a draft does not make.
    """
    project = configuration.project
    history = read_history(project)
    if gone := find_missing_revisions(project, history):
        raise MissingRevisionFile(gone)
    if changed := find_broken_seals(project, history):
        raise EditedRevision([revision.id for revision in changed], "it was written, by migrations/head")
    old = _until(history, since)
    schema = load_schema(project)
    wanted, rows = build_model_catalog(configuration, schema)
    with shadow_database(configuration) as shadow, connect(shadow) as connection:
        ensure_version_table_schema(connection, project.version_table)
        conditions: list[str] = []
        found = _climbed(project, history, connection, conditions, old=old)
        found_rows = read_project_rows(connection, project.ignore, project.version_table)
    wanted = copy_ignored_objects(wanted, found, project.ignore, project.version_table)
    if left := differences(found, wanted):
        check_unregistered_drops(project, schema, found, wanted)
        raise UndraftedModelChanges([str(difference) for difference in left])
    if undrafted := find_system_differences(found_rows, rows):
        raise UnsupportedDifference([str(difference) for difference in undrafted], is_complete=True)
    return ProjectCheck(
        head=history.head,
        revisions=len(history.revisions),
        checks=(
            "one head",
            f"every step{f' since {old[-1].id}' if old else ''} runs up, down and up again",
            "the result equals the models",
        ),
        stale_hints=tuple(list_hints(schema)),
        conditions=tuple(conditions),
        unregistered_tables=tuple(table.sentence for table in find_unregistered_tables(project, schema)),
    )


def _until(history: History, since: str | None) -> tuple[Revision, ...]:
    """The revisions up to one; a part of its name is enough, as with Alembic."""
    if since is None:
        return ()
    return history.revisions[: history.revisions.index(history.find(since)) + 1]


def _climbed(
    project: Project,
    history: History,
    connection: Connection,
    conditions: list[str],
    *,
    old: tuple[Revision, ...] = (),
) -> Catalog:
    """Take each step up, down and up again, and give the catalog at the top."""
    if old:
        run_upgrades(project, history, connection, old)
    below = read_catalog(connection, project.version_table)
    for revision in history.revisions[len(old) :]:
        try:
            if may_change_rows(revision.file) and (condition := _tried_with_rows(project, connection, revision)):
                conditions.append(condition)
            with record_transaction_modes(connection, project.version_table) as ways:
                migrate_to(project, connection, revision.id)
            if len(ways) > 1:
                raise MixedTransactionRevision(revision.id)
            above = read_catalog(connection, project.version_table)
            if _goes_down(project, connection, revision):
                if left := differences(read_catalog(connection, project.version_table), below):
                    raise RevisionNotReversible(revision.id, f"after its downgrade, {'; '.join(map(str, left))}")
                migrate_to(project, connection, revision.id)
                if left := differences(read_catalog(connection, project.version_table), above):
                    raise RevisionNotReversible(revision.id, f"up again, {'; '.join(map(str, left))}")
        except DBAPIError as error:
            if (extension := find_missing_extension(error)) is not None:
                raise ExtensionUnavailable(revision.id, extension) from error
            raise RevisionNotReversible(revision.id, get_server_message(error)) from error
        below = above
    return below


def may_change_rows(file: Path) -> bool:
    """Whether a revision looks as if it changed rows: by the words that do so, in SQL or in SQLAlchemy's calls."""
    return bool(_MOVING.search(file.read_text(encoding="utf-8")))


def _tried_with_rows(project: Project, connection: Connection, revision: Revision) -> str | None:
    """Take a step up, down and up over rows, and back to where it was without them; what was in the way, if anything.

    Raises:
        DBAPIError: it fails for another reason than the rows.
    """
    insert_sample_rows(connection, version_table=project.version_table)
    try:
        migrate_to(project, connection, revision.id)
        if _goes_down(project, connection, revision):
            migrate_to(project, connection, revision.id)
            _goes_down(project, connection, revision)
    except DBAPIError as error:
        connection.rollback()
        if not is_about_rows(error):
            raise
        if read_current_revision(connection, project) == revision.id:
            _goes_down(project, connection, revision)
        return f"{revision.id}: {get_server_message(error)}"
    finally:
        truncate_tables(connection, project.version_table)
    return None


def _goes_down(project: Project, connection: Connection, revision: Revision) -> bool:
    """Take a step down; False where the revision says itself that it is forward only."""
    try:
        migrate_to(project, connection, format_downgrade_target(revision))
    except RuntimeError:
        connection.rollback()
        return False
    return True
