"""Revisions that say that they have no way back."""

import ast

from seedbed.migrations.history.revisions import Revision


def find_forward_only_reason(revision: Revision) -> str | None:
    """Return why a revision has no way back, or None where it has one: its `downgrade` does nothing but raise then.

    The reason is empty where it is not written out there.
    """
    for node in ast.parse(revision.file.read_bytes()).body:
        if isinstance(node, ast.FunctionDef) and node.name == "downgrade":
            steps = [step for step in node.body if not isinstance(step, ast.Expr)]
            if steps and isinstance(steps[0], ast.Raise):
                return _text(steps[0].exc)
    return None


def _text(raised: ast.expr | None) -> str:
    arguments = raised.args if isinstance(raised, ast.Call) else []
    words = [one.value for one in arguments if isinstance(one, ast.Constant) and isinstance(one.value, str)]
    return " ".join(words)
