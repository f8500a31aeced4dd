"""`seedbed db`: the environment's database and the embedded server."""

import os
import signal
import subprocess
import sys

import click

from seedbed.cli.options import (
    CommandGroup,
    columns,
    configuration,
    confirm,
    env_option,
    json_option,
    show,
    step,
    yes_option,
)

_OTHER_NAMES = {
    **dict.fromkeys(["migrate", "upgrade"], "migrate apply"),
    **dict.fromkeys(["downgrade", "rollback"], "migrate downgrade"),
    **dict.fromkeys(["connect", "console", "shell"], "db psql"),
    **dict.fromkeys(["create", "up"], "db start"),
    **dict.fromkeys(["down", "shutdown"], "db stop"),
    **dict.fromkeys(["drop", "wipe"], "db reset"),
    "seed": "seed run",
}


@click.group("db", cls=CommandGroup, other_names=_OTHER_NAMES)
def db() -> None:
    """Start, stop and inspect the database.

    Without DATABASE_URL, development and testing use the project's embedded PostgreSQL. Every command starts it if
    necessary, so you rarely need `start`.
    """


@db.command("start", short_help="Start the embedded server in the background.")
@env_option
@json_option
@click.pass_context
def start(ctx: click.Context, env: str | None, as_json: bool) -> None:
    """Start the embedded server in the background. It runs until `seedbed db stop`."""
    from seedbed.postgres.database import get_embedded_server

    server = get_embedded_server(configuration(ctx, env))
    with step("Starting PostgreSQL"):
        server.start()
    status = server.read_status()
    show(status, as_json=as_json, lines=[f"PostgreSQL {status.version} is up on 127.0.0.1:{status.port}"])


@db.command("stop")
@env_option
@json_option
@click.pass_context
def stop(ctx: click.Context, env: str | None, as_json: bool) -> None:
    """Stop the embedded server. Its sessions are ended, and their open transactions are rolled back."""
    from seedbed.postgres.database import get_embedded_server

    stopped = get_embedded_server(configuration(ctx, env)).stop()
    show({"stopped": stopped}, as_json=as_json, lines=["Stopped." if stopped else "It was not running."])


@db.command("status", short_help="Show the server and the database in use.")
@env_option
@json_option
@click.pass_context
def status(ctx: click.Context, env: str | None, as_json: bool) -> None:
    """Show the environment's server, whether it runs, and the database's mark. Starts nothing."""
    from seedbed.postgres.database_status import read_database_status

    described = read_database_status(configuration(ctx, env))
    rows = [
        ("environment", described.environment),
        ("server", described.server),
        ("running", "yes" if described.running else "no"),
        ("version", described.version or "-"),
        ("database", described.database),
        ("mark", described.mark or "none"),
        *([("data directory", described.data_directory)] if described.data_directory else []),
        *([("problem", described.problem)] if described.problem else []),
    ]
    show(described, as_json=as_json, lines=columns(rows))


@db.command("url", short_help="Print the connection URL, with a masked password.")
@click.option("--show-password", is_flag=True, help="Print the password too.")
@click.option("--pooled", is_flag=True, help="Print the address that the service uses, not the direct one.")
@env_option
@click.pass_context
def url(ctx: click.Context, env: str | None, show_password: bool, pooled: bool) -> None:
    """Print the connection URL, with a masked password. Starts the embedded server if necessary."""
    from seedbed.postgres.database import resolve_database

    database = resolve_database(configuration(ctx, env))
    chosen = database.url if pooled else database.direct
    click.echo(chosen.reveal() if show_password else chosen.masked)


@db.command("psql", context_settings={"ignore_unknown_options": True}, short_help="Open psql on the database.")
@env_option
@click.argument("arguments", metavar="[ARGUMENTS]...", nargs=-1, type=click.UNPROCESSED)
@click.pass_context
def psql(ctx: click.Context, env: str | None, arguments: tuple[str, ...]) -> None:
    """Open psql on the database. Arguments after -- go to psql.

    Example: seedbed db psql -- -c 'select 1'
    """
    from seedbed.postgres.database import resolve_database
    from seedbed.postgres.psql import build_psql_command

    command, variables = build_psql_command(resolve_database(configuration(ctx, env)))
    signal.signal(signal.SIGINT, lambda *_: None)  # Ctrl-C is psql's, to cancel a query
    sys.exit(subprocess.run([*command, *arguments], env=os.environ | variables, check=False).returncode)


@db.command("reset")
@yes_option
@env_option
@json_option
@click.pass_context
def reset(ctx: click.Context, env: str | None, yes: str | None, as_json: bool) -> None:
    """Drop all objects in the database. Refuses a database that is marked production, or has rows and no mark."""
    from seedbed.postgres.database import resolve_database
    from seedbed.postgres.reset import check_reset_allowed, reset_database

    database = resolve_database(configuration(ctx, env))
    check_reset_allowed(database)
    confirm(database.name, yes, action="reset")
    reset_database(database)
    lines = [f"{database.name} is empty. seedbed up fills it again."]
    show({"database": database.name, "empty": True}, as_json=as_json, lines=lines)


@db.command("mark", short_help="Show or set the environment mark of the database.")
@click.argument("environment", metavar="ENVIRONMENT", required=False)
@yes_option
@env_option
@json_option
@click.pass_context
def mark(ctx: click.Context, environment: str | None, yes: str | None, env: str | None, as_json: bool) -> None:
    """Show the environment mark stored in the database, or set it to ENVIRONMENT.

    The mark takes precedence over -e and SEEDBED_ENV: destructive commands check it, and copies of the database
    inherit it.

    Example: seedbed db mark development
    """
    from seedbed.postgres.database import resolve_database
    from seedbed.postgres.environment_mark import change_mark, parse_environment, read_database_mark

    chosen = parse_environment(environment) if environment is not None else None
    database = resolve_database(configuration(ctx, env))
    if chosen is not None:
        confirm(database.name, yes, action=f"marked {chosen}")
        change_mark(database, chosen)
    found = read_database_mark(database)
    show({"database": database.name, "mark": found}, as_json=as_json, lines=[f"{database.name}: {found or 'no mark'}"])


@db.command("grant-reader", short_help="Create a read-only role for the API.")
@click.argument("role", metavar="ROLE")
@click.option("--password-stdin", is_flag=True, help="Read a password for the role from standard input.")
@env_option
@json_option
@click.pass_context
def grant_reader(ctx: click.Context, env: str | None, role: str, password_stdin: bool, as_json: bool) -> None:
    """Create a role that may read only the public columns, for the service to connect as.

    Run it again after a migration: it grants new public columns and revokes private ones. The role's statements end
    after 5 seconds, and its transactions are read-only.

    Example: seedbed db grant-reader app_reader
    """
    from seedbed.extras import require_extra

    require_extra("service", "seedbed db grant-reader")
    from seedbed.postgres.database import resolve_database
    from seedbed.schema import load_schema
    from seedbed.service.reader_role import grant_reader as grant

    chosen = configuration(ctx, env)
    schema = load_schema(chosen.project)
    password = sys.stdin.readline().rstrip("\r\n") if password_stdin else None
    if password == "":
        raise click.UsageError("--password-stdin was given, and standard input has no password.")
    granted = grant(
        resolve_database(chosen), schema, role, password=password, version_table=chosen.project.version_table
    )
    rows = [(table, ", ".join(names)) for table, names in granted.columns.items()]
    made = f"{role} was made, and may" if granted.created else f"{role} may"
    show(granted, as_json=as_json, lines=[f"{made} read:", *columns(rows, indent="  ")])
