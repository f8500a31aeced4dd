"""What a project's modules import and define, read from their text: nothing of them is run."""

import ast
import os
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

_PASSED_OVER = frozenset({"__pycache__", "build", "dist", "node_modules", "site-packages", "test", "tests", "venv"})
BASE_CLASSES = frozenset({"DeclarativeBase", "DeclarativeBaseNoMeta", "MappedAsDataclass"})
BASE_FACTORIES = frozenset({"declarative_base", "automap_base", "SQLAlchemy"})
_COLUMNS = frozenset({"mapped_column", "Column", "Mapped"})


@dataclass(frozen=True)
class SourceModule:
    """A module of the project: its tables by the names of their classes, whether they are SQLModel's alone or some of
    them, the bases and metadata it defines, and the modules that are imported with it.
    """

    name: str
    file: Path
    tables: tuple[str, ...]
    has_only_sqlmodel_tables: bool
    has_sqlmodel_tables: bool
    metadata_paths: tuple[str, ...]
    imports: tuple[str, ...]


class ProjectSource:
    """The modules under some folders, by the names by which they are imported from there."""

    def __init__(self, roots: Sequence[Path]) -> None:
        self.roots = tuple(dict.fromkeys(root.resolve() for root in roots))
        self._read: dict[str, SourceModule | None] = {}

    def find_root(self, name: str) -> Path | None:
        """The folder from which a module is imported; None where it is not the project's."""
        return next((root for root in self.roots if _file(root, name) is not None), None)

    def read_module(self, name: str) -> SourceModule | None:
        if name not in self._read:
            root = self.find_root(name)
            file = _file(root, name) if root is not None else None
            self._read[name] = _module(name, file) if file is not None else None
        return self._read[name]

    def find_imported_modules(self, name: str) -> dict[str, SourceModule]:
        """The project's modules that are imported with one, the packages it is in among them."""
        found: dict[str, SourceModule] = {}
        waiting = [name]
        while waiting:
            for part in _with_packages(waiting.pop()):
                if part not in found and (module := self.read_module(part)) is not None:
                    found[part] = module
                    waiting += module.imports
        return found

    @cached_property
    def modules(self) -> list[SourceModule]:
        """Every module under the folders, by the name from the first folder that has it."""
        found: dict[Path, SourceModule] = {}
        for root in self.roots:
            for file in find_python_files(root):
                parts = file.relative_to(root).with_suffix("").parts
                name = ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
                if name and all(part.isidentifier() for part in parts) and (module := self.read_module(name)) is not None:
                    found.setdefault(module.file, module)
        return list(found.values())


def find_python_files(folder: Path) -> Iterator[Path]:
    """A project's own files: no environments, no tests, nothing hidden."""
    for place, folders, names in os.walk(folder):
        if "pyvenv.cfg" in names:
            folders.clear()
            continue
        folders[:] = sorted(one for one in folders if one not in _PASSED_OVER and not one.startswith("."))
        yield from (Path(place, name) for name in sorted(names) if name.endswith(".py"))


def find_imported_names(nodes: Iterable[ast.AST], package: str = "") -> Iterator[str]:
    """Every module that a text may import: of `from a import b`, both a and a.b."""
    for node in nodes:
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package.split(".")[: len(package.split(".")) - node.level + 1] if node.level else []
            base = ".".join([*filter(None, above), *([node.module] if node.module else [])])
            yield base
            yield from (f"{base}.{alias.name}" for alias in node.names if alias.name != "*")


def find_import_time_nodes(tree: ast.Module) -> Iterator[ast.AST]:
    """What of a module is run when it is imported: no function's body, and nothing for type checkers alone."""
    waiting: deque[ast.AST] = deque([tree])
    while waiting:
        node = waiting.popleft()
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda):
            continue
        yield node
        only_checked = isinstance(node, ast.If) and get_last_name(node.test) == "TYPE_CHECKING"
        waiting += node.orelse if isinstance(node, ast.If) and only_checked else ast.iter_child_nodes(node)


def parse_file(file: Path) -> ast.Module | None:
    try:
        return ast.parse(file.read_text(encoding="utf-8"))
    except (SyntaxError, ValueError, OSError):
        return None


def get_last_name(node: ast.AST) -> str:
    """The last word of a name such as `orm.DeclarativeBase`, also where it is called or subscripted."""
    if isinstance(node, ast.Call):
        return get_last_name(node.func)
    if isinstance(node, ast.Subscript):
        return get_last_name(node.value)
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def _file(root: Path | None, name: str) -> Path | None:
    if root is None or not name:
        return None
    path = root.joinpath(*name.split("."))
    return next((file for file in (path / "__init__.py", path.with_suffix(".py")) if file.is_file()), None)


def _with_packages(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[: end + 1]) for end in range(len(parts))]


def _module(name: str, file: Path) -> SourceModule | None:
    tree = parse_file(file)
    if tree is None:
        return None
    package = name if file.name == "__init__.py" else name.rpartition(".")[0]
    classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
    sqlmodels = [node.name for node in classes if is_sqlmodel_table(node)]
    mapped = [node.name for node in classes if is_mapped_class(node)]
    bases = [node.name for node in classes if any(get_last_name(base) in BASE_CLASSES for base in node.bases)]
    assigned = {
        target.id: get_last_name(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Call)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    bases += [target for target, made in assigned.items() if made in BASE_FACTORIES]
    tables = [target for target, made in assigned.items() if made == "Table"]
    return SourceModule(
        name,
        file,
        tables=tuple(dict.fromkeys([*sqlmodels, *mapped, *tables])),
        has_only_sqlmodel_tables=bool(sqlmodels) and not mapped and not tables,
        has_sqlmodel_tables=bool(sqlmodels),
        metadata_paths=(*(f"{base}.metadata" for base in bases), *(one for one, made in assigned.items() if made == "MetaData")),
        imports=tuple(dict.fromkeys(find_imported_names(find_import_time_nodes(tree), package))),
    )


def is_sqlmodel_table(node: ast.ClassDef) -> bool:
    return any(
        keyword.arg == "table" and isinstance(keyword.value, ast.Constant) and keyword.value.value is True
        for keyword in node.keywords
    )


def is_mapped_class(node: ast.ClassDef) -> bool:
    """Whether a class is a table by what it holds: its name and its key may come from a base, and what all bases of are
    mixins is one itself.
    """
    said = [statement for statement in node.body if isinstance(statement, ast.Assign | ast.AnnAssign)]
    targets = [target for one in said for target in (one.targets if isinstance(one, ast.Assign) else [one.target])]
    names = {target.id for target in targets if isinstance(target, ast.Name)}
    bases = [get_last_name(base) for base in node.bases]
    if "__abstract__" in names or any(base in BASE_CLASSES for base in bases):
        return False
    if all(base.endswith("Mixin") for base in bases):
        return False
    if names & {"__tablename__", "__table__"}:
        return not is_sqlmodel_table(node)
    words = {get_last_name(one.value) for one in said if isinstance(one.value, ast.Call)}
    words |= {get_last_name(one.annotation) for one in said if isinstance(one, ast.AnnAssign)}
    return bool(words & _COLUMNS)
