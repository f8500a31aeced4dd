"""What a template is made of: the project's revisions, and an environment's seeds."""

from seedbed.migrating.applying import apply
from seedbed.migrating.history import has_history, read_history
from seedbed.modelling import Schema
from seedbed.modelling.building import build
from seedbed.postgres.connecting import connect
from seedbed.postgres.databases import Database
from seedbed.seeding.plan import plan
from seedbed.seeding.running import run
from seedbed.settings import Environment, Project


def migrate(project: Project, schema: Schema, database: Database) -> None:
    """Bring an empty database to the head; a project without revisions has it made from its models."""
    if has_history(project) and read_history(project).revisions:
        apply(project, database, contract=True)
        return
    with connect(database) as connection:
        build(connection, schema)


def seed(project: Project, schema: Schema, environment: str, database: Database) -> None:
    """Load an environment's seeds."""
    run(plan(project, schema, Environment(environment)), database, revision=None)
