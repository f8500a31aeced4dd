"""`seedbed up` and `seedbed serve`: run the service, with its database prepared or alone."""

import json
import shutil
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

import click

from seedbed.cli.options import columns, configuration, env_option, json_option, show, step

if TYPE_CHECKING:
    from seedbed.up import PreparedService, RouteResponse

F = TypeVar("F", bound=Callable[..., Any])
_TABLE_WIDTH = 100
"""Width of the table of responses where there is no terminal."""


def address_options(command: F) -> F:
    """Add `--host` and `--port`, which take precedence over SEEDBED_HOST and SEEDBED_PORT."""
    host = click.option("--host", metavar="ADDRESS", help="Address to listen on. [env: SEEDBED_HOST]")
    port = click.option("--port", type=click.IntRange(1, 65535), help="Port to listen on. [env: SEEDBED_PORT]")
    return host(port(command))


@click.command("up")
@click.option("--once", is_flag=True, help="Request each route once, print a table of the responses, and exit.")
@address_options
@click.option("--public", is_flag=True, help="Disable authentication.")
@env_option
@json_option
@click.pass_context
def up(
    ctx: click.Context, env: str | None, once: bool, host: str | None, port: int | None, public: bool, as_json: bool
) -> None:
    """Start PostgreSQL, apply migrations, load seeds and serve the API.

    Each step does only what is missing, so you can interrupt the command and run it again at any time. Without
    DATABASE_URL, it uses an embedded server in .seedbed, and stops it at the end unless another command uses it. Ctrl-C
    ends the command. With service = false in pyproject.toml, it exits when the database is ready, and leaves the server
    running.

    Example: seedbed up
    """
    settings = configuration(ctx, env).with_address(host, port)
    with step("Loading"):
        from seedbed.up import start_service, try_service

    def show_service(service: "PreparedService") -> None:
        if not as_json:
            show(service, as_json=False, lines=_format_service(service, stays=not once))

    if once:
        responses = try_service(settings, step=step, on_ready=show_service)
        show(responses, as_json=as_json, lines=_format_responses(responses))
    else:
        start_service(settings, step=step, on_ready=show_service, public=public)


def _format_service(service: "PreparedService", *, stays: bool) -> list[str]:
    applied = ", ".join(f"{revision.id} {revision.message}" for revision in service.applied.applied)
    rows = [("database", service.database.name), ("migrations", applied or f"up to date ({service.applied.revision})")]
    if service.seeded is not None:
        rows += [("rows" if i == 0 else "", f"{n:>9,} {t}") for i, (t, n) in enumerate(service.seeded.rows.items())]
    rows += [("API docs", f"{service.url}/docs")] if stays and service.url is not None else []
    return ["", *columns(rows, indent="  "), ""]


def _format_responses(responses: "list[RouteResponse]") -> list[str]:
    """Format responses as a table that fits the terminal: the path, the status, and the beginning of the body."""
    if not responses:
        return []
    rows = [(f"GET {response.path}", str(response.status), _summarize(response.body)) for response in responses]
    lines = columns([("REQUEST", "STATUS", "RESPONSE"), *rows])
    width = shutil.get_terminal_size((_TABLE_WIDTH, 0)).columns
    return [*(_shorten(line, width) for line in lines), "", "Run seedbed up to keep the API running."]


def _shorten(line: str, width: int) -> str:
    """Cut a line to a width, with an ellipsis."""
    return line if len(line) <= width else f"{line[: width - 1]}…"


def _summarize(body: object) -> str:
    if isinstance(body, list):
        names = ", ".join(body[0]) if body and isinstance(body[0], dict) else ""
        return f"{len(body)} row{'s' if len(body) != 1 else ''}{f': {names}' if names else ''}"
    if isinstance(body, dict):
        given = {name: value for name, value in body.items() if value not in (None, [])}
        return ", ".join(f"{n} {v if isinstance(v, str) else json.dumps(v)}" for n, v in given.items())
    return json.dumps(body)


@click.command("serve", short_help="Serve a read-only REST API of the tables.")
@address_options
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
    chosen = configuration(ctx, env).with_address(host, port)
    check_access_decided(chosen, allows_everyone=public, host=chosen.settings.host)

    from seedbed.postgres.database import resolve_database
    from seedbed.schema import load_schema
    from seedbed.service import create_app
    from seedbed.service.http.server import listen
    from seedbed.service.http.server import serve as serve_forever

    schema = load_schema(chosen.project)
    if not chosen.project.service or not schema.models:
        raise NoServableTables(chosen.project.schema, is_disabled=not chosen.project.service)
    database = resolve_database(chosen)
    with listen(chosen.settings.host, chosen.settings.port) as listening:
        serve_forever(create_app(chosen, schema, database.url), listening)
