"""`seedbed migrate`: plan, apply and check migrations."""

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

    Migrations are ordinary Alembic revisions in migrations/versions; plain `alembic upgrade head` works too.
    """


for command in (draft, downgrade, rehearse, accept):
    migrate.add_command(command)


@migrate.command("plan", short_help="List pending migrations and their risks.")
@click.option("--sql", is_flag=True, help="Also print the SQL, recorded on a temporary database.")
@click.option("--offline", is_flag=True, help="Print the SQL that Alembic renders without a server.")
@env_option
@json_option
@click.pass_context
def plan(ctx: click.Context, sql: bool, offline: bool, env: str | None, as_json: bool) -> None:
    """List pending migrations and their risks. Ends with 1 if there are any.

    Runs them on a temporary database and observes their locks, table rewrites, full scans, drops and renames. Tables
    with fewer than a thousand rows in the environment's database are not a risk. From that database, only row counts
    are read.

    Example: seedbed migrate plan -e production
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
        with step("Checking for data loss") as say:
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
@click.option("--all", "every", is_flag=True, help="Compare all environments, including schema drift.")
@env_option
@json_option
@click.pass_context
def status(ctx: click.Context, every: bool, env: str | None, as_json: bool) -> None:
    """Show the database's revision and the pending migrations.

    Ends with 1 if a revision was edited after it was applied.

    Example: seedbed migrate status --all
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


@migrate.command("check", short_help="Verify migrations: one head, all reversible, result matches the models.")
@click.option("--seal", is_flag=True, help="Re-record the checksums of edited revisions that no database has applied.")
@click.option("--since", metavar="REVISION", help="Skip downgrade checks up to and including REVISION.")
@env_option
@json_option
@click.pass_context
def check(ctx: click.Context, seal: bool, since: str | None, env: str | None, as_json: bool) -> None:
    """Verify migrations: one head, every revision reversible, result matches the models.

    Use this in CI. Runs every revision up, down and up again on temporary databases, and compares catalogs. With -e, it
    also compares the environment's database with its revision. Ends with 1 and the reason if something is wrong.

    Example: seedbed migrate check
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


@migrate.command("rebase", short_help="Fix two heads: move one revision after the other.")
@click.argument("revision", metavar="REVISION")
@json_option
@click.pass_context
def rebase(ctx: click.Context, revision: str, as_json: bool) -> None:
    """Fix two heads: move the side that ends in REVISION after the other.

    Use this after a merge of two branches of code. Rewrites one line of one file, and migrations/head. Reset a local
    database that has the moved revision.

    Example: seedbed migrate rebase 743b
    """
    from seedbed.migrations.history.rebase import rebase as rebase_revision

    rebased = rebase_revision(configuration(ctx, None).project, revision)
    show(rebased, as_json=as_json, lines=[f"{rebased.revision} now follows {rebased.down_revision}."])


@migrate.command("adopt", short_help="Baseline an existing database: record its revision.")
@click.option("--at", metavar="REVISION", help="The revision to record. Default: the one that matches.")
@env_option
@json_option
@click.pass_context
def adopt(ctx: click.Context, at: str | None, env: str | None, as_json: bool) -> None:
    """Baseline an existing database: record its current revision without running anything.

    Use this for a database that was created without the migrations. Its schema must equal the one that a revision
    creates.

    Example: seedbed migrate adopt -e production
    """
    from seedbed.migrations.apply.baseline import adopt as adopt_database
    from seedbed.postgres.database import resolve_database

    chosen = configuration(ctx, env)
    adopted = adopt_database(chosen, resolve_database(chosen), revision=at)
    show(adopted, as_json=as_json, lines=[f"{adopted.database} is now at {adopted.revision}."])


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
