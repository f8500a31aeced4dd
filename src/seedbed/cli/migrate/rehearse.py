"""`seedbed migrate rehearse`: run pending migrations on a copy."""

from datetime import timedelta

import click

from seedbed.cli.migrate.report import format_rehearsal, format_up_to_date
from seedbed.cli.options import configuration, env_option, json_option, show, step


@click.command("rehearse", short_help="Dry-run pending migrations on a copy; report duration and locks.")
@click.option(
    "--on", metavar="URL", help="URL of an existing copy to use (it is migrated and kept). PGPASSWORD is honoured."
)
@click.option(
    "--max-block", type=click.IntRange(min=0), metavar="MS", help="End with 1 if any table is blocked for longer."
)
@env_option
@json_option
@click.pass_context
def rehearse(ctx: click.Context, on: str | None, max_block: int | None, env: str | None, as_json: bool) -> None:
    """Dry-run pending migrations on a copy of the database; report duration and locks.

    Use this before a deploy. The first line is the verdict; then come, for each statement, its duration, its locks, and
    the tables that it rewrites or scans. The migrations are also undone and applied again on the copy's rows. The copy
    is removed. If NEON_API_KEY is set, it is a branch on Neon.

    It cannot predict waits for locks of other sessions, or the state of the real server's caches.

    Example: seedbed migrate rehearse -e production --max-block 500
    """
    from seedbed.migrations.apply.plan import plan_upgrade
    from seedbed.migrations.hazards.rehearsal import rehearse as rehearse_pending
    from seedbed.postgres.database import database_from_url, resolve_database

    settings = configuration(ctx, env)
    database = resolve_database(settings)
    upgrade = plan_upgrade(settings.project, database)
    if not upgrade.pending:
        show(None, as_json=as_json, lines=[format_up_to_date(upgrade.database, upgrade.revision)])
        return
    copy = database_from_url(on, settings.environment) if on is not None else None
    with step("Rehearsing"):
        rehearsal = rehearse_pending(settings, database, upgrade, existing_copy=copy)
    show(rehearsal, as_json=as_json, lines=format_rehearsal(rehearsal))
    if max_block is not None and rehearsal.longest() > timedelta(milliseconds=max_block):
        ctx.exit(1)
