"""What alembic.ini and `[tool.alembic]` say of a history, read without Alembic."""

import configparser
import re
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedbed.schema.source_code import find_python_files

USUAL = "alembic"

_PARTED = re.compile(r"[\s,:;]+")


@dataclass(frozen=True)
class Said:
    """Where a history is, by the file that says so: env.py's folder, those of the revisions, and what Alembic puts on
    `sys.path`. A `section` other than the usual one is read by `alembic -n` alone.
    """

    file: Path
    folder: Path
    versions: tuple[Path, ...]
    paths: tuple[Path, ...]
    section: str = USUAL


def find_histories(folder: Path) -> list[Said]:
    """The histories in a folder, each once: several files may say the same, one for every database of a kind, and then
    it is alembic.ini that counts. What alembic.ini says wins over pyproject.toml beside it, as with Alembic.
    """
    seen = {file.parent for file in find_python_files(folder)} | {folder}
    places = {*seen, *(parent for one in seen for parent in one.parents if parent.is_relative_to(folder))}
    found: dict[Path, Said] = {}
    for place in sorted(places):
        inis = sorted(place.glob("*.ini"), key=lambda file: (file.name != "alembic.ini", file.name))
        for file in (*inis, place / "pyproject.toml"):
            if file.suffix != ".toml":
                saids = list(_of_ini(file))
            elif any(one.file.parent == place for one in found.values()):
                saids = []
            else:
                saids = list(_of_pyproject(file))
            for said in saids:
                found.setdefault(said.folder.resolve(), said)
    return sorted(found.values(), key=lambda said: (said.file, said.section))


def _of_ini(file: Path) -> Iterator[Said]:
    parser = configparser.ConfigParser({"here": str(file.parent)})
    try:
        parser.read_string(file.read_text(encoding="utf-8"))
        sections = {name: {key: parser.get(name, key, fallback="") for key in _KEYS} for name in parser.sections()}
    except (configparser.Error, ValueError, OSError):
        return
    if USUAL not in sections:
        return
    if not sections[USUAL]["script_location"] and (file.parent / "env.py").is_file():
        sections = {USUAL: sections[USUAL] | {"script_location": "."}}
    elif sections[USUAL]["script_location"]:
        sections = {USUAL: sections[USUAL]}
    for name, said in sections.items():
        if location := said["script_location"]:
            versions = [one for one in _PARTED.split(said["version_locations"]) if one]
            paths = [one for one in _PARTED.split(said["prepend_sys_path"]) if one] or ["."]
            yield _said(file, location, versions, paths, section=name)


def _of_pyproject(file: Path) -> Iterator[Said]:
    try:
        table = tomllib.loads(file.read_text(encoding="utf-8"))["tool"]["alembic"]
        location = table["script_location"].replace("%(here)s", str(file.parent))
        yield _said(file, location, *(list(_texts(file, table.get(name, []))) for name in _KEYS[1:]))
    except (OSError, KeyError, TypeError, AttributeError, ValueError):
        return


_KEYS = ("script_location", "version_locations", "prepend_sys_path")


def _texts(file: Path, said: Any) -> Iterator[str]:
    for one in [said] if isinstance(said, str) else said:
        yield str(one).replace("%(here)s", str(file.parent))


def _said(file: Path, location: str, versions: list[str], paths: list[str], *, section: str = USUAL) -> Said:
    folder = file.parent / location.replace(":", "/")
    return Said(
        file,
        folder,
        tuple(file.parent / one for one in versions) or (folder / "versions",),
        tuple(file.parent / one for one in paths),
        section,
    )
