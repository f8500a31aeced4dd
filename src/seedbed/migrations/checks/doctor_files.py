"""What is so with a project's files and with this machine, before any database is asked."""

import platform
import shutil
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

from seedbed.errors import (
    DatabaseNotConfigured,
    MissingRevisionFile,
    NoEmbeddedServer,
    PostgresBinariesNotFound,
    SeedbedError,
)
from seedbed.migrations.apply.shared_connection import require_connection_support
from seedbed.migrations.draft.unregistered_drops import find_unregistered_tables
from seedbed.migrations.history.head_file import find_broken_seals, find_missing_revisions
from seedbed.migrations.history.revisions import find_script_directory, read_history
from seedbed.postgres.database import get_embedded_server
from seedbed.postgres.embedded import find_binaries
from seedbed.schema import load_schema
from seedbed.seeding.api.seeds_file import read_seeds
from seedbed.settings import Configuration, Environment

_PACKAGES = ("seedbed", "sqlalchemy", "alembic", "sqlmodel", "psycopg2-binary", "psycopg")
_ROOM = 1 << 30
"""Bytes that should be free where the embedded server's data are: less than that, and a big seed may fill the disk."""


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at. What is wrong has a remedy; what is not may have one, as advice."""

    subject: str
    message: str
    is_problem: bool = False
    remedy: str | None = None


def make_error_finding(about: str, error: SeedbedError) -> Finding:
    return Finding(about, f"{error.code} {error.message}", is_problem=True, remedy=error.remedy)


def list_versions() -> Iterator[str]:
    yield f"Python {platform.python_version()}"
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            yield f"{package} {version(package)}"


def _environment(chosen: Configuration) -> Iterator[Finding]:
    yield Finding("environment", f"{chosen.environment}, by {chosen.chosen_by}")
    for doubt in chosen.doubts():
        yield Finding("environment", doubt, is_problem=True, remedy="Set both addresses to one database.")


def _schema(chosen: Configuration) -> Iterator[Finding]:
    schema = load_schema(chosen.project)
    plain = len(schema.classes) - len(schema.models)
    unserved = f", of which {plain} have no routes, being SQLAlchemy's own classes" if plain else ""
    tables = "1 table" if len(schema.tables) == 1 else f"{len(schema.tables)} tables"
    yield Finding("schema", f"{tables} from {chosen.project.schema}{unserved}")
    for table in find_unregistered_tables(chosen.project, schema):
        yield Finding("schema", f"{table.location}: {table.class_name} is a table that {table.reason}", True, table.remedy)


def _history(chosen: Configuration) -> Iterator[Finding]:
    history = read_history(chosen.project)
    count = len(history.revisions)
    what = "1 revision" if count == 1 else f"{count} revisions"
    yield Finding("history", f"{what}, one head: {history.head or 'none'}")
    if changed := find_broken_seals(chosen.project, history):
        yield Finding(
            "history",
            f"{', '.join(r.id for r in changed)} changed since written, by migrations/head",
            is_problem=True,
            remedy="Put the file back; if no database has it yet: seedbed migrate check --seal",
        )
    if gone := find_missing_revisions(chosen.project, history):
        yield make_error_finding("history", MissingRevisionFile(gone))
    env = find_script_directory(chosen.project) / "env.py"
    if not env.is_file():
        yield Finding(
            "env.py",
            f"there is no {env}",
            is_problem=True,
            remedy="Put it back; alembic init shows what one looks like.",
        )
        return
    require_connection_support(chosen.project)
    yield Finding("env.py", "takes the connection that Seedbed hands over")


def _seeds(chosen: Configuration) -> Iterator[Finding]:
    file = chosen.project.seeds / f"{chosen.environment}.py"
    shown = file.relative_to(chosen.project.root)
    if file.is_file():
        planned = len(read_seeds(chosen.project, load_schema(chosen.project), chosen.environment))
        yield Finding("seeds", f"{shown}, with rows for {'1 table' if planned == 1 else f'{planned} tables'}")
    else:
        production = chosen.environment is Environment.PRODUCTION
        yield Finding("seeds", f"there is no {shown}", remedy=None if production else f"Write {shown} to have rows.")


def _programs(chosen: Configuration) -> Iterator[Finding]:
    try:
        binaries = find_binaries()
    except PostgresBinariesNotFound as error:
        needed = chosen.settings.shadow_database_url is None
        yield Finding(
            "programs", error.message, is_problem=needed, remedy=f"{error.remedy} Or set SHADOW_DATABASE_URL."
        )
        return
    yield Finding("programs", f"PostgreSQL {binaries.version} in {binaries.directory}, by {binaries.source}")
    shadow = chosen.settings.shadow_database_url
    where = shadow.address if shadow is not None else "the embedded server"
    yield Finding("drafts", f"are proven on {where}")


def _disk(chosen: Configuration) -> Iterator[Finding]:
    try:
        home = get_embedded_server(chosen).directory
    except (NoEmbeddedServer, DatabaseNotConfigured):
        return
    folder = next(place for place in (home, *home.parents) if place.exists())
    free = shutil.disk_usage(folder).free
    yield Finding(
        "disk",
        f"{free / (1 << 30):.1f} GB free for {home}",
        is_problem=free < _ROOM,
        remedy="Make room, or move the server's data: SEEDBED_DATA_DIR" if free < _ROOM else None,
    )


FILE_CHECKS = {
    "environment": _environment, "schema": _schema, "history": _history, "seeds": _seeds, "programs": _programs,
    "disk": _disk,
}  # fmt: skip
