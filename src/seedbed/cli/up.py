"""`seedbed up`: the main job."""

import json
from typing import TYPE_CHECKING

import click

from seedbed.cli.options import columns, configuration, env_option, json_option, show, step

if TYPE_CHECKING:
    from seedbed.up import Fetched, Ready


@click.command("up")
@click.option("--once", is_flag=True, help="Fetch a page of every route from the running service, print it, and stop.")
@click.option("--public", is_flag=True, help="Let everybody read who can reach it, without a token.")
@env_option
@json_option
@click.pass_context
def up(ctx: click.Context, env: str | None, once: bool, public: bool, as_json: bool) -> None:
    """Start PostgreSQL, migrate, seed and serve.

    Each step looks first and does only what is missing, so it can be run, killed and run again at any time. Without
    DATABASE_URL the server is the project's own, kept in .seedbed; it is stopped with this command unless something
    else keeps it up. Ctrl-C ends it. Where pyproject.toml says service = false, nothing is served: it ends when the
    database is there, and leaves the server up.
    """
    chosen = configuration(ctx, env)
    with step("Waking up"):
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
