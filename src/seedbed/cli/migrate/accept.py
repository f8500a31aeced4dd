"""`seedbed migrate accept`: record an edited revision as applied."""

import click

from seedbed.cli.options import PRODUCTION, configuration, confirm, env_option, json_option, show, step, yes_option


@click.command("accept", short_help="Record an edited revision as applied to the database.")
@click.argument("revision", metavar="REVISION")
@yes_option
@env_option
@json_option
@click.pass_context
def accept(ctx: click.Context, revision: str, yes: str | None, env: str | None, as_json: bool) -> None:
    """Record REVISION, whose file was edited after it was applied, as applied in its present form.

    Use this after an edit that changes nothing for this database. The present files run on a temporary database, and
    differences to the environment's database are listed. If there are any, or in production, confirm with the
    database's name. Only the recorded checksum changes.

    Example: seedbed migrate accept 5b1f -e production --yes shop
    """
    from seedbed.migrations.checks.edit_acceptance import accept_edit, read_edit
    from seedbed.postgres.database import resolve_database
    from seedbed.postgres.environment_mark import read_database_mark

    settings = configuration(ctx, env)
    database = resolve_database(settings)
    with step("Comparing"):
        edit = read_edit(settings, database, revision)
    if edit.edited:
        for difference in edit.differences:
            click.echo(f"  {difference}", err=True)
        is_production = PRODUCTION in {database.environment, read_database_mark(database)}
        if edit.differences or is_production:
            confirm(database.name, yes, action=f"recorded as having the edited {edit.revision.id}")
        accept_edit(database, edit)
        lines = [f"Recorded the edited {edit.revision.id} as applied to {database.name}."]
    else:
        lines = [f"Nothing to accept: {edit.revision.id} was not edited after it was applied to {database.name}."]
    show(edit, as_json=as_json, lines=lines)
