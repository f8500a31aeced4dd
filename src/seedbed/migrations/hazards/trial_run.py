"""Run pending revisions on a temporary database, to find their hazards and losses before they are applied."""

import ast
import re
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

from sqlalchemy import Connection, text
from sqlalchemy.exc import DBAPIError

from seedbed.errors import DowngradeFailure, HazardsNotAllowed, IrreversibleRevision, RevisionFailure, SeedbedError
from seedbed.migrations.apply.plan import UpgradePlan
from seedbed.migrations.apply.upgrade import format_downgrade_target, migrate_to
from seedbed.migrations.hazards.rules import Effect, Hazard, find_hazards
from seedbed.migrations.hazards.trace import ObservedRevision, trace_statements
from seedbed.migrations.history.revisions import Revision, find_irreversible_reason
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.driver_errors import get_server_message
from seedbed.postgres.shadow_database import shadow_database
from seedbed.settings import Configuration

_NOTE = re.compile(r"#\s*seedbed:\s*allow\s+([a-z-]+(?:\s*,\s*[a-z-]+)*)")
_BYTES_PER_ROW = 100
_ROW_COUNTS = f"""
SELECT CASE WHEN n.nspname = 'public' THEN '' ELSE n.nspname || '.' END || c.relname,
       greatest(c.reltuples, pg_relation_size(c.oid) / {_BYTES_PER_ROW})::bigint
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE c.relkind IN ('r', 'p', 'm') AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
"""

_SAFE_OPERATIONS = frozenset(
    {
        "add_column", "autocommit_block", "create_check_constraint", "create_exclude_constraint", "create_foreign_key",
        "create_index", "create_primary_key", "create_table", "create_table_comment", "create_unique_constraint", "f",
        "get_context", "rename_table",
    }
)  # fmt: skip
"""Functions of `op` that keep every value."""
_TYPE_MODULES = frozenset({"sa", "sqlalchemy", "sqlmodel", "postgresql"})
_SAFE_SQL = re.compile(
    r"\s*(CREATE|COMMENT\s+ON|GRANT|ALTER\s+TABLE\s+[\w.\"]+\s+(ADD|VALIDATE|RENAME))\b", re.IGNORECASE
)
_LOSSY_SQL = re.compile(r"\b(DROP|TRUNCATE|DELETE|UPDATE|MERGE|TYPE)\b", re.IGNORECASE)


@dataclass(frozen=True)
class RevisionAssessment:
    """A revision, its statements as they ran, and their hazards."""

    revision: Revision
    statements: tuple[str, ...]
    hazards: tuple[Hazard, ...]


def assess_upgrade(configuration: Configuration, database: Database, plan: UpgradePlan) -> list[RevisionAssessment]:
    """Run the pending revisions on a temporary database and return their hazards. Of the target only row counts are
    read.

    The row counts are estimates from PostgreSQL's statistics, or from the size of a table where it has outgrown them.

    Raises:
        RevisionFailure: a revision fails on a database without rows.
        NoShadowServer, DatabaseUnreachable: no server for temporary databases is available.
    """
    return _assess(configuration, database, plan.revision, [(revision, revision.id) for revision in plan.pending])


def assess_downgrade(
    configuration: Configuration, database: Database, revision: str | None, revisions: Sequence[Revision]
) -> list[RevisionAssessment]:
    """Run the downgrades of revisions on a temporary database, the newest first, and return their hazards.

    Raises:
        IrreversibleRevision: a revision cannot be undone.
        DowngradeFailure: a downgrade fails on a database without rows.
        Otherwise, the errors of `assess_upgrade`.
    """
    return _assess(
        configuration, database, revision, [(revision, format_downgrade_target(revision)) for revision in revisions]
    )


def format_sql_lines(assessments: Sequence[RevisionAssessment]) -> list[str]:
    """Return the statements of revisions, one a line. A repeated statement is listed once, with its count."""
    lines: list[str] = []
    for assessment in assessments:
        lines.append(f"-- {assessment.revision.id} {assessment.revision.message}")
        for statement, repeats in groupby(assessment.statements):
            count = len(list(repeats))
            lines.append(f"{statement};{f'  -- {count} count' if count > 1 else ''}")
    return lines


