"""Build the template databases, migrated and seeded, that tests' databases are cloned from."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from psycopg2 import sql

from seedbed.errors import TemplateLockTimeout
from seedbed.postgres.clone import clone_database, wait_until_unused
from seedbed.postgres.database import Database
from seedbed.postgres.locks import TEMPLATE_LOCKS, poll_lock
from seedbed.schema import Schema, load_schema
from seedbed.settings import Environment, Project
from seedbed.testing.databases import fingerprint
from seedbed.testing.databases.fingerprint import track_files
from seedbed.testing.databases.server_access import ServerAccess, drop_database

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812 - psycopg2 names the class in lower case

TEMPLATE_PREFIX = "seedbed_template_"
_WAIT_SECONDS = 600.0
_USED_AT, _BUILT_FROM = "seedbed template, used ", ", of "
_KEPT_TEMPLATES = 3
"""Templates that stay on a given server for each project, so that switching branches rebuilds none of them."""


@dataclass(frozen=True)
class Template:
    """A finished template database, and digests of the project's files that were read while it was built."""

    name: str
    file_digests: Mapping[str, str]


@dataclass(frozen=True)
class TemplateStore:
    """A project's templates on a server. `server_version` describes the server and its extensions.

    A template's name starts with a digest of what is known before the build: models, revisions, seeds, the server. The
    build tracks which other files are read; a digest of these ends the name, and the database's comment lists them. A
    template with the right prefix is valid while these files are unchanged.
    """

    project: Project
    server_version: str

    @cached_property
    def schema(self) -> Schema:
        return load_schema(self.project)

    @property
    def default_seed(self) -> str | None:
        """The seeds of tests that choose none: `testing`, or None if the project has no such seeds."""
        return "testing" if (self.project.seeds / "testing.py").is_file() else None

    @cached_property
    def unseeded_prefix(self) -> str:
        """The name prefix of the template without seeds. It has only rows that revisions insert."""
        return f"{self._family_prefix}{fingerprint.digest_structure(self.project, self.schema, self.server_version)}"

    def name_prefix(self, seed: str | None) -> str:
        """Return the start of the template's name, which is known before the build."""
        if seed is None:
            return self.unseeded_prefix
        seeds_digest = fingerprint.digest_seeds(self.project, seed)
        return f"{self._family_prefix}{fingerprint.digest(self.unseeded_prefix, seeds_digest)}"

    def ensure(self, access: ServerAccess, seed: str | None) -> Template:
        """Return a valid template, and build it if it is missing.

        An advisory lock lets one process build it under a temporary name, while others wait. The lock ends with its
        session, so if the builder dies, the next process starts over.

        Raises:
            RevisionFailure, SeedsFileNotFound, SchemaBuildFailure and others: as from the commands.
            TemplateLockTimeout: another session has been temporary_name it for too long.
        """
        prefix = self.name_prefix(seed)
        with access.open_admin_cursor() as cursor:
            template = self._find(cursor, prefix)
            if template is None:
                with _template_lock(cursor, prefix):
                    template = self._find(cursor, prefix) or self._build(access, cursor, seed, prefix)
            if access.data_directory is None:
                _write_comment(cursor, template)
                _drop_old(cursor, self._family_prefix)
        return template

    @property
    def _family_prefix(self) -> str:
        return f"{TEMPLATE_PREFIX}{self.project.identifier[:16]}_"

    def _find(self, cursor: "Cursor", prefix: str) -> Template | None:
        cursor.execute(
            "SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database"
            " WHERE starts_with(datname, %s) AND datistemplate AND NOT datallowconn",
            (prefix,),
        )
        templates = (Template(name, _parse_comment(comment)) for name, comment in cursor.fetchall())
        return next((each for each in templates if fingerprint.are_unchanged(self.project, each.file_digests)), None)

    def _build(self, access: ServerAccess, cursor: "Cursor", seed: str | None, prefix: str) -> Template:
        temporary_name = f"{prefix}_new"
        drop_database(cursor, temporary_name)
        project = self.project
        files = [*fingerprint.list_structure_files(project), *fingerprint.list_seed_files(project)]
        try:
            base_digests: Mapping[str, str] = {}
            if seed is None:
                access.ensure_owner_role(cursor)
                access.create_empty_database(cursor, temporary_name)
                with track_files(project, files) as files_read:
                    create_tables(project, self.schema, access.database(temporary_name))
            else:
                unseeded = self.ensure(access, None)
                base_digests = unseeded.file_digests
                clone_database(cursor, unseeded.name, temporary_name, data_directory=access.data_directory)
                with track_files(project, files) as files_read:
                    plan_and_load_seeds(project, self.schema, seed, access.database(temporary_name))
            wait_until_unused(cursor, temporary_name)
            digests = {**base_digests, **fingerprint.digest_files(project, sorted(files_read))}
            suffix = f"_{fingerprint.digest(*digests, *digests.values())}" if digests else ""
            template = Template(f"{prefix}{suffix}", digests)
            _finish(cursor, temporary_name, template)
        except BaseException:
            drop_database(cursor, temporary_name)
            raise
        return template


