"""What alembic.ini and `[tool.alembic]` say of a history, read without Alembic."""

import configparser
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedbed.starter.reading_code import python_files

_PARTED = re.compile(r"[\s,:;]+")


@dataclass(frozen=True)
class Said:
    """Where a history is, by the file that says so: env.py's folder, those of the revisions, and what Alembic puts on
    `sys.path`.
    """

    file: Path
    folder: Path
    versions: tuple[Path, ...]
    paths: tuple[Path, ...]


def find_histories(folder: Path) -> list[Said]:
    """The histories in a folder, each once: several files may say the same, one for every database of a kind, and then
    it is alembic.ini that counts. What alembic.ini says wins over pyproject.toml beside it, as with Alembic.
    """
    seen = {file.parent for file in python_files(folder)} | {folder}
    places = {*seen, *(parent for one in seen for parent in one.parents if parent.is_relative_to(folder))}
    found: dict[Path, Said] = {}
    for place in sorted(places):
        inis = sorted(place.glob("*.ini"), key=lambda file: (file.name != "alembic.ini", file.name))
        for file in (*inis, place / "pyproject.toml"):
            said = _of_pyproject(file) if file.suffix == ".toml" else _of_ini(file)
            beside = (
                said is not None and file.suffix == ".toml" and any(one.file.parent == place for one in found.values())
            )
            if said is not None and not beside:
                found.setdefault(said.folder.resolve(), said)
    return sorted(found.values(), key=lambda said: said.file)


def _of_ini(file: Path) -> Said | None:
    parser = configparser.ConfigParser({"here": str(file.parent)})
    try:
        parser.read_string(file.read_text(encoding="utf-8"))
        if not parser.has_section("alembic"):
            return None
        said = {name: parser.get("alembic", name, fallback="") for name in _KEYS}
    except (configparser.Error, ValueError, OSError):
        return None
    location = said["script_location"]
    if not location and not (file.parent / "env.py").is_file():
        return None
    return _said(
        file,
        location or ".",
        [one for one in _PARTED.split(said["version_locations"]) if one],
        [one for one in _PARTED.split(said["prepend_sys_path"]) if one] or ["."],
    )


def _of_pyproject(file: Path) -> Said | None:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))["tool"]["alembic"]
        location = table["script_location"].replace("%(here)s", str(file.parent))
        return _said(file, location, *(list(_texts(file, table.get(name, []))) for name in _KEYS[1:]))
    except (OSError, KeyError, TypeError, AttributeError, ValueError):
        return None


_KEYS = ("script_location", "version_locations", "prepend_sys_path")


def _texts(file: Path, said: Any) -> Iterator[str]:
    for one in [said] if isinstance(said, str) else said:
        yield str(one).replace("%(here)s", str(file.parent))


def _said(file: Path, location: str, versions: list[str], paths: list[str]) -> Said:
    folder = file.parent / location.replace(":", "/")
    return Said(
        file,
        folder,
        tuple(file.parent / one for one in versions) or (folder / "versions",),
        tuple(file.parent / one for one in paths),
    )
