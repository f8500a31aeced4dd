"""Seedbed taken into a project that exists: what would be written, and the writing of it."""

import difflib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from seedbed.errors import FolderNotUsable
from seedbed.starter.env_lines import with_our_connection
from seedbed.starter.finding import Found, has_table

_ROWS = {"development": 50, "testing": 5}
_SEEDS = '''"""What a database for {environment} is filled with."""

from seedbed.seeding import Seeds


def plan(seeds: Seeds) -> None:
    seeds.rest({rows})  # so many rows of every table; seeds.add(...) says more of one
'''
_EXAMPLES = (".example", ".sample", ".template", ".dist")
_HISTORY = ("alembic.ini", "migrations/env.py", "migrations/script.py.mako")


@dataclass(frozen=True)
class Change:
    """A file to be written, relative to the project; `before` is None for a new one."""

    file: str
    why: str
    before: str | None
    after: str

    @property
    def diff(self) -> tuple[str, ...]:
        before = (self.before or "").splitlines()
        lines = difflib.unified_diff(before, self.after.splitlines(), f"a/{self.file}", f"b/{self.file}", lineterm="")
        return tuple(lines)


@dataclass(frozen=True)
class Adoption:
    """What was found in a project, and all that would be written there; `notes` are what a person has to know or do."""

    found: Found
    changes: tuple[Change, ...]
    notes: tuple[str, ...]


def plan(found: Found) -> Adoption:
    """Work out what Seedbed needs in a project. Nothing is written."""
    return Adoption(found, tuple(_changes(found)), tuple(_notes(found)))


def adopt(adoption: Adoption) -> None:
    """Write the changes, all of them or none.

    Raises:
        FolderNotUsable: a file cannot be written, or is not what the plan was made from; those before it are put back.
    """
    root = adoption.found.root
    done: list[Change] = []
    try:
        for change in adoption.changes:
            file = root / change.file
            if (file.read_text(encoding="utf-8") if file.exists() else None) != change.before:
                raise FolderNotUsable(root, f"{change.file} has changed meanwhile")
            done.append(change)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(change.after, encoding="utf-8")
    except BaseException as error:
        for change in done:
            if change.before is None:
                (root / change.file).unlink(missing_ok=True)
            else:
                (root / change.file).write_text(change.before, encoding="utf-8")
        if isinstance(error, OSError):
            raise FolderNotUsable(root, error.strerror or str(error)) from error
        raise
    if adoption.found.history is None:
        (root / "migrations" / "versions").mkdir(exist_ok=True)


def _changes(found: Found) -> Iterator[Change]:
    root = found.root
    if not has_table(root / "pyproject.toml"):
        before = _text(root / "pyproject.toml")
        yield Change("pyproject.toml", "says where the tables are", before, _with_table(before, found))
    if found.history is None:
        for name in _HISTORY:
            if _text(root / name) is None:
                packaged = (files("seedbed.starter") / "files" / name).read_text(encoding="utf-8")
                yield Change(name, "begins a history", None, packaged)
    elif found.history.env is not None and not found.history.takes_connection:
        before = _text(found.history.env)
        after = with_our_connection(before) if before is not None else None
        if after is not None and found.history.env.is_relative_to(root):
            yield Change(str(found.history.env.relative_to(root)), "takes Seedbed's connection", before, after)
    for environment, rows in _ROWS.items():
        name = f"{_seeds_folder(root)}/{environment}.py"
        if _text(root / name) is None:
            text = _SEEDS.format(environment=environment, rows=rows)
            yield Change(name, f"{rows} rows of every table", None, text)


def _seeds_folder(root: Path) -> str:
    """`seeds`, unless that is a package of the project's own."""
    return "seedbed_seeds" if (root / "seeds" / "__init__.py").exists() else "seeds"


def _with_table(before: str | None, found: Found) -> str:
    tables, history, root = found.tables, found.history, found.root
    said: dict[str, str | tuple[str, ...]] = {}
    if tables is not None:
        said = {"schema": tables.schema, "imports": tables.imports, "metadata": tables.metadata or "",
                "path": tables.path}  # fmt: skip
    if history is not None:
        ini = str(history.ini.relative_to(root))
        said["alembic"] = "" if ini == "alembic.ini" else ini
        said["version_table"] = "" if history.version_table == "alembic_version" else history.version_table
    folder = _seeds_folder(root)
    said["seeds"] = "" if folder == "seeds" else folder
    lines = ["[tool.seedbed]", *(f"{key} = {_toml(value)}" for key, value in said.items() if value)]
    return (f"{before.rstrip()}\n\n" if before and before.strip() else "") + "\n".join(lines) + "\n"


def _toml(value: str | tuple[str, ...]) -> str:
    return f'"{value}"' if isinstance(value, str) else "[" + ", ".join(f'"{one}"' for one in value) + "]"


def _notes(found: Found) -> Iterator[str]:
    history, tables = found.history, found.tables
    if tables is None:
        yield "No table was found; say where they are: [tool.seedbed] schema, imports, metadata."
    elif tables.left_out:
        yield f"Tables that env.py does not import, so Alembic does not know them: {', '.join(tables.left_out)}."
    if history is not None and len(history.heads) > 1:
        yield f"The history has {len(history.heads)} heads; bring them together first: alembic merge heads"
    if history is not None and history.env is not None and not history.takes_connection:
        source = history.env.read_text(encoding="utf-8")
        if with_our_connection(source) is None:
            yield (
                f"{history.env.name} runs on a connection of its own, and its form is not known here. Where "
                'config.attributes.get("connection") is given, have it run seedbed.migrating.environment.run().'
            )
    read = {name: names for name, names in found.environment_files.items() if not name.endswith(_EXAMPLES)}
    if not any("DATABASE_URL" in names for names in read.values()):
        yield "No .env file here sets DATABASE_URL, so development uses a PostgreSQL of the project's own."


def _text(file: Path) -> str | None:
    return file.read_text(encoding="utf-8") if file.is_file() else None
