"""A revision drafted from the models on a throw-away database, and proven there before its file is kept."""

from argparse import Namespace
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from alembic import command
from alembic.script import Script
from sqlalchemy import Connection
from sqlalchemy.exc import DBAPIError

from seedbed.errors import DraftRefused
from seedbed.migrating.applying import move
from seedbed.migrating.differences import differences
from seedbed.migrating.history import alembic_config, read_history
from seedbed.modelling import Schema, load_schema
from seedbed.postgres.connecting import connect, sentence
from seedbed.postgres.shadows import shadow_database
from seedbed.settings import Configuration, Project


@dataclass(frozen=True)
class Drafted:
    """A revision that was written, and the steps of its proof that it passed."""

    id: str
    message: str
    file: Path
    operations: tuple[str, ...]
    proof: tuple[str, ...]


def draft(configuration: Configuration, message: str, *, empty: bool = False) -> Drafted | None:
    """Draft the revision that makes the database like the models; None when it is already.

    The target is never touched: the history is replayed on a throw-away database and compared there. The file is kept
    only if it then runs up, leaves nothing to draft, runs down to where it started, and up again. An `empty` revision,
    to be written by hand, is not proven.

    Raises:
        DraftRefused: with the step that failed; no file is left.
        SchemaNotImportable, SchemaWithoutTables: the models cannot be loaded.
    """
    project = configuration.project
    history = read_history(project)
    schema = load_schema(project)
    with shadow_database(configuration) as shadow, connect(shadow) as connection:
        if empty:
            return _written(_write(project, connection, message, empty=True), message, (), ())
        if history.head is not None:
            move(project, connection, "head")
        operations = differences(connection, schema)
        if not operations:
            return None
        script = _write(project, connection, message, empty=False)
        try:
            proof = _prove(project, schema, connection)
        except BaseException:
            Path(script.path).unlink(missing_ok=True)
            raise
    return _written(script, message, operations, proof)


def _write(project: Project, connection: Connection, message: str, *, empty: bool) -> Script:
    config = alembic_config(project)
    config.attributes["connection"] = connection
    config.cmd_opts = Namespace(quiet=True)
    made = command.revision(config, message, autogenerate=not empty)
    connection.rollback()
    if not isinstance(made, Script):
        raise DraftRefused("write", "Alembic wrote no revision")
    return made


def _prove(project: Project, schema: Schema, connection: Connection) -> tuple[str, ...]:
    """The steps of the proof, in the order in which one means something only after the other."""
    _step("upgrade", project, connection, "head")
    if left := differences(connection, schema):
        raise DraftRefused("second draft is empty", "; ".join(left))
    _step("downgrade", project, connection, "-1")
    _step("upgrade again", project, connection, "head")
    return ("upgrade", "second draft is empty", "downgrade", "upgrade again")


def _step(name: str, project: Project, connection: Connection, target: str) -> None:
    try:
        move(project, connection, target)
    except DBAPIError as error:
        raise DraftRefused(name, sentence(error)) from error


def _written(script: Script, message: str, operations: Iterable[str], proof: Iterable[str]) -> Drafted:
    return Drafted(script.revision, message, Path(script.path), tuple(operations), tuple(proof))
