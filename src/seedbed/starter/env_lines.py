"""The lines by which a project's own env.py takes Seedbed's connection."""

import ast
from textwrap import indent

_TAKEN = """\
    from seedbed.migrating import environment

    environment.run()
"""
_HANDED = 'context.config.attributes.get("connection") is not None:  # Seedbed hands over its own\n'


def with_our_connection(source: str) -> str | None:
    """An env.py that runs on the connection it is handed, and goes on as before where there is none.

    Where it parts offline from online, a third way is put between; otherwise its last statement, which mostly runs
    everything, becomes the other way. `seedbed` is imported only when Seedbed has called, so that a deployment that
    runs plain Alembic need not have it. None where there is no `context` or no such statement.
    """
    tree = ast.parse(source)
    names = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    if "context" not in names or not tree.body:
        return None
    lines = source.splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    last = tree.body[-1]
    for node in reversed(tree.body):
        if isinstance(node, ast.If) and _asks_whether_offline(node.test):
            end = node.body[-1].end_lineno or 0
            return _valid([*lines[:end], f"elif {_HANDED}", _TAKEN, *lines[end:]])
    if isinstance(last, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom):
        return None
    start, end = last.lineno - 1, last.end_lineno or 0
    before = indent("".join(lines[start:end]), "    ")
    return _valid([*lines[:start], f"if {_HANDED}", _TAKEN, "else:\n", before, *lines[end:]])


def is_asynchronous(source: str) -> bool:
    return any(isinstance(node, ast.AsyncFunctionDef) for node in ast.walk(ast.parse(source)))


def _asks_whether_offline(test: ast.expr) -> bool:
    return isinstance(test, ast.Call) and isinstance(test.func, ast.Attribute) and test.func.attr == "is_offline_mode"


def _valid(lines: list[str]) -> str | None:
    text = "".join(lines)
    try:
        ast.parse(text)
    except SyntaxError:
        return None
    return text
