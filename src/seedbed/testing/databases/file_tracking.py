"""Track which files of a project are read while a template is built."""

import ast
import os
import site
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager, suppress
from importlib.util import resolve_name, source_from_cache
from pathlib import Path
from typing import Any

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
