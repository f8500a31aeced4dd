"""The user's tables, imported from the project and from nowhere else."""

import importlib
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from sqlalchemy import MetaData, Table, inspect
from sqlalchemy.exc import NoInspectionAvailable, SQLAlchemyError
from sqlalchemy.orm import configure_mappers
from sqlalchemy.schema import sort_tables_and_constraints
from sqlmodel import SQLModel

from seedbed.errors import SchemaNotImportable, SchemaShadowed, SchemaWithoutTables
from seedbed.settings import Project


@dataclass(frozen=True)
class Schema:
    """The project's metadata and the model of each of its tables, by the table's key in the metadata."""

    metadata: MetaData
    models: Mapping[str, type[SQLModel]]

    @property
    def tables(self) -> list[Table]:
        """Parents before children; tables in a cycle of foreign keys come in the order of their names."""
        named = sorted(self.metadata.tables.values(), key=lambda table: table.key)
        ordered = sort_tables_and_constraints(named)  # type: ignore[no-untyped-call]
        return [table for table, _ in ordered if table is not None]


def load_schema(project: Project) -> Schema:
    """Import the project's schema under its own name, so that `import schema` anywhere finds the same tables.

    The project's root goes first on `sys.path`: a console script has its own folder there, not the user's. Foreign
    keys and relationships that name what does not exist are found now, and not when a first row is asked for.

    Raises:
        SchemaNotImportable: with the user's file and line that failed, or the column.
        SchemaShadowed: an installed distribution has a module of that name.
        SchemaWithoutTables: no table was defined by importing it.
    """
    module = import_from_root(project, project.schema)
    metadata = getattr(module, "metadata", SQLModel.metadata)
    if not isinstance(metadata, MetaData) or not metadata.tables:
        raise SchemaWithoutTables(project.schema)
    _see_that_names_resolve(project.schema, metadata)
    return Schema(metadata, _models(metadata))


def import_from_root(project: Project, name: str) -> ModuleType:
    """Import a module of the project and see that it is the project's."""
    root = str(project.root)
    if sys.path[:1] != [root]:
        sys.path.insert(0, root)
    try:
        module = importlib.import_module(name)
    except Exception as error:
        raise SchemaNotImportable(
            name, failing_place(project.root, error), f"{type(error).__name__}: {error}"
        ) from error
    found = _file_of(module)
    if found is None or not found.is_relative_to(project.root.resolve()):
        raise SchemaShadowed(name, str(found or "a built-in module"), project.root)
    return module


def failing_place(root: Path, error: BaseException) -> str:
    """The user's own line an exception came from: the last frame under the project's root."""
    if isinstance(error, SyntaxError) and error.filename:
        return place_in(root, error.filename, error.lineno or 0)
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if _is_own(root, Path(frame.filename))]
    return place_in(root, frames[-1].filename, frames[-1].lineno or 0) if frames else str(root)


def place_in(root: Path, filename: str, line: int) -> str:
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
                raise SchemaNotImportable(module, f"{table.key}.{key.parent.name}", str(error)) from error
    try:
        configure_mappers()
    except SQLAlchemyError as error:
        raise SchemaNotImportable(module, "its relationships", str(error)) from error


def _models(metadata: MetaData) -> dict[str, type[SQLModel]]:
    models: dict[str, type[SQLModel]] = {}
    waiting = list(SQLModel.__subclasses__())
    while waiting:
        model = waiting.pop()
        waiting += model.__subclasses__()
        try:
            table = inspect(model).local_table
        except NoInspectionAvailable:
            continue
        if isinstance(table, Table) and table.metadata is metadata:
            models[table.key] = model
    return models
