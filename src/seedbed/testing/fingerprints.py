"""What a template follows from, as a name that changes with it."""

from collections.abc import Iterator
from hashlib import sha256
from importlib.metadata import version
from pathlib import Path

from sqlalchemy.schema import CreateIndex, CreateTable

from seedbed import __version__
from seedbed.migrating.history import has_history, script_folder
from seedbed.modelling import Schema
from seedbed.modelling.objects import declared
from seedbed.postgres.quoting import DIALECT
from seedbed.settings import Project

_WHOLE = 1 << 20
"""Bytes up to which a file's content counts; of a longer one, which only a seed reads from, its size and its date."""


def structure(project: Project, schema: Schema, server: str) -> str:
    """A digest of the revisions, the models, and the `server`: its version and the extensions it has."""
    tables = [str(CreateTable(table).compile(dialect=DIALECT)) for table in schema.tables]
    indexes = [
        str(CreateIndex(index).compile(dialect=DIALECT))
        for table in schema.tables
        for index in sorted(table.indexes, key=lambda index: str(index.name))
    ]
    revisions = _files(script_folder(project), "*.py") if has_history(project) else ()
    files = [*_models(project), *revisions]
    return _digest(__version__, server, *tables, *indexes, *declared(schema.metadata), *_contents(project, files))


def rows(project: Project, seed: str) -> str:
    """A digest of what an environment's seeds are: every file beside them, since they may read any."""
    return _digest(seed, version("faker"), *_contents(project, _files(project.seeds, "*")))


def _models(project: Project) -> Iterator[Path]:
    for root in project.import_roots:
        for name in (project.schema, *project.imports):
            models = root.joinpath(*name.split("."))
            yield from _files(models, "*.py")
            yield from _files(models.with_suffix(".py"))


def _files(place: Path, pattern: str | None = None) -> Iterator[Path]:
    found = [place] if pattern is None else sorted(place.rglob(pattern))
    return (file for file in found if file.is_file() and "__pycache__" not in file.parts)


def _contents(project: Project, files: Iterator[Path] | list[Path]) -> Iterator[str]:
    for file in files:
        status = file.stat()
        long = status.st_size > _WHOLE
        content = f"{status.st_size} {status.st_mtime_ns}" if long else sha256(file.read_bytes()).hexdigest()
        yield f"{file.relative_to(project.root)} {content}"


def _digest(*facts: str) -> str:
    return sha256("\0".join(facts).encode()).hexdigest()[:12]
