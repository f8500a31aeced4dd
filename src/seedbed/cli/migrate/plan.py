"""`seedbed migrate plan`: list pending migrations and their risks."""

import click

from seedbed.cli.migrate.report import assess_plan, format_edited, format_hazards, format_revisions, format_up_to_date
from seedbed.cli.options import configuration, env_option, json_option, show


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
    from seedbed.migrations.hazards.assessment import format_sql_lines
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
