"""`seedbed migrate`: revisions drafted, planned, applied and checked."""

import sys
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

import click

from seedbed.cli.accept import accept
from seedbed.cli.downgrade import downgrade
from seedbed.cli.draft import draft
from seedbed.cli.migration_report import (
    applied_line,
    hazard_lines,
    lock_options,
    look_for_hazards,
    revision_lines,
    survey_lines,
)
from seedbed.cli.options import (
    PRODUCTION,
    columns,
    configuration,
    confirm,
    env_option,
    json_option,
    show,
    step,
    yes_option,
)
from seedbed.cli.rehearse import rehearse

if TYPE_CHECKING:
    from seedbed.migrations.apply.plan import UpgradePlan
    from seedbed.migrations.hazards.assessment import RevisionAssessment
    from seedbed.migrations.hazards.rules import Hazard
    from seedbed.postgres.database import Database
    from seedbed.settings import Configuration


@click.group("migrate")
def migrate() -> None:
    """Draft, plan, apply and check migrations.

    They are ordinary Alembic revisions in migrations/versions, and plain `alembic upgrade head` applies them as well.
    """


for command in (draft, downgrade, rehearse, accept):
    migrate.add_command(command)


@migrate.command("plan", short_help="List what is pending, and what is dangerous about it.")
@click.option("--sql", is_flag=True, help="Print the SQL as well, recorded while it runs on a throw-away database.")
@click.option("--offline", is_flag=True, help="Print the SQL as Alembic renders it without a server.")
@env_option
@json_option
@click.pass_context
def plan(ctx: click.Context, sql: bool, offline: bool, env: str | None, as_json: bool) -> None:
    """List the revisions the database still needs, and what is dangerous about them. Ends with 1 when there are any.

    They are run on a throw-away database, and looked at while they run: which locks they take, what they rewrite, read
    whole, drop or rename. Tables of fewer than a thousand rows in the environment's database are no danger. The
    database itself is only asked how many rows it has.
    """
    from seedbed.migrations.apply.plan import plan_upgrade as make_plan
    from seedbed.migrations.apply.plan import render_offline_sql
    from seedbed.migrations.hazards.assessment import format_sql_lines
    from seedbed.postgres.database import resolve_database

    chosen = configuration(ctx, env)
    database = resolve_database(chosen)
    made = make_plan(chosen.project, database)
    for line in _edited_lines(made):
        click.echo(line, err=True)
    lines = revision_lines(made.pending) or [f"{made.database} is at {made.revision or 'no revision'}, the newest."]
    assessed = [] if offline and not sql else _assessed(chosen, database, made)
    if sql:
        lines += format_sql_lines(assessed)
    if offline and made.pending:
        lines.append(render_offline_sql(chosen.project, made))
    lines += [line for one in assessed for line in hazard_lines(one.hazards)]
    facts = {**vars(made), "hazards": [hazard for one in assessed for hazard in one.hazards]}
    show(facts, as_json=as_json, lines=lines)
    ctx.exit(1 if made.pending else 0)


