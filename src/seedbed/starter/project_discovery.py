"""What a project has already: its tables, its history and its settings, found without running any of it."""

import ast
import re
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from seedbed.errors import MultipleMigrationHistories
from seedbed.migrations.apply.shared_connection import accepts_connection
from seedbed.schema.source_code import ProjectSource, SourceModule, find_imported_names, get_last_name, parse_file
from seedbed.starter.alembic_config import USUAL, Said, find_histories
from seedbed.starter.env_py import is_asynchronous

_VARIABLE = re.compile(r"^\s*(?:export\s+)?([A-Za-z_][A-Za-z0-9_]*)\s*=", re.MULTILINE)
_OF_A_DATABASE = re.compile(r"DATABASE|POSTGRES|(?:^|_)DB(?:_|$)|^PG|^(?!SENTRY).*DSN$|SQLALCHEMY")
_DOTTED = re.compile(r"[A-Za-z_]\w*(\.[A-Za-z_]\w*)+")


@dataclass(frozen=True)
class HistoryFound:
    """An Alembic history. `env` is None where there is no env.py; `metadata` where that does not say it plainly.
    `leaves_out` are the options by which env.py keeps things from being compared.
    """

    ini: Path
    folder: Path
    revisions: int
    heads: tuple[str, ...]
    env: Path | None
    asynchronous: bool
    takes_connection: bool
    version_table: str
    metadata: str | None
    several_metadata: bool = False
    leaves_out: tuple[str, ...] = ()


@dataclass(frozen=True)
class TablesFound:
    """Where the tables are. `left_out` are modules with tables that env.py does not import, so Alembic knows nothing of
    them either. Only SQLModel's can be `served`.
    """

    schema: str
    imports: tuple[str, ...]
    metadata: str | None
    path: tuple[str, ...]
    classes: tuple[str, ...]
    left_out: tuple[str, ...]
    served: bool = True


@dataclass(frozen=True)
class Found:
    """What a folder has; `list_environment_files` are names of files, with those of their variables that are about a
    database, and never a value.
    """

    root: Path
    history: HistoryFound | None
    tables: TablesFound | None
    environment_files: dict[str, tuple[str, ...]]


def find(folder: Path) -> Found | None:
    """Look for tables and a history in a folder; None where there is neither.

    The project's own folder is the nearest one at or above its alembic.ini that has a pyproject.toml, and not above the
    given one.

    Raises:
        MultipleMigrationHistories: several databases are several projects, and each has a folder.
    """
    histories = find_histories(folder)
    named = [f"{one.file.relative_to(folder)} [{one.section}]" for one in histories if one.section != USUAL]
    if named or len(histories) > 1:
        raise MultipleMigrationHistories(
            folder, named or [str(one.file.relative_to(folder)) for one in histories], in_sections=bool(named)
        )
    said = histories[0] if histories else None
    root = _project_folder(folder, said)
    code = ProjectSource(_import_roots(root, said))
    history = _history(said, code) if said is not None else None
    tables = _tables(root, code, history)
    if history is None and tables is None:
        return None
    return Found(root, history, tables, _environment_files(root))


def _project_folder(folder: Path, said: Said | None) -> Path:
    if said is None:
        return folder
    place = said.file.parent
    above = [place, *(parent for parent in place.parents if parent.is_relative_to(folder))]
    named = next((one for one in above if (one / "pyproject.toml").is_file()), None)
    # Flask-Migrate's alembic.ini is beside env.py, in a folder of the project, which need not have a pyproject.toml.
    return named or (place.parent if said.folder == place and place.is_relative_to(folder / place.name) else place)


def _import_roots(root: Path, said: Said | None) -> list[Path]:
    source = [] if (root / "src" / "__init__.py").exists() else [root / "src"]
    return [one for one in (*source, *(said.paths if said is not None else ()), root) if one.is_dir()]


def _history(said: Said, code: ProjectSource) -> HistoryFound:
    env = said.folder / "env.py"
    tree = parse_file(env)
    source = env.read_text(encoding="utf-8") if tree is not None else ""
    graph = {name: parents for place in said.versions for name, parents in _revisions(place)}
    followed = {parent for parents in graph.values() for parent in parents}
    return HistoryFound(
        ini=said.file,
        folder=said.folder,
        revisions=len(graph),
        heads=tuple(sorted(set(graph) - followed)),
        env=env if env.is_file() else None,
        asynchronous=tree is not None and is_asynchronous(source),
        takes_connection=tree is not None and accepts_connection(source),
        version_table=_version_table(tree) if tree is not None else "alembic_version",
        metadata=_metadata_of(tree, code) if tree is not None else None,
        several_metadata=tree is not None
        and isinstance(dict(_assigned(tree)).get("target_metadata"), ast.List | ast.Tuple),
        leaves_out=tuple(_filters(tree)) if tree is not None else (),
    )


def _filters(tree: ast.Module) -> Iterator[str]:
    said = {keyword.arg for node in ast.walk(tree) if isinstance(node, ast.Call) for keyword in node.keywords}
    yield from (name for name in ("include_object", "include_name") if name in said)


def _revisions(folder: Path) -> Iterator[tuple[str, tuple[str, ...]]]:
    for file in sorted(folder.rglob("*.py")):
        tree = parse_file(file)
        said = dict(_assigned(tree)) if tree is not None else {}
        revision = said.get("revision")
        if isinstance(revision, ast.Constant) and isinstance(revision.value, str):
            before = [said[name] for name in ("down_revision", "depends_on") if name in said]
            parents = [node.value for one in before for node in ast.walk(one) if isinstance(node, ast.Constant)]
            yield revision.value, tuple(one for one in parents if isinstance(one, str))


