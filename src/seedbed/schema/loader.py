"""The user's tables, imported from the project and from nowhere else."""

import importlib
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import ValidationError
from sqlalchemy import MetaData, Table
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.orm import configure_mappers
from sqlalchemy.orm.mapper import _all_registries
from sqlalchemy.schema import sort_tables_and_constraints
from sqlmodel import SQLModel

from seedbed.errors import SchemaImportFailure, SchemaShadowed, SchemaWithoutTables
from seedbed.schema.stdout_capture import redirect_stdout_to_stderr
from seedbed.settings import Project


@dataclass(frozen=True)
class Schema:
    """The project's metadata and the model of each of its tables, by the table's key in the metadata.

    `classes` are all that are mapped to a table, SQLAlchemy's own declarative ones too; `models` those of them that are
    SQLModel's, whose fields say what a request and an answer look like.
    """

    metadata: MetaData
    classes: Mapping[str, type[Any]]

    @property
    def models(self) -> Mapping[str, type[SQLModel]]:
        return {key: model for key, model in self.classes.items() if issubclass(model, SQLModel)}

    @property
    def tables(self) -> list[Table]:
        """Parents before children; tables in a cycle of foreign keys come in the order of their names."""
        named = sorted(self.metadata.tables.values(), key=lambda table: table.key)
        ordered = sort_tables_and_constraints(named)  # type: ignore[no-untyped-call]
        return [table for table, _ in ordered if table is not None]


def load_schema(project: Project) -> Schema:
    """Import the project's schema under its own name, so that `import schema` anywhere finds the same tables.

    Where the project says nothing of its metadata, it is the schema's `metadata`, else that of its `Base`, else
    SQLModel's own. The project's root goes first on `sys.path`: a console script has its own folder there, not the
    user's. Foreign keys and relationships that name what does not exist are found now, not at a first row.

    Raises:
        SchemaImportFailure: with the user's file and line that failed, or the column.
        SchemaShadowed: an installed distribution has a module of that name.
        SchemaWithoutTables: no table was defined by importing it.
    """
    module = import_from_root(project, project.schema)
    for name in project.imports:
        import_from_root(project, name)
    metadata = _metadata(project, module)
    if not isinstance(metadata, MetaData) or not metadata.tables:
        raise SchemaWithoutTables(project.schema)
    _see_that_names_resolve(project.schema, metadata)
    return Schema(metadata, _classes(metadata))


def import_from_root(project: Project, name: str) -> ModuleType:
    """Import a module of the project and see that it is the project's."""
    prepend_import_roots(project)
    try:
        with redirect_stdout_to_stderr():
            module = importlib.import_module(name)
    except (Exception, SystemExit) as error:
        raise SchemaImportFailure(name, find_failing_line(project.root, error), describe_exception(error)) from error
    found = _file_of(module)
    roots = (project.root, *project.import_roots)
    if found is None or not any(found.is_relative_to(root.resolve()) for root in roots):
        raise SchemaShadowed(name, str(found or "a built-in module"), project.root)
    return module


def prepend_import_roots(project: Project) -> None:
    """Put the folders that the project's imports start from first on `sys.path`."""
    roots = [str(root) for root in project.import_roots]
    if sys.path[: len(roots)] != roots:
        sys.path[:0] = roots


def find_failing_line(root: Path, error: BaseException) -> str:
    """The user's own line an exception came from: the last frame under the project's root."""
    if isinstance(error, SyntaxError) and error.filename:
        return format_location(root, error.filename, error.lineno or 0)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_own(root, Path(frame.filename))]
    return format_location(root, frames[-1].filename, frames[-1].lineno or 0) if frames else str(root)


def describe_exception(error: BaseException) -> str:
    """What the user's own code raised, in a line and without values: a failed validation shows those it was given."""
    if isinstance(error, ValidationError):
        said = "; ".join(
            f"{'.'.join(map(str, one['loc']))}: {one['msg']}"
            for one in error.errors(include_input=False, include_url=False, include_context=False)
        )
        return f"{type(error).__name__} of {error.title}: {said}"
    return f"{type(error).__name__}: {next(iter(str(error).splitlines()), '')}"


def format_location(root: Path, filename: str, line: int) -> str:
    """A line of a file for a message, by its path from the project's root."""
    path = Path(filename)
    return f"{path.relative_to(root) if path.is_relative_to(root) else path}, line {line}"


def _is_own(root: Path, path: Path) -> bool:
    return path.is_relative_to(root) and "site-packages" not in path.relative_to(root).parts


def _file_of(module: ModuleType) -> Path | None:
    if module.__file__:
        return Path(module.__file__).resolve()
    folders = list(getattr(module, "__path__", ()))
    return Path(folders[0]).resolve() if folders else None


def _see_that_names_resolve(module: str, metadata: MetaData) -> None:
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


def _metadata(project: Project, module: ModuleType) -> object:
    if project.metadata is None:
        base = getattr(module, "Base", None)
        return getattr(module, "metadata", getattr(base, "metadata", SQLModel.metadata))
    name, _, path = project.metadata.partition(":")
    found: object = import_from_root(project, name)
    for attribute in path.split("."):
        if not hasattr(found, attribute):
            raise SchemaImportFailure(name, "[tool.seedbed] metadata", f"{project.metadata} has no {attribute}")
        found = getattr(found, attribute)
    return found


def _classes(metadata: MetaData) -> dict[str, type[Any]]:
    """SQLAlchemy's list of registries is where `configure_mappers` finds all classes, whatever they derive from."""
    mappers = [mapper for registry in _all_registries() for mapper in registry.mappers]
    return {
        table.key: mapper.class_
        for mapper in sorted(mappers, key=lambda mapper: len(mapper.class_.__mro__), reverse=True)
        if isinstance(table := mapper.local_table, Table) and table.metadata is metadata
    }
