"""Which files of a project are read while a template is made of them, beside those that are known to be."""

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

_OPENED = "open"
_LISTED = frozenset({"os.listdir", "os.scandir"})
_WRITING = os.O_WRONLY | os.O_RDWR
_OURS = ".seedbed"
_FINDERS = "<frozen importlib"
"""Where Python looks for a module, in every folder that there may be one."""
_RELATIVE = b"from ."

_at_work: "list[_Ears]" = []
_hooks: list[Any] = []


@contextmanager
def track_files(project: Project, known: Iterable[Path]) -> Iterator[set[Path]]:
    """Notice what is read meanwhile: the set has all at the end of the block.

    That is what Python opens or lists in the project, in whatever thread; and modules of the project that were
    imported before, which are not opened again, as far as an import statement leads to them from the `known` files.
    What other programs and libraries in C read is not noticed, nor is anything outside the project.
    """
    known = set(known)
    ears = _Ears(project)
    if not _hooks:
        sys.addaudithook(_hear)  # which nobody can take away again
        _hooks.append(_hear)
    _at_work.append(ears)
    try:
        yield ears.heard
    finally:
        _at_work.remove(ears)
    ears.heard |= _imported(ears, known)
    ears.heard -= known


class _Ears:
    def __init__(self, project: Project) -> None:
        self.heard: set[Path] = set()
        self._places = tuple({str(place) + os.sep for place in (project.root, *project.import_roots)})
        installed = (*site.getsitepackages(), site.getusersitepackages(), sys.prefix, sys.base_prefix)
        root = str(project.root) + os.sep
        within = [folder + os.sep for folder in installed if not root.startswith(folder + os.sep)]
        self._others = (str(project.root / _OURS) + os.sep, *within)

    def hear(self, path: str) -> None:
        if self.is_own(path):
            self.heard.add(Path(path))

    def is_own(self, path: str) -> bool:
        return (path + os.sep).startswith(self._places) and not path.startswith(self._others)


def _hear(event: str, arguments: tuple[Any, ...]) -> None:
    if not _at_work or (event != _OPENED and event not in _LISTED):
        return
    with suppress(Exception):  # it would be that of whoever opens
        if event == _OPENED and (arguments[2] or 0) & _WRITING:
            return
        if event != _OPENED and sys._getframe(1).f_code.co_filename.startswith(_FINDERS):  # noqa: SLF001
            return
        if isinstance(arguments[0], int):
            return
        path = os.path.abspath(os.fsdecode(arguments[0] or "."))  # noqa: PTH100 - a link stays what it is
        if path.endswith(".pyc"):
            path = source_from_cache(path)
        for ears in tuple(_at_work):
            ears.hear(path)


def _imported(ears: _Ears, known: Iterable[Path]) -> set[Path]:
    """Files of modules that import statements lead to, from files that are known and from one another."""
    found: set[Path] = set()
    packages: dict[Path, str] = {}
    own = {name for name, module in tuple(sys.modules.items()) if ears.is_own(_origin(module))}
    tops = {name.partition(".")[0].encode() for name in own} | {_RELATIVE}
    waiting = [file for file in (*known, *ears.heard) if file.suffix == ".py"]
    while waiting:
        file = waiting.pop()
        for name in own.intersection(_names(file, packages.get(file, ""), tops)):
            module = sys.modules[name]
            origin = Path(_origin(module))
            if origin in found:
                continue
            found.add(origin)
            packages[origin] = module.__package__ or ""
            if origin.suffix == ".py":
                waiting.append(origin)
    return found


def _origin(module: object) -> str:
    """A module's file, without waking one that is loaded when it is first asked for something."""
    return str(getattr(module, "__dict__", {}).get("__file__") or "")


def _names(file: Path, package: str, tops: Iterable[bytes]) -> Iterator[str]:
    """What a file imports, by whole names; of `from a import b`, `b` may be a module too. Most revisions have no word
    of the project's modules, and are not parsed.
    """
    with suppress(SyntaxError, ValueError, ImportError, OSError):
        source = file.read_bytes()
        if not any(top in source for top in tops):
            return
        for node in ast.walk(ast.parse(source)):
            if isinstance(node, ast.Import):
                yield from (alias.name for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                base = resolve_name("." * node.level + (node.module or ""), package) if node.level else node.module
                yield base or ""
                yield from (f"{base}.{alias.name}" for alias in node.names)
