"""Run a project's env.py on Seedbed's own connection, also inside a running Alembic command."""

import ast
import logging
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import alembic.context
import alembic.op
import alembic.runtime.environment
from alembic.config import Config
from sqlalchemy import Connection

from seedbed.errors import EnvPyFailure, SeedbedError, UnsupportedEnvPy
from seedbed.migrations.history.revisions import build_alembic_config, find_script_directory
from seedbed.postgres.version_table import ensure_version_table_schema
from seedbed.schema.loader import describe_exception, find_failing_line, redirect_stdout_to_stderr
from seedbed.settings import Project

_MIGRATIONS_PACKAGE = "seedbed.migrations"

_RUNNER_FILES = frozenset({alembic.runtime.environment.__file__, str(Path(__file__).parents[1] / "environment.py")})
"""An error raised in or below one of these files comes from a revision, not from env.py itself."""


@contextmanager
def nest_alembic() -> Iterator[None]:
    """Allow a nested run of Alembic within a block.

    The inner run removes the proxies of `alembic.op` and `alembic.context`, so those of the outer run are restored.
    """
    outer_proxies = [
        proxy for module in (alembic.context, alembic.op) if (proxy := getattr(module, "_proxy", None)) is not None
    ]
    try:
        yield
    finally:
        for proxy in outer_proxies:
            proxy._install_proxy()  # noqa: SLF001 - Alembic has no public API for nesting and calls this itself


@contextmanager
def share_connection(project: Project, connection: Connection) -> Iterator[Config]:
    """Provide the Alembic configuration with a connection in it, for the length of a block.

    An env.py usually configures logging from alembic.ini, which disables all existing loggers and replaces the
    process's handlers. Logging is restored at the end. Within the block only warnings and errors are logged.

    Raises:
        UnsupportedEnvPy: env.py would open its own connection and migrate another database.
        EnvPyFailure: env.py raised an exception before it ran a revision.
    """
    require_connection_support(project)
    config = build_alembic_config(project)
    config.attributes["connection"] = connection
    ensure_version_table_schema(connection, project.version_table)
    with _preserve_logging(), redirect_stdout_to_stderr(), translate_env_errors(project):
        yield config


@contextmanager
def translate_env_errors(project: Project) -> Iterator[None]:
    """Translate an exception that env.py or a module it imports raises, with the line it came from.

    Raises:
        EnvPyFailure: env.py raised an exception before it ran a revision or called Seedbed.
    """
    env = find_script_directory(project) / "env.py"
    try:
        yield
    except SeedbedError:
        raise
    except Exception as error:
        frames = traceback.extract_tb(error.__traceback__)
        is_env_frame = [Path(frame.filename) == env for frame in frames]
        if not any(is_env_frame) or any(
            frame.filename in _RUNNER_FILES for frame in frames[is_env_frame.index(True) :]
        ):
            raise
        raise EnvPyFailure(
            _relative_to_root(project, env), find_failing_line(project.root, error), describe_exception(error)
        ) from error


def require_connection_support(project: Project) -> None:
    """Check that the project's env.py uses the connection it is given.

    Raises:
        UnsupportedEnvPy: env.py opens its own connection.
    """
    env = find_script_directory(project) / "env.py"
    if env.is_file() and not accepts_connection(env.read_text(encoding="utf-8")):
        raise UnsupportedEnvPy(_relative_to_root(project, env))


def _relative_to_root(project: Project, file: Path) -> Path:
    return file.relative_to(project.root) if file.is_relative_to(project.root) else file


def accepts_connection(source: str) -> bool:
    """Return whether an env.py reads `config.attributes["connection"]` or calls Seedbed's `run`."""
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith(_MIGRATIONS_PACKAGE):
            return True
        if isinstance(node, ast.Import) and any(name.name.startswith(_MIGRATIONS_PACKAGE) for name in node.names):
            return True
        if isinstance(node, ast.Subscript) and _is_attributes(node.value) and _is_connection_key(node.slice):
            return True
        is_method_call = (
            isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and _is_attributes(node.func.value)
        )
        if is_method_call and any(map(_is_connection_key, node.args)):  # type: ignore[attr-defined]
            return True
    return False


def _is_attributes(node: ast.AST) -> bool:
    return isinstance(node, ast.Attribute) and node.attr == "attributes"


def _is_connection_key(node: ast.AST) -> bool:
    return isinstance(node, ast.Constant) and node.value == "connection"


@contextmanager
def _preserve_logging() -> Iterator[None]:
    manager = logging.root.manager
    loggers = [logging.root, *(logger for logger in manager.loggerDict.values() if isinstance(logger, logging.Logger))]
    state = [(logger, logger.disabled, logger.level, logger.propagate, list(logger.handlers)) for logger in loggers]
    disabled_level = manager.disable
    logging.disable(max(disabled_level, logging.INFO))
    try:
        yield
    finally:
        logging.disable(disabled_level)
        for logger, disabled, level, propagate, handlers in state:
            logger.disabled, logger.propagate = disabled, propagate
            logger.setLevel(level)
            logger.handlers[:] = handlers
