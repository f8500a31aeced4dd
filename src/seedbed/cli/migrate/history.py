"""`seedbed migrate adopt`, `accept` and `rebase`: settle which revisions a database has, and their order."""

import click

from seedbed.cli.options import PRODUCTION, configuration, confirm, env_option, json_option, show, step, yes_option


@click.command("adopt", short_help="Baseline an existing database: record its revision.")
@click.option("--at", metavar="REVISION", help="The revision to record. Default: the one that matches.")
@env_option
@json_option
@click.pass_context
def adopt(ctx: click.Context, at: str | None, env: str | None, as_json: bool) -> None:
    """Baseline an existing database: record its current revision without running anything.

    Use this for a database that was created without the migrations. Its schema must equal the one that a revision
    creates.

    Example: seedbed migrate adopt -e production
    """
    from seedbed.migrations.checks.baseline import adopt as adopt_database
    from seedbed.postgres.database import resolve_database

    settings = configuration(ctx, env)
    baseline = adopt_database(settings, resolve_database(settings), revision=at)
    show(baseline, as_json=as_json, lines=[f"{baseline.database} is now at {baseline.revision}."])


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
    from seedbed.migrations.checks.baseline import accept_edit, read_edit
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
