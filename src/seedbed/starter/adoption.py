"""Changes that add Seedbed to an existing project: planned first, then written."""

import difflib
import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from seedbed.errors import ProjectDirectoryNotWritable
from seedbed.starter.alembic_setup import add_shared_connection
from seedbed.starter.project_discovery import DiscoveredProject
from seedbed.starter.project_writer import PREVIEW_FILES, ProjectParts

_ROW_COUNTS = {"development": 50, "testing": 5}
_SEEDS_FILE = '''"""Seed data for {environment}."""

from seedbed.seeding import Seeds


def plan(seeds: Seeds) -> None:
    seeds.rest({rows})  # rows in every table; use seeds.add(...) to configure a table
'''
_EXAMPLE_SUFFIXES = (".example", ".sample", ".template", ".dist")
REQUIRED_PARTS = ProjectParts(neon=False)
"""What an existing project gets by default."""

_HISTORY_FILES = ("alembic.ini", "migrations/env.py", "migrations/script.py.mako")


@dataclass(frozen=True)
class FileChange:
    """A file to write, with its path relative to the project. `before` is None for a new file."""

    file: str
    reason: str
    before: str | None
    after: str

    @property
    def diff(self) -> tuple[str, ...]:
        before = (self.before or "").splitlines()
        lines = difflib.unified_diff(before, self.after.splitlines(), f"a/{self.file}", f"b/{self.file}", lineterm="")
        return tuple(lines)


@dataclass(frozen=True)
class Adoption:
    """The changes that a project needs. `notes` are facts for a person to consider."""

    project: DiscoveredProject
    changes: tuple[FileChange, ...]
    notes: tuple[str, ...]


def plan_adoption(project: DiscoveredProject, parts: ProjectParts = REQUIRED_PARTS) -> Adoption:
    """Plan what Seedbed needs in a project, and the chosen parts. Nothing is written.

    Raises:
        ProjectDirectoryNotWritable: its pyproject.toml cannot be read.
    """
    return Adoption(project, tuple(_changes(project, parts)), tuple(_notes(project)))


def write_changes(adoption: Adoption) -> None:
    """Write all changes, or none.

    Raises:
        ProjectDirectoryNotWritable: a file cannot be written, or has changed since the plan. Files written before are
            restored.
    """
    root = adoption.project.root
    written: list[FileChange] = []
    try:
        for change in adoption.changes:
            file = root / change.file
            if _read_text(file) != change.before:
                raise ProjectDirectoryNotWritable(root, f"{change.file} has changed since the plan")
            written.append(change)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(change.after, encoding="utf-8", newline="")
    except BaseException as error:
        for change in written:
            if change.before is None:
                (root / change.file).unlink(missing_ok=True)
            else:
                (root / change.file).write_text(change.before, encoding="utf-8", newline="")
        if isinstance(error, OSError):
            raise ProjectDirectoryNotWritable(root, error.strerror or str(error)) from error
        raise
    if adoption.project.history is None:
        (root / "migrations" / "versions").mkdir(exist_ok=True)


def _changes(project: DiscoveredProject, parts: ProjectParts) -> Iterator[FileChange]:
    root = project.root
    if not _has_seedbed_config(root / "pyproject.toml"):
        before = _read_text(root / "pyproject.toml")
        after = _add_config_table(before, project, parts)
        try:
            tomllib.loads(after)
        except tomllib.TOMLDecodeError as error:
            raise ProjectDirectoryNotWritable(root, f"pyproject.toml is not valid TOML: {error}") from error
        yield FileChange("pyproject.toml", "names the modules with tables", before, after)
    if project.history is None:
        for name in _HISTORY_FILES:
            if _read_text(root / name) is None:
                yield FileChange(name, "creates a migration history", None, _read_packaged(name))
    elif project.history.env_file is not None and not project.history.accepts_connection:
        env = _read_text(project.history.env_file) or ""
        env_with_connection = add_shared_connection(env)
        if env_with_connection is not None and project.history.env_file.is_relative_to(root):
            yield FileChange(
                str(project.history.env_file.relative_to(root)),
                "accepts Seedbed's connection",
                env,
                env_with_connection,
            )
    if parts.neon:
        for name in sorted(PREVIEW_FILES):
            if _read_text(root / name) is None:
                text = _read_packaged(name).replace("pip install .\n", f"{_build_install_command(root)}\n")
                yield FileChange(name, "preview databases on Neon", None, text)
    for environment, rows in _ROW_COUNTS.items():
        name = f"{_choose_seeds_directory(root)}/{environment}.py"
        if _read_text(root / name) is None:
            text = _SEEDS_FILE.format(environment=environment, rows=rows)
            yield FileChange(name, f"{rows} rows in every table", None, text)


