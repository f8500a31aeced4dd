"""The Alembic setup of an existing project: its histories, and the change to env.py for Seedbed's connection."""

import ast
import configparser
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from textwrap import indent
from typing import Any

from seedbed.schema.static_analysis import find_python_files

DEFAULT_SECTION = "alembic"

_SEPARATORS = re.compile(r"[\s,:;]+")

_KEYS = ("script_location", "version_locations", "prepend_sys_path")

_RUN_ENVIRONMENT = """\
    from seedbed.migrations import environment

    environment.run()
"""
_HAS_CONNECTION = 'context.config.attributes.get("connection") is not None:  # passed by Seedbed\n'


@dataclass(frozen=True)
class HistoryLocation:
    """A configuration file, and the directories that it names: of env.py, of the revisions, and for `sys.path`.

    Only `alembic -n` reads a `section` other than the default one.
    """

    file: Path
    script_location: Path
    version_directories: tuple[Path, ...]
    import_paths: tuple[Path, ...]
    section: str = DEFAULT_SECTION


def find_histories(folder: Path) -> list[HistoryLocation]:
    """Find the histories in a directory, each once.

    If several files name the same history, such as one per database, alembic.ini counts. As with Alembic, alembic.ini
    takes precedence over pyproject.toml in the same directory.
    """
    directories = {file.parent for file in find_python_files(folder)} | {folder}
    candidates = {
        *directories,
        *(parent for directory in directories for parent in directory.parents if parent.is_relative_to(folder)),
    }
    histories: dict[Path, HistoryLocation] = {}
    for directory in sorted(candidates):
        config_files = sorted(directory.glob("*.ini"), key=lambda file: (file.name != "alembic.ini", file.name))
        for file in (*config_files, directory / "pyproject.toml"):
            if file.suffix != ".toml":
                locations = list(_read_ini(file))
            elif any(history.file.parent == directory for history in histories.values()):
                locations = []
            else:
                locations = list(_read_pyproject(file))
            for location in locations:
                histories.setdefault(location.script_location.resolve(), location)
    return sorted(histories.values(), key=lambda location: (location.file, location.section))


def _read_ini(file: Path) -> Iterator[HistoryLocation]:
    parser = configparser.ConfigParser({"here": str(file.parent)})
    try:
        parser.read_string(file.read_text(encoding="utf-8"))
        sections = {name: {key: parser.get(name, key, fallback="") for key in _KEYS} for name in parser.sections()}
    except (configparser.Error, ValueError, OSError):
        return
    if DEFAULT_SECTION not in sections:
        return
    if not sections[DEFAULT_SECTION]["script_location"] and (file.parent / "env.py").is_file():
        sections = {DEFAULT_SECTION: sections[DEFAULT_SECTION] | {"script_location": "."}}
    elif sections[DEFAULT_SECTION]["script_location"]:
        sections = {DEFAULT_SECTION: sections[DEFAULT_SECTION]}
    for name, options in sections.items():
        if location := options["script_location"]:
            versions = [path for path in _SEPARATORS.split(options["version_locations"]) if path]
            paths = [path for path in _SEPARATORS.split(options["prepend_sys_path"]) if path] or ["."]
            yield _locate(file, location, versions, paths, section=name)


def _read_pyproject(file: Path) -> Iterator[HistoryLocation]:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))["tool"]["alembic"]
        location = table["script_location"].replace("%(here)s", str(file.parent))
        yield _locate(file, location, *(list(_expand(file, table.get(name, []))) for name in _KEYS[1:]))
    except (OSError, KeyError, TypeError, AttributeError, ValueError):
        return


def _expand(file: Path, value: Any) -> Iterator[str]:
    for path in [value] if isinstance(value, str) else value:
        yield str(path).replace("%(here)s", str(file.parent))


def _locate(
    file: Path, location: str, versions: list[str], paths: list[str], *, section: str = DEFAULT_SECTION
) -> HistoryLocation:
    folder = file.parent / location.replace(":", "/")
    return HistoryLocation(
        file,
        folder,
        tuple(file.parent / path for path in versions) or (folder / "versions",),
        tuple(file.parent / path for path in paths),
        section,
    )


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
