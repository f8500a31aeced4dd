"""Find table classes in the project's files that the schema's metadata lacks."""

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
from seedbed.schema.static_analysis import (
    BASE_CLASSES,
    BASE_FACTORIES,
    find_import_time_nodes,
    find_python_files,
    get_last_name,
    is_mapped_class,
    is_sqlmodel_table,
    parse_file,
)
from seedbed.settings import Project

_TEST_FILE = re.compile(r"test_.*\.py|.*_test\.py|conftest\.py")
_WORD_START = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")


@dataclass(frozen=True)
class UnregisteredTable:
    """A table class that the schema's metadata lacks, the names that its table may have, and how to register it."""

    class_name: str
    location: str
    reason: str
    remedy: str
    table_names: frozenset[str]

    @property
    def sentence(self) -> str:
        return f"{self.location}: {self.class_name} is a table that {self.reason}. {self.remedy}"


def find_unregistered(project: Project, schema: Schema, *, excluded: Collection[Path] = ()) -> list[UnregisteredTable]:
    """Find the table classes under the directories of the schema's modules that its metadata lacks.

    Files that are not imported are parsed, never imported. The directory of a package is searched with all below it,
    and so is the package of a schema module. For a module directly under an import root only the files beside it are
    searched. Tests, virtual environments, hidden directories, the `excluded` directories, code under TYPE_CHECKING or
    in functions, and files that are no valid Python are left out.
    """
    search = _Search(project, schema, tuple(directory.resolve() for directory in excluded))
    tables = [*search.find_unimported(), *search.find_in_other_metadata()]
    return sorted(tables, key=lambda table: (table.location.rpartition(":")[0], int(table.location.rpartition(":")[2])))


@dataclass(frozen=True)
class _Search:
    project: Project
    schema: Schema
    excluded: tuple[Path, ...]

    def find_unimported(self) -> Iterator[UnregisteredTable]:
        imported = filter(None, map(_get_file, list(sys.modules.values())))
        loaded = {Path(file).resolve() for file in imported}
        for file in self.files:
            tree = None if file in loaded else parse_file(file)
            if tree is None:
                continue
            nodes = [node for node in find_import_time_nodes(tree) if isinstance(node, ast.stmt)]
            mapped = _find_table_classes(nodes, self.declarative_names, self.sqlmodel_names)
            for node in nodes:
                if isinstance(node, ast.ClassDef) and node.name in mapped and self._is_missing(node):
                    line = f"from {self._module_name(file)} import {node.name}"
                    yield UnregisteredTable(
                        node.name,
                        f"{self._relative_path(file)}:{node.lineno}",
                        "is not imported",
                        f"Add to {self.schema_file}: {line}",
                        frozenset(_guess_table_names(node, self.schema.metadata.schema)),
                    )

    def find_in_other_metadata(self) -> Iterator[UnregisteredTable]:
        """Yield imported classes whose table is in another metadata, such as SQLModel's own.

        A project that configures its metadata may have several, so nothing is reported for it.
        """
        if self.project.metadata is not None:
            return
        known_tables = {table.key for table in self.schema.metadata.tables.values()}
        for registry in _all_registries():
            for mapper in registry.mappers:
                table, class_ = mapper.local_table, mapper.class_
                file = _get_file(sys.modules.get(class_.__module__))
                if not isinstance(table, Table) or table.metadata is self.schema.metadata or file is None:
                    continue
                if Path(file).resolve() in self.files and table.key not in known_tables:
                    base = next(
                        (candidate.__name__ for candidate in self._bases()), "the class that the other tables have"
                    )
                    yield UnregisteredTable(
                        class_.__name__,
                        f"{self._relative_path(Path(file).resolve())}:{_find_line(Path(file), class_.__name__)}",
                        "is in another metadata than the schema's",
                        f"Derive it from {base}.",
                        frozenset({_qualify(table.schema, table.name)}),
                    )

    @cached_property
    def files(self) -> frozenset[Path]:
        roots = {root.resolve() for root in self.project.import_roots}
        files: set[Path] = set()
        for name in (self.project.schema, *self.project.imports):
            directory = _get_directory(sys.modules.get(name))
            if directory is not None:
                files.update(directory.glob("*.py") if directory in roots else find_python_files(directory))
        resolved = (file.resolve() for file in files if not _TEST_FILE.fullmatch(file.name))
        return frozenset(
            file for file in resolved if not any(file.is_relative_to(directory) for directory in self.excluded)
        )

    @cached_property
    def schema_file(self) -> str:
        file = _get_file(sys.modules.get(self.project.schema))
        return self._relative_path(Path(file).resolve()) if file is not None else f"the module {self.project.schema}"

    @cached_property
    def declarative_names(self) -> frozenset[str]:
        """The names of SQLAlchemy's bases and mapped classes in the schema."""
        return frozenset(ancestor.__name__ for ancestor in self._ancestors() if not issubclass(ancestor, SQLModel))

    @cached_property
    def sqlmodel_names(self) -> frozenset[str]:
        return frozenset(
            {"SQLModel", *(ancestor.__name__ for ancestor in self._ancestors() if issubclass(ancestor, SQLModel))}
        )

    def _ancestors(self) -> Iterator[type]:
        for model in self.schema.classes.values():
            yield from (
                ancestor
                for ancestor in model.__mro__
                if hasattr(ancestor, "_sa_registry") or hasattr(ancestor, "registry")
            )

    def _bases(self) -> Iterator[type]:
        """Yield the classes without a table that carry the metadata, the nearest first."""
        mapped = set(self.schema.classes.values())
        yield from (
            ancestor
            for ancestor in self._ancestors()
            if ancestor not in mapped and getattr(ancestor, "metadata", None) is self.schema.metadata
        )

    def _is_missing(self, node: ast.ClassDef) -> bool:
        """Return whether no table of the metadata has the name. A copy of a registered class is not missing."""
        known_tables = {_qualify(table.schema, table.name) for table in self.schema.metadata.tables.values()}
        return not known_tables & _guess_table_names(node, self.schema.metadata.schema)

    def _module_name(self, file: Path) -> str:
        roots = [root.resolve() for root in self.project.import_roots]
        root = next((root for root in roots if file.is_relative_to(root)), file.parent)
        parts = file.relative_to(root).with_suffix("").parts
        return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)

    def _relative_path(self, file: Path) -> str:
        root = self.project.root.resolve()
        return str(file.relative_to(root) if file.is_relative_to(root) else file)


