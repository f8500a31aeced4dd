"""Seedbed taken into a project that exists: what would be written, and the writing of it."""

import difflib
import json
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path

from seedbed.errors import ProjectDirectoryNotWritable
from seedbed.starter.components import PREVIEWS, Parts
from seedbed.starter.env_py import with_our_connection
from seedbed.starter.project_discovery import Found, has_table

_ROWS = {"development": 50, "testing": 5}
_SEEDS = '''"""What a database for {environment} is filled with."""

from seedbed.seeding import Seeds


def plan(seeds: Seeds) -> None:
    seeds.rest({rows})  # so many rows of every table; seeds.add(...) says more of one
'''
_EXAMPLES = (".example", ".sample", ".template", ".dist")
NEEDED = Parts(neon=False)
"""What a project that exists gets without being asked."""

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


def plan(found: Found, parts: Parts = NEEDED) -> Adoption:
    """Work out what Seedbed needs in a project, and the parts that are asked for besides. Nothing is written.

    Raises:
        ProjectDirectoryNotWritable: its pyproject.toml cannot be read.
    """
    return Adoption(found, tuple(_changes(found, parts)), tuple(_notes(found)))


def adopt(adoption: Adoption) -> None:
    """Write the changes, all of them or none.

    Raises:
        ProjectDirectoryNotWritable: a file cannot be written, or is not what the plan was made from; those before it are put back.
    """
    root = adoption.found.root
    done: list[Change] = []
    try:
        for change in adoption.changes:
            file = root / change.file
            if _text(file) != change.before:
                raise ProjectDirectoryNotWritable(root, f"{change.file} has changed meanwhile")
            done.append(change)
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(change.after, encoding="utf-8", newline="")
    except BaseException as error:
        for change in done:
            if change.before is None:
                (root / change.file).unlink(missing_ok=True)
            else:
                (root / change.file).write_text(change.before, encoding="utf-8", newline="")
        if isinstance(error, OSError):
            raise ProjectDirectoryNotWritable(root, error.strerror or str(error)) from error
        raise
    if adoption.found.history is None:
        (root / "migrations" / "versions").mkdir(exist_ok=True)


def _changes(found: Found, parts: Parts) -> Iterator[Change]:
    root = found.root
    if not has_table(root / "pyproject.toml"):
        before = _text(root / "pyproject.toml")
        after = _with_table(before, found, parts)
        try:
            tomllib.loads(after)
        except tomllib.TOMLDecodeError as error:
            raise ProjectDirectoryNotWritable(root, f"pyproject.toml is no TOML: {error}") from error
        yield Change("pyproject.toml", "says where the tables are", before, after)
    if found.history is None:
        for name in _HISTORY:
            if _text(root / name) is None:
                yield Change(name, "begins a history", None, _packaged(name))
    elif found.history.env is not None and not found.history.takes_connection:
        env = _text(found.history.env) or ""
        taking = with_our_connection(env)
        if taking is not None and found.history.env.is_relative_to(root):
            yield Change(str(found.history.env.relative_to(root)), "takes Seedbed's connection", env, taking)
    if parts.neon:
        for name in sorted(PREVIEWS):
            if _text(root / name) is None:
                text = _packaged(name).replace("pip install .\n", f"{_installing(root)}\n")
                yield Change(name, "a database per pull request, on Neon", None, text)
    for environment, rows in _ROWS.items():
        name = f"{_seeds_folder(root)}/{environment}.py"
        if _text(root / name) is None:
            text = _SEEDS.format(environment=environment, rows=rows)
            yield Change(name, f"{rows} rows of every table", None, text)


def _packaged(name: str) -> str:
    return (files("seedbed.starter") / "files" / name).read_text(encoding="utf-8")


def _installing(root: Path) -> str:
    """What brings Seedbed and whatever the tables import. A project that no build system packs need not be one that pip
    can install, so of that the dependencies alone are.
    """
    if (root / "requirements.txt").is_file():
        return "pip install seedbed -r requirements.txt"
    try:
        said = tomllib.loads(_text(root / "pyproject.toml") or "")
    except tomllib.TOMLDecodeError:
        said = {}
    if "build-system" in said:
        return "pip install seedbed ."
    if "project" in said:
        return "pip install uv && uv pip install --system seedbed -r pyproject.toml"
    return "pip install seedbed"


def _seeds_folder(root: Path) -> str:
    """`seeds`, unless that is a package of the project's own."""
    return "seedbed_seeds" if (root / "seeds" / "__init__.py").exists() else "seeds"


def _with_table(before: str | None, found: Found, parts: Parts) -> str:
    tables, history, root = found.tables, found.history, found.root
    said: dict[str, str | tuple[str, ...]] = {}
    if tables is not None:
        said = {"schema": tables.schema, "imports": tables.imports, "metadata": tables.metadata or "",
                "path": tables.path}  # fmt: skip
    if history is not None:
        ini = history.ini.relative_to(root).as_posix()
        said["alembic"] = "" if ini in {"alembic.ini", "pyproject.toml"} else ini
        said["version_table"] = "" if history.version_table == "alembic_version" else history.version_table
    folder = _seeds_folder(root)
    said["seeds"] = "" if folder == "seeds" else folder
    lines = ["[tool.seedbed]", *(f"{key} = {_toml(value)}" for key, value in said.items() if value)]
    lines += [] if parts.service and (tables is None or tables.served) else ["service = false"]
    end = "\r\n" if before and "\r\n" in before else "\n"
    return (f"{before.rstrip()}{end}{end}" if before and before.strip() else "") + end.join([*lines, ""])


def _toml(value: str | tuple[str, ...]) -> str:
    return json.dumps(value if isinstance(value, str) else list(value), ensure_ascii=False)


def _notes(found: Found) -> Iterator[str]:
    history, tables = found.history, found.tables
    if tables is None:
        yield "No table was found; say where they are: [tool.seedbed] schema, imports, metadata."
    elif tables.left_out:
        yield f"Tables that env.py does not import, so Alembic does not know them: {', '.join(tables.left_out)}."
    if tables is not None and not tables.served:
        yield "The service needs SQLModel classes, and there are none, so nothing is served: service = false."
    if history is not None and history.several_metadata:
        yield "env.py gives Alembic several metadata, and Seedbed takes one: bring them together, or say which it is."
    if history is not None and history.leaves_out:
        words = " and ".join(history.leaves_out)
        yield f"env.py leaves things out of the comparison by {words}; say them as well: [tool.seedbed] ignore."
    if history is not None and len(history.heads) > 1:
        yield f"The history has {len(history.heads)} heads; bring them together first: alembic merge heads"
    if history is not None and history.env is not None and not history.takes_connection:
        yield from _about(history.env)
    read = {name: names for name, names in found.environment_files.items() if not name.endswith(_EXAMPLES)}
    if not any("DATABASE_URL" in names for names in read.values()):
        yield "No .env file here sets DATABASE_URL, so development uses a PostgreSQL of the project's own."


def _about(env: Path) -> Iterator[str]:
    if with_our_connection(_text(env) or "") is None:
        yield (
            f"{env.name} runs on a connection of its own, and its form is not known here. Where "
            'config.attributes.get("connection") is given, have it run seedbed.migrations.environment.run().'
        )


def _text(file: Path) -> str | None:
    """A file with its own line endings, which are kept."""
    if not file.is_file():
        return None
    with file.open(encoding="utf-8", newline="") as opened:
        return opened.read()
