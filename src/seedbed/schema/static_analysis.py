"""Read what a project's modules import and define from their source, without running them."""

import ast
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

_EXCLUDED_DIRECTORIES = frozenset(
    {"__pycache__", "build", "dist", "node_modules", "site-packages", "test", "tests", "venv"}
)
BASE_CLASSES = frozenset({"DeclarativeBase", "DeclarativeBaseNoMeta", "MappedAsDataclass"})
BASE_FACTORIES = frozenset({"declarative_base", "automap_base", "SQLAlchemy"})
_COLUMN_FUNCTIONS = frozenset({"mapped_column", "Column", "Mapped"})


@dataclass(frozen=True)
class SourceModule:
    """A module of the project.

    `tables` are the class names of its tables, `metadata_paths` the bases and metadata that it defines, and `imports`
    the modules that it imports.
    """

    name: str
    file: Path
    tables: tuple[str, ...]
    has_only_sqlmodel_tables: bool
    has_sqlmodel_tables: bool
    metadata_paths: tuple[str, ...]
    imports: tuple[str, ...]


class ProjectSource:
    """The modules under some directories, by the names under which they are imported."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self.roots = tuple(dict.fromkeys(root.resolve() for root in roots))
        self._read: dict[str, SourceModule | None] = {}

    def find_root(self, name: str) -> Path | None:
        """Return the directory from which a module is imported, or None where it is not the project's."""
        return next((root for root in self.roots if _find_file(root, name) is not None), None)

    def read_module(self, name: str) -> SourceModule | None:
        if name not in self._read:
            root = self.find_root(name)
            file = _find_file(root, name) if root is not None else None
            self._read[name] = _read_module(name, file) if file is not None else None
        return self._read[name]

    def find_imported_modules(self, name: str) -> dict[str, SourceModule]:
        """Return the modules of the project that are imported with one, including its parent packages."""
        modules: dict[str, SourceModule] = {}
        to_visit = [name]
        while to_visit:
            for module_name in _list_packages(to_visit.pop()):
                if module_name not in modules and (module := self.read_module(module_name)) is not None:
                    modules[module_name] = module
                    to_visit += module.imports
        return modules

    @cached_property
    def modules(self) -> list[SourceModule]:
        """All modules under the directories, each by its name in the first directory that has it."""
        by_file: dict[Path, SourceModule] = {}
        for root in self.roots:
            for file in find_python_files(root):
                parts = file.relative_to(root).with_suffix("").parts
                name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
                if (
                    name
                    and all(part.isidentifier() for part in parts)
                    and (module := self.read_module(name)) is not None
                ):
                    by_file.setdefault(module.file, module)
        return list(by_file.values())


def find_python_files(directory: Path) -> Iterator[Path]:
    """Yield the project's own Python files: no virtual environments, tests or hidden directories."""
    for parent, directories, names in os.walk(directory):
        if "pyvenv.cfg" in names:
            directories.clear()
            continue
        directories[:] = sorted(
            name for name in directories if name not in _EXCLUDED_DIRECTORIES and not name.startswith(".")
        )
        yield from (Path(parent, name) for name in sorted(names) if name.endswith(".py"))


def find_imported_names(nodes: Iterable[ast.AST], package: str = "") -> Iterator[str]:
    """Yield every module that the source may import. For `from a import b` these are a and a.b."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            parents = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*filter(None, parents), *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names if alias.name != "*")


def find_import_time_nodes(tree: ast.Module) -> Iterator[ast.AST]:
    """Yield the nodes that run at import: no function bodies, and nothing under TYPE_CHECKING."""
    to_visit: deque[ast.AST] = deque([tree])
    while to_visit:
        node = to_visit.popleft()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        yield node
        is_type_checking = isinstance(node, ast.If) and get_last_name(node.test) == "TYPE_CHECKING"
        to_visit += node.orelse if isinstance(node, ast.If) and is_type_checking else ast.iter_child_nodes(node)


def parse_file(file: Path) -> ast.Module | None:
    """Return the syntax tree of a file, or None where the file is no valid Python."""
    try:
        return ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError, OSError):
        return None


def get_last_name(node: ast.AST) -> str:
    """Return the last part of a name such as `orm.DeclarativeBase`, also if it is called or subscripted."""
    if isinstance(node, ast.Call):
        return get_last_name(node.func)
    if isinstance(node, ast.Subscript):
        return get_last_name(node.value)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _find_file(root: Path | None, name: str) -> Path | None:
    if root is None or not name:
        return None
    path = root.joinpath(*name.split("."))
    return next((file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file()), None)


def _list_packages(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[: end + 1]) for end in range(len(parts))]


def _read_module(name: str, file: Path) -> SourceModule | None:
    tree = parse_file(file)
    if tree is None:
        return None
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    sqlmodels = [node.name for node in classes if is_sqlmodel_table(node)]
    mapped = [node.name for node in classes if is_mapped_class(node)]
    bases = [node.name for node in classes if any(get_last_name(base) in BASE_CLASSES for base in node.bases)]
    called_functions = {
        target.id: get_last_name(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    bases += [target for target, function in called_functions.items() if function in BASE_FACTORIES]
    tables = [target for target, function in called_functions.items() if function == "Table"]
    return SourceModule(
        name,
        file,
        tables=tuple(dict.fromkeys([*sqlmodels, *mapped, *tables])),
        has_only_sqlmodel_tables=bool(sqlmodels) and not mapped and not tables,
        has_sqlmodel_tables=bool(sqlmodels),
        metadata_paths=(
            *(f"{base}.metadata" for base in bases),
            *(target for target, function in called_functions.items() if function == "MetaData"),
        ),
        imports=tuple(dict.fromkeys(find_imported_names(find_import_time_nodes(tree), package))),
    )


def is_sqlmodel_table(node: ast.ClassDef) -> bool:
    return any(
        keyword.arg == "table" and isinstance(keyword.value, ast.Constant) and keyword.value.value is True
        for keyword in node.keywords
    )


def is_mapped_class(node: ast.ClassDef) -> bool:
    """Return whether a class body defines a table. Its name and key may come from a base; a class of mixins only is a
    mixin.
    """
    assignments = [statement for statement in node.body if isinstance(statement, ast.Assign | ast.AnnAssign)]
    targets = [
        target
        for assignment in assignments
        for target in (assignment.targets if isinstance(assignment, ast.Assign) else [assignment.target])
    ]
    names = {target.id for target in targets if isinstance(target, ast.Name)}
    bases = [get_last_name(base) for base in node.bases]
    if "__abstract__" in names or any(base in BASE_CLASSES for base in bases):
        return False
    if all(base.endswith("Mixin") for base in bases):
        return False
    if names & {"__tablename__", "__table__"}:
        return not is_sqlmodel_table(node)
    column_names = {
        get_last_name(assignment.value) for assignment in assignments if isinstance(assignment.value, ast.Call)
    }
    column_names |= {
        get_last_name(assignment.annotation) for assignment in assignments if isinstance(assignment, ast.AnnAssign)
    }
    return bool(column_names & _COLUMN_FUNCTIONS)
