"""Digest everything that a template is built from, so that its name changes with its content."""

import os
from collections.abc import Iterable, Iterator, Mapping
from hashlib import sha256
from pathlib import Path

from sqlalchemy.schema import CreateIndex, CreateTable

from seedbed import __version__
from seedbed.extras import get_faker_version
from seedbed.migrations.history.revisions import find_script_directory, has_history
from seedbed.postgres.quoting import DIALECT
from seedbed.schema import Schema
from seedbed.schema.declarations import get_declarations
from seedbed.settings import Project

_MAX_CONTENT_BYTES = 1 << 20
"""Up to this size a file's content is hashed. Of a larger file, which only seeds read, size and date are used."""
_CACHE_DIRECTORY = "__pycache__"


def digest_structure(project: Project, schema: Schema, server: str) -> str:
    """Digest the revisions, the models, and the `server`: its version and its extensions."""
    tables = [str(CreateTable(table).compile(dialect=DIALECT)) for table in schema.tables]
    indexes = [
        str(CreateIndex(index).compile(dialect=DIALECT))
        for table in schema.tables
        for index in sorted(table.indexes, key=lambda index: str(index.name))
    ]
    files = _lines(digest_files(project, list_structure_files(project)))
    return digest(__version__, server, *tables, *indexes, *get_declarations(schema.metadata), *files)


def digest_seeds(project: Project, seed: str) -> str:
    """Digest an environment's seeds, with every file in their folder, because they may read any of them."""
    return digest(seed, get_faker_version(), *_lines(digest_files(project, list_seed_files(project))))


def list_structure_files(project: Project) -> list[Path]:
    """List the files of models and revisions."""
    revisions = _list_files(find_script_directory(project), "*.py") if has_history(project) else ()
    return [*_list_model_files(project), *revisions]


def list_seed_files(project: Project) -> list[Path]:
    """List the files in the folder of seeds."""
    return [*_list_files(project.seeds, "*")]


def digest_files(project: Project, paths: Iterable[Path]) -> dict[str, str]:
    """Digest the content of files, by their paths from the project's root. Of a folder, digest the names in it."""
    return {_relative_path(project, path): _digest_content(path) for path in paths}


def are_unchanged(project: Project, digests: Mapping[str, str]) -> bool:
    """Whether files still have the content of the given digests."""
    return all(_digest_content(project.root / path) == content for path, content in digests.items())


def digest(*facts: str) -> str:
    return sha256("\0".join(facts).encode()).hexdigest()[:12]


def _list_model_files(project: Project) -> Iterator[Path]:
    for root in project.import_roots:
        for name in (project.schema, *project.imports):
            models = root.joinpath(*name.split("."))
            yield from _list_files(models, "*.py")
            yield from _list_files(models.with_suffix(".py"))


def _list_files(path: Path, pattern: str | None = None) -> Iterator[Path]:
    files = [path] if pattern is None else sorted(path.rglob(pattern))
    return (file for file in files if file.is_file() and _CACHE_DIRECTORY not in file.parts)


def _digest_content(path: Path) -> str:
    try:
        if path.is_dir():
            names = (entry.name for entry in path.iterdir() if entry.name != _CACHE_DIRECTORY)
            return digest(*sorted(name for name in names if not name.startswith(".")))
        status = path.stat()
        is_large = status.st_size > _MAX_CONTENT_BYTES
        return f"{status.st_size} {status.st_mtime_ns}" if is_large else sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        return type(error).__name__


def _relative_path(project: Project, path: Path) -> str:
    return Path(os.path.relpath(path, project.root)).as_posix()


def _lines(digests: Mapping[str, str]) -> Iterator[str]:
    return (f"{path} {content_digest}" for path, content_digest in digests.items())
