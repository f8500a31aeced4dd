"""`seedbed migrate plan` and `rehearse`: show what pending migrations would do."""

from datetime import timedelta

import click

from seedbed.cli.migrate.common import (
    assess_plan,
    format_edited,
    format_hazards,
    format_rehearsal,
    format_revisions,
    format_up_to_date,
)
from seedbed.cli.options import configuration, env_option, json_option, show, step


@click.command("plan", short_help="List pending migrations and their risks.")
@click.option("--sql", is_flag=True, help="Also print the SQL, recorded on a temporary database.")
@click.option("--offline", is_flag=True, help="Print the SQL that Alembic renders without a server.")
@env_option
@json_option
@click.pass_context
def plan(ctx: click.Context, sql: bool, offline: bool, env: str | None, as_json: bool) -> None:
    """List pending migrations and their risks. Ends with 1 if there are any.

    Runs them on a temporary database and observes their locks, table rewrites, full scans, drops and renames. Tables
    with fewer than a thousand rows in the environment's database are not a risk. From that database, only row counts
    are read.

    Example: seedbed migrate plan -e production
    """
    from seedbed.migrations.apply.plan import plan_upgrade, render_offline_sql
    from seedbed.migrations.hazards.trial_run import format_sql_lines
    from seedbed.postgres.database import resolve_database

    settings = configuration(ctx, env)
    database = resolve_database(settings)
    upgrade = plan_upgrade(settings.project, database)
    for line in format_edited(upgrade):
        click.echo(line, err=True)
    lines = format_revisions(upgrade.pending) or [format_up_to_date(upgrade.database, upgrade.revision)]
    assessments = [] if offline and not sql else assess_plan(settings, database, upgrade)
    hazards = [hazard for assessment in assessments for hazard in assessment.hazards]
    if sql:
        lines += format_sql_lines(assessments)
    if offline and upgrade.pending:
        lines.append(render_offline_sql(settings.project, upgrade))
    lines += format_hazards(hazards)
    show({**vars(upgrade), "hazards": hazards}, as_json=as_json, lines=lines)
    ctx.exit(1 if upgrade.pending else 0)


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
