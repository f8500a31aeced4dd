"""Seedbed's connection handed to a project's env.py, which must take it."""

import ast
import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import alembic.runtime.environment
from alembic.config import Config
from sqlalchemy import Connection

from seedbed.errors import UnsupportedEnvPy, EnvPyFailure, SeedbedError
from seedbed.migrations.history.revisions import build_alembic_config, find_script_directory
from seedbed.postgres.version_table import ensure_version_schema
from seedbed.schema.loader import failing_place, in_words
from seedbed.schema.stdout_capture import printed_aside
from seedbed.settings import Project

_OURS = "seedbed.migrations"

_RUNNING = frozenset({alembic.runtime.environment.__file__, str(Path(__file__).parents[1] / "environment.py")})
"""Where an env.py has come to its end: to Alembic's running of revisions, or to Seedbed's."""


@contextmanager
def share_connection(project: Project, connection: Connection) -> Iterator[Config]:
    """Alembic's configuration with a connection in it, for the length of a command.

    An env.py mostly sets up logging by alembic.ini, which silences every logger there is and takes the process's
    handlers away; at the end all of it is as it was. Meanwhile only warnings are heard.

    Raises:
        UnsupportedEnvPy: env.py would connect by itself, and migrate whatever that reaches.
        EnvPyFailure: env.py raised before it ran a revision.
    """
    require_connection_support(project)
    config = build_alembic_config(project)
    config.attributes["connection"] = connection
    ensure_version_schema(connection, project.version_table)
    with _undisturbed_logging(), printed_aside(), translate_env_errors(project):
        yield config


@contextmanager
def translate_env_errors(project: Project) -> Iterator[None]:
    """Say of what env.py itself raised, or a module that it imports, where that was.

    Raises:
        EnvPyFailure: it was before env.py ran a revision, or left that to Seedbed.
    """
    env = find_script_directory(project) / "env.py"
    try:
        yield
    except SeedbedError:
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        inside = [Path(frame.filename) == env for frame in frames]
        if not any(inside) or any(frame.filename in _RUNNING for frame in frames[inside.index(True) :]):
            raise
        raise EnvPyFailure(_shown(project, env), failing_place(project.root, error), in_words(error)) from error


def require_connection_support(project: Project) -> None:
    """See that the project's env.py takes the connection it is handed.

    Raises:
        UnsupportedEnvPy: it does not.
    """
    env = find_script_directory(project) / "env.py"
    if env.is_file() and not accepts_connection(env.read_text(encoding="utf-8")):
        raise UnsupportedEnvPy(_shown(project, env))


def _shown(project: Project, file: Path) -> Path:
    return file.relative_to(project.root) if file.is_relative_to(project.root) else file


def accepts_connection(source: str) -> bool:
    """Whether an env.py asks for `config.attributes["connection"]`, or leaves all of it to Seedbed."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(_OURS):
            return True
        if isinstance(node, ast.Import) and any(name.name.startswith(_OURS) for name in node.names):
            return True
        if isinstance(node, ast.Subscript) and _is_attributes(node.value) and _says_connection(node.slice):
            return True
        asks = isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_attributes(node.func.value)
        if asks and any(map(_says_connection, node.args)):  # type: ignore[attr-defined]
            return True
    return False


def _is_attributes(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "attributes"


def _says_connection(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value == "connection"


@contextmanager
def _undisturbed_logging() -> Iterator[None]:
    manager = logging.root.manager
    loggers = [logging.root, *(one for one in manager.loggerDict.values() if isinstance(one, logging.Logger))]
    before = [(one, one.disabled, one.level, one.propagate, list(one.handlers)) for one in loggers]
    threshold = manager.disable
    logging.disable(max(threshold, logging.INFO))
    try:
        yield
    finally:
        logging.disable(threshold)
        for one, disabled, level, propagate, handlers in before:
            one.disabled, one.propagate = disabled, propagate
            one.setLevel(level)
            one.handlers[:] = handlers
