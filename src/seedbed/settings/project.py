"""Where the user's project is, and what its pyproject.toml says to Seedbed."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedbed.errors import BadProjectTable, NotAProject

_KEYS = ("schema", "ignore")
_NEVER_OURS = ("neon_auth",)
"""What Neon puts into a database by itself."""


@dataclass(frozen=True, kw_only=True)
class Project:
    """A folder with `schema/`, `migrations/` and `seeds/`, each loaded from here whatever the working directory.

    `ignore` names what is in its databases without being the project's: schemas (`audit`) and tables or other objects
    in a schema (`public.spatial_*`), with `*` and `?` as in a shell.
    """

    root: Path
    name: str
    schema: str = "schema"
    ignore: tuple[str, ...] = _NEVER_OURS

    @property
    def migrations(self) -> Path:
        return self.root / "migrations"

    @property
    def seeds(self) -> Path:
        return self.root / "seeds"

    @property
    def identifier(self) -> str:
        """The name as a PostgreSQL identifier that needs no quotes."""
        word = re.sub(r"[^a-z0-9]+", "_", self.name.lower()).strip("_")
        return (word if word[:1].isalpha() else f"project_{word}".rstrip("_"))[:40]


def find_project(start: Path) -> Project:
    """Find the project that `start` is in: the nearest folder whose pyproject.toml has a `[tool.seedbed]` table.

    Raises:
        NotAProject: no such folder here or above.
        BadProjectTable: the table, or the file it is in, cannot be used.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        file = folder / "pyproject.toml"
        if file.is_file():
            document = _read(file)
            if "seedbed" in document.get("tool", {}):
                return _project(folder, file, document)
    raise NotAProject(start)


def _read(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise BadProjectTable(file, f"not TOML: {error}", _KEYS) from error


def _project(folder: Path, file: Path, document: dict[str, Any]) -> Project:
    table = document["tool"]["seedbed"]
    if not isinstance(table, dict):
        raise BadProjectTable(file, "tool.seedbed is not a table.", _KEYS)
    for key in table:
        if key not in _KEYS:
            raise BadProjectTable(file, f"[tool.seedbed] has the unknown key {key!r}.", _KEYS)
    schema = table.get("schema", "schema")
    if not isinstance(schema, str) or not all(part.isidentifier() for part in schema.split(".")):
        raise BadProjectTable(file, f"[tool.seedbed] schema = {schema!r} is not a module's name.", _KEYS)
    name = document.get("project", {}).get("name", folder.name)
    ignore = table.get("ignore", [])
    if not isinstance(ignore, list) or not all(isinstance(entry, str) and entry for entry in ignore):
        raise BadProjectTable(file, f"[tool.seedbed] ignore = {ignore!r} is not a list of names.", _KEYS)
    return Project(root=folder, name=str(name), schema=schema, ignore=(*_NEVER_OURS, *ignore))
