"""Options and output lines that the migrate commands share."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from seedbed.cli.options import columns, step

if TYPE_CHECKING:
    from seedbed.migrations.apply.downgrade import UndoneRevisions
    from seedbed.migrations.apply.plan import UpgradePlan
    from seedbed.migrations.apply.upgrade import AppliedRevisions
    from seedbed.migrations.checks.status import EnvironmentStatus, RevisionStatus
    from seedbed.migrations.hazards.rehearsal import Rehearsal
    from seedbed.migrations.hazards.rules import Hazard
    from seedbed.migrations.hazards.trial_run import RevisionAssessment
    from seedbed.migrations.history.revisions import Revision
    from seedbed.postgres.database import Database
    from seedbed.settings import Configuration

F = TypeVar("F", bound=Callable[..., Any])


def lock_options(command: F) -> F:
    """Add `--lock-timeout` and `--tries` to a command that migrates."""
    timeout = click.option(
        "--lock-timeout",
        type=click.IntRange(min=1),
        default=1000,
        show_default=True,
        metavar="MS",
        help="How long a statement may wait for a lock (and block others behind it) before a retry.",
    )
    tries = click.option(
        "--tries",
        type=click.IntRange(min=1),
        default=20,
        show_default=True,
        help="Attempts per revision before giving up.",
    )
    return timeout(tries(command))


def assess_plan(
    settings: "Configuration", database: "Database", upgrade: "UpgradePlan", *, required: bool = False
) -> "list[RevisionAssessment]":
    """Assess the pending revisions, if any, as `check_hazards` does."""
    from seedbed.migrations.hazards.trial_run import assess_upgrade

    if not upgrade.pending:
        return []
    return check_hazards(lambda: assess_upgrade(settings, database, upgrade), required=required)


def check_hazards(
    assess: "Callable[[], list[RevisionAssessment]]", *, required: bool = False
) -> "list[RevisionAssessment]":
    """Assess revisions. Without a shadow server, print a warning and return nothing, unless `required`.

    Raises:
        NoShadowServer: there is no server for temporary databases, and the assessment is required.
    """
    from seedbed.errors import NoShadowServer

    try:
        with step("Checking for hazards"):
            return assess()
    except NoShadowServer as error:
        if required:
            raise
        click.echo(f"Warning: hazards were not checked. {error.message} {error.remedy}", err=True)
        return []


def format_revisions(revisions: "Iterable[Revision]") -> list[str]:
    """One line for each revision."""
    return columns(
        [
            (revision.id, revision.message + (" (after the deploy)" if revision.is_contract else ""))
            for revision in revisions
        ]
    )


def format_edited(upgrade: "UpgradePlan") -> list[str]:
    """The error about revisions that were edited after they were applied, in two lines; nothing if there are none."""
    from seedbed.errors import EditedAppliedRevision

    if not upgrade.edited:
        return []
    error = EditedAppliedRevision([revision.id for revision in upgrade.edited], upgrade.database)
    return [f"{error.code} {error.message}", error.remedy]


def format_up_to_date(database: str, revision: str | None) -> str:
    return f"{database} is up to date ({revision or 'no revision'})."


def format_applied(applied: "AppliedRevisions") -> str:
    """The summary of an upgrade, in one line."""
    if not applied.applied:
        return format_up_to_date(applied.database, applied.revision)
    count = _count(applied.applied)
    return f"{applied.database} is at {applied.revision}: {count} applied in {applied.seconds:.1f} s."


def format_held_back(revisions: "Sequence[Revision]") -> list[str]:
    """Contract revisions that were not applied, and when to apply them."""
    if not revisions:
        return []
    count = "1 contract revision" if len(revisions) == 1 else f"{len(revisions)} contract revisions"
    command = "seedbed migrate apply --contract"
    return [
        f"{count} held back. After the new code is deployed everywhere, run: {command}",
        *(f"  {line}" for line in format_revisions(revisions)),
    ]


def format_undone(undone: "UndoneRevisions") -> str:
    """The summary of a downgrade, in one line."""
    count = _count(undone.undone)
    return f"{undone.database} is at {undone.revision or 'no revision'}: {count} undone in {undone.seconds:.1f} s."


def format_hazards(hazards: "Iterable[Hazard]") -> list[str]:
    """Three lines for each hazard: its location, its effects and the remedy."""
    return [
        line
        for hazard in hazards
        for line in (
            f"{hazard.rule}: {hazard.location} ({hazard.revision})",
            f"    {', '.join(hazard.effects)}: {hazard.message}.",
            f"    {hazard.remedy}",
        )
    ]


def format_rehearsal(rehearsal: "Rehearsal") -> list[str]:
    """The verdict, a table of the statements, and the downgrade's result."""
    rows = [
        (
            f"{statement.seconds * 1000:.0f} ms",
            str(statement.row_count or "-"),
            f"{statement.wal_bytes / 1024:.0f} kB",
            ", ".join(f"{mode.removesuffix('Lock')} on {table}" for table, mode in statement.locks.items()) or "-",
            ", ".join([*(f"rewrites {t}" for t in statement.rewrites), *(f"scans {t}" for t in statement.scans)])
            or "-",
            statement.sql,
        )
        for statement in rehearsal.steps
    ]
    table = columns([("time", "rows", "WAL", "locks", "rewrite/scan", "statement"), *rows])
    return [rehearsal.verdict, "", *table, "", f"downgrade: {rehearsal.downgrade}"]


def format_environments(statuses: "Sequence[EnvironmentStatus]") -> list[str]:
    """A table with one line for each environment."""
    header = ("environment", "database", "mark", "revision", "pending", "drift", "last applied")
    rows = [
        (
            status.environment,
            status.database,
            status.mark or "-",
            status.revision or "-",
            _format_count(status.pending_count),
            _format_count(status.drift_count),
            status.problem or (status.applied_at.strftime("%Y-%m-%d %H:%M %Z") if status.applied_at else "-"),
        )
        for status in statuses
    ]
    return columns([header, *rows])


def _count(revisions: "Sequence[Revision]") -> str:
    return "1 revision" if len(revisions) == 1 else f"{len(revisions)} revisions"


def _format_count(count: int | None) -> str:
    return "-" if count is None else str(count)


def format_history(revisions: "Sequence[RevisionStatus]") -> list[str]:
    """Format revisions as a table with a header. There is no header without revisions."""
    rows = [
        (
            revision.id,
            f"{revision.applied_at.astimezone():%Y-%m-%d %H:%M}" if revision.applied_at else revision.state,
            f"{revision.message}{' (contract)' if revision.is_contract else ''}",
        )
        for revision in revisions
    ]
    return columns([("REVISION", "APPLIED", "MESSAGE"), *rows]) if rows else []
