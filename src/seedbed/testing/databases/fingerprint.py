"""Digest everything that a template is built from, including the files that its build reads."""

import ast
import os
import site
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from hashlib import sha256
from importlib.util import resolve_name, source_from_cache
from pathlib import Path
from typing import Any

from sqlalchemy.schema import CreateIndex, CreateTable

from seedbed import __version__
from seedbed.extras import get_faker_version
from seedbed.migrations.history.revisions import find_script_directory, has_history
from seedbed.postgres.quoting import DIALECT
from seedbed.schema import Schema
from seedbed.schema.declarations import get_declarations
from seedbed.settings import Project

_OPEN_EVENT = "open"
_LIST_EVENTS = frozenset({"os.listdir", "os.scandir"})
_WRITE_FLAGS = os.O_WRONLY | os.O_RDWR
_SEEDBED_FOLDER = ".seedbed"
_IMPORT_SYSTEM = "<frozen importlib"
"""The start of the file names of Python's import system, which lists every folder that may hold a module."""
_RELATIVE_IMPORT = b"from ."

_active_recorders: "list[_ReadRecorder]" = []
_hooks: list[Any] = []

_MAX_CONTENT_BYTES = 1 << 20
"""Up to this size a file's content is hashed. Of a larger file, which only seeds read, size and date are used."""
_CACHE_DIRECTORY = "__pycache__"


@contextmanager
def track_files(project: Project, known: Iterable[Path]) -> Iterator[set[Path]]:
    """Track the files that are read in a block. The set is complete at the end of the block; it lacks `known` files.

    It has the files and folders of the project that Python opens or lists, in any thread. It also has modules that
    were imported earlier, and so are not opened again, if import statements lead to them from the known files or from
    files read. Reads by other programs and C libraries, and reads outside the project, are not tracked.
    """
    known = set(known)
    recorder = _ReadRecorder(project)
    if not _hooks:
        sys.addaudithook(_audit_hook)  # an audit hook cannot be removed
        _hooks.append(_audit_hook)
    _active_recorders.append(recorder)
    try:
        yield recorder.files
    finally:
        _active_recorders.remove(recorder)
    recorder.files |= _find_imported_files(recorder, known)
    recorder.files -= known


class _ReadRecorder:
    def __init__(self, project: Project) -> None:
        self.files: set[Path] = set()
        self._project_prefixes = tuple({str(folder) + os.sep for folder in (project.root, *project.import_roots)})
        installed = (*site.getsitepackages(), site.getusersitepackages(), sys.prefix, sys.base_prefix)
        root = str(project.root) + os.sep
        within = [folder + os.sep for folder in installed if not root.startswith(folder + os.sep)]
        self._excluded_prefixes = (str(project.root / _SEEDBED_FOLDER) + os.sep, *within)

    def record(self, path: str) -> None:
        if self.is_in_project(path):
            self.files.add(Path(path))

    def is_in_project(self, path: str) -> bool:
        return (path + os.sep).startswith(self._project_prefixes) and not path.startswith(self._excluded_prefixes)


def _audit_hook(event: str, arguments: tuple[Any, ...]) -> None:
    if not _active_recorders or (event != _OPEN_EVENT and event not in _LIST_EVENTS):
        return
    with suppress(Exception):  # an exception here would fail the call that opens the file
        if event == _OPEN_EVENT and (arguments[2] or 0) & _WRITE_FLAGS:
            return
        if event != _OPEN_EVENT and sys._getframe(1).f_code.co_filename.startswith(_IMPORT_SYSTEM):  # noqa: SLF001
            return
        if isinstance(arguments[0], int):
            return
        path = os.path.abspath(os.fsdecode(arguments[0] or "."))  # noqa: PTH100 - resolve() would follow a link
        if path.endswith(".pyc"):
            path = source_from_cache(path)
        for recorder in tuple(_active_recorders):
            recorder.record(path)


