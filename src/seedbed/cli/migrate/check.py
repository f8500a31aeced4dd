"""`seedbed migrate check`: verify migrations."""

import click

from seedbed.cli.options import configuration, env_option, json_option, show, step


@click.command("check", short_help="Verify migrations: one head, all reversible, result matches the models.")
@click.option("--seal", is_flag=True, help="Re-record the checksums of edited revisions that no database has applied.")
@click.option("--since", metavar="REVISION", help="Skip downgrade checks up to and including REVISION.")
@env_option
@json_option
@click.pass_context
def check(ctx: click.Context, seal: bool, since: str | None, env: str | None, as_json: bool) -> None:
    """Verify migrations: one head, every revision reversible, result matches the models.

    Use this in CI. Runs every revision up, down and up again on temporary databases, and compares catalogs. With -e, it
    also compares the environment's database with its revision. Ends with 1 and the reason if something is wrong.

    Example: seedbed migrate check
    """
    with step("Checking"):
        from seedbed.migrations.checks.drift import refuse_drift
        from seedbed.migrations.checks.project_check import check_project
        from seedbed.migrations.history.checksum_file import seal_revisions
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
