"""`seedbed migrate`: draft, plan, apply and check migrations."""

import click

from seedbed.cli.migrate.apply import apply, downgrade
from seedbed.cli.migrate.draft import draft
from seedbed.cli.migrate.history import accept, adopt, rebase
from seedbed.cli.migrate.plan import plan, rehearse
from seedbed.cli.migrate.status import check, history, status
from seedbed.cli.options import CommandGroup

_OTHER_NAMES = {
    **dict.fromkeys(["deploy", "migrate", "run", "up", "upgrade"], "migrate apply"),
    **dict.fromkeys(["down", "reset", "revert", "rollback", "undo"], "migrate downgrade"),
    **dict.fromkeys(["autogenerate", "create", "diff", "generate", "make", "new", "revision"], "migrate draft -m TEXT"),
    **dict.fromkeys(["baseline", "resolve", "stamp"], "migrate adopt"),
    **dict.fromkeys(["list", "log"], "migrate history"),
    **dict.fromkeys(["current", "heads", "show"], "migrate status"),
    **dict.fromkeys(["lint", "test", "validate", "verify"], "migrate check"),
    "dry-run": "migrate rehearse",
    "merge": "migrate rebase",
}


@click.group("migrate", cls=CommandGroup, other_names=_OTHER_NAMES)
def migrate() -> None:
    """Draft, plan, apply and check migrations.

    Migrations are ordinary Alembic revisions in migrations/versions; plain `alembic upgrade head` works too.
    """


for command in (accept, adopt, apply, check, downgrade, draft, history, plan, rebase, rehearse, status):
    migrate.add_command(command)