def _find_imported_files(recorder: _ReadRecorder, known: Iterable[Path]) -> set[Path]:
    """Find the files of modules that import statements lead to, from the known files and from one another."""
    imported: set[Path] = set()
    packages: dict[Path, str] = {}
    project_modules = {name for name, module in tuple(sys.modules.items()) if recorder.is_in_project(_file_of(module))}
    top_level_names = {name.partition(".")[0].encode() for name in project_modules} | {_RELATIVE_IMPORT}
    waiting = [file for file in (*known, *recorder.files) if file.suffix == ".py"]
    while waiting:
        file = waiting.pop()
        for name in project_modules.intersection(_list_imports(file, packages.get(file, ""), top_level_names)):
            module = sys.modules[name]
            module_file = Path(_file_of(module))
            if module_file in imported:
                continue
            imported.add(module_file)
            packages[module_file] = module.__package__ or ""
            if module_file.suffix == ".py":
                waiting.append(module_file)
    return imported


def _file_of(module: object) -> str:
    """Return a module's file, without triggering a lazy module to load."""
    return str(getattr(module, "__dict__", {}).get("__file__") or "")


def _list_imports(file: Path, package: str, top_level_names: Iterable[bytes]) -> Iterator[str]:
    """List the full names that a file imports. In `from a import b`, `b` may be a module too.

    A file that contains none of `top_level_names`, as most revisions do not, is not parsed.
    """
    with suppress(SyntaxError, ValueError, ImportError, OSError):
        source = file.read_bytes()
        if not any(name in source for name in top_level_names):
            return
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = resolve_name("." * node.level + (node.module or ""), package) if node.level else node.module
                yield base or ""
                yield from (f"{base}.{alias.name}" for alias in node.names)


def digest_structure(project: Project, schema: Schema, server: str) -> str:
    """Digest the revisions, the models, and the `server`: its version and its extensions."""
    tables = [str(CreateTable(table).compile(dialect=DIALECT)) for table in schema.tables]
    indexes = [
        str(CreateIndex(index).compile(dialect=DIALECT))
        for table in schema.tables
        for index in sorted(table.indexes, key=lambda index: str(index.name))
    ]
    files = _lines(digest_files(project, list_structure_files(project)))
    return digest(__version__, server, *tables, *indexes, *get_declarations(schema.metadata), *files)


def digest_seeds(project: Project, seed: str) -> str:
    """Digest an environment's seeds, with every file in their folder, because they may read any of them."""
    return digest(seed, get_faker_version(), *_lines(digest_files(project, list_seed_files(project))))


def list_structure_files(project: Project) -> list[Path]:
    """List the files of models and revisions."""
    revisions = _list_files(find_script_directory(project), "*.py") if has_history(project) else ()
    return [*_list_model_files(project), *revisions]


def list_seed_files(project: Project) -> list[Path]:
    """List the files in the folder of seeds."""
    return [*_list_files(project.seeds, "*")]


def digest_files(project: Project, paths: Iterable[Path]) -> dict[str, str]:
    """Digest the content of files, by their paths from the project's root. Of a folder, digest the names in it."""
    return {_relative_path(project, path): _digest_content(path) for path in paths}


def are_unchanged(project: Project, digests: Mapping[str, str]) -> bool:
    """Whether files still have the content of the given digests."""
    return all(_digest_content(project.root / path) == content for path, content in digests.items())


def digest(*facts: str) -> str:
    return sha256("\0".join(facts).encode()).hexdigest()[:12]


def _list_model_files(project: Project) -> Iterator[Path]:
    for root in project.import_roots:
        for name in (project.schema, *project.imports):
            models = root.joinpath(*name.split("."))
            yield from _list_files(models, "*.py")
            yield from _list_files(models.with_suffix(".py"))


def _list_files(path: Path, pattern: str | None = None) -> Iterator[Path]:
    files = [path] if pattern is None else sorted(path.rglob(pattern))
    return (file for file in files if file.is_file() and _CACHE_DIRECTORY not in file.parts)


def _digest_content(path: Path) -> str:
    try:
        if path.is_dir():
            names = (entry.name for entry in path.iterdir() if entry.name != _CACHE_DIRECTORY)
            return digest(*sorted(name for name in names if not name.startswith(".")))
        status = path.stat()
        is_large = status.st_size > _MAX_CONTENT_BYTES
        return f"{status.st_size} {status.st_mtime_ns}" if is_large else sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        return type(error).__name__


def _relative_path(project: Project, path: Path) -> str:
    return Path(os.path.relpath(path, project.root)).as_posix()


def _lines(digests: Mapping[str, str]) -> Iterator[str]:
    return (f"{path} {content_digest}" for path, content_digest in digests.items())
