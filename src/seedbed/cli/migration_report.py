"""Lines that `seedbed migrate` prints about revisions, hazards, rehearsals and environments."""

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any, TypeVar

import click

from seedbed.cli.options import columns, step

if TYPE_CHECKING:
    from seedbed.migrations.apply.downgrade import UndoneRevisions
    from seedbed.migrations.apply.upgrade import AppliedRevisions
    from seedbed.migrations.checks.environment_status import EnvironmentStatus
    from seedbed.migrations.hazards.assessment import RevisionAssessment
    from seedbed.migrations.hazards.rehearsal import Rehearsal
    from seedbed.migrations.hazards.rules import Hazard
    from seedbed.migrations.history.revisions import Revision

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


def look_for_hazards(
    assess: "Callable[[], list[RevisionAssessment]]", *, required: bool = False
) -> "list[RevisionAssessment]":
    """What is dangerous about revisions; where there is no server to see it on, that is an error or a mere warning."""
    from seedbed.errors import NoShadowServer

    try:
        with step("Checking for hazards"):
            return assess()
    except NoShadowServer as error:
        if required:
            raise
        click.echo(f"Warning: hazards were not checked. {error.message} {error.remedy}", err=True)
        return []


def revision_lines(revisions: "Iterable[Revision]") -> list[str]:
    return columns([(one.id, one.message + (" (after the deploy)" if one.is_contract else "")) for one in revisions])


def applied_line(applied: "AppliedRevisions") -> str:
    """The summary of an upgrade, in one line."""
    if not applied.applied:
        return f"{applied.database} is at {applied.revision or 'no revision'} already."
    count = len(applied.applied)
    what = "1 revision" if count == 1 else f"{count} revisions"
    return f"{applied.database} is at {applied.revision}: {what} applied in {applied.seconds:.1f} s."


def undone_line(undone: "UndoneRevisions") -> str:
    """The summary of a downgrade, in one line."""
    count = len(undone.undone)
    what = "1 revision" if count == 1 else f"{count} revisions"
    return f"{undone.database} is at {undone.revision or 'no revision'}: {what} undone in {undone.seconds:.1f} s."


def hazard_lines(hazards: "Iterable[Hazard]") -> list[str]:
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


def rehearsal_lines(rehearsal: "Rehearsal") -> list[str]:
    """The verdict, a table of the statements, and the downgrade's result."""
    rows = [
        (
            f"{one.seconds * 1000:.0f} ms",
            str(one.row_count or "-"),
            f"{one.wal_bytes / 1024:.0f} kB",
            ", ".join(f"{mode.removesuffix('Lock')} on {table}" for table, mode in one.locks.items()) or "-",
            ", ".join([*(f"rewrites {t}" for t in one.rewrites), *(f"reads all {t}" for t in one.scans)]) or "-",
            one.sql,
        )
        for one in rehearsal.steps
    ]
    table = columns([("time", "rows", "WAL", "locks", "rewrite/scan", "statement"), *rows])
    return [rehearsal.verdict, "", *table, "", f"downgrade: {rehearsal.downgrade}"]


def survey_lines(surveyed: "Sequence[EnvironmentStatus]") -> list[str]:
    head = ("environment", "database", "mark", "revision", "pending", "drift", "last applied")
    rows = [
        (
            one.environment,
            one.database,
            one.mark or "-",
            one.revision or "-",
            _known(one.pending_count),
            _known(one.drift_count),
            one.problem or (one.applied_at.strftime("%Y-%m-%d %H:%M %Z") if one.applied_at else "-"),
        )
        for one in surveyed
    ]
    return columns([head, *rows])


def _known(count: int | None) -> str:
    return "-" if count is None else str(count)
