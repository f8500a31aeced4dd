"""`seedbed migrate`: draft, plan, apply and check migrations."""

import click

from seedbed.cli.migrate.accept import accept
from seedbed.cli.migrate.adopt import adopt
from seedbed.cli.migrate.apply import apply
from seedbed.cli.migrate.check import check
from seedbed.cli.migrate.downgrade import downgrade
from seedbed.cli.migrate.draft import draft
from seedbed.cli.migrate.plan import plan
from seedbed.cli.migrate.rebase import rebase
from seedbed.cli.migrate.rehearse import rehearse
from seedbed.cli.migrate.status import status


@click.group("migrate")
def migrate() -> None:
    """Draft, plan, apply and check migrations.

    Migrations are ordinary Alembic revisions in migrations/versions; plain `alembic upgrade head` works too.
    """


for command in (accept, adopt, apply, check, downgrade, draft, plan, rebase, rehearse, status):
    migrate.add_command(command)
