"""`seedbed serve`: the read service alone."""

import click

from seedbed.cli.options import configuration, env_option


@click.command(short_help="Serve the tables: /users, /users/{id} and so on.")
@click.option("--host", metavar="ADDRESS", help="The address to listen on; SEEDBED_HOST otherwise.")
@click.option("--port", type=click.IntRange(1, 65535), help="The port to listen on; SEEDBED_PORT otherwise.")
@env_option
@click.pass_context
def serve(ctx: click.Context, env: str | None, host: str | None, port: int | None) -> None:
    """Serve the tables: /users, /users/{id}, and so on for each, with documentation at /docs.

    The service starts and stays up whether or not the database answers: while it does not, requests are answered with
    503 and /health/ready fails, and /health/live goes on. Columns that look like secrets are in no answer.
    """
    from seedbed.errors import NothingServed
    from seedbed.modelling import load_schema
    from seedbed.postgres.databases import locate
    from seedbed.serving import create_app
    from seedbed.serving.running import listen
    from seedbed.serving.running import serve as serve_forever

    chosen = configuration(ctx, env)
    schema = load_schema(chosen.project)
    if not schema.models:
        raise NothingServed(chosen.project.schema)
    database = locate(chosen)
    with listen(host or chosen.settings.host, port or chosen.settings.port) as listening:
        serve_forever(create_app(chosen, schema, database.url), listening)
