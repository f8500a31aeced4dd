"""What `seedbed migrate` prints of revisions, hazards, rehearsals and environments, as lines for a person."""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from seedbed.cli.options import columns

if TYPE_CHECKING:
    from seedbed.migrating.applying import Applied
    from seedbed.migrating.hazards import Hazard
    from seedbed.migrating.history import Revision
    from seedbed.migrating.rehearsing import Rehearsal
    from seedbed.migrating.surveying import Surveyed


def revision_lines(revisions: "Iterable[Revision]") -> list[str]:
    return columns([(one.id, one.message + (" (after the deploy)" if one.contract else "")) for one in revisions])


def applied_line(applied: "Applied") -> str:
    """The one line that sums an apply up."""
    if not applied.revisions:
        return f"{applied.database} is at {applied.revision or 'no revision'} already."
    count = len(applied.revisions)
    what = "1 revision" if count == 1 else f"{count} revisions"
    return f"{applied.database} is at {applied.revision}: {what} applied in {applied.seconds:.1f} s."


def hazard_lines(hazards: "Iterable[Hazard]") -> list[str]:
    """Three lines for each: where, what of it, and what to do instead."""
    return [
        line
        for hazard in hazards
        for line in (
            f"{hazard.rule}: {hazard.at} ({hazard.revision})",
            f"    {', '.join(hazard.effects)}: {hazard.says}.",
            f"    {hazard.workaround}",
        )
    ]


def rehearsal_lines(rehearsal: "Rehearsal") -> list[str]:
    """The verdict, then a table of the statements, then the way back."""
    rows = [
        (
            f"{one.seconds * 1000:.0f} ms",
            str(one.rows or "-"),
            f"{one.wal_bytes / 1024:.0f} kB",
            ", ".join(f"{mode.removesuffix('Lock')} on {table}" for table, mode in one.locks.items()) or "-",
            ", ".join([*(f"rewrites {t}" for t in one.rewrites), *(f"reads all {t}" for t in one.scans)]) or "-",
            one.sql,
        )
        for one in rehearsal.steps
    ]
    table = columns([("took", "rows", "log", "locks", "work", "statement"), *rows])
    return [rehearsal.verdict, "", *table, "", f"way back: {rehearsal.way_back}"]


def survey_lines(surveyed: "Sequence[Surveyed]") -> list[str]:
    head = ("environment", "database", "mark", "revision", "pending", "drift", "last applied")
    rows = [
        (
            one.environment,
            one.database,
            one.mark or "-",
            one.revision or "-",
            _known(one.pending),
            _known(one.drift),
            one.problem or (one.applied_at.strftime("%Y-%m-%d %H:%M %Z") if one.applied_at else "-"),
        )
        for one in surveyed
    ]
    return columns([head, *rows])


def _known(count: int | None) -> str:
    return "-" if count is None else str(count)
