"""`seedbed migrate apply` and `downgrade`: apply pending migrations, or undo applied ones."""

import sys
from collections.abc import Iterable
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from seedbed.cli.migrate.common import (
    assess_plan,
    check_hazards,
    format_applied,
    format_hazards,
    format_held_back,
    format_revisions,
    format_undone,
    lock_options,
)
from seedbed.cli.options import PRODUCTION, configuration, confirm, env_option, json_option, show, step, yes_option

if TYPE_CHECKING:
    from seedbed.migrations.hazards.rules import Hazard
    from seedbed.settings import Configuration


@click.command("apply", short_help="Apply pending migrations.")
@lock_options
@click.option(
    "--contract", is_flag=True, help="Also apply contract revisions (only after old code has stopped running)."
)
@click.option("--safety-branch", is_flag=True, help="First create a sealed branch of the database, kept for a week.")
@click.option("--allow", multiple=True, metavar="RULE", help="Accept this risk, such as drop-column. Repeatable.")
@yes_option
@env_option
@json_option
@click.pass_context
def apply(
    ctx: click.Context,
    lock_timeout: int,
    contract: bool,
    tries: int,
    safety_branch: bool,
    allow: tuple[str, ...],
    yes: str | None,
    env: str | None,
    as_json: bool,
) -> None:
    """Apply pending migrations.

    Each revision is one transaction. Only one session at a time migrates a database; others wait. A revision that
    cannot get a table lock at once is rolled back and retried, so that no query queues behind it for long.

    A contract revision removes what code before the deploy still uses. So the command stops before it and lists what is
    held back; --contract applies it too. A database without any revision has no such code.

    Refuses a database that is marked for another environment. First lists the data that the revisions lose, as far as a
    temporary database shows it. In production it lists all risks, refuses to destroy anything without --allow, and asks
    for the database's name.

    Example: seedbed migrate apply -e production --yes shop
    """
    from seedbed.migrations.apply.lock_retry import LockRetryPolicy
    from seedbed.migrations.apply.plan import plan_upgrade
    from seedbed.migrations.apply.upgrade import apply as apply_pending
    from seedbed.migrations.hazards.trial_run import refuse_unallowed_hazards, report_losses, select_losses
    from seedbed.migrations.history.revisions import select_applicable
    from seedbed.postgres.database import resolve_database

    settings = configuration(ctx, env)
    database = resolve_database(settings)
    upgrade = plan_upgrade(settings.project, database)
    upgrade = replace(upgrade, pending=select_applicable(upgrade.pending, upgrade.revision, contract=contract))
    losses: tuple[Hazard, ...] = ()
    if upgrade.pending and PRODUCTION in {upgrade.environment, upgrade.mark}:
        click.echo(f"{database.direct.address} is production. Pending:", err=True)
        assessments = assess_plan(settings, database, upgrade, required=True)
        hazards = [hazard for assessment in assessments for hazard in assessment.hazards]
        for line in [*format_revisions(upgrade.pending), *format_hazards(hazards)]:
            click.echo(f"  {line}", err=True)
        losses = select_losses(assessments)
        refuse_unallowed_hazards(database.name, assessments, allow)
        confirm(database.name, yes, action="migrated")
    elif upgrade.pending:
        with step("Checking for data loss") as report:
            losses = report_losses(settings, database, upgrade, report)
    if upgrade.pending and safety_branch:
        _create_safety_branch(settings)
    with step("Migrating"):
        applied = apply_pending(
            settings.project,
            database,
            contract=contract,
            retry_policy=LockRetryPolicy(lock_timeout=timedelta(milliseconds=lock_timeout), tries=tries),
            report=_report,
            report_progress=_report if sys.stderr.isatty() else None,
        )
    lines = [*format_revisions(applied.applied), format_applied(applied), *format_held_back(applied.pending_contract)]
    show({**vars(applied), "losses": losses}, as_json=as_json, lines=lines)


def _report(line: str) -> None:
    click.echo(line, err=True)


def _create_safety_branch(settings: "Configuration") -> None:
    from seedbed.branching import get_branch_provider
    from seedbed.branching.lifecycle import create_safety_copy

    with step("Creating a safety branch") as report:
        branch = create_safety_copy(get_branch_provider(settings))
        report(f"To restore: seedbed branch create NAME --from {branch.name} (expires {branch.expires_at:%Y-%m-%d})")


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
    from seedbed.migrations.hazards.trial_run import assess_downgrade, refuse_unallowed_hazards
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