@migrate.command("apply")
@lock_options
@click.option("--contract", is_flag=True, help="Apply contract revisions too: the programs of before are gone.")
@click.option("--safety-branch", is_flag=True, help="Make a sealed branch of the database first, kept for a week.")
@click.option("--allow", multiple=True, metavar="RULE", help="A hazard that is meant, such as drop-column.")
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
    """Bring the database to the newest revision.

    Each revision is a transaction of its own. One session at a time migrates a database; a second one waits. A revision
    that cannot have a table's lock at once is rolled back and tried again, so that no query queues behind it for long.

    A contract revision takes away what the programs of before the deploy still use, so it stops there, and says what
    waits; with --contract it goes on. A database without any revision has no such programs.

    A database that is marked for another environment is refused. Data that the revisions lose is listed first, as far
    as a throw-away database shows it. Production shows all that is pending and dangerous, refuses what destroys unless
    it is allowed, and asks for the database's name.
    """
    from seedbed.migrations.apply.lock_retry import LockRetryPolicy
    from seedbed.migrations.apply.plan import plan_upgrade as make_plan
    from seedbed.migrations.apply.upgrade import apply as apply_pending
    from seedbed.migrations.hazards.assessment import refuse_unallowed_hazards
    from seedbed.migrations.hazards.losses import report_losses, select_losses
    from seedbed.migrations.history.revisions import select_applicable
    from seedbed.postgres.database import resolve_database

    chosen = configuration(ctx, env)
    database = resolve_database(chosen)
    made = make_plan(chosen.project, database)
    made = replace(made, pending=select_applicable(made.pending, made.revision, contract=contract))
    lost: tuple[Hazard, ...] = ()
    if made.pending and PRODUCTION in {made.environment, made.mark}:
        click.echo(f"{database.direct.address} is production, and needs", err=True)
        assessed = _assessed(chosen, database, made, required=True)
        for line in [*revision_lines(made.pending), *(line for one in assessed for line in hazard_lines(one.hazards))]:
            click.echo(f"  {line}", err=True)
        lost = select_losses(assessed)
        refuse_unallowed_hazards(database.name, assessed, allow)
        confirm(database.name, yes, action="migrated")
    elif made.pending:
        with step("Looking for data loss") as say:
            lost = report_losses(chosen, database, made, say)
    if made.pending and safety_branch:
        _make_safe(chosen)
    patience = LockRetryPolicy(lock_timeout=timedelta(milliseconds=lock_timeout), tries=tries)
    with step("Migrating"):
        applied = apply_pending(
            chosen.project,
            database,
            contract=contract,
            retry_policy=patience,
            report=_told,
            report_progress=_told if sys.stderr.isatty() else None,
        )
    lines = [*revision_lines(applied.applied), applied_line(applied)]
    if applied.pending_contract:
        lines += ["Waits until no program uses what it takes away; then seedbed migrate apply --contract:"]
        lines += [f"  {line}" for line in revision_lines(applied.pending_contract)]
    show({**vars(applied), "losses": lost}, as_json=as_json, lines=lines)


@migrate.command("status")
@click.option("--all", "every", is_flag=True, help="Every environment side by side, with what differs from the files.")
@env_option
@json_option
@click.pass_context
def status(ctx: click.Context, every: bool, env: str | None, as_json: bool) -> None:
    """Say where the database is and where the files are.

    Ends with 1 when a revision was edited after the database had it.
    """
    if every:
        _survey(ctx, as_json=as_json)
        return
    from seedbed.migrations.apply.plan import plan_upgrade as make_plan
    from seedbed.migrations.history.head_file import read_seals
    from seedbed.postgres.database import resolve_database

    chosen = configuration(ctx, env)
    made = make_plan(chosen.project, resolve_database(chosen))
    read_seals(chosen.project)
    rows = [
        ("database", made.database),
        ("environment", made.environment),
        ("mark", made.mark or "none"),
        ("revision", made.revision or "none"),
        ("newest", made.head or "none"),
        ("pending", str(len(made.pending))),
        ("edited", ", ".join(revision.id for revision in made.edited) or "none"),
    ]
    show(made, as_json=as_json, lines=[*columns(rows), *_edited_lines(made)])
    ctx.exit(1 if made.edited else 0)


