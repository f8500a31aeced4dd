"""The change to an existing env.py that makes it accept Seedbed's connection."""

import ast
from textwrap import indent

_RUN_ENVIRONMENT = """\
    from seedbed.migrations import environment

    environment.run()
"""
_HAS_CONNECTION = 'context.config.attributes.get("connection") is not None:  # passed by Seedbed\n'


def add_shared_connection(source: str) -> str | None:
    """Return an env.py that uses a connection that is passed to it, and behaves as before without one.

    If it distinguishes offline from online mode, a third branch is added between them. Otherwise its last statement,
    which usually runs everything, moves into the `else` branch. `seedbed` is imported only if Seedbed passes a
    connection, so a deployment with plain Alembic does not need it. Flask-Migrate's env.py uses the application at
    once, which does not exist when Seedbed runs it: there, everything after the imports moves into the `else` branch.
    Returns None if there is no `context` or no such statement.
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
    changed = _insert_branch(tree, lines, is_flask_migrate="current_app" in names)
    return changed.replace("\n", "\r\n") if changed is not None and crlf else changed


def _insert_branch(tree: ast.Module, lines: list[str], *, is_flask_migrate: bool) -> str | None:
    last = tree.body[-1]
    if is_flask_migrate:
        last = next((node for node in tree.body if not _is_preamble(node)), last)
    for node in reversed(tree.body):
        if not is_flask_migrate and isinstance(node, ast.If) and _tests_offline_mode(node.test):
            end = node.body[-1].end_lineno or 0
            return _join_if_valid([*lines[:end], f"elif {_HAS_CONNECTION}", _RUN_ENVIRONMENT, *lines[end:]])
    if not is_flask_migrate and isinstance(
        last, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Import | ast.ImportFrom
    ):
        return None
    start, end = last.lineno - 1, len(lines) if is_flask_migrate else last.end_lineno or 0
    before = indent("".join(lines[start:end]), "    ")
    return _join_if_valid([*lines[:start], f"if {_HAS_CONNECTION}", _RUN_ENVIRONMENT, "else:\n", before, *lines[end:]])


def _is_preamble(node: ast.stmt) -> bool:
    return isinstance(node, ast.Import | ast.ImportFrom) or (
        isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
    )


def uses_async(source: str) -> bool:
    return any(isinstance(node, ast.AsyncFunctionDef) for node in ast.walk(ast.parse(source)))


def _tests_offline_mode(test: ast.expr) -> bool:
    return isinstance(test, ast.Call) and isinstance(test.func, ast.Attribute) and test.func.attr == "is_offline_mode"


def _join_if_valid(lines: list[str]) -> str | None:
    text = "".join(lines)
    try:
        ast.parse(text)
    except SyntaxError:
        return None
    return text
