"""`seedbed neon`: a local emulator of Neon's API."""

import click


@click.group("neon")
def neon() -> None:
    """Run a local emulator of Neon's API."""


@neon.command("emulate", short_help="Serve an emulation of Neon's API and computes.")
@click.option("--port", type=click.IntRange(0, 65535), default=18099, show_default=True, help="Port of the API.")
@click.option("--branches", type=click.IntRange(1), default=10, show_default=True, help="Maximum number of branches.")
@click.option(
    "--step", type=click.FloatRange(0, 60), default=0.05, show_default=True, help="Seconds that each operation takes."
)
def emulate(port: int, branches: int, step: float) -> None:
    """Serve an emulation of Neon's API and computes on this machine until interrupted.

    First prints the variables to export, for Seedbed, Neon's own command-line tool and other clients. Its PostgreSQL is
    temporary: all data is deleted when the command ends. Other machines cannot reach it.

    Example: seedbed neon emulate --port 18099
    """
    from seedbed.extras import require_extra

    require_extra("emulator", "seedbed neon emulate")
    from seedbed.branching.neon.emulator.server import run_emulator
    from seedbed.service.http.server import format_url, listen, serve_app

    with listen("127.0.0.1", port) as listening, run_emulator(limit=branches, step=step) as run:
        for name, value in run.get_variables(format_url(listening)).items():
            click.echo(f"export {name}='{value}'")
        serve_app(run.app, listening)