@migrate.command("check", short_help="See that every step runs and makes what models say.")
@click.option("--seal", is_flag=True, help="First take the files as they are now; for revisions that no database has.")
@click.option(
    "--since", metavar="REVISION", help="Run it and those before it up only: they are older than Seedbed here."
)
@env_option
@json_option
@click.pass_context
def check(ctx: click.Context, seal: bool, since: str | None, env: str | None, as_json: bool) -> None:
    """See that the migrations have one head, that each runs up, down and up, and that they make what the models say.

    Everything happens on throw-away databases, and catalogs are compared. With -e, the environment's database is
    compared too with what its revision makes. Ends with 1 and says what is wrong when something is.
    """
    with step("Checking"):
        from seedbed.migrations.checks.drift import refuse_drift
        from seedbed.migrations.checks.project_check import check_project as check_history
        from seedbed.migrations.history.head_file import seal_revisions as seal_history
        from seedbed.migrations.history.revisions import read_history
        from seedbed.postgres.database import resolve_database

        chosen = configuration(ctx, env)
        if seal:
            seal_history(chosen.project, read_history(chosen.project))
        checked = check_history(chosen, since=since)
        if env is not None:
            refuse_drift(chosen, resolve_database(chosen))
    counted = f"{checked.revisions} revision{'s' if checked.revisions != 1 else ''}"
    left = [f"{hint} has nothing left to say, and can go." for hint in checked.stale_hints]
    for line in checked.unregistered_tables:
        click.echo(f"Warning: {line}", err=True)
    left += [f"Rows must fit {condition}." for condition in checked.conditions]
    show(checked, as_json=as_json, lines=[f"{counted}: {', '.join(checked.checks)}.", *left])


@migrate.command("rebase", short_help="Mend a fork of two revisions after the same one.")
@click.argument("revision", metavar="REVISION")
@json_option
@click.pass_context
def rebase(ctx: click.Context, revision: str, as_json: bool) -> None:
    """Mend a fork: put the side that ends in REVISION after the other one.

    One line of one file is rewritten, and migrations/head. A local database that had the moved revision is best reset.
    """
    from seedbed.migrations.history.rebase import rebase as rebase_revision

    rebased = rebase_revision(configuration(ctx, None).project, revision)
    show(rebased, as_json=as_json, lines=[f"{rebased.revision} follows {rebased.down_revision} from now on."])


@migrate.command("adopt", short_help="Take a database made without migrations into history.")
@click.option("--at", metavar="REVISION", help="The revision it is at; found out otherwise.")
@env_option
@json_option
@click.pass_context
def adopt(ctx: click.Context, at: str | None, env: str | None, as_json: bool) -> None:
    """Take a database that was made without the migrations into their history.

    Its catalog must be what a revision makes; that revision is written down in it, and nothing else is changed.
    """
    from seedbed.migrations.apply.baseline import adopt as adopt_database
    from seedbed.postgres.database import resolve_database

    chosen = configuration(ctx, env)
    adopted = adopt_database(chosen, resolve_database(chosen), revision=at)
    show(adopted, as_json=as_json, lines=[f"{adopted.database} is at {adopted.revision} from now on."])


def _assessed(
    chosen: "Configuration", database: "Database", made: "UpgradePlan", *, required: bool = False
) -> "list[RevisionAssessment]":
    from seedbed.migrations.hazards.assessment import assess_upgrade

    return look_for_hazards(lambda: assess_upgrade(chosen, database, made), required=required) if made.pending else []


def _edited_lines(made: "UpgradePlan") -> list[str]:
    """What is wrong with revisions that were edited after the database had them, and what to do."""
    from seedbed.errors import EditedAppliedRevision

    if not made.edited:
        return []
    error = EditedAppliedRevision([revision.id for revision in made.edited], made.database)
    return [f"{error.code} {error.message}", error.remedy]


def _told(line: str) -> None:
    click.echo(line, err=True)


def _make_safe(chosen: "Configuration") -> None:
    from seedbed.branching import provider_of
    from seedbed.branching.lifecycle import safety

    with step("Making a safety branch") as done:
        branch = safety(provider_of(chosen))
        done(f"As it was before: seedbed branch create NAME --from {branch.name}, until {branch.expires_at:%Y-%m-%d}")


def _survey(ctx: click.Context, *, as_json: bool) -> None:
    from seedbed.migrations.checks.environment_status import read_environment_statuses

    with step("Looking"):
        found = read_environment_statuses(configuration(ctx, None).project)
    show(found, as_json=as_json, lines=survey_lines(found))
