"""What a template is made of: the project's revisions, and an environment's seeds."""

from seedbed.migrations.apply.upgrade import apply
from seedbed.migrations.history.revisions import has_history, read_history
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.schema import Schema
from seedbed.schema.creation import build
from seedbed.seeding.loading.load import run
from seedbed.seeding.planning.seed_plan import plan
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
