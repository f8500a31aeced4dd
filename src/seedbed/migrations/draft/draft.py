"""Drafting of revisions: compare two temporary databases, write the files, verify them, and keep them."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, replace
from functools import partial

from sqlalchemy import Connection

from seedbed.errors import UnsupportedDifference
from seedbed.interrupts import deferred_interrupts
from seedbed.migrations.apply.upgrade import migrate_to, run_upgrades
from seedbed.migrations.diff.undrafted_differences import UndraftedCheck, find_system_differences, read_project_rows
from seedbed.migrations.draft.decisions import Decisions
from seedbed.migrations.draft.planner import plan_changes
from seedbed.migrations.draft.rename_candidates import find_intended_drops
from seedbed.migrations.draft.renames import plan_renames
from seedbed.migrations.draft.revision_file import add_verdict, draft_folder, place_revisions, write_revision
from seedbed.migrations.draft.revision_plans import ChangeSet, RevisionPlan, build_candidate
from seedbed.migrations.draft.unregistered_drops import check_unregistered_drops
from seedbed.migrations.history.checksum import (
    OPEN,
    find_broken_seals,
    read_head_file,
    read_seals,
    restore_head_file,
    seal_revisions,
)
from seedbed.migrations.history.revisions import History, Revision, find_script_directory, read_history
from seedbed.migrations.proof.candidate import Candidate, RevisionRun
from seedbed.migrations.proof.proof import Proof, prove
from seedbed.postgres.catalog import Catalog, copy_ignored_objects, read_catalog
from seedbed.postgres.catalog.system_rows import SystemRows
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.shadow_database import get_role_creator, shadow_database, terminate_sessions
from seedbed.postgres.version_table import ensure_version_table_schema
from seedbed.schema import Schema, load_schema
from seedbed.schema.creation import create_schema
from seedbed.settings import Configuration, Project
from seedbed.settings.atomic_files import directory_lock


@dataclass(frozen=True)
class DraftedRevisions:
    """The written revisions, oldest first, their steps as in the files, and their proof; an empty revision has none.

    `unused_hints` are hints and options without effect on this draft.
    """

    revisions: tuple[Revision, ...]
    steps: tuple[str, ...]
    proof: Proof | None
    unused_hints: tuple[str, ...] = ()


def draft(
    configuration: Configuration, message: str, *, decisions: Decisions | None = None, is_partial: bool = False
) -> DraftedRevisions | None:
    """Draft the revisions that make the migrations equal to the models; None if they are equal.

    The target database is never touched. The history is replayed on one temporary database and the models are created
    on another; the steps between the two are written, and verified on the first. What would block others on existing
    tables is deferred to a second revision, whose steps are committed one by one. The files are written to a folder
    that no other command reads, and moved only when everything is verified, so an error or a kill leaves none. Of two
    concurrent drafts, the second waits and starts after the first. A change that a draft cannot make is an error; with
    `is_partial` it is named and left out.

    Raises:
        AmbiguousRename, MissingBackfill: the user has to decide something first.
        UnmatchedRename, UnusedDraftOption: an option names something that does not exist or does not change.
        InvalidHint, AmbiguousSwap: a hint cannot be followed.
        UnsupportedChange: no statement makes the change.
        UnsupportedDifference: the models would still differ in something that a draft does not make.
        DraftProofFailure: a step of the proof failed.
        PostWriteHookFailure: a post-write hook of Alembic could not run.
        FileWriteFailure: a file could not be written.
        MergeConflictMarkers: migrations/head has conflict markers.
        SchemaImportFailure, SchemaBuildFailure, MultipleHeads, InvalidRevisionFile: there is nothing to compare.
    """
    project = configuration.project
    with (
        directory_lock(find_script_directory(project)),
        draft_folder(project) as drafted,
        shadow_database(configuration) as start_database,
    ):
        history = read_history(project)
        read_seals(project)
        change_set = find_changes(
            configuration, history, start_database, decisions or Decisions(), is_partial=is_partial
        )
        if not change_set.revision_plans:
            return None
        revisions = [write_revision(drafted, plan.title(message), plan) for plan in change_set.revision_plans]
        proof = prove(
            _build_candidate(drafted, revisions, change_set), _make_copies(configuration, history, start_database)
        )
        for number, revision in enumerate(revisions, 1):
            part_line = [f"Part {number} of {len(revisions)}, verified together."] if len(revisions) > 1 else []
            add_verdict(revision, [*part_line, *proof.lines()])
        placed = _place_and_seal(project, drafted, revisions)
    steps = tuple(statement.python_code for statement in change_set.upgrade)
    return DraftedRevisions(tuple(placed), steps, proof, change_set.unused_hints)


def draft_empty(configuration: Configuration, message: str) -> DraftedRevisions:
    """Write a revision without steps, to be written by hand."""
    project = configuration.project
    with directory_lock(find_script_directory(project)), draft_folder(project) as drafted:
        read_history(project)
        read_seals(project)
        revision = write_revision(drafted, message, RevisionPlan((), (), Catalog({}, {}, 0)))
        placed = _place_and_seal(project, drafted, [revision], still_open=revision.id)
    return DraftedRevisions(tuple(placed), (), None)


def _place_and_seal(
    project: Project, drafted: Project, revisions: Sequence[Revision], *, still_open: str | None = None
) -> list[Revision]:
    """Move new revisions into the history and add them to migrations/head, or neither; signals are deferred until the
    end.
    """
    head_file = read_head_file(project)
    with deferred_interrupts():
        placed_revisions = place_revisions(project, drafted, revisions)
        try:
            _seal_new(project, still_open=still_open)
        except BaseException:
            for revision in placed_revisions:
                revision.file.unlink(missing_ok=True)
            restore_head_file(project, head_file)
            raise
    return placed_revisions


def _seal_new(project: Project, *, still_open: str | None = None) -> None:
    """Add new revisions to migrations/head, whose other lines stay, including those of edited files."""
    history = read_history(project)
    if find_broken_seals(project, history):
        return
    open_revisions = {revision for revision, hashed in read_seals(project).items() if hashed == OPEN}
    seal_revisions(project, history, open_revisions=[*open_revisions, *([still_open] if still_open else [])])


def replay(configuration: Configuration, shadow: Database, history: History) -> None:
    """Upgrade an empty temporary database to the newest revision.

    Raises:
        RevisionFailure: a revision of the history fails.
    """
    with connect(shadow) as connection:
        ensure_version_table_schema(connection, configuration.project.version_table)
        if history.head is not None:
            run_upgrades(configuration.project, history, connection, history.revisions)


def build_model_catalog(configuration: Configuration, schema: Schema) -> tuple[Catalog, SystemRows]:
    """Create the models in a temporary database, and read its catalog and the rows of its system catalogs."""
    project = configuration.project
    with shadow_database(configuration) as shadow, connect(shadow) as connection:
        create_schema(connection, schema, create_role=get_role_creator(shadow))
        rows = read_project_rows(connection, project.ignore, project.version_table)
        return read_catalog(connection, project.version_table), rows


def find_changes(
    configuration: Configuration,
    history: History,
    start_database: Database,
    decisions: Decisions,
    *,
    is_partial: bool = False,
) -> ChangeSet:
    """Replay the history on an empty temporary database, and compare it with the models.

    The models are loaded and created on another database at the same time: most of the work is the server's, which has
    a process for each connection.

    Raises:
        UnsupportedDifference: there is nothing to draft, and the two differ in what a draft does not make.
    """
    with ThreadPoolExecutor(1) as executor:
        replay_task = executor.submit(replay, configuration, start_database, history)
        try:
            schema = load_schema(configuration.project)
            after, rows = build_model_catalog(configuration, schema)
            replay_task.result()
        except BaseException:
            terminate_sessions(start_database)  # otherwise the error or Ctrl-C would wait for the whole replay
            raise
    project = configuration.project
    with connect(start_database) as connection:
        before = read_catalog(connection, project.version_table)
        target = copy_ignored_objects(after, before, project.ignore, project.version_table)
        renamed_names = {rename.old for rename in plan_renames(schema, before, target, decisions)}
        check_unregistered_drops(
            project, schema, before, target, find_intended_drops(schema, decisions) | renamed_names
        )
        connection.rollback()
        change_set = plan_changes(connection, target, schema, decisions, version_table=project.version_table)
        rows_before = read_project_rows(connection, project.ignore, project.version_table)
        connection.rollback()
    undrafted_check = UndraftedCheck(rows_before, rows, project.ignore, project.version_table, is_partial)
    if not change_set.revision_plans and (differences := find_system_differences(rows_before, rows)):
        raise UnsupportedDifference([str(difference) for difference in differences], is_complete=True)
    return replace(change_set, undrafted_check=undrafted_check)


def _build_candidate(drafted: Project, revisions: Sequence[Revision], change_set: ChangeSet) -> Candidate:
    runs = [
        RevisionRun(
            up=partial(_run, drafted, revision.id),
            down=None if isinstance(plan.down, str) else partial(_run, drafted, "-1"),
            end=plan.end,
        )
        for revision, plan in zip(revisions, change_set.revision_plans, strict=True)
    ]
    return build_candidate(change_set, runs)


def _run(drafted: Project, target: str, connection: Connection) -> None:
    migrate_to(drafted, connection, target)


def _make_copies(
    configuration: Configuration, history: History, start_database: Database
) -> Callable[[], AbstractContextManager[Connection]]:
    """Databases at the start of a revision: the first is the compared one, the others are replayed again."""
    unused_databases = [start_database]

    @contextmanager
    def copy() -> Iterator[Connection]:
        if unused_databases:
            with connect(unused_databases.pop()) as connection:
                yield connection
            return
        with shadow_database(configuration) as shadow:
            replay(configuration, shadow, history)
            with connect(shadow) as connection:
                yield connection

    return copy
