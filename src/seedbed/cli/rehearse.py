"""`seedbed migrate rehearse`: what is pending, tried on a copy."""

from datetime import timedelta

import click

from seedbed.cli.migration_report import rehearsal_lines
from seedbed.cli.options import configuration, env_option, json_option, show, step


@click.command("rehearse", short_help="Measure on a copy what is pending.")
@click.option(
    "--on", metavar="URL", help="A copy that you made, to be migrated and kept; its password may be in PGPASSWORD."
)
@click.option(
    "--max-block", type=click.IntRange(min=0), metavar="MS", help="End with 1 if anybody is blocked for longer."
)
@env_option
@json_option
@click.pass_context
def rehearse(ctx: click.Context, on: str | None, max_block: int | None, env: str | None, as_json: bool) -> None:
    """Apply what is pending to a copy of the database, and say what it costs.

    For each statement: how long it takes, what it locks and until when, what it rewrites and reads whole. The first
    line is the verdict. Then down and up again, over the copy's rows. The copy is removed. On Neon it is a branch,
    where NEON_API_KEY is set.

    It cannot know how long a statement waits for locks that others hold, nor how cold the real server's caches are.
    """
    from seedbed.migrations.apply.plan import plan_upgrade as make_plan
    from seedbed.migrations.hazards.rehearsal import rehearse as rehearse_pending
    from seedbed.postgres.database import database_from_url, resolve_database

    chosen = configuration(ctx, env)
    database = resolve_database(chosen)
    made = make_plan(chosen.project, database)
    if not made.pending:
        show(None, as_json=as_json, lines=[f"{made.database} is at {made.revision or 'no revision'}, the newest."])
        return
    copy = database_from_url(on, chosen.environment) if on is not None else None
    with step("Rehearsing"):
        found = rehearse_pending(chosen, database, made, existing_copy=copy)
    show(found, as_json=as_json, lines=rehearsal_lines(found))
    if max_block is not None and found.longest() > timedelta(milliseconds=max_block):
        ctx.exit(1)
