"""`seedbed config` and `seedbed doctor`: show the settings, and diagnose the project and its database."""

import click

from seedbed.cli.options import columns, configuration, env_option, json_option, show, step


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


@click.command("doctor", short_help="Diagnose the project and its database.")
@env_option
@json_option
@click.pass_context
def doctor(ctx: click.Context, env: str | None, as_json: bool) -> None:
    """Diagnose the project and the environment's database, and show how to fix each problem.

    Checks versions, the schema, the history and env.py, the PostgreSQL programs, the connection and its encryption,
    poolers, the role's privileges, the environment mark, pending revisions, drift, extensions, invalid indexes and disk
    space. Changes nothing. Ends with 1 if there is a problem.
    """
    with step("Running checks"):
        from seedbed.migrations.checks.doctor import diagnose

        findings = diagnose(configuration(ctx, env))
    width = max(len(finding.subject) for finding in findings)
    lines = []
    for finding in findings:
        state = click.style("problem", fg="red") if finding.is_problem else click.style("ok     ", fg="green")
        lines.append(f"{state}  {finding.subject.ljust(width)}  {finding.message}")
        lines += [f"{' ' * (width + 11)}{finding.remedy}"] if finding.remedy else []
    problem_count = sum(finding.is_problem for finding in findings)
    lines.append(
        f"{problem_count} of {len(findings)} checks found a problem."
        if problem_count
        else f"{len(findings)} checks passed."
    )
    show(findings, as_json=as_json, lines=lines)
    ctx.exit(1 if problem_count else 0)
