"""The user's project: its root directory and its [tool.seedbed] table in pyproject.toml."""

import re
import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from seedbed.errors import InvalidProjectConfig, ProjectNotFound

_FIELDS_BY_KEY = {
    "schema": "schema", "metadata": "metadata", "imports": "imports", "path": "path", "alembic": "alembic",
    "version_table": "version_table", "seeds": "seeds_folder", "ignore": "ignore", "service": "service",
}  # fmt: skip
"""The fields of `Project` by their keys in [tool.seedbed]."""
_MASKING_FIELDS_BY_KEY = {"keep": "masking_keep", "empty": "masking_empty"}
"""The fields of `Project` by their keys in [tool.seedbed.masking]."""
PROJECT_KEYS = (*_FIELDS_BY_KEY, "masking")
_LIST_KEYS = ("imports", "path", "ignore")
_WORD = r"[^\W\d]\w*"
_MODULE = rf"{_WORD}(\.{_WORD})*"
_PATTERNS = {"schema": re.compile(_MODULE), "metadata": re.compile(f"{_MODULE}:{_MODULE}")}
_EXPECTED_VALUES = {
    "schema": "a module's name",
    "metadata": "a module and what holds the metadata in it, such as app.db:Base.metadata",
    "version_table": "a table's name",
    "service": "true or false",
    "masking": "a table with keep and empty, each a list of names",
}
_DEFAULT_IGNORE = ("neon_auth",)
"""The schema that Neon creates in a database."""


@dataclass(frozen=True, kw_only=True)
class Project:
    """A directory with `schema/`, `migrations/` and `seeds/`, which are loaded from it whatever the working directory.

    A project that existed before it used Seedbed configures the location of its tables. `schema` is the module that
    defines the tables, and `imports` are further modules to import with it. `metadata` is the location of their
    metadata, such as `app.db:Base.metadata`. `path` are the directories for imports, which replace the project's root.
    `alembic` is the alembic.ini that sets the location of the revisions. `version_table` is the table in which a
    database stores its revision.

    `ignore` are the objects in the project's databases that do not belong to the project: schemas (`audit`), and tables
    or other objects in a schema (`public.spatial_*`), with `*` and `?` as in a shell. If `service` is false, no service
    runs, and `seedbed up` ends when the database is migrated and seeded. `masking_keep` and `masking_empty` are tables
    and columns that the models do not describe. Masking keeps the values of the first and deletes those of the second.
    """

    root: Path
    name: str
    schema: str = "schema"
    metadata: str | None = None
    imports: tuple[str, ...] = ()
    path: tuple[str, ...] = ()
    alembic: str = "alembic.ini"
    version_table: str = "alembic_version"
    seeds_folder: str = "seeds"
    ignore: tuple[str, ...] = _DEFAULT_IGNORE
    service: bool = True
    masking_keep: tuple[str, ...] = ()
    masking_empty: tuple[str, ...] = ()
    draft_folder: Path | None = None
    """The directory of a draft's revisions until they are proven. Alembic reads it in addition to versions."""

    @property
    def import_roots(self) -> tuple[Path, ...]:
        """The directories that come first on `sys.path`."""
        return tuple((self.root / entry).resolve() for entry in self.path) or (self.root,)

    @property
    def alembic_ini(self) -> Path:
        return self.root / self.alembic

    @property
    def seeds(self) -> Path:
        return self.root / self.seeds_folder

    @property
    def identifier(self) -> str:
        """The project's name as a PostgreSQL identifier that needs no quotes."""
        word = re.sub(r"[^a-z0-9]+", "_", self.name.lower()).strip("_")
        return (word if word[:1].isalpha() else f"project_{word}".rstrip("_"))[:40]


def find_project(start: Path) -> Project:
    """Find the project of a directory.

    Its root is the directory itself or the nearest parent whose pyproject.toml has a `[tool.seedbed]` table.

    Raises:
        ProjectNotFound: no directory has such a table.
        InvalidProjectConfig: the table or its file is invalid.
    """
    start = start.resolve()
    for folder in (start, *start.parents):
        file = folder / "pyproject.toml"
        if file.is_file():
            document = _read_toml(file)
            if "seedbed" in document.get("tool", {}):
                return _build_project(folder, file, document)
    raise ProjectNotFound(start)


def _read_toml(file: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(file.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidProjectConfig(file, f"not TOML: {error}", ()) from error


def _build_project(folder: Path, file: Path, document: dict[str, Any]) -> Project:
    table = document["tool"]["seedbed"]
    if not isinstance(table, dict):
        raise InvalidProjectConfig(file, "tool.seedbed is not a table.", PROJECT_KEYS)
    given: dict[str, Any] = {}
    for key, value in table.items():
        if key not in PROJECT_KEYS:
            raise InvalidProjectConfig(file, f"[tool.seedbed] has the unknown key {key!r}.", PROJECT_KEYS)
        if key == "service" and isinstance(value, bool):
            given[_FIELDS_BY_KEY[key]] = value
        elif key == "masking" and isinstance(value, dict) and set(value) <= set(_MASKING_FIELDS_BY_KEY):
            given |= {
                _MASKING_FIELDS_BY_KEY[name]: tuple(_parse_names(file, f"masking.{name}", value[name]))
                for name in value
            }
        elif key in _LIST_KEYS:
            given[_FIELDS_BY_KEY[key]] = tuple(_parse_names(file, key, value))
        elif key not in {"service", "masking"} and isinstance(value, str) and value and _matches_pattern(key, value):
            given[_FIELDS_BY_KEY[key]] = value
        else:
            raise InvalidProjectConfig(
                file, f"[tool.seedbed] {key} = {value!r} is not {_EXPECTED_VALUES.get(key, 'a path')}.", PROJECT_KEYS
            )
    given[_FIELDS_BY_KEY["ignore"]] = (*_DEFAULT_IGNORE, *given.get(_FIELDS_BY_KEY["ignore"], ()))
    name = document.get("project", {}).get("name", folder.name)
    return Project(root=folder, name=str(name), **given)


def _parse_names(file: Path, key: str, value: Any) -> list[str]:
    if not isinstance(value, list) or not all(isinstance(entry, str) and entry for entry in value):
        raise InvalidProjectConfig(file, f"[tool.seedbed] {key} = {value!r} is not a list of names.", PROJECT_KEYS)
    return value


def _matches_pattern(key: str, value: str) -> bool:
    return _PATTERNS[key].fullmatch(value) is not None if key in _PATTERNS else True
