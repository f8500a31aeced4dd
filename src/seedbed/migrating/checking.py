"""Whether the files, the models and each other agree, for a person and for CI."""

from dataclasses import dataclass

from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from seedbed.errors import MixedRevision, ModelsUndrafted, RevisionEdited, StepNotReversible
from seedbed.migrating.applying import move
from seedbed.migrating.drafting import built
from seedbed.migrating.history import History, read_history
from seedbed.migrating.knowing import spent
from seedbed.migrating.sealing import edited
from seedbed.migrating.tracing import ways_of_running
from seedbed.modelling import load_schema
from seedbed.postgres.catalogue import Catalogue, differences, read_catalogue
from seedbed.postgres.connecting import connect, sentence
from seedbed.postgres.shadows import shadow_database
from seedbed.settings import Configuration, Project


@dataclass(frozen=True)
class Checked:
    """What was seen to hold; a check that fails raises instead. `spent` are hints with nothing left to say."""

    head: str | None
    revisions: int
    facts: tuple[str, ...]
    spent: tuple[str, ...]


def check(configuration: Configuration) -> Checked:
    """See that the history has one head, that every step of it runs up, down and up again, and that it makes what the
    models say.

    Catalogues are compared, not models with reflected tables, so nothing that PostgreSQL knows escapes. All of it
    happens on throw-away databases; no environment's database is needed or touched.

    Raises:
        ForkedHistory, UnreadableRevision: the files are no single history.
        RevisionEdited: a file is not what it was when it was written, by migrations/head.
        MixedRevision: a revision holds statements that are committed as they run beside such that are not.
        StepNotReversible: a revision's downgrade, or the upgrade after it, does not lead where it should.
        ModelsUndrafted: the models say something that no revision does, or the other way round.
    """
    project = configuration.project
    history = read_history(project)
    if changed := edited(project, history):
        raise RevisionEdited([revision.id for revision in changed], "it was written, by migrations/head")
    schema = load_schema(project)
    wanted = built(configuration, schema)
    with shadow_database(configuration) as shadow, connect(shadow) as connection:
        found = _climbed(project, history, connection)
    if left := differences(found, wanted):
        raise ModelsUndrafted([str(difference) for difference in left])
    return Checked(
        head=history.head,
        revisions=len(history.revisions),
        facts=("one head", "every step runs up, down and up again", "the result equals the models"),
        spent=tuple(spent(schema, found)),
    )


def _climbed(project: Project, history: History, connection: Connection) -> Catalogue:
    """Take each step up, down and up again, and give the catalogue at the top."""
    below = read_catalogue(connection)
    for revision in history.revisions:
        try:
            with ways_of_running(connection) as ways:
                move(project, connection, revision.id)
            if len(ways) > 1:
                raise MixedRevision(revision.id)
            above = read_catalogue(connection)
            if _goes_down(project, connection):
                if left := differences(read_catalogue(connection), below):
                    raise StepNotReversible(revision.id, f"after its downgrade, {'; '.join(map(str, left))}")
                move(project, connection, revision.id)
                if left := differences(read_catalogue(connection), above):
                    raise StepNotReversible(revision.id, f"up again, {'; '.join(map(str, left))}")
        except DBAPIError as error:
            raise StepNotReversible(revision.id, sentence(error)) from error
        below = above
    return below


def _goes_down(project: Project, connection: Connection) -> bool:
    """Take a step down; False where the revision says itself that it is forward only."""
    try:
        move(project, connection, "-1")
    except RuntimeError:
        connection.rollback()
        return False
    return True
