"""The checks of `seedbed doctor` on the project's files and this machine, which need no database."""

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
from seedbed.migrations.history.checksum import find_broken_seals, find_missing_revisions
from seedbed.migrations.history.revisions import find_script_directory, read_history
from seedbed.postgres.database import get_embedded_server
from seedbed.postgres.embedded import find_binaries
from seedbed.schema import load_schema
from seedbed.seeding.api.seeds_file import read_seeds
from seedbed.settings import Configuration, Environment

_PACKAGES = ("seedbed", "sqlalchemy", "alembic", "sqlmodel", "psycopg2-binary", "psycopg")
_FREE_BYTES = 1 << 30
"""Bytes that should be free for the embedded server's data. With less, a large seed may fill the disk."""


@dataclass(frozen=True)
class Finding:
    """A fact that was checked. A problem has a remedy; another fact can have one, as advice."""

    subject: str
    message: str
    is_problem: bool = False
    remedy: str | None = None


def make_error_finding(subject: str, error: SeedbedError) -> Finding:
    return Finding(subject, f"{error.code} {error.message}", is_problem=True, remedy=error.remedy)


def list_versions() -> Iterator[str]:
    yield f"Python {platform.python_version()}"
    for package in _PACKAGES:
        with suppress(PackageNotFoundError):
            yield f"{package} {version(package)}"


def _check_environment(configuration: Configuration) -> Iterator[Finding]:
    yield Finding("environment", f"{configuration.environment}, by {configuration.environment_origin}")
    for warning in configuration.find_suspicious_urls():
        yield Finding("environment", warning, is_problem=True, remedy="Set both addresses to one database.")


def _check_schema(configuration: Configuration) -> Iterator[Finding]:
    schema = load_schema(configuration.project)
    unserved_count = len(schema.classes) - len(schema.models)
    suffix = f", of which {unserved_count} are SQLAlchemy classes without routes" if unserved_count else ""
    tables = "1 table" if len(schema.tables) == 1 else f"{len(schema.tables)} tables"
    yield Finding("schema", f"{tables} from {configuration.project.schema}{suffix}")
    for table in find_unregistered_tables(configuration.project, schema):
        yield Finding(
            "schema", f"{table.location}: {table.class_name} is a table that {table.reason}", True, table.remedy
        )


def _check_history(configuration: Configuration) -> Iterator[Finding]:
    history = read_history(configuration.project)
    count = len(history.revisions)
    revision_count = "1 revision" if count == 1 else f"{count} revisions"
    yield Finding("history", f"{revision_count}, one head: {history.head or 'none'}")
    if broken_seals := find_broken_seals(configuration.project, history):
        yield Finding(
            "history",
            f"{', '.join(revision.id for revision in broken_seals)} changed since they were sealed in migrations/head",
            is_problem=True,
            remedy="Restore the file. If no database has the revision yet: seedbed migrate check --seal",
        )
    if missing := find_missing_revisions(configuration.project, history):
        yield make_error_finding("history", MissingRevisionFile(missing))
    env = find_script_directory(configuration.project) / "env.py"
    if not env.is_file():
        yield Finding(
            "env.py",
            f"there is no {env}",
            is_problem=True,
            remedy="Restore it. alembic init creates an example.",
        )
        return
    require_connection_support(configuration.project)
    yield Finding("env.py", "uses the connection that Seedbed passes")


def _check_seeds(configuration: Configuration) -> Iterator[Finding]:
    file = configuration.project.seeds / f"{configuration.environment}.py"
    relative_path = file.relative_to(configuration.project.root)
    if file.is_file():
        table_count = len(
            read_seeds(configuration.project, load_schema(configuration.project), configuration.environment)
        )
        yield Finding(
            "seeds", f"{relative_path}, with rows for {'1 table' if table_count == 1 else f'{table_count} tables'}"
        )
    else:
        is_production = configuration.environment is Environment.PRODUCTION
        yield Finding(
            "seeds",
            f"there is no {relative_path}",
            remedy=None if is_production else f"Write {relative_path} to load rows.",
        )


def _check_programs(configuration: Configuration) -> Iterator[Finding]:
    try:
        binaries = find_binaries()
    except PostgresBinariesNotFound as error:
        is_problem = configuration.settings.shadow_database_url is None
        yield Finding(
            "programs", error.message, is_problem=is_problem, remedy=f"{error.remedy} Or set SHADOW_DATABASE_URL."
        )
        return
    yield Finding("programs", f"PostgreSQL {binaries.version} in {binaries.directory}, by {binaries.source}")
    shadow_url = configuration.settings.shadow_database_url
    location = shadow_url.address if shadow_url is not None else "the embedded server"
    yield Finding("drafts", f"are proven on {location}")


def _check_disk(configuration: Configuration) -> Iterator[Finding]:
    try:
        data_directory = get_embedded_server(configuration).directory
    except (NoEmbeddedServer, DatabaseNotConfigured):
        return
    existing_directory = next(
        directory for directory in (data_directory, *data_directory.parents) if directory.exists()
    )
    free = shutil.disk_usage(existing_directory).free
    yield Finding(
        "disk",
        f"{free / (1 << 30):.1f} GB free for {data_directory}",
        is_problem=free < _FREE_BYTES,
        remedy="Free disk space, or move the server's data: SEEDBED_DATA_DIR" if free < _FREE_BYTES else None,
    )


FILE_CHECKS = {
    "environment": _check_environment, "schema": _check_schema, "history": _check_history, "seeds": _check_seeds,
    "programs": _check_programs, "disk": _check_disk,
}  # fmt: skip
