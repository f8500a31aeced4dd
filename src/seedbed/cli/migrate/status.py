"""`seedbed migrate status`: show the database's revision and the pending migrations."""

import click

from seedbed.cli.migrate.report import format_edited, format_environments
from seedbed.cli.options import columns, configuration, env_option, json_option, show, step


@click.command("status", short_help="Show the database's revision and the pending migrations.")
@click.option("--all", "all_environments", is_flag=True, help="Compare all environments, including schema drift.")
@env_option
@json_option
@click.pass_context
def status(ctx: click.Context, all_environments: bool, env: str | None, as_json: bool) -> None:
    """Show the database's revision and the pending migrations.

    Ends with 1 if a revision was edited after it was applied.

    Example: seedbed migrate status --all
    """
    if all_environments:
        _show_environments(ctx, as_json=as_json)
        return
    from seedbed.migrations.apply.plan import plan_upgrade
    from seedbed.migrations.history.checksum_file import read_seals
    from seedbed.postgres.database import resolve_database

    settings = configuration(ctx, env)
    upgrade = plan_upgrade(settings.project, resolve_database(settings))
    read_seals(settings.project)  # fails on merge-conflict markers
    rows = [
        ("database", upgrade.database),
        ("environment", upgrade.environment),
        ("mark", upgrade.mark or "none"),
        ("revision", upgrade.revision or "none"),
        ("head", upgrade.head or "none"),
        ("pending", str(len(upgrade.pending))),
        ("edited", ", ".join(revision.id for revision in upgrade.edited) or "none"),
    ]
    show(upgrade, as_json=as_json, lines=[*columns(rows), *format_edited(upgrade)])
    ctx.exit(1 if upgrade.edited else 0)


def _show_environments(ctx: click.Context, *, as_json: bool) -> None:
    from seedbed.migrations.checks.environment_status import read_environment_statuses

    with step("Checking environments"):
        statuses = read_environment_statuses(configuration(ctx, None).project)
    show(statuses, as_json=as_json, lines=format_environments(statuses))
