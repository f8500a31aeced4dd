"""The command line: each command parses, calls one function and prints."""

from pathlib import Path

import click

from seedbed import __version__
from seedbed.cli.branch import branch
from seedbed.cli.db import db
from seedbed.cli.doctor import config, doctor
from seedbed.cli.init import init
from seedbed.cli.migrate import migrate
from seedbed.cli.neon import neon
from seedbed.cli.options import HELP_WIDTH, CommandGroup
from seedbed.cli.preview import preview
from seedbed.cli.schema import schema
from seedbed.cli.seed import seed
from seedbed.cli.serve import serve, up

_OTHER_NAMES = {
    **dict.fromkeys(["draft", "makemigrations", "revision"], "migrate draft -m TEXT"),
    **dict.fromkeys(["apply", "upgrade"], "migrate apply"),
    **dict.fromkeys(["downgrade", "rollback"], "migrate downgrade"),
    **dict.fromkeys(["dev", "run", "start"], "up"),
    **dict.fromkeys(["anonymize", "mask"], "seed mask"),
    **dict.fromkeys(["down", "stop"], "db stop"),
    **dict.fromkeys(["create", "new"], "init NAME"),
    "diagram": "schema diagram",
    "psql": "db psql",
    "status": "migrate status",
}


@click.group(
    cls=CommandGroup,
    other_names=_OTHER_NAMES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": HELP_WIDTH},
)
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.option(
    "--project",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    show_default=True,
    help="The project's directory, or one inside it.",
)
@click.pass_context
def root(ctx: click.Context, project: Path) -> None:
    """Schema-first toolkit for SQLModel and PostgreSQL: verified migrations, realistic seed data, preview databases, a
    read API.

    Get started: `seedbed init` creates a project; `seedbed up` starts a local PostgreSQL, applies migrations, loads
    seeds and serves an API. It is safe to run again.

    The environment is development unless -e or SEEDBED_ENV chooses another. Results go to standard output, progress and
    warnings to standard error. Exit codes: 0 success, 1 refused or failed (reason and fix on standard error), 2 usage
    error.
    """
    ctx.obj = project


for command in (init, up, db, migrate, seed, branch, preview, neon, schema, serve, config, doctor):
    root.add_command(command)
