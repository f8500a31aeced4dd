"""`seedbed migrate downgrade`: undo applied revisions."""

from collections.abc import Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from seedbed.cli.migrate.report import check_hazards, format_hazards, format_revisions, format_undone, lock_options
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
@click.option(
    "--allow", multiple=True, metavar="RULE", help="In production, accept this risk, such as drop-column. Repeatable."
)
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
    settings = configuration(ctx, env)
    database = resolve_database(settings)
    undo_plan = plan_downgrade(settings.project, database, revision)
    is_production = PRODUCTION in {undo_plan.environment, undo_plan.mark}
    assessments = check_hazards(
        lambda: assess_downgrade(settings, database, undo_plan.revision, undo_plan.revisions), required=is_production
    )
    hazards = [hazard for assessment in assessments for hazard in assessment.hazards]
    click.echo(
        f"Revisions to undo in {database.direct.address}{', which is production' if is_production else ''}:", err=True
    )
    for line in format_revisions(undo_plan.revisions):
        click.echo(f"  {line}", err=True)
    for line in format_hazards(hazards) if is_production else _format_losses(hazards):
        click.echo(line, err=True)
    if is_production:
        refuse_unallowed_hazards(database.name, assessments, allow, is_downgrade=True)
        confirm(database.name, yes, action="downgraded")
    retry_policy = LockRetryPolicy(lock_timeout=timedelta(milliseconds=lock_timeout), tries=tries)
    with step("Downgrading"):
        undone = undo(
            settings.project,
            database,
            undo_plan,
            retry_policy=retry_policy,
            report=lambda line: click.echo(line, err=True),
        )
    lines = [
        format_undone(undone),
        "Next: edit the revision and apply it again (seedbed migrate apply), or delete its file and draft another "
        "(seedbed migrate draft -m TEXT).",
    ]
    show({**vars(undone), "hazards": hazards}, as_json=as_json, lines=lines)


def _format_losses(hazards: "Iterable[Hazard]") -> list[str]:
    """The data that is lost, one line each."""
    from seedbed.migrations.hazards.rules import Effect

    losses = [f"  {hazard.location} ({hazard.rule})" for hazard in hazards if Effect.LOSES_DATA in hazard.effects]
    return ["Data that is lost:", *losses] if losses else ["No data is lost."]
