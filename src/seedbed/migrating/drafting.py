"""A revision drafted from two throw-away databases, and proven on others before its file is kept."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Connection, text

from seedbed.errors import BackfillNeeded, CannotDraft
from seedbed.migrating.applying import move, upgrade
from seedbed.migrating.comparing.knowledge import Knowledge
from seedbed.migrating.comparing.statements import Statement
from seedbed.migrating.comparing.transition import transition
from seedbed.migrating.history import History, Revision, read_history
from seedbed.migrating.knowing import Rename, Words, knowledge, refuse_look_alikes, renames
from seedbed.migrating.proving.proof import Candidate, Proof, prove
from seedbed.migrating.sealing import OPEN, edited, read_seals, seal
from seedbed.migrating.writing import add_verdict, write_revision
from seedbed.modelling import Schema, load_schema
from seedbed.modelling.building import build
from seedbed.postgres.catalogue import Catalogue, read_catalogue
from seedbed.postgres.catalogue.model import Trigger
from seedbed.postgres.connecting import connect, execute_plain
from seedbed.postgres.databases import Database
from seedbed.postgres.shadows import make_role, shadow_database
from seedbed.settings import Configuration

_CASTS = """
SELECT format_type(castsource, NULL), format_type(casttarget, NULL) FROM pg_cast
"""


@dataclass(frozen=True)
class Change:
    """What separates the migrations from the models: the steps there, the steps back or why there are none."""

    renames: tuple[Rename, ...]
    up: tuple[Statement, ...]
    down: tuple[Statement, ...] | str
    before: Catalogue
    after: Catalogue

    @property
    def upgrade(self) -> list[Statement]:
        return [*(step for rename in self.renames for step in rename.up), *self.up]

    @property
    def downgrade(self) -> list[Statement] | str:
        if isinstance(self.down, str):
            return self.down
        return [*self.down, *(step for rename in reversed(self.renames) for step in rename.down)]


@dataclass(frozen=True)
class Drafted:
    """A revision that was written, its steps as its file has them, and its proof; an empty one has none."""

    revision: Revision
    steps: tuple[str, ...]
    proof: Proof | None


def draft(configuration: Configuration, message: str, *, words: Words | None = None) -> Drafted | None:
    """Draft the revision that makes the database like the models; None when it is already.

    The target is never touched. The history is replayed on one throw-away database and the models are built on
    another; the steps between the two are written, and proven on the first. A file whose proof fails is not
    kept.

    Raises:
        LooksRenamed, BackfillNeeded: a person has to say something first.
        CannotDraft: no statement makes the change.
        DraftRefused: with the step of the proof that failed.
        SchemaNotImportable, SchemaNotBuildable, ForkedHistory, UnreadableRevision: there is nothing to compare.
    """
    history = read_history(configuration.project)
    with shadow_database(configuration) as beginning:
        change = find_change(configuration, history, beginning, words or Words())
        if not change.upgrade:
            return None
        revision = write_revision(configuration.project, message, change.upgrade, change.downgrade)
        try:
            proof = prove(_candidate(configuration, revision, change), _copies(configuration, history, beginning))
        except BaseException:
            revision.file.unlink(missing_ok=True)
            raise
    add_verdict(revision, proof.lines())
    _seal_new(configuration)
    return Drafted(revision, tuple(statement.python for statement in change.upgrade), proof)


def draft_empty(configuration: Configuration, message: str) -> Drafted:
    """Write a revision with nothing in it, to be filled by hand."""
    read_history(configuration.project)
    revision = write_revision(configuration.project, message, [], [])
    _seal_new(configuration, still_open=revision.id)
    return Drafted(revision, (), None)


def _seal_new(configuration: Configuration, *, still_open: str | None = None) -> None:
    """Add a new revision to migrations/head, whose other lines stay as they are, edited files' included."""
    project = configuration.project
    history = read_history(project)
    if edited(project, history):
        return
    before = {revision for revision, hashed in read_seals(project).items() if hashed == OPEN}
    seal(project, history, still_open=[*before, *([still_open] if still_open else [])])


def replay(configuration: Configuration, shadow: Database, history: History) -> None:
    """Bring an empty throw-away database to the newest revision.

    Raises:
        RevisionFailed: the history does not run from its beginning.
    """
    if history.head is not None:
        with connect(shadow) as connection:
            upgrade(configuration.project, history, connection, history.revisions)


def built(configuration: Configuration, schema: Schema) -> Catalogue:
    """The catalogue of a database that was made from the models alone."""
    with shadow_database(configuration) as shadow, connect(shadow) as connection:
        build(connection, schema, make_role=make_role(shadow))
        return read_catalogue(connection)