def _assigned(tree: ast.Module) -> Iterator[tuple[str, ast.expr]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign):
            yield from ((target.id, node.value) for target in node.targets if isinstance(target, ast.Name))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            yield node.target.id, node.value


def _version_table(tree: ast.Module) -> str:
    said = {
        keyword.arg: keyword.value.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Call)
        for keyword in node.keywords
        if isinstance(keyword.value, ast.Constant) and isinstance(keyword.value.value, str)
    }
    return ".".join(filter(None, [said.get("version_table_schema"), said.get("version_table", "alembic_version")]))


def _metadata_of(tree: ast.Module, code: ProjectSource) -> str | None:
    """What env.py gives Alembic as `target_metadata`: `app.db:Base.metadata`, or `sqlmodel:SQLModel.metadata`."""
    value = dict(_assigned(tree)).get("target_metadata")
    chain = _chain(value) if value is not None else []
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


def _chain(node: ast.expr) -> list[str]:
    if isinstance(node, ast.Attribute):
        before = _chain(node.value)
        return [*before, node.attr] if before else []
    return [node.id] if isinstance(node, ast.Name) else []


def _tables(root: Path, code: ProjectSource, history: HistoryFound | None) -> TablesFound | None:
    everything = [module for module in code.modules if module.tables and not _is_revision(module, history)]
    entries = list(_entries(code, history)) or [
        name for module in everything for name in _packages(module.name) if code.read_module(name) is not None
    ]
    chosen = _cover(code, entries)
    if not chosen and history is not None and (metadata := history.metadata) is not None:
        chosen = [metadata.partition(":")[0]]
    if not chosen:
        return None
    reached = {name: module for entry in chosen for name, module in code.find_imported_modules(entry).items()}
    found = [module for module in reached.values() if module.tables]
    metadata = history.metadata if history is not None else None
    metadata = metadata or _metadata_defined([*reached.values(), *code.modules], found)
    used = dict.fromkeys(code.find_root(name) for name in (*chosen, *([metadata.partition(":")[0]] if metadata else [])))
    path = tuple(str(one.relative_to(root)) for one in used if one is not None and one.is_relative_to(root))
    return TablesFound(
        schema=chosen[0],
        imports=tuple(chosen[1:]),
        metadata=None if metadata is None or metadata.startswith("sqlmodel:") else metadata,
        path=() if path == (".",) else path,
        classes=tuple(f"{module.name}.{table}" for module in found for table in module.tables),
        left_out=tuple(sorted(_left_out(everything, reached.values()))) if history is not None else (),
        served=not found or any(module.has_sqlmodel_tables for module in found),
    )


def _left_out(everything: Iterable[SourceModule], reached: Iterable[SourceModule]) -> set[str]:
    files = {module.file for module in reached}
    return {module.name for module in everything if module.file not in files}


def _is_revision(module: SourceModule, history: HistoryFound | None) -> bool:
    return history is not None and module.file.is_relative_to(history.folder.resolve())


def _entries(code: ProjectSource, history: HistoryFound | None) -> Iterator[str]:
    """The project's modules that env.py imports, and where it imports by a text, the packages that are named so, with
    all that is in them.
    """
    tree = parse_file(history.env) if history is not None and history.env is not None else None
    if tree is None:
        return
    names = list(find_imported_names(ast.walk(tree)))
    if any(get_last_name(node) in {"walk_packages", "iter_modules", "import_module"} for node in ast.walk(tree)):
        texts = [n.value for n in ast.walk(tree) if isinstance(n, ast.Constant) and isinstance(n.value, str)]
        packages = [text for text in texts if _DOTTED.fullmatch(text)]
        names += packages
        names += [one.name for one in code.modules if any(one.name.startswith(f"{package}.") for package in packages)]
    yield from (name for name in dict.fromkeys(names) if code.read_module(name) is not None)


def _packages(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts) + 1)]


def _cover(code: ProjectSource, entries: Iterable[str]) -> list[str]:
    """The fewest modules whose import brings every table that the entries bring; of equals, what imports least."""
    reached = {entry: code.find_imported_modules(entry) for entry in dict.fromkeys(entries)}
    left = {name for modules in reached.values() for name, module in modules.items() if module.tables}
    chosen: list[str] = []
    while left:
        best = min(reached, key=lambda entry: (-len(left & set(reached[entry])), len(reached[entry]), entry))
        chosen.append(best)
        left -= set(reached[best])
    return chosen


def _metadata_defined(modules: Sequence[SourceModule], tables: Sequence[SourceModule]) -> str | None:
    if tables and all(module.has_only_sqlmodel_tables for module in tables):
        return None
    return next((f"{module.name}:{base}" for module in modules for base in module.metadata_paths), None)


def _environment_files(root: Path) -> dict[str, tuple[str, ...]]:
    found = {}
    for file in sorted(root.glob(".env*")):
        if file.is_file():
            names = _VARIABLE.findall(file.read_text(encoding="utf-8", errors="replace"))
            found[file.name] = tuple(name for name in dict.fromkeys(names) if _OF_A_DATABASE.search(name))
    return found


def has_table(pyproject: Path) -> bool:
    """Whether a project says something to Seedbed already."""
    try:
        return "seedbed" in tomllib.loads(pyproject.read_text(encoding="utf-8")).get("tool", {})
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return False
