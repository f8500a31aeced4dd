"""`seedbed serve`: the read service only."""

import click

from seedbed.cli.options import configuration, env_option, json_option, show


@click.command("serve", short_help="Serve a read-only REST API of the tables.")
@click.option("--host", metavar="ADDRESS", help="Address to listen on. [env: SEEDBED_HOST]")
@click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on. [env: SEEDBED_PORT]")
@click.option("--public", is_flag=True, help="Disable authentication.")
@click.option("--new-token", is_flag=True, help="Print a new token and its hash for SEEDBED_TOKENS, and exit.")
@env_option
@json_option
@click.pass_context
def serve(
    ctx: click.Context,
    env: str | None,
    host: str | None,
    port: int | None,
    public: bool,
    new_token: bool,
    as_json: bool,
) -> None:
    """Serve a read-only REST API of the tables: /users, /users/{id}, /users/{id}/tasks and so on, documented at /docs.

    The service starts and stays up even without its database: then requests get 503 and /health/ready fails, but
    /health/live does not. Columns that look like secrets are never returned. In preview and production, and on an
    address that others can reach, it requires tokens or --public.

    Example: seedbed serve --port 8080
    """
    from seedbed.errors import NoServableTables
    from seedbed.extras import require_extra

    require_extra("service", "seedbed serve")
    from seedbed.service.http.access_control import check_access_decided
    from seedbed.service.http.access_control import create_token as made

    if new_token:
        token = made()
        show(token, as_json=as_json, lines=[f"token           {token.token}", f"SEEDBED_TOKENS  {token.hash}"])
        return
    chosen = configuration(ctx, env)
    address = host or chosen.settings.host
    check_access_decided(chosen, allows_everyone=public, host=address)

    from seedbed.postgres.database import resolve_database
    from seedbed.schema import load_schema
    from seedbed.service import create_app
    from seedbed.service.http.server import listen
    from seedbed.service.http.server import serve as serve_forever

    schema = load_schema(chosen.project)
    if not chosen.project.service or not schema.models:
        raise NoServableTables(chosen.project.schema, is_disabled=not chosen.project.service)
    database = resolve_database(chosen)
    with listen(address, port or chosen.settings.port) as listening:
        serve_forever(create_app(chosen, schema, database.url), listening)
