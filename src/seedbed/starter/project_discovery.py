"""Discovery of an existing project's tables, history and settings, without running its code."""

import ast
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from seedbed.errors import MultipleMigrationHistories
from seedbed.migrations.apply.shared_connection import accepts_connection
from seedbed.schema.static_analysis import ProjectSource, SourceModule, find_imported_names, get_last_name, parse_file
from seedbed.starter.alembic_setup import DEFAULT_SECTION, HistoryLocation, find_histories, uses_async

_ASSIGNMENT = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=", re.MULTILINE)
_DATABASE_VARIABLE = re.compile(r"DATABASE|POSTGRES|(?:^|_)DB(?:_|$)|^PG|^(?!SENTRY).*DSN$|SQLALCHEMY")
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


@dataclass(frozen=True)
class DiscoveredHistory:
    """An Alembic history.

    `env_file` is None if there is no env.py, and `metadata` if env.py does not show it. `leaves_out` are the options
    with which env.py filters the comparison.
    """

    config_file: Path
    script_location: Path
    revisions: int
    heads: tuple[str, ...]
    env_file: Path | None
    is_async: bool
    accepts_connection: bool
    version_table: str
    metadata: str | None
    has_multiple_metadata: bool = False
    leaves_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class DiscoveredTables:
    """The modules and classes of the tables.

    `unregistered_modules` have tables but are not imported by env.py, so Alembic does not know them either. Only
    SQLModel classes can be served.
    """

    schema: str
    imports: tuple[str, ...]
    metadata: str | None
    import_path: tuple[str, ...]
    classes: tuple[str, ...]
    unregistered_modules: tuple[str, ...]
    can_be_served: bool = True


@dataclass(frozen=True)
class DiscoveredProject:
    """A project's parts. `environment_files` maps .env files to the names of their database variables, never values."""

    root: Path
    history: DiscoveredHistory | None
    tables: DiscoveredTables | None
    environment_files: dict[str, tuple[str, ...]]


def discover_project(folder: Path) -> DiscoveredProject | None:
    """Find tables and a history in a directory. Returns None if there is neither.

    The project's root is the nearest directory with a pyproject.toml, from alembic.ini upwards to `folder`.

    Raises:
        MultipleMigrationHistories: the directory has the histories of several databases.
    """
    histories = find_histories(folder)
    sections = [
        f"{history.file.relative_to(folder)} [{history.section}]"
        for history in histories
        if history.section != DEFAULT_SECTION
    ]
    if sections or len(histories) > 1:
        raise MultipleMigrationHistories(
            folder,
            sections or [str(history.file.relative_to(folder)) for history in histories],
            in_sections=bool(sections),
        )
    location = histories[0] if histories else None
    root = _find_root(folder, location)
    code = ProjectSource(_find_import_roots(root, location))
    history = _read_history(location, code) if location is not None else None
    tables = _find_tables(root, code, history)
    if history is None and tables is None:
        return None
    return DiscoveredProject(root, history, tables, _read_environment_files(root))


def _find_root(folder: Path, location: HistoryLocation | None) -> Path:
    if location is None:
        return folder
    directory = location.file.parent
    above = [directory, *(parent for parent in directory.parents if parent.is_relative_to(folder))]
    root = next((directory for directory in above if (directory / "pyproject.toml").is_file()), None)
    # Flask-Migrate's alembic.ini is beside env.py, in a folder of the project, which may have no pyproject.toml.
    return root or (
        directory.parent
        if location.script_location == directory and directory.is_relative_to(folder / directory.name)
        else directory
    )


def _find_import_roots(root: Path, location: HistoryLocation | None) -> list[Path]:
    source = [] if (root / "src" / "__init__.py").exists() else [root / "src"]
    return [path for path in (*source, *(location.import_paths if location is not None else ()), root) if path.is_dir()]


def _read_history(location: HistoryLocation, code: ProjectSource) -> DiscoveredHistory:
    env = location.script_location / "env.py"
    tree = parse_file(env)
    source = env.read_text(encoding="utf-8") if tree is not None else ""
    graph = {name: parents for place in location.version_directories for name, parents in _read_revisions(place)}
    followed = {parent for parents in graph.values() for parent in parents}
    return DiscoveredHistory(
        config_file=location.file,
        script_location=location.script_location,
        revisions=len(graph),
        heads=tuple(sorted(set(graph) - followed)),
        env_file=env if env.is_file() else None,
        is_async=tree is not None and uses_async(source),
        accepts_connection=tree is not None and accepts_connection(source),
        version_table=_find_version_table(tree) if tree is not None else "alembic_version",
        metadata=_find_env_metadata(tree, code) if tree is not None else None,
        has_multiple_metadata=tree is not None
        and isinstance(dict(_find_assignments(tree)).get("target_metadata"), ast.List | ast.Tuple),
        leaves_out=tuple(_find_filter_options(tree)) if tree is not None else (),
    )


def _find_filter_options(tree: ast.Module) -> Iterator[str]:
    options = {keyword.arg for node in ast.walk(tree) if isinstance(node, ast.Call) for keyword in node.keywords}
    yield from (name for name in ("include_object", "include_name") if name in options)


