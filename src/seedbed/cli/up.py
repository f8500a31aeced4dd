"""`seedbed up`: start, migrate, seed and serve."""

import json
from typing import TYPE_CHECKING

import click

from seedbed.cli.options import columns, configuration, env_option, json_option, show, step

if TYPE_CHECKING:
    from seedbed.up import Fetched, Ready


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
    chosen = configuration(ctx, env)
    with step("Loading"):
        from seedbed import up as main_job

    def tell(ready: "Ready") -> None:
        if not as_json:
            show(ready, as_json=False, lines=_table(ready))

    if once:
        fetched = main_job.up_once(chosen, step=step, tell=tell)
        show(fetched, as_json=as_json, lines=_pages(fetched))
    else:
        main_job.up(chosen, step=step, tell=tell, public=public)


def _table(ready: "Ready") -> list[str]:
    applied = ", ".join(f"{revision.id} {revision.message}" for revision in ready.applied.applied)
    rows = [("database", ready.database.name), ("applied", applied or f"nothing new; at {ready.applied.revision}")]
    if ready.seeded is not None:
        rows += [("rows" if i == 0 else "", f"{n:>9,} {t}") for i, (t, n) in enumerate(ready.seeded.rows.items())]
    rows += [("open", f"{ready.url}/docs")] if ready.url is not None else []
    return ["", *columns(rows, indent="  "), ""]


def _pages(fetched: "list[Fetched]") -> list[str]:
    return [line for page in fetched for line in (f"GET {page.path}  {page.status}", f"  {_short(page.body)}")]


def _short(body: object) -> str:
    return "\n  ".join(json.dumps(row) for row in body) if isinstance(body, list) else json.dumps(body)
