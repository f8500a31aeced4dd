"""`seedbed migrate downgrade`: undo applied revisions."""

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from seedbed.cli.migration_report import hazard_lines, lock_options, look_for_hazards, revision_lines, undone_line
from seedbed.cli.options import PRODUCTION, configuration, confirm, env_option, json_option, show, step, yes_option

if TYPE_CHECKING:
    from seedbed.migrations.hazards.rules import Hazard


@click.command(
    "downgrade",
    context_settings={"ignore_unknown_options": True},
    short_help="Undo the last applied revision, or all above one.",
)
@click.argument("revision", metavar="[-N|REVISION|base]", default="-1")
@lock_options
@click.option("--allow", multiple=True, metavar="RULE", help="In production, accept this risk, such as drop-column. Repeatable.")
@yes_option
@env_option
@json_option
@click.pass_context
def downgrade(
    ctx: click.Context,
    revision: str,
    lock_timeout: int,
    tries: int,
    allow: tuple[str, ...],
    yes: str | None,
    env: str | None,
    as_json: bool,
) -> None:
    """Undo the last applied revision, the last N, or all above REVISION.

    First lists the data that is lost, by running the downgrades on a temporary database. Each downgrade is one
    transaction, with the locks, the timeouts and the checks of `seedbed migrate apply`. If a revision cannot be undone,
    nothing is. Production asks for the database's name, and refuses to destroy anything without --allow.

    The first letters of a revision's id are enough. `base` undoes all revisions.

    Example: seedbed migrate downgrade -2
    """
    from seedbed.migrations.apply.downgrade import downgrade as undo
    from seedbed.migrations.apply.downgrade import plan_downgrade
    from seedbed.migrations.apply.lock_retry import LockRetryPolicy
    from seedbed.migrations.hazards.assessment import assess_downgrade, refuse_unallowed_hazards
    from seedbed.postgres.database import resolve_database

    if revision.startswith("--") or (revision.startswith("-") and not revision[1:].isdigit()):
        raise click.NoSuchOption(revision, ctx=ctx)
    chosen = configuration(ctx, env)
    database = resolve_database(chosen)
    planned = plan_downgrade(chosen.project, database, revision)
    production = PRODUCTION in {planned.environment, planned.mark}
    assessed = look_for_hazards(
        lambda: assess_downgrade(chosen, database, planned.revision, planned.revisions), required=production
    )
    hazards = [hazard for one in assessed for hazard in one.hazards]
    click.echo(f"To undo in {database.direct.address}{', which is production' if production else ''}:", err=True)
    for line in revision_lines(planned.revisions):
        click.echo(f"  {line}", err=True)
    for line in hazard_lines(hazards) if production else _losses(hazards):
        click.echo(line, err=True)
    if production:
        refuse_unallowed_hazards(database.name, assessed, allow, down=True)
        confirm(database.name, yes, action="downgraded")
    patience = LockRetryPolicy(lock_timeout=timedelta(milliseconds=lock_timeout), tries=tries)
    with step("Downgrading"):
        undone = undo(
            chosen.project, database, planned, retry_policy=patience, report=lambda line: click.echo(line, err=True)
        )
    lines = [
        undone_line(undone),
        "Next: change the revision's file and apply it again, seedbed migrate apply; or delete the file and draft "
        "another, seedbed migrate draft -m TEXT",
    ]
    show({**vars(undone), "hazards": hazards}, as_json=as_json, lines=lines)


def _losses(hazards: "Iterable[Hazard]") -> list[str]:
    """What is gone for good, a line each."""
    from seedbed.migrations.hazards.rules import Effect

    lost = [f"  {hazard.location} ({hazard.rule})" for hazard in hazards if Effect.LOSES_DATA in hazard.effects]
    return ["Lost with all rows and values:", *lost] if lost else ["No rows and no values are lost."]
