"""What pending revisions would lose of a database's data, said before they are applied."""

import ast
import re
from collections.abc import Callable, Iterator, Sequence

from seedbed.errors import SeedbedError
from seedbed.migrations.apply.plan import UpgradePlan
from seedbed.migrations.hazards.assessment import RevisionAssessment, read_allowed_rules, assess_upgrade
from seedbed.migrations.hazards.rules import Effect, Hazard
from seedbed.migrations.history.revisions import Revision
from seedbed.postgres.database import Database
from seedbed.settings import Configuration

_ADDING = frozenset(
    {
        "add_column", "autocommit_block", "create_check_constraint", "create_exclude_constraint", "create_foreign_key",
        "create_index", "create_primary_key", "create_table", "create_table_comment", "create_unique_constraint", "f",
        "get_context", "rename_table",
    }
)  # fmt: skip
"""What `op` offers that leaves every value where it is."""
_TYPES = frozenset({"sa", "sqlalchemy", "sqlmodel", "postgresql"})
_ADDING_SQL = re.compile(
    r"\s*(CREATE|COMMENT\s+ON|GRANT|ALTER\s+TABLE\s+[\w.\"]+\s+(ADD|VALIDATE|RENAME))\b", re.IGNORECASE
)
_TAKING_SQL = re.compile(r"\b(DROP|TRUNCATE|DELETE|UPDATE|MERGE|TYPE)\b", re.IGNORECASE)


def report_losses(
    configuration: Configuration, database: Database, plan: UpgradePlan, say: Callable[[str], None]
) -> tuple[Hazard, ...]:
    """Say what the pending revisions lose, and return it.

    They run on a throw-away database for it, unless there is nothing to lose: the database has no revision yet, or the
    revisions only add. Revisions that cannot be looked at are no error, since nobody asked: a warning is said.
    """
    if plan.revision is None or not any(may_lose_data(revision) for revision in plan.pending):
        return ()
    try:
        found = select_losses(assess_upgrade(configuration, database, plan))
    except SeedbedError as error:
        say(f"Warning: what the revisions lose is not known. {error.message}")
        return ()
    for line in format_losses(found):
        say(line)
    return found


def select_losses(assessed: Sequence[RevisionAssessment]) -> tuple[Hazard, ...]:
    """The hazards that lose data. A contract revision is drafted with a note where its values are in another column."""
    return tuple(
        hazard
        for one in assessed
        for hazard in one.hazards
        if Effect.LOSES_DATA in hazard.effects
        and not (one.revision.is_contract and hazard.rule in read_allowed_rules(one.revision))
    )


def format_losses(found: Sequence[Hazard]) -> list[str]:
    """A heading, and a line for each loss; nothing where there is none."""
    return ["Data is lost:", *(f"  {hazard.rule}: {hazard.sentence}" for hazard in found)] if found else []


def may_lose_data(revision: Revision) -> bool:
    """Whether a revision's upgrade does anything that is not known to leave every value where it is."""
    tree = ast.parse(revision.file.read_text(encoding="utf-8"))
    upgrade = next((one for one in tree.body if isinstance(one, ast.FunctionDef) and one.name == "upgrade"), None)
    return upgrade is None or not all(map(_adds, _calls(upgrade)))


def _calls(function: ast.FunctionDef) -> Iterator[ast.Call]:
    return (node for node in ast.walk(function) if isinstance(node, ast.Call))


def _adds(call: ast.Call) -> bool:
    name = ast.unparse(call.func)
    root, _, last = name.partition(".")
    if name == "op.execute":
        sql = call.args[0] if call.args else None
        if not isinstance(sql, ast.Constant) or not isinstance(sql.value, str):
            return False
        return _ADDING_SQL.match(sql.value) is not None and _TAKING_SQL.search(sql.value) is None
    return root in _TYPES or (root == "op" and last.rpartition(".")[2] in _ADDING)
