"""`seedbed doctor`: everything that a command may trip over, looked at once."""

import click

from seedbed.cli.options import configuration, env_option, json_option, show, step


@click.command("doctor", short_help="Look at the project and its database, and say what is wrong.")
@env_option
@json_option
@click.pass_context
def doctor(ctx: click.Context, env: str | None, as_json: bool) -> None:
    """Look at the project and the environment's database, and say what is wrong with them and what to do.

    Versions, the schema, the history and env.py, which PostgreSQL is used and why that one, the way to the database and
    its encryption, a pooler, the role's rights, the environment's mark, pending revisions, drift, extensions, invalid
    indexes and disk. Nothing is changed. Ends with 1 when something is wrong.
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
