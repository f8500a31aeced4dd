"""Find the Alembic histories of an existing project in alembic.ini and pyproject.toml."""

import configparser
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedbed.schema.source_code import find_python_files

DEFAULT_SECTION = "alembic"

_SEPARATORS = re.compile(r"[\s,:;]+")


@dataclass(frozen=True)
class HistoryLocation:
    """A configuration file, and the directories that it names: of env.py, of the revisions, and for `sys.path`.

    Only `alembic -n` reads a `section` other than the default one.
    """

    file: Path
    script_location: Path
    version_directories: tuple[Path, ...]
    import_paths: tuple[Path, ...]
    section: str = DEFAULT_SECTION


def find_histories(folder: Path) -> list[HistoryLocation]:
    """Find the histories in a directory, each once.

    If several files name the same history, such as one per database, alembic.ini counts. As with Alembic, alembic.ini
    takes precedence over pyproject.toml in the same directory.
    """
    directories = {file.parent for file in find_python_files(folder)} | {folder}
    candidates = {
        *directories,
        *(parent for directory in directories for parent in directory.parents if parent.is_relative_to(folder)),
    }
    histories: dict[Path, HistoryLocation] = {}
    for directory in sorted(candidates):
        config_files = sorted(directory.glob("*.ini"), key=lambda file: (file.name != "alembic.ini", file.name))
        for file in (*config_files, directory / "pyproject.toml"):
            if file.suffix != ".toml":
                locations = list(_read_ini(file))
            elif any(history.file.parent == directory for history in histories.values()):
                locations = []
            else:
                locations = list(_read_pyproject(file))
            for location in locations:
                histories.setdefault(location.script_location.resolve(), location)
    return sorted(histories.values(), key=lambda location: (location.file, location.section))


def _read_ini(file: Path) -> Iterator[HistoryLocation]:
    parser = configparser.ConfigParser({"here": str(file.parent)})
    try:
        parser.read_string(file.read_text(encoding="utf-8"))
        sections = {name: {key: parser.get(name, key, fallback="") for key in _KEYS} for name in parser.sections()}
    except (configparser.Error, ValueError, OSError):
        return
    if DEFAULT_SECTION not in sections:
        return
    if not sections[DEFAULT_SECTION]["script_location"] and (file.parent / "env.py").is_file():
        sections = {DEFAULT_SECTION: sections[DEFAULT_SECTION] | {"script_location": "."}}
    elif sections[DEFAULT_SECTION]["script_location"]:
        sections = {DEFAULT_SECTION: sections[DEFAULT_SECTION]}
    for name, options in sections.items():
        if location := options["script_location"]:
            versions = [path for path in _SEPARATORS.split(options["version_locations"]) if path]
            paths = [path for path in _SEPARATORS.split(options["prepend_sys_path"]) if path] or ["."]
            yield _locate(file, location, versions, paths, section=name)


def _read_pyproject(file: Path) -> Iterator[HistoryLocation]:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))["tool"]["alembic"]
        location = table["script_location"].replace("%(here)s", str(file.parent))
        yield _locate(file, location, *(list(_expand(file, table.get(name, []))) for name in _KEYS[1:]))
    except (OSError, KeyError, TypeError, AttributeError, ValueError):
        return


_KEYS = ("script_location", "version_locations", "prepend_sys_path")


def _expand(file: Path, value: Any) -> Iterator[str]:
    for path in [value] if isinstance(value, str) else value:
        yield str(path).replace("%(here)s", str(file.parent))


def _locate(
    file: Path, location: str, versions: list[str], paths: list[str], *, section: str = DEFAULT_SECTION
) -> HistoryLocation:
    folder = file.parent / location.replace(":", "/")
    return HistoryLocation(
        file,
        folder,
        tuple(file.parent / path for path in versions) or (folder / "versions",),
        tuple(file.parent / path for path in paths),
        section,
    )
