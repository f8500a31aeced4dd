"""The user's tables, imported from the project and from nowhere else."""

import importlib
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, TracebackType

from sqlalchemy import MetaData, Table, inspect
from sqlalchemy.exc import NoInspectionAvailable
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
        return list(self.metadata.sorted_tables)


def load_schema(project: Project) -> Schema:
    """Import the project's schema under its own name, so that `import schema` anywhere finds the same tables.

    The project's root goes first on `sys.path`: a console script has its own folder there, not the user's.

    Raises:
        SchemaNotImportable: with the user's file and line that failed.
        SchemaShadowed: an installed distribution has a module of that name.
        SchemaWithoutTables: no table was defined by importing it.
    """
    module = import_from_root(project, project.schema)
    metadata = getattr(module, "metadata", SQLModel.metadata)
    if not isinstance(metadata, MetaData) or not metadata.tables:
        raise SchemaWithoutTables(project.schema)
    return Schema(metadata, _models(metadata))


def import_from_root(project: Project, name: str) -> ModuleType:
    """Import a module of the project and see that it is the project's."""
    root = str(project.root)
    if root not in sys.path:
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
        return f"{_relative(root, error.filename)}, line {error.lineno}"
    frames = [
        f for f in _frames(error.__traceback__) if Path(f.filename).is_relative_to(root) and ".venv" not in f.filename
    ]
    if not frames:
        return "its name"
    return f"{_relative(root, frames[-1].filename)}, line {frames[-1].lineno}"


def _frames(trace: TracebackType | None) -> list[traceback.FrameSummary]:
    return list(traceback.extract_tb(trace))


def _relative(root: Path, filename: str) -> str:
    path = Path(filename)
    return str(path.relative_to(root)) if path.is_relative_to(root) else filename


def _file_of(module: ModuleType) -> Path | None:
    if module.__file__:
        return Path(module.__file__).resolve()
    folders = list(getattr(module, "__path__", ()))
    return Path(folders[0]).resolve() if folders else None


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
