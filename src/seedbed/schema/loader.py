"""Import the project's own modules, and keep their output and errors apart from Seedbed's."""

import importlib
import sys
import threading
import traceback
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, TextIO

from pydantic import ValidationError
from sqlalchemy import MetaData, Table
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import configure_mappers
from sqlalchemy.orm.mapper import _all_registries
from sqlalchemy.schema import sort_tables_and_constraints
from sqlmodel import SQLModel

from seedbed.errors import SchemaImportFailure, SchemaShadowed, SchemaWithoutTables
from seedbed.settings import Project

_LOCK = threading.Lock()
_REPLACED_STDOUTS: list[TextIO] = []


@contextmanager
def redirect_stdout_to_stderr() -> Iterator[None]:
    """Redirect standard output to standard error for the length of a block: standard output is for a command's result.

    Blocks of several threads may overlap, as in a draft. The last one to end restores standard output.
    """
    with _LOCK:
        _REPLACED_STDOUTS.append(sys.stdout)
        sys.stdout = sys.stderr
    try:
        yield
    finally:
        with _LOCK:
            if len(_REPLACED_STDOUTS) == 1:
                sys.stdout = _REPLACED_STDOUTS[0]
            _REPLACED_STDOUTS.pop()


def find_failing_line(root: Path, error: BaseException) -> str:
    """Return the user's line that an exception came from: the last frame under the project's root."""
    if isinstance(error, SyntaxError) and error.filename:
        return format_location(root, error.filename, error.lineno or 0)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_own(root, Path(frame.filename))]
    return format_location(root, frames[-1].filename, frames[-1].lineno or 0) if frames else str(root)


def describe_exception(error: BaseException) -> str:
    """Describe an exception of the user's code in one line, without the values that a failed validation contains."""
    if isinstance(error, ValidationError):
        details = "; ".join(
            f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}"
            for detail in error.errors(include_input=False, include_url=False, include_context=False)
        )
        return f"{type(error).__name__} of {error.title}: {details}"
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"


def format_location(root: Path, filename: str, line: int) -> str:
    """Return a line of a file for a message, with the path relative to the project's root."""
    path = Path(filename)
    return f"{path.relative_to(root) if path.is_relative_to(root) else path}, line {line}"


def _is_own(root: Path, path: Path) -> bool:
    return path.is_relative_to(root) and "site-packages" not in path.relative_to(root).parts


@dataclass(frozen=True)
class Schema:
    """The project's metadata, and the class of each table by the table's key in the metadata.

    `classes` are all mapped classes, including SQLAlchemy's declarative ones. `models` are the SQLModel classes among
    them; their fields define requests and responses of the service.
    """

    metadata: MetaData
    classes: Mapping[str, type[Any]]

    @property
    def models(self) -> Mapping[str, type[SQLModel]]:
        return {key: model for key, model in self.classes.items() if issubclass(model, SQLModel)}

    @property
    def tables(self) -> list[Table]:
        """Parents before children. Tables in a cycle of foreign keys are sorted by name."""
        by_name = sorted(self.metadata.tables.values(), key=lambda table: table.key)
        sorted_tables = sort_tables_and_constraints(by_name)  # type: ignore[no-untyped-call]
        return [table for table, _ in sorted_tables if table is not None]


def load_schema(project: Project) -> Schema:
    """Import the project's schema under its own name, so that every `import schema` finds the same tables.

    Where the project does not configure its metadata, it is the `metadata` of the schema module, or that of its `Base`,
    or that of SQLModel. The project's root becomes the first entry of `sys.path`, because a console script has its own
    directory there. Foreign keys and relationships are resolved here, so that a wrong name is reported early.

    Raises:
        SchemaImportFailure: the import failed, or a name does not resolve; with the user's line or the column.
        SchemaShadowed: an installed distribution has a module of the same name.
        SchemaWithoutTables: the schema defines no table.
    """
    module = import_from_root(project, project.schema)
    for name in project.imports:
        import_from_root(project, name)
    metadata = _find_metadata(project, module)
    if not isinstance(metadata, MetaData) or not metadata.tables:
        raise SchemaWithoutTables(project.schema)
    _check_references(project.schema, metadata)
    return Schema(metadata, _find_classes(metadata))


def import_from_root(project: Project, name: str) -> ModuleType:
    """Import a module of the project, and check that it is the project's own."""
    prepend_import_roots(project)
    try:
        with redirect_stdout_to_stderr():
            module = importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise SchemaImportFailure(name, find_failing_line(project.root, error), describe_exception(error)) from error
    file = _find_file(module)
    roots = (project.root, *project.import_roots)
    if file is None or not any(file.is_relative_to(root.resolve()) for root in roots):
        raise SchemaShadowed(name, str(file or "a built-in module"), project.root)
    return module


def prepend_import_roots(project: Project) -> None:
    """Make the project's import roots the first entries of `sys.path`."""
    roots = [str(root) for root in project.import_roots]
    if sys.path[: len(roots)] != roots:
        sys.path[:0] = roots


def _find_file(module: ModuleType) -> Path | None:
    if module.__file__:
        return Path(module.__file__).resolve()
    directories = list(getattr(module, "__path__", ()))
    return Path(directories[0]).resolve() if directories else None


def _check_references(module: str, metadata: MetaData) -> None:
    for table in metadata.tables.values():
        for key in table.foreign_keys:
            try:
                _ = key.column
            except SQLAlchemyError as error:
                raise SchemaImportFailure(module, f"{table.key}.{key.parent.name}", str(error)) from error
    try:
        configure_mappers()
    except SQLAlchemyError as error:
        raise SchemaImportFailure(module, "its relationships", str(error)) from error


def _find_metadata(project: Project, module: ModuleType) -> object:
    if project.metadata is None:
        base = getattr(module, "Base", None)
        return getattr(module, "metadata", getattr(base, "metadata", SQLModel.metadata))
    name, _, path = project.metadata.partition(":")
    value: object = import_from_root(project, name)
    for attribute in path.split("."):
        if not hasattr(value, attribute):
            raise SchemaImportFailure(name, "[tool.seedbed] metadata", f"{project.metadata} has no {attribute}")
        value = getattr(value, attribute)
    return value


def _find_classes(metadata: MetaData) -> dict[str, type[Any]]:
    """Return the mapped classes. SQLAlchemy's registries hold all of them, whatever their base."""
    mappers = [mapper for registry in _all_registries() for mapper in registry.mappers]
    return {
        table.key: mapper.class_
        for mapper in sorted(mappers, key=lambda mapper: len(mapper.class_.__mro__), reverse=True)
        if isinstance(table := mapper.local_table, Table) and table.metadata is metadata
    }
