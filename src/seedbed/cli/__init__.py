"""The command line: each command parses, calls one function and prints."""

from pathlib import Path

import click

from seedbed import __version__
from seedbed.cli.branch import branch
from seedbed.cli.config import config
from seedbed.cli.db import db
from seedbed.cli.doctor import doctor
from seedbed.cli.init import init
from seedbed.cli.migrate import migrate
from seedbed.cli.neon import neon
from seedbed.cli.options import HELP_WIDTH
from seedbed.cli.preview import preview
from seedbed.cli.schema import schema
from seedbed.cli.seed import seed
from seedbed.cli.serve import serve
from seedbed.cli.up import up


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": HELP_WIDTH})
@click.version_option(__version__, message="%(prog)s %(version)s")
@click.option(
    "--project",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    default=".",
    show_default=True,
    help="The project, or a folder in it.",
)
@click.pass_context
def root(ctx: click.Context, project: Path) -> None:
    """From SQLModel tables to proven migrations, believable data and a running service.

    Start with `seedbed up`: it starts a PostgreSQL of the project's own, migrates it, seeds it and serves it. It needs
    no set-up, and running it again does only what is missing. Where there is no project yet, `seedbed init` begins one.

    The environment is chosen by -e or SEEDBED_ENV, and is development otherwise. Results go to standard output,
    progress and warnings to standard error. A command ends with 0 when it is done, with 1 when it refused or failed,
    saying why and what to do, and with 2 when it was called wrongly.
    """
    ctx.obj = project


for command in (init, up, db, migrate, seed, branch, preview, neon, schema, serve, config, doctor):
    root.add_command(command)
