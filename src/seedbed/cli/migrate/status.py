"""`seedbed migrate status`, `history` and `check`: show whether the database, the migrations and the models agree."""

import click

from seedbed.cli.migrate.common import format_edited, format_environments, format_history
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
    from seedbed.migrations.history.checksum import read_seals
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
    from seedbed.migrations.checks.status import read_environment_statuses

    with step("Checking environments"):
        statuses = read_environment_statuses(configuration(ctx, None).project)
    show(statuses, as_json=as_json, lines=format_environments(statuses))


@click.command("history", short_help="List all migrations, newest first.")
@env_option
@json_option
@click.pass_context
def history(ctx: click.Context, env: str | None, as_json: bool) -> None:
    """List all migrations, newest first, with when the environment's database applied each one.

    Example: seedbed migrate history -e production
    """
    from seedbed.migrations.checks.status import read_revision_statuses

    revisions = read_revision_statuses(configuration(ctx, env))
    show(revisions, as_json=as_json, lines=format_history(revisions) or ["There are no migrations."])


@click.command("check", short_help="Verify migrations: one head, all reversible, result matches the models.")
@click.option("--seal", is_flag=True, help="Re-record the checksums of edited revisions that no database has applied.")
@click.option("--since", metavar="REVISION", help="Skip downgrade checks up to and including REVISION.")
@env_option
@json_option
@click.pass_context
def check(ctx: click.Context, seal: bool, since: str | None, env: str | None, as_json: bool) -> None:
    """Verify migrations: one head, every revision reversible, result matches the models.

    Use this in CI. Upgrades, downgrades and upgrades again every revision on temporary databases, and compares
    catalogs. With -e, it also compares the environment's database with its revision. Ends with 1 and the reason if
    something is wrong.

    Example: seedbed migrate check
    """
    with step("Checking"):
        from seedbed.migrations.checks.project_check import check_project
        from seedbed.migrations.checks.status import refuse_drift
        from seedbed.migrations.history.checksum import seal_revisions
        from seedbed.migrations.history.revisions import read_history
        from seedbed.postgres.database import resolve_database

        settings = configuration(ctx, env)
        if seal:
            seal_revisions(settings.project, read_history(settings.project))
        result = check_project(settings, since=since)
        if env is not None:
            refuse_drift(settings, resolve_database(settings))
    for warning in result.unregistered_tables:
        click.echo(f"Warning: {warning}", err=True)
    count = f"{result.revisions} revision{'s' if result.revisions != 1 else ''}"
    lines = [
        f"{count}: {', '.join(result.checks)}.",
        *(f"{hint} has no effect any more and can be removed." for hint in result.stale_hints),
        *(f"Rows must satisfy {condition}." for condition in result.conditions),
    ]
    show(result, as_json=as_json, lines=lines)
