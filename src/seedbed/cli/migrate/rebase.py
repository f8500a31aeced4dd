"""`seedbed migrate rebase`: move one of two heads after the other."""

import click

from seedbed.cli.options import configuration, json_option, show


@click.command("rebase", short_help="Fix two heads: move one revision after the other.")
@click.argument("revision", metavar="REVISION")
@json_option
@click.pass_context
def rebase(ctx: click.Context, revision: str, as_json: bool) -> None:
    """Fix two heads: move the side that ends in REVISION after the other.

    Use this after a merge of two branches of code. Rewrites one line of one file, and migrations/head. Reset a local
    database that has the moved revision.

    Example: seedbed migrate rebase 743b
    """
    from seedbed.migrations.history.rebase import rebase as rebase_revision

    rebased = rebase_revision(configuration(ctx, None).project, revision)
    show(rebased, as_json=as_json, lines=[f"{rebased.revision} now follows {rebased.down_revision}."])