def create_tables(project: Project, schema: Schema, database: Database) -> None:
    """Upgrade an empty database to the head. Without revisions, create the tables from the models."""
    from seedbed.migrations.apply.upgrade import apply
    from seedbed.migrations.history.revisions import has_history, read_history
    from seedbed.postgres.connection import connect
    from seedbed.schema.creation import create_schema

    if has_history(project) and read_history(project).revisions:
        apply(project, database, contract=True)
        return
    with connect(database) as connection:
        create_schema(connection, schema)


def plan_and_load_seeds(project: Project, schema: Schema, environment: str, database: Database) -> None:
    """Load an environment's seeds."""
    from seedbed.seeding.loading.load import load_seeds
    from seedbed.seeding.planning.seed_plan import plan

    load_seeds(plan(project, schema, Environment(environment)), database, revision=None)


def _finish(cursor: "Cursor", temporary_name: str, template: Template) -> None:
    """Forbid connections, so that the template can be cloned at any time, and give it its final name."""
    close = sql.SQL("ALTER DATABASE {} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false")
    cursor.execute(close.format(sql.Identifier(temporary_name)))
    _write_comment(cursor, Template(temporary_name, template.file_digests))
    rename = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    cursor.execute(rename.format(sql.Identifier(temporary_name), sql.Identifier(template.name)))


@contextmanager
def _template_lock(cursor: "Cursor", name: str) -> Iterator[None]:
    if not poll_lock(cursor, TEMPLATE_LOCKS, name, wait_seconds=_WAIT_SECONDS):
        raise TemplateLockTimeout(name, _WAIT_SECONDS)
    try:
        yield
    finally:
        cursor.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", (TEMPLATE_LOCKS, name))


def _write_comment(cursor: "Cursor", template: Template) -> None:
    """Write the time of the last use and the digests of the files read into the database's comment."""
    comment = f"{_USED_AT}{time.time():.0f}{_BUILT_FROM}{json.dumps(template.file_digests)}"
    statement = sql.SQL("COMMENT ON DATABASE {} IS {}")
    cursor.execute(statement.format(sql.Identifier(template.name), sql.Literal(comment)))


def _parse_comment(comment: str | None) -> dict[str, str]:
    file_digests: dict[str, str] = json.loads((comment or "").partition(_BUILT_FROM)[2] or "{}")
    return file_digests


def _drop_old(cursor: "Cursor", family_prefix: str) -> None:
    """Drop the project's least recently used templates."""
    cursor.execute(
        "SELECT datname FROM pg_database WHERE starts_with(datname, %s) AND datistemplate AND NOT datallowconn"
        " AND pg_has_role(datdba, 'USAGE')"
        " ORDER BY shobj_description(oid, 'pg_database') DESC NULLS LAST OFFSET %s",
        (family_prefix, 2 * _KEPT_TEMPLATES),
    )
    for (name,) in cursor.fetchall():
        cursor.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(sql.Identifier(name)))
        drop_database(cursor, name)
