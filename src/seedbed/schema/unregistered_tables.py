"""Classes of tables that are in the project's files and not in the schema's metadata."""

import ast
import re
import sys
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from sqlalchemy import Table
from sqlalchemy.orm.mapper import _all_registries
from sqlmodel import SQLModel

from seedbed.schema.loader import Schema
from seedbed.schema.source_code import (
    BASE_CLASSES,
    BASE_FACTORIES,
    is_mapped_class,
    is_sqlmodel_table,
    get_last_name,
    parse_file,
    find_python_files,
    find_import_time_nodes,
)
from seedbed.settings import Project

_TEST = re.compile(r"test_.*\.py|.*_test\.py|conftest\.py")
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True)
class UnregisteredTable:
    """A table's class that the schema's metadata lacks, the names that its table may have, and what registers it."""

    class_name: str
    location: str
    reason: str
    remedy: str
    table_names: frozenset[str]

    @property
    def sentence(self) -> str:
        return f"{self.location}: {self.class_name} is a table that {self.reason}. {self.remedy}"


def find_unregistered(project: Project, schema: Schema, *, excluded: Collection[Path] = ()) -> list[UnregisteredTable]:
    """Find the classes of tables under the folders of the schema's modules that its metadata does not have.

    Files that are not imported are parsed, never imported. A package's folder is searched with all below it, and so is
    the package of a schema that is one module; of a module directly under an import root only the files beside it,
    since the folders there may be anything. Tests, virtual environments, hidden folders and those in `excluded` are
    passed over, what is under TYPE_CHECKING or in a function too, and files that are no Python.
    """
    search = _Search(project, schema, tuple(folder.resolve() for folder in excluded))
    found = [*search.unimported(), *search.elsewhere()]
    return sorted(found, key=lambda table: (table.location.rpartition(":")[0], int(table.location.rpartition(":")[2])))


@dataclass(frozen=True)
class _Search:
    project: Project
    schema: Schema
    without: tuple[Path, ...]

    def unimported(self) -> Iterator[UnregisteredTable]:
        imported = filter(None, map(_file_of, list(sys.modules.values())))
        loaded = {Path(file).resolve() for file in imported}
        for file in self.files:
            tree = None if file in loaded else parse_file(file)
            if tree is None:
                continue
            nodes = [node for node in find_import_time_nodes(tree) if isinstance(node, ast.stmt)]
            mapped = _mapped_names(nodes, self.declarative, self.sqlmodels)
            for node in nodes:
                if isinstance(node, ast.ClassDef) and node.name in mapped and self._is_missing(node):
                    line = f"from {self._module_name(file)} import {node.name}"
                    yield UnregisteredTable(
                        node.name,
                        f"{self._shown(file)}:{node.lineno}",
                        "is not imported",
                        f"Add to {self.schema_file}: {line}",
                        frozenset(_full_names(node, self.schema.metadata.schema)),
                    )

    def elsewhere(self) -> Iterator[UnregisteredTable]:
        """Imported classes whose table is in another metadata, as SQLModel's own where the schema has one.

        A project that names its metadata in its settings may well have several.
        """
        if self.project.metadata is not None:
            return
        names = {table.key for table in self.schema.metadata.tables.values()}
        for registry in _all_registries():
            for mapper in registry.mappers:
                table, class_ = mapper.local_table, mapper.class_
                file = _file_of(sys.modules.get(class_.__module__))
                if not isinstance(table, Table) or table.metadata is self.schema.metadata or file is None:
                    continue
                if Path(file).resolve() in self.files and table.key not in names:
                    base = next((one.__name__ for one in self._bases()), "the class that the other tables have")
                    yield UnregisteredTable(
                        class_.__name__,
                        f"{self._shown(Path(file).resolve())}:{_line_of(Path(file), class_.__name__)}",
                        "is in another metadata than the schema's",
                        f"Derive it from {base}.",
                        frozenset({_full(table.schema, table.name)}),
                    )

    @cached_property
    def files(self) -> frozenset[Path]:
        roots = {root.resolve() for root in self.project.import_roots}
        found: set[Path] = set()
        for name in (self.project.schema, *self.project.imports):
            folder = _folder_of(sys.modules.get(name))
            if folder is not None:
                found.update(folder.glob("*.py") if folder in roots else find_python_files(folder))
        resolved = (file.resolve() for file in found if not _TEST.fullmatch(file.name))
        return frozenset(file for file in resolved if not any(file.is_relative_to(folder) for folder in self.without))

    @cached_property
    def schema_file(self) -> str:
        file = _file_of(sys.modules.get(self.project.schema))
        return self._shown(Path(file).resolve()) if file is not None else f"the module {self.project.schema}"

    @cached_property
    def declarative(self) -> frozenset[str]:
        """The names of SQLAlchemy's own bases and mapped classes that the schema has."""
        return frozenset(one.__name__ for one in self._ancestors() if not issubclass(one, SQLModel))

    @cached_property
    def sqlmodels(self) -> frozenset[str]:
        return frozenset({"SQLModel", *(one.__name__ for one in self._ancestors() if issubclass(one, SQLModel))})

    def _ancestors(self) -> Iterator[type]:
        for model in self.schema.classes.values():
            yield from (one for one in model.__mro__ if hasattr(one, "_sa_registry") or hasattr(one, "registry"))

    def _bases(self) -> Iterator[type]:
        """The classes without a table from which the tables have their metadata, the nearest first."""
        mapped = set(self.schema.classes.values())
        yield from (
            one
            for one in self._ancestors()
            if one not in mapped and getattr(one, "metadata", None) is self.schema.metadata
        )

    def _is_missing(self, node: ast.ClassDef) -> bool:
        """Whether no table of the metadata has the name: a copy of a registered class is not missing."""
        known = {_full(table.schema, table.name) for table in self.schema.metadata.tables.values()}
        return not known & _full_names(node, self.schema.metadata.schema)

    def _module_name(self, file: Path) -> str:
        roots = [root.resolve() for root in self.project.import_roots]
        root = next((root for root in roots if file.is_relative_to(root)), file.parent)
        parts = file.relative_to(root).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def _shown(self, file: Path) -> str:
        root = self.project.root.resolve()
        return str(file.relative_to(root) if file.is_relative_to(root) else file)