def _read_revisions(folder: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    for file in sorted(folder.rglob("*.py")):
        tree = parse_file(file)
        assignments = dict(_find_assignments(tree)) if tree is not None else {}
        revision = assignments.get("revision")
        if isinstance(revision, ast.Constant) and isinstance(revision.value, str):
            references = [assignments[name] for name in ("down_revision", "depends_on") if name in assignments]
            parents = [
                node.value for reference in references for node in ast.walk(reference) if isinstance(node, ast.Constant)
            ]
            yield revision.value, tuple(parent for parent in parents if isinstance(parent, str))


def _find_assignments(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            yield from ((target.id, node.value) for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            yield node.target.id, node.value


def _find_version_table(tree: ast.Module) -> str:
    keywords = {
        keyword.arg: keyword.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, str)
    }
    return ".".join(
        filter(None, [keywords.get("version_table_schema"), keywords.get("version_table", "alembic_version")])
    )


def _find_env_metadata(tree: ast.Module, code: ProjectSource) -> str | None:
    """Find the `target_metadata` of env.py, such as `app.db:Base.metadata` or `sqlmodel:SQLModel.metadata`."""
    value = dict(_find_assignments(tree)).get("target_metadata")
    chain = _split_attributes(value) if value is not None else []
    places: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module:
            places |= {alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.Import):
            for alias in node.names:
                top = alias.name.partition(".")[0]
                places[alias.asname or top] = alias.name if alias.asname else top
    if "SQLModel" in chain:
        return "sqlmodel:SQLModel.metadata"
    if not chain or chain[0] not in places:
        return None
    parts = [*places[chain[0]].split("."), *chain[1:]]
    for end in range(len(parts) - 1, 0, -1):
        if code.find_root(".".join(parts[:end])) is not None:
            return f"{'.'.join(parts[:end])}:{'.'.join(parts[end:])}"
    return None


def _split_attributes(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Attribute):
        before = _split_attributes(node.value)
        return [*before, node.attr] if before else []
    return [node.id] if isinstance(node, ast.Name) else []


def _find_tables(root: Path, code: ProjectSource, history: DiscoveredHistory | None) -> DiscoveredTables | None:
    table_modules = [module for module in code.modules if module.tables and not _is_revision(module, history)]
    entries = list(_find_entry_modules(code, history)) or [
        name
        for module in table_modules
        for name in _list_parent_packages(module.name)
        if code.read_module(name) is not None
    ]
    modules = _choose_modules(code, entries)
    if not modules and history is not None and (metadata := history.metadata) is not None:
        modules = [metadata.partition(":")[0]]
    if not modules:
        return None
    reached = {name: module for entry in modules for name, module in code.find_imported_modules(entry).items()}
    registered = [module for module in reached.values() if module.tables]
    metadata = history.metadata if history is not None else None
    metadata = metadata or _find_defined_metadata([*reached.values(), *code.modules], registered)
    roots = dict.fromkeys(
        code.find_root(name) for name in (*modules, *([metadata.partition(":")[0]] if metadata else []))
    )
    path = tuple(str(used.relative_to(root)) for used in roots if used is not None and used.is_relative_to(root))
    return DiscoveredTables(
        schema=modules[0],
        imports=tuple(modules[1:]),
        metadata=None if metadata is None or metadata.startswith("sqlmodel:") else metadata,
        import_path=() if path == (".",) else path,
        classes=tuple(f"{module.name}.{table}" for module in registered for table in module.tables),
        unregistered_modules=tuple(sorted(_find_unregistered(table_modules, reached.values())))
        if history is not None
        else (),
        can_be_served=not registered or any(module.has_sqlmodel_tables for module in registered),
    )


def _find_unregistered(table_modules: Iterable[SourceModule], reached: Iterable[SourceModule]) -> set[str]:
    files = {module.file for module in reached}
    return {module.name for module in table_modules if module.file not in files}


def _is_revision(module: SourceModule, history: DiscoveredHistory | None) -> bool:
    return history is not None and module.file.is_relative_to(history.script_location.resolve())


def _find_entry_modules(code: ProjectSource, history: DiscoveredHistory | None) -> Iterator[str]:
    """Find the project's modules that env.py imports.

    If it imports by name, the packages named in its strings count with all their modules.
    """
    tree = parse_file(history.env_file) if history is not None and history.env_file is not None else None
    if tree is None:
        return
    names = list(find_imported_names(ast.walk(tree)))
    if any(get_last_name(node) in {"walk_packages", "iter_modules", "import_module"} for node in ast.walk(tree)):
        texts = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
        packages = [text for text in texts if _DOTTED.fullmatch(text)]
        names += packages
        names += [
            module.name for module in code.modules if any(module.name.startswith(f"{package}.") for package in packages)
        ]
    yield from (name for name in dict.fromkeys(names) if code.read_module(name) is not None)


def _list_parent_packages(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _choose_modules(code: ProjectSource, entries: Iterable[str]) -> list[str]:
    """Choose the fewest modules that import all tables of the entry modules, preferring those with few imports."""
    reached = {entry: code.find_imported_modules(entry) for entry in dict.fromkeys(entries)}
    left = {name for modules in reached.values() for name, module in modules.items() if module.tables}
    chosen: list[str] = []
    while left:
        best = min(reached, key=lambda entry: (-len(left & set(reached[entry])), len(reached[entry]), entry))
        chosen.append(best)
        left -= set(reached[best])
    return chosen


def _find_defined_metadata(modules: Sequence[SourceModule], tables: Sequence[SourceModule]) -> str | None:
    if tables and all(module.has_only_sqlmodel_tables for module in tables):
        return None
    return next((f"{module.name}:{base}" for module in modules for base in module.metadata_paths), None)


def _read_environment_files(root: Path) -> dict[str, tuple[str, ...]]:
    variables = {}
    for file in sorted(root.glob(".env*")):
        if file.is_file():
            names = _ASSIGNMENT.findall(file.read_text(encoding="utf-8", errors="replace"))
            variables[file.name] = tuple(name for name in dict.fromkeys(names) if _DATABASE_VARIABLE.search(name))
    return variables
