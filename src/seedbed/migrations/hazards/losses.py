"""Report the data that pending revisions would lose, before they are applied."""

import ast
import re
from collections.abc import Callable, Iterator, Sequence

from seedbed.errors import SeedbedError
from seedbed.migrations.apply.plan import UpgradePlan
from seedbed.migrations.hazards.assessment import RevisionAssessment, assess_upgrade, read_allowed_rules
from seedbed.migrations.hazards.rules import Effect, Hazard
from seedbed.migrations.history.revisions import Revision
from seedbed.postgres.database import Database
from seedbed.settings import Configuration

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