def find_change(configuration: Configuration, history: History, beginning: Database, words: Words) -> Change:
    """Bring an empty throw-away database to the newest revision, and compare it with the models.

    The models are loaded and built on another one meanwhile: much of the work is the server's, which has a process for
    each.
    """
    with ThreadPoolExecutor(1) as beside:
        replayed = beside.submit(replay, configuration, beginning, history)
        schema = load_schema(configuration.project)
        after = built(configuration, schema)
        replayed.result()
    with connect(beginning) as connection:
        return change_between(connection, after, schema, words)


def change_between(connection: Connection, after: Catalogue, schema: Schema, words: Words) -> Change:
    """What has to be done to a database for it to equal a catalogue. Renames are tried on it, and rolled back.

    Raises:
        LooksRenamed, BackfillNeeded: a person has to say something first.
        CannotDraft: no statement makes the change.
    """
    before = read_catalogue(connection)
    renamed = renames(schema, before, words)
    for step in (step for rename in renamed for step in rename.up):
        execute_plain(connection, step.sql)
    moved = read_catalogue(connection) if renamed else before
    connection.rollback()
    pairs = connection.execute(text(_CASTS)).all()
    connection.rollback()
    casts = frozenset((str(source), str(target)) for source, target in pairs)
    refuse_look_alikes(moved, after, schema, words)
    up = transition(moved, after, knowledge(schema, words, casts))
    down: tuple[Statement, ...] | str
    try:
        down = tuple(transition(after, moved, Knowledge(casts=casts, restoring=True)))
    except (BackfillNeeded, CannotDraft) as error:
        down = error.message
    return Change(tuple(renamed), tuple(up), down, before, after)


def _candidate(configuration: Configuration, revision: Revision, change: Change) -> Candidate:
    run: Callable[[Connection], None] = partial(_run, configuration, revision.id)
    back: Callable[[Connection], None] = partial(_run, configuration, "-1")
    down = change.downgrade
    tables, columns = renamed_places(change)
    return Candidate(
        up=run,
        down=None if isinstance(down, str) else back,
        before=change.before,
        after=change.after,
        losses=[statement.loss for statement in change.upgrade if statement.loss is not None],
        losses_down=() if isinstance(down, str) else [step.loss for step in down if step.loss is not None],
        changed=changed_columns(change),
        renamed_tables=tables,
        renamed_columns=columns,
    )


def _run(configuration: Configuration, target: str, connection: Connection) -> None:
    move(configuration.project, connection, target)


def renamed_places(change: Change) -> tuple[dict[tuple[str, str], tuple[str, str]], dict[tuple[str, str, str], str]]:
    """The old places of renamed tables, and the old names of renamed columns, by their new places."""
    tables: dict[tuple[str, str], tuple[str, str]] = {}
    columns: dict[tuple[str, str, str], str] = {}
    for rename in change.renames:
        for table in change.after.tables():
            shown = table.name if table.schema == "public" else f"{table.schema}.{table.name}"
            schema, _, bare = rename.old.rpartition(".")
            if rename.new == shown:
                tables[table.schema, table.name] = (schema or "public", bare)
            elif rename.new.rpartition(".")[0] == shown:
                columns[table.schema, table.name, rename.new.rpartition(".")[2]] = bare
    return tables, columns


def changed_columns(change: Change) -> frozenset[tuple[str, str, str]]:
    """Columns whose values a step may rewrite: of another type, computed, or filled where they were NULL; and where a
    step updates rows, whatever the triggers of their table may set.
    """
    steps = [*change.upgrade, *(change.downgrade if not isinstance(change.downgrade, str) else ())]
    updated = {step.updates for step in steps if step.updates is not None}
    triggers = [t for c in (change.before, change.after) for t in c.objects.values() if isinstance(t, Trigger)]
    triggered = {(t.schema, t.table) for t in triggers if " UPDATE" in t.definition} & updated
    found = set()
    for table in change.after.tables():
        old = change.before.objects.get(("table", table.schema, table.name))
        before = getattr(old, "column", {})
        for column in table.columns:
            was = before.get(column.name)
            label = any(
                column.type.removesuffix("[]").removeprefix("public.") == rename.new.rpartition(".")[0]
                for rename in change.renames
            )
            same = not label and was is not None and (was.type, was.not_null) == (column.type, column.not_null)
            free = (table.schema, table.name) in triggered and not column.identity
            if was is None or not same or free or column.generated or was.generated:
                found.add((table.schema, table.name, column.name))
    return frozenset(found)


def _copies(
    configuration: Configuration, history: History, beginning: Database
) -> Callable[[], AbstractContextManager[Connection]]:
    """Databases that are where a revision starts: the first is the one that was compared, others are made again."""
    unused = [beginning]

    @contextmanager
    def copy() -> Iterator[Connection]:
        if unused:
            with connect(unused.pop()) as connection:
                yield connection
            return
        with shadow_database(configuration) as shadow:
            replay(configuration, shadow, history)
            with connect(shadow) as connection:
                yield connection

    return copy
