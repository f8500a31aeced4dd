"""`seedbed config`: every setting with its value and source."""

import click

from seedbed.cli.options import columns, configuration, env_option, json_option, show


@click.command("config")
@env_option
@json_option
@click.pass_context
def config(ctx: click.Context, env: str | None, as_json: bool) -> None:
    """Show every setting with its value and source.

    Settings are read from .env, then .env.ENVIRONMENT, then .env.ENVIRONMENT.local, then the process's environment;
    later ones win. Passwords are never shown. Makes no connection.
    """
    entries = configuration(ctx, env).list_entries()
    rows = [(entry.name, entry.value if entry.value is not None else "-", entry.source) for entry in entries]
    show(entries, as_json=as_json, lines=columns(rows))