def refuse_unallowed_hazards(
    database: str, assessments: Sequence[RevisionAssessment], allowed: Collection[str], *, is_downgrade: bool = False
) -> None:
    """Check that every destructive hazard is allowed, by an option or by `# seedbed: allow RULE` in its revision.

    Such a note applies to the upgrade only, so it allows nothing for a downgrade.

    Raises:
        HazardsNotAllowed: with the hazards that are not allowed.
    """
    unallowed = [
        (hazard.rule, hazard.sentence)
        for assessment in assessments
        for hazard in assessment.hazards
        if hazard.destructive
        and hazard.rule not in {*allowed, *(() if is_downgrade else read_allowed_rules(assessment.revision))}
    ]
    if unallowed:
        raise HazardsNotAllowed(
            database,
            [sentence for _, sentence in unallowed],
            sorted({rule for rule, _ in unallowed}),
            is_downgrade=is_downgrade,
        )


def read_allowed_rules(revision: Revision) -> set[str]:
    """Return the rules that the notes of a revision allow."""
    notes = _NOTE.findall(revision.file.read_text(encoding="utf-8"))
    return {word.strip() for note in notes for word in note.split(",")}


def _assess(
    configuration: Configuration, database: Database, current: str | None, targets: Sequence[tuple[Revision, str]]
) -> list[RevisionAssessment]:
    with connect(database) as target:
        row_counts = {str(name): int(count) for name, count in target.execute(text(_ROW_COUNTS)).all()}
    with shadow_database(configuration) as shadow, connect(shadow) as connection:
        if current is not None:
            migrate_to(configuration.project, connection, current)
        return [
            _assess_revision(configuration, connection, revision, target, row_counts) for revision, target in targets
        ]


def _assess_revision(
    configuration: Configuration, connection: Connection, revision: Revision, target: str, row_counts: Mapping[str, int]
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
    hazards = find_hazards(
        ObservedRevision(trace, row_counts, is_irreversible=find_irreversible_reason(revision) is not None)
    )
    return RevisionAssessment(
        revision, tuple(s.sql.strip().removesuffix(";") for s in trace.statements), tuple(hazards)
    )


def report_losses(
    configuration: Configuration, database: Database, plan: UpgradePlan, report: Callable[[str], None]
) -> tuple[Hazard, ...]:
    """Report what the pending revisions lose, and return it.

    For this they run on a temporary database, unless nothing can be lost: the database has no revision yet, or the
    revisions only add objects. If the revisions cannot be run, that is a warning and no error, because nobody asked for
    the report.
    """
    if plan.revision is None or not any(may_lose_data(revision) for revision in plan.pending):
        return ()
    try:
        losses = select_losses(assess_upgrade(configuration, database, plan))
    except SeedbedError as error:
        report(f"Warning: it is not known which data the revisions lose. {error.message}")
        return ()
    for line in format_losses(losses):
        report(line)
    return losses


def select_losses(assessments: Sequence[RevisionAssessment]) -> tuple[Hazard, ...]:
    """Return the hazards that lose data.

    A contract revision is drafted with a comment that allows the rule where its values are in another column.
    """
    return tuple(
        hazard
        for assessment in assessments
        for hazard in assessment.hazards
        if Effect.LOSES_DATA in hazard.effects
        and not (assessment.revision.is_contract and hazard.rule in read_allowed_rules(assessment.revision))
    )


def format_losses(losses: Sequence[Hazard]) -> list[str]:
    """Return a heading and a line for each loss, or nothing where there is none."""
    return ["Data is lost:", *(f"  {hazard.rule}: {hazard.sentence}" for hazard in losses)] if losses else []


def may_lose_data(revision: Revision) -> bool:
    """Return whether a revision's upgrade does anything that is not known to keep every value."""
    tree = ast.parse(revision.file.read_text(encoding="utf-8"))
    upgrade = next((node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "upgrade"), None)
    return upgrade is None or not all(map(_keeps_values, _find_calls(upgrade)))


def _find_calls(function: ast.FunctionDef) -> Iterator[ast.Call]:
    return (node for node in ast.walk(function) if isinstance(node, ast.Call))


def _keeps_values(call: ast.Call) -> bool:
    name = ast.unparse(call.func)
    root, _, last = name.partition(".")
    if name == "op.execute":
        sql = call.args[0] if call.args else None
        if not isinstance(sql, ast.Constant) or not isinstance(sql.value, str):
            return False
        return _SAFE_SQL.match(sql.value) is not None and _LOSSY_SQL.search(sql.value) is None
    return root in _TYPE_MODULES or (root == "op" and last.rpartition(".")[2] in _SAFE_OPERATIONS)