def _mapped_names(
    nodes: Collection[ast.stmt], declarative: Collection[str], sqlmodels: Collection[str]
) -> frozenset[str]:
    """The names of a file's classes that are tables, by their bases in the file, in its imports or in the schema."""
    aliases = {
        alias.asname: alias.name
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
    bases = {*declarative, *BASE_CLASSES} - {*sqlmodels}
    for node in nodes:
        if isinstance(node, ast.Assign) and get_last_name(node.value) in BASE_FACTORIES and isinstance(node.value, ast.Call):
            bases |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    found = set()
    for node in nodes:
        if isinstance(node, ast.ClassDef):
            names = {get_last_name(base) for base in node.bases}
            inherits = bool({aliases.get(name, name) for name in names} & bases)
            if inherits:
                bases.add(node.name)
            if is_sqlmodel_table(node) or (inherits and is_mapped_class(node)):
                found.add(node.name)
    return frozenset(found)


def _full_names(node: ast.ClassDef, default_schema: str | None) -> set[str]:
    """The names that a class's table may have; several where a base makes the name of the class's."""
    said = {
        target.id: one.value
        for one in node.body
        if isinstance(one, ast.Assign | ast.AnnAssign)
        for target in (one.targets if isinstance(one, ast.Assign) else [one.target])
        if isinstance(target, ast.Name)
    }
    schema = _schema_in(said.get("__table_args__")) or default_schema
    name = said.get("__tablename__")
    table = said.get("__table__")
    if isinstance(table, ast.Call) and table.args:
        name, schema = table.args[0], _schema_in(table) or default_schema
    if isinstance(name, ast.Constant) and isinstance(name.value, str):
        return {_full(schema, name.value)}
    words = {node.name.lower(), _WORD_START.sub("_", node.name).lower()}
    return {_full(schema, word + plural) for word in words for plural in ("", "s")}


def _schema_in(node: ast.expr | None) -> str | None:
    for part in ast.walk(node) if node is not None else ():
        if isinstance(part, ast.Dict):
            for key, value in zip(part.keys, part.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "schema" and isinstance(value, ast.Constant):
                    return str(value.value)
        if isinstance(part, ast.keyword) and part.arg == "schema" and isinstance(part.value, ast.Constant):
            return str(part.value.value)
    return None


def _full(schema: str | None, table: str) -> str:
    return table if schema in {None, "public"} else f"{schema}.{table}"


def _file_of(module: object) -> str | None:
    file = getattr(module, "__file__", None)
    return file if isinstance(file, str) else None


def _folder_of(module: object) -> Path | None:
    if file := _file_of(module):
        return Path(file).resolve().parent
    folders = list(getattr(module, "__path__", ()))
    return Path(folders[0]).resolve() if folders else None


def _line_of(file: Path, name: str) -> int:
    tree = parse_file(file)
    nodes = ast.walk(tree) if tree is not None else ()
    return next((node.lineno for node in nodes if isinstance(node, ast.ClassDef) and node.name == name), 1)
