"""`seedbed migrate adopt`: baseline an existing database."""

import click

from seedbed.cli.options import configuration, env_option, json_option, show


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
    from seedbed.migrations.apply.baseline import adopt as adopt_database
    from seedbed.postgres.database import resolve_database

    settings = configuration(ctx, env)
    baseline = adopt_database(settings, resolve_database(settings), revision=at)
    show(baseline, as_json=as_json, lines=[f"{baseline.database} is now at {baseline.revision}."])
