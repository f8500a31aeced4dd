"""`seedbed doctor`: checks of the project and its database."""

import click

from seedbed.cli.options import configuration, env_option, json_option, show, step


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
    with step("Looking"):
        from seedbed.migrations.checks.doctor import diagnose

        found = diagnose(configuration(ctx, env))
    width = max(len(one.subject) for one in found)
    lines = []
    for one in found:
        sign = click.style("wrong", fg="red") if one.is_problem else click.style("ok   ", fg="green")
        lines.append(f"{sign}  {one.subject.ljust(width)}  {one.message}")
        lines += [f"{' ' * (width + 9)}{one.remedy}"] if one.remedy else []
    wrong = sum(one.is_problem for one in found)
    lines.append(f"{wrong} of {len(found)} are wrong." if wrong else "Nothing is wrong.")
    show(found, as_json=as_json, lines=lines)
    ctx.exit(1 if wrong else 0)
