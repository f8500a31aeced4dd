"""The lines by which a project's own env.py takes Seedbed's connection."""

import ast
from textwrap import indent

_TAKEN = """\
    from seedbed.migrations import environment

    environment.run()
"""
_HANDED = 'context.config.attributes.get("connection") is not None:  # Seedbed hands over its own\n'


def with_our_connection(source: str) -> str | None:
    """An env.py that runs on the connection it is handed, and goes on as before where there is none.

    Where it parts offline from online, a third way is put between; otherwise its last statement, which mostly runs
    everything, becomes the other way. `seedbed` is imported only when Seedbed has called, so that a deployment that
    runs plain Alembic need not have it. Flask-Migrate's asks the application at once, which is not there when Seedbed
    calls: there, all that comes after the imports becomes the other way. None where there is no `context` or no such
    statement.
    """
    try:
        tree = ast.parse(source)
    except (SyntaxError, ValueError):
        return None
    names = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    if "context" not in names or not tree.body:
        return None
    crlf = "\r\n" in source
    lines = source.replace("\r\n", "\n").splitlines(keepends=True)
    if lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    changed = _changed(tree, lines, wholly="current_app" in names)
    return changed.replace("\n", "\r\n") if changed is not None and crlf else changed


def _changed(tree: ast.Module, lines: list[str], *, wholly: bool) -> str | None:
    last = tree.body[-1]
    if wholly:
        last = next((node for node in tree.body if not _opens(node)), last)
    for node in reversed(tree.body):
        if not wholly and isinstance(node, ast.If) and _asks_whether_offline(node.test):
            end = node.body[-1].end_lineno or 0
            return _valid([*lines[:end], f"elif {_HANDED}", _TAKEN, *lines[end:]])
    if not wholly and isinstance(
        last, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom
    ):
        return None
    start, end = last.lineno - 1, len(lines) if wholly else last.end_lineno or 0
    before = indent("".join(lines[start:end]), "    ")
    return _valid([*lines[:start], f"if {_HANDED}", _TAKEN, "else:\n", before, *lines[end:]])


def _opens(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


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
