"""What a template follows from, as a name that changes with it."""

import os
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from sqlalchemy.schema import CreateIndex, CreateTable

from seedbed import __version__
from seedbed.migrations.history.revisions import has_history, find_script_directory
from seedbed.postgres.quoting import DIALECT
from seedbed.schema import Schema
from seedbed.schema.declarations import declared
from seedbed.settings import Project

_WHOLE = 1 << 20
"""Bytes up to which a file's content counts; of a longer one, which only a seed reads from, its size and its date."""
_CACHE = "__pycache__"


def digest_structure(project: Project, schema: Schema, server: str) -> str:
    """A digest of the revisions, the models, and the `server`: its version and the extensions it has."""
    tables = [str(CreateTable(table).compile(dialect=DIALECT)) for table in schema.tables]
    indexes = [
        str(CreateIndex(index).compile(dialect=DIALECT))
        for table in schema.tables
        for index in sorted(table.indexes, key=lambda index: str(index.name))
    ]
    files = _facts(digest_files(project, list_structure_files(project)))
    return digest(__version__, server, *tables, *indexes, *declared(schema.metadata), *files)


def digest_seeds(project: Project, seed: str) -> str:
    """A digest of what an environment's seeds are: every file beside them, since they may read any."""
    return digest(seed, version("faker"), *_facts(digest_files(project, list_seed_files(project))))


def list_structure_files(project: Project) -> list[Path]:
    """The files that models and revisions are in."""
    revisions = _files(find_script_directory(project), "*.py") if has_history(project) else ()
    return [*_models(project), *revisions]


def list_seed_files(project: Project) -> list[Path]:
    """The files in the folder of seeds."""
    return [*_files(project.seeds, "*")]


def digest_files(project: Project, paths: Iterable[Path]) -> dict[str, str]:
    """What files have in them, by their paths from the project's root: as digests. Of a folder, which names."""
    return {_inside(project, path): _content(path) for path in paths}


def are_unchanged(project: Project, read: Mapping[str, str]) -> bool:
    """Whether files have in them what they had."""
    return all(_content(project.root / path) == content for path, content in read.items())


def digest(*facts: str) -> str:
    return sha256("\0".join(facts).encode()).hexdigest()[:12]


def _models(project: Project) -> Iterator[Path]:
    for root in project.import_roots:
        for name in (project.schema, *project.imports):
            models = root.joinpath(*name.split("."))
            yield from _files(models, "*.py")
            yield from _files(models.with_suffix(".py"))


def _files(place: Path, pattern: str | None = None) -> Iterator[Path]:
    found = [place] if pattern is None else sorted(place.rglob(pattern))
    return (file for file in found if file.is_file() and _CACHE not in file.parts)


def _content(path: Path) -> str:
    try:
        if path.is_dir():
            return digest(*sorted(one.name for one in path.iterdir() if one.name != _CACHE and one.name[:1] != "."))
        status = path.stat()
        long = status.st_size > _WHOLE
        return f"{status.st_size} {status.st_mtime_ns}" if long else sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        return type(error).__name__


def _inside(project: Project, path: Path) -> str:
    return Path(os.path.relpath(path, project.root)).as_posix()


def _facts(found: Mapping[str, str]) -> Iterator[str]:
    return (f"{path} {content}" for path, content in found.items())