def _find_table_classes(
    nodes: Collection[ast.stmt], declarative: Collection[str], sqlmodels: Collection[str]
) -> frozenset[str]:
    """Return the names of a file's table classes, judged by their bases in the file, its imports and the schema."""
    aliases = {
        alias.asname: alias.name
        for node in nodes
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
        if alias.asname
    }
    bases = {*declarative, *BASE_CLASSES} - {*sqlmodels}
    for node in nodes:
        if (
            isinstance(node, ast.Assign)
            and get_last_name(node.value) in BASE_FACTORIES
            and isinstance(node.value, ast.Call)
        ):
            bases |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    table_classes = set()
    for node in nodes:
        if isinstance(node, ast.ClassDef):
            names = {get_last_name(base) for base in node.bases}
            inherits = bool({aliases.get(name, name) for name in names} & bases)
            if inherits:
                bases.add(node.name)
            if is_sqlmodel_table(node) or (inherits and is_mapped_class(node)):
                table_classes.add(node.name)
    return frozenset(table_classes)


def _guess_table_names(node: ast.ClassDef, default_schema: str | None) -> set[str]:
    """Return the names that a class's table may have: several where the base derives the name."""
    assignments = {
        target.id: statement.value
        for statement in node.body
        if isinstance(statement, ast.Assign | ast.AnnAssign)
        for target in (statement.targets if isinstance(statement, ast.Assign) else [statement.target])
        if isinstance(target, ast.Name)
    }
    schema = _find_schema_argument(assignments.get("__table_args__")) or default_schema
    name = assignments.get("__tablename__")
    table = assignments.get("__table__")
    if isinstance(table, ast.Call) and table.args:
        name, schema = table.args[0], _find_schema_argument(table) or default_schema
    if isinstance(name, ast.Constant) and isinstance(name.value, str):
        return {_qualify(schema, name.value)}
    names = {node.name.lower(), _WORD_START.sub("_", node.name).lower()}
    return {_qualify(schema, word + plural) for word in names for plural in ("", "s")}


def _find_schema_argument(node: ast.expr | None) -> str | None:
    for part in ast.walk(node) if node is not None else ():
        if isinstance(part, ast.Dict):
            for key, value in zip(part.keys, part.values, strict=True):
                if isinstance(key, ast.Constant) and key.value == "schema" and isinstance(value, ast.Constant):
                    return str(value.value)
        if isinstance(part, ast.keyword) and part.arg == "schema" and isinstance(part.value, ast.Constant):
            return str(part.value.value)
    return None


def _qualify(schema: str | None, table: str) -> str:
    return table if schema in {None, "public"} else f"{schema}.{table}"


def _get_file(module: object) -> str | None:
    file = getattr(module, "__file__", None)
    return file if isinstance(file, str) else None


def _get_directory(module: object) -> Path | None:
    if file := _get_file(module):
        return Path(file).resolve().parent
    directories = list(getattr(module, "__path__", ()))
    return Path(directories[0]).resolve() if directories else None


def _find_line(file: Path, name: str) -> int:
    tree = parse_file(file)
    nodes = ast.walk(tree) if tree is not None else ()
    return next((node.lineno for node in nodes if isinstance(node, ast.ClassDef) and node.name == name), 1)
