"""`seedbed migrate`: draft, plan, apply and check migrations."""

import click

from seedbed.cli.migrate.apply import apply, downgrade
from seedbed.cli.migrate.draft import draft
from seedbed.cli.migrate.history import accept, adopt, rebase
from seedbed.cli.migrate.plan import plan, rehearse
from seedbed.cli.migrate.status import check, status


@click.group("migrate")
def migrate() -> None:
    """Draft, plan, apply and check migrations.

    Migrations are ordinary Alembic revisions in migrations/versions; plain `alembic upgrade head` works too.
    """


for command in (accept, adopt, apply, check, downgrade, draft, plan, rebase, rehearse, status):
    migrate.add_command(command)
