"""Pending revisions run on a throw-away database, to say beforehand what they do to those who use the target."""

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from seedbed.errors import DowngradeFailure, HazardsNotAllowed, IrreversibleRevision, RevisionFailure
from seedbed.migrations.apply.plan import UpgradePlan
from seedbed.migrations.apply.upgrade import format_downgrade_target, migrate_to
from seedbed.migrations.hazards.observed_revision import ObservedRevision
from seedbed.migrations.hazards.rules import Hazard, find_hazards
from seedbed.migrations.hazards.trace import trace_statements
from seedbed.migrations.history.revisions import Revision, find_irreversible_reason
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.driver_errors import get_server_message
from seedbed.postgres.shadow_database import shadow_database
from seedbed.settings import Configuration

_NOTE = re.compile(r"#\s*seedbed:\s*allow\s+([a-z-]+(?:\s*,\s*[a-z-]+)*)")
_BYTES_A_ROW = 100
_ROWS = f"""
SELECT CASE WHEN n.nspname = 'public' THEN '' ELSE n.nspname || '.' END || c.relname,
       greatest(c.reltuples, pg_relation_size(c.oid) / {_BYTES_A_ROW})::bigint
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
"""


@dataclass(frozen=True)
class RevisionAssessment:
    """A revision, its statements as they ran, and what is dangerous about them."""

    revision: Revision
    statements: tuple[str, ...]
    hazards: tuple[Hazard, ...]


def assess_upgrade(configuration: Configuration, database: Database, plan: UpgradePlan) -> list[RevisionAssessment]:
    """Run what is pending on a throw-away database and look at it; of the target, row counts alone are asked.

    Rows are estimated from PostgreSQL's statistics, or from a table's size where these are older.

    Raises:
        RevisionFailure: one does not run on a database without rows.
        NoShadowServer, DatabaseUnreachable: there is no server for throw-away databases.
    """
    return _looked_at(configuration, database, plan.revision, [(revision, revision.id) for revision in plan.pending])


def assess_downgrade(
    configuration: Configuration, database: Database, revision: str | None, revisions: Sequence[Revision]
) -> list[RevisionAssessment]:
    """The same of revisions that are to be undone, the newest of them first, from where the database is.

    Raises:
        IrreversibleRevision, DowngradeFailure: one has no way back, or its downgrade does not run on a database without rows.
        As `assess_upgrade` does, otherwise.
    """
    return _looked_at(
        configuration, database, revision, [(revision, format_downgrade_target(revision)) for revision in revisions]
    )


def format_sql_lines(assessments: Sequence[RevisionAssessment]) -> list[str]:
    """The statements of revisions; what a loop sends is said once, with how often it was sent."""
    lines: list[str] = []
    for one in assessments:
        lines.append(f"-- {one.revision.id} {one.revision.message}")
        for statement, same in groupby(one.statements):
            times = len(list(same))
            lines.append(f"{statement};{f'  -- {times} times' if times > 1 else ''}")
    return lines


def refuse_unallowed_hazards(
    database: str, assessments: Sequence[RevisionAssessment], allowed: Collection[str], *, down: bool = False
) -> None:
    """See that whatever destroys was allowed, by an option or by a note in its revision: `# seedbed: allow truncate`.

    A note is about the revision's upgrade, so it allows nothing on the way `down`.

    Raises:
        HazardsNotAllowed: with what was not.
    """
    missing = [
        (hazard.rule, hazard.sentence)
        for one in assessments
        for hazard in one.hazards
        if hazard.destructive and hazard.rule not in {*allowed, *(() if down else read_allowed_rules(one.revision))}
    ]
    if missing:
        raise HazardsNotAllowed(
            database, [said for _, said in missing], sorted({rule for rule, _ in missing}), is_downgrade=down
        )


def read_allowed_rules(revision: Revision) -> set[str]:
    """The rules that the revision's own notes allow."""
    notes = _NOTE.findall(revision.file.read_text(encoding="utf-8"))
    return {word.strip() for note in notes for word in note.split(",")}


def _looked_at(
    configuration: Configuration, database: Database, at: str | None, steps: Sequence[tuple[Revision, str]]
) -> list[RevisionAssessment]:
    with connect(database) as target:
        rows = {str(name): int(count) for name, count in target.execute(text(_ROWS)).all()}
    with shadow_database(configuration) as shadow, connect(shadow) as connection:
        if at is not None:
            migrate_to(configuration.project, connection, at)
        return [_assessed(configuration, connection, revision, target, rows) for revision, target in steps]


def _assessed(
    configuration: Configuration, connection: Connection, revision: Revision, target: str, rows: Mapping[str, int]
) -> RevisionAssessment:
    try:
        with trace_statements(connection, revision.id, configuration.project.version_table) as trace:
            migrate_to(configuration.project, connection, target)
    except DBAPIError as error:
        if target != revision.id:
            raise DowngradeFailure(revision.id, get_server_message(error), undone=()) from error
        raise RevisionFailure(revision.id, get_server_message(error), applied=()) from error
    except RuntimeError as error:
        raise IrreversibleRevision(revision.id, str(error)) from error
    found = find_hazards(ObservedRevision(trace, rows, is_irreversible=find_irreversible_reason(revision) is not None))
    return RevisionAssessment(revision, tuple(s.sql.strip().removesuffix(";") for s in trace.statements), tuple(found))
