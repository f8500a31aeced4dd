"""Whether the files, the models and each other agree, for a person and for CI."""

from dataclasses import dataclass

from sqlalchemy.exc import DBAPIError

from seedbed.errors import ModelsUndrafted, StepNotReversible
from seedbed.migrating.applying import move
from seedbed.migrating.differences import differences
from seedbed.migrating.history import read_history
from seedbed.modelling import load_schema
from seedbed.postgres.connecting import connect, sentence
from seedbed.postgres.shadows import shadow_database
from seedbed.settings import Configuration


@dataclass(frozen=True)
class Checked:
    """What was seen to hold; a check that fails raises instead."""

    head: str | None
    revisions: int
    facts: tuple[str, ...]


def check(configuration: Configuration) -> Checked:
    """See that the history has one head, makes what the models say, and runs down and up again.

    All of it happens on a throw-away database; no environment's database is needed or touched.

    Raises:
        ForkedHistory, UnreadableRevision: the files are no single history.
        ModelsUndrafted: the models say something that no revision does, or the other way round.
        StepNotReversible: a downgrade, or the upgrade after it, fails.
    """
    project = configuration.project
    history = read_history(project)
    schema = load_schema(project)
    with shadow_database(configuration) as shadow, connect(shadow) as connection:
        if history.head is not None:
            move(project, connection, "head")
        if found := differences(connection, schema):
            raise ModelsUndrafted(found)
        if history.head is not None:
            try:
                move(project, connection, "base")
                move(project, connection, "head")
            except DBAPIError as error:
                raise StepNotReversible(sentence(error)) from error
    return Checked(
        head=history.head,
        revisions=len(history.revisions),
        facts=("one head", "the models equal the migrations", "the history runs down to nothing and up again"),
    )
