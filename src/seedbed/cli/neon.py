"""`seedbed neon`: Neon's API without Neon."""

import click


@click.group("neon")
def neon() -> None:
    """Try branches on Neon without Neon."""


@neon.command("emulate", short_help="Serve Neon's API and its computes from here.")
@click.option("--port", type=click.IntRange(0, 65535), default=18099, show_default=True, help="Where the API listens.")
@click.option(
    "--branches", type=click.IntRange(1), default=10, show_default=True, help="How many branches there may be."
)
@click.option("--step", type=click.FloatRange(0, 60), default=0.05, show_default=True, help="Seconds operations take.")
def emulate(port: int, branches: int, step: float) -> None:
    """Serve Neon's API and its computes from this machine, until it is interrupted.

    What to export for it is printed first, so that Seedbed, Neon's own command and any other client find it. Its
    PostgreSQL is a throw-away one: all is gone when the command ends. Nothing is reachable from other machines.
    """
    from seedbed.branching.neon.emulator.server import emulation
    from seedbed.service.http.server import format_url, listen, serve_app

    with listen("127.0.0.1", port) as listening, emulation(limit=branches, step=step) as run:
        for name, value in run.variables(format_url(listening)).items():
            click.echo(f"export {name}='{value}'")
        serve_app(run.app, listening)
