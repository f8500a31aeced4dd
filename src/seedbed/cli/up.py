"""`seedbed up`: start, migrate, seed and serve."""

import json
from typing import TYPE_CHECKING

import click

from seedbed.cli.options import columns, configuration, env_option, json_option, show, step

if TYPE_CHECKING:
    from seedbed.up import PreparedService, RouteResponse


@click.command("up")
@click.option("--once", is_flag=True, help="Request each route once, print the responses, and exit.")
@click.option("--public", is_flag=True, help="Disable authentication.")
@env_option
@json_option
@click.pass_context
def up(ctx: click.Context, env: str | None, once: bool, public: bool, as_json: bool) -> None:
    """Start PostgreSQL, apply migrations, load seeds and serve the API.

    Each step does only what is missing, so you can interrupt the command and run it again at any time. Without
    DATABASE_URL, it uses an embedded server in .seedbed, and stops it at the end unless another command uses it. Ctrl-C
    ends the command. With service = false in pyproject.toml, it exits when the database is ready, and leaves the server
    running.

    Example: seedbed up
    """
    settings = configuration(ctx, env)
    with step("Loading"):
        from seedbed.up import start_service, try_service

    def show_service(service: "PreparedService") -> None:
        if not as_json:
            show(service, as_json=False, lines=_format_service(service))

    if once:
        responses = try_service(settings, step=step, on_ready=show_service)
        show(responses, as_json=as_json, lines=_format_responses(responses))
    else:
        start_service(settings, step=step, on_ready=show_service, public=public)


def _format_service(service: "PreparedService") -> list[str]:
    applied = ", ".join(f"{revision.id} {revision.message}" for revision in service.applied.applied)
    rows = [("database", service.database.name), ("migrations", applied or f"up to date ({service.applied.revision})")]
    if service.seeded is not None:
        rows += [("rows" if i == 0 else "", f"{n:>9,} {t}") for i, (t, n) in enumerate(service.seeded.rows.items())]
    rows += [("API docs", f"{service.url}/docs")] if service.url is not None else []
    return ["", *columns(rows, indent="  "), ""]


def _format_responses(responses: "list[RouteResponse]") -> list[str]:
    return [
        line
        for response in responses
        for line in (f"GET {response.path}  {response.status}", f"  {_format_body(response.body)}")
    ]


def _format_body(body: object) -> str:
    return "\n  ".join(json.dumps(row) for row in body) if isinstance(body, list) else json.dumps(body)