def _read_packaged(name: str) -> str:
    return (files("seedbed.starter") / "files" / name).read_text(encoding="utf-8")


def _build_install_command(root: Path) -> str:
    """The command that installs Seedbed and what the tables import.

    pip may be unable to install a project without a build system, so only its dependencies are installed.
    """
    if (root / "requirements.txt").is_file():
        return "pip install seedbed -r requirements.txt"
    try:
        config = tomllib.loads(_read_text(root / "pyproject.toml") or "")
    except tomllib.TOMLDecodeError:
        config = {}
    if "build-system" in config:
        return "pip install seedbed ."
    if "project" in config:
        return "pip install uv && uv pip install --system seedbed -r pyproject.toml"
    return "pip install seedbed"


def _choose_seeds_directory(root: Path) -> str:
    """Return `seeds`, or another name if the project has a package of that name."""
    return "seedbed_seeds" if (root / "seeds" / "__init__.py").exists() else "seeds"


def _add_config_table(before: str | None, project: DiscoveredProject, parts: ProjectParts) -> str:
    tables, history, root = project.tables, project.history, project.root
    settings: dict[str, str | tuple[str, ...]] = {}
    if tables is not None:
        settings = {"schema": tables.schema, "imports": tables.imports, "metadata": tables.metadata or "",
                "path": tables.import_path}  # fmt: skip
    if history is not None:
        ini = history.config_file.relative_to(root).as_posix()
        settings["alembic"] = "" if ini in {"alembic.ini", "pyproject.toml"} else ini
        settings["version_table"] = "" if history.version_table == "alembic_version" else history.version_table
    folder = _choose_seeds_directory(root)
    settings["seeds"] = "" if folder == "seeds" else folder
    lines = ["[tool.seedbed]", *(f"{key} = {_format_toml(value)}" for key, value in settings.items() if value)]
    lines += [] if parts.service and (tables is None or tables.can_be_served) else ["service = false"]
    newline = "\r\n" if before and "\r\n" in before else "\n"
    return (f"{before.rstrip()}{newline}{newline}" if before and before.strip() else "") + newline.join([*lines, ""])


def _format_toml(value: str | tuple[str, ...]) -> str:
    return json.dumps(value if isinstance(value, str) else list(value), ensure_ascii=False)


def _notes(project: DiscoveredProject) -> Iterator[str]:
    history, tables = project.history, project.tables
    if tables is None:
        yield "No table was found; name their modules: [tool.seedbed] schema, imports, metadata."
    elif tables.unregistered_modules:
        modules = ", ".join(tables.unregistered_modules)
        yield f"env.py does not import these modules with tables, so Alembic does not know them: {modules}."
    if tables is not None and not tables.can_be_served:
        yield "The service needs SQLModel classes, and there are none: service = false."
    if history is not None and history.has_multiple_metadata:
        yield (
            "env.py passes several metadata to Alembic, but Seedbed uses one: merge them, or name one in "
            "[tool.seedbed]."
        )
    if history is not None and history.leaves_out:
        options = " and ".join(history.leaves_out)
        yield f"env.py filters the comparison with {options}; list the same objects in [tool.seedbed] ignore."
    if history is not None and len(history.heads) > 1:
        yield f"The history has {len(history.heads)} heads; merge them first: alembic merge heads"
    if history is not None and history.env_file is not None and not history.accepts_connection:
        yield from _describe_env(history.env_file)
    env_files = {
        name: names for name, names in project.environment_files.items() if not name.endswith(_EXAMPLE_SUFFIXES)
    }
    if not any("DATABASE_URL" in names for names in env_files.values()):
        yield "No .env file sets DATABASE_URL, so development uses an embedded PostgreSQL."


def _describe_env(env: Path) -> Iterator[str]:
    if add_shared_connection(_read_text(env) or "") is None:
        yield (
            f"{env.name} makes its own connection, and its form is unknown. If "
            'config.attributes.get("connection") is set, it must call seedbed.migrations.environment.run().'
        )


def _read_text(file: Path) -> str | None:
    """Read a file without converting its line endings; None if it does not exist."""
    if not file.is_file():
        return None
    with file.open(encoding="utf-8", newline="") as stream:
        return stream.read()


def _has_seedbed_config(pyproject: Path) -> bool:
    """Whether pyproject.toml has a [tool.seedbed] table."""
    try:
        return "seedbed" in tomllib.loads(pyproject.read_text(encoding="utf-8")).get("tool", {})
    except (OSError, tomllib.TOMLDecodeError, UnicodeDecodeError):
        return False
