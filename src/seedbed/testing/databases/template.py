"""The database that tests' databases are copied from: migrated, seeded, sealed, and made once."""

import json
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from psycopg2 import sql

from seedbed.errors import TemplateLockTimeout
from seedbed.postgres.clone import await_unused, clone
from seedbed.postgres.database import Database
from seedbed.postgres.locks import TEMPLATE_LOCKS, poll_lock
from seedbed.schema import Schema, load_schema
from seedbed.settings import Environment, Project
from seedbed.testing.databases import fingerprint
from seedbed.testing.databases.file_tracking import track_files
from seedbed.testing.databases.server_access import ServerAccess, drop_database

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a type, whatever its author called it

TEMPLATE_PREFIX = "seedbed_template_"
_WAIT_SECONDS = 600.0
_USED, _OF = "seedbed template, used ", ", of "
_KEPT = 3
"""Templates of a project that stay on a given server: whoever changes between branches has each made once."""


@dataclass(frozen=True)
class Template:
    """A database that is sealed, and what the files had in them that were read while it was made."""

    name: str
    file_digests: Mapping[str, str]


@dataclass(frozen=True)
class TemplateStore:
    """A project's templates on a server whose version and extensions `server_version` tells.

    A name says what is known beforehand. What else revisions and seeds were found to read is added to it, and is
    written down in the database's comment: of those whose names begin alike, one does whose files are as they were.
    """

    project: Project
    server_version: str

    @cached_property
    def schema(self) -> Schema:
        return load_schema(self.project)

    @property
    def default_seed(self) -> str | None:
        """The seeds that tests get unless they choose others: `testing`, where there are such."""
        return "testing" if (self.project.seeds / "testing.py").is_file() else None

    @cached_property
    def unseeded_prefix(self) -> str:
        """The template without rows, but those that revisions make."""
        return f"{self._family}{fingerprint.digest_structure(self.project, self.schema, self.server_version)}"

    def name_prefix(self, seed: str | None) -> str:
        """What a template's name begins with: files that were found to be read come after it."""
        rows = None if seed is None else fingerprint.digest_seeds(self.project, seed)
        return self.unseeded_prefix if rows is None else f"{self._family}{fingerprint.digest(self.unseeded_prefix, rows)}"

    def ensure(self, host: ServerAccess, seed: str | None) -> Template:
        """A template that is sealed, made first where it is missing.

        Of several who want it at once one makes it, under a name of its own, and the others wait. The lock is that
        one's session, so when it dies the next begins anew.

        Raises:
            RevisionFailure, SeedsFileNotFound, SchemaBuildFailure and others: as the commands would say it.
            TemplateLockTimeout: another session has been making it for too long.
        """
        name = self.name_prefix(seed)
        with host.open_admin_cursor() as cursor:
            found = self._found(cursor, name)
            if found is None:
                with _alone(cursor, name):
                    found = self._found(cursor, name) or self._make(host, cursor, seed, name)
            if host.data_directory is None:
                _note(cursor, found)
                _drop_old(cursor, self._family)
        return found

    @property
    def _family(self) -> str:
        return f"{TEMPLATE_PREFIX}{self.project.identifier[:16]}_"

    def _found(self, cursor: "Cursor", name: str) -> Template | None:
        cursor.execute(
            "SELECT datname, shobj_description(oid, 'pg_database') FROM pg_database"
            " WHERE starts_with(datname, %s) AND datistemplate AND NOT datallowconn",
            (name,),
        )
        known = (Template(found, _read_in(comment)) for found, comment in cursor.fetchall())
        return next((one for one in known if fingerprint.are_unchanged(self.project, one.file_digests)), None)

    def _make(self, host: ServerAccess, cursor: "Cursor", seed: str | None, name: str) -> Template:
        building = f"{name}_new"
        drop_database(cursor, building)
        project = self.project
        files = [*fingerprint.list_structure_files(project), *fingerprint.list_seed_files(project)]
        try:
            before: Mapping[str, str] = {}
            if seed is None:
                host.ensure_owner_role(cursor)
                host.create_empty_database(cursor, building)
                with track_files(project, files) as noticed:
                    create_tables(project, self.schema, host.database(building))
            else:
                bare = self.ensure(host, None)
                before = bare.file_digests
                clone(cursor, bare.name, building, folder=host.data_directory)
                with track_files(project, files) as noticed:
                    load_seeds(project, self.schema, seed, host.database(building))
            await_unused(cursor, building)
            read = {**before, **fingerprint.digest_files(project, sorted(noticed))}
            more = f"_{fingerprint.digest(*read, *read.values())}" if read else ""
            template = Template(f"{name}{more}", read)
            _seal(cursor, building, template)
        except BaseException:
            drop_database(cursor, building)
            raise
        return template


def create_tables(project: Project, schema: Schema, database: Database) -> None:
    """Upgrade an empty database to the head. Without revisions, create the tables from the models."""
    from seedbed.migrations.apply.upgrade import apply
    from seedbed.migrations.history.revisions import has_history, read_history
    from seedbed.postgres.connection import connect
    from seedbed.schema.creation import build

    if has_history(project) and read_history(project).revisions:
        apply(project, database, contract=True)
        return
    with connect(database) as connection:
        build(connection, schema)


def load_seeds(project: Project, schema: Schema, environment: str, database: Database) -> None:
    """Load an environment's seeds."""
    from seedbed.seeding.loading.load import run
    from seedbed.seeding.planning.seed_plan import plan

    run(plan(project, schema, Environment(environment)), database, revision=None)


def _seal(cursor: "Cursor", building: str, template: Template) -> None:
    """Nobody can connect to it from then on, so it can be copied at any time."""
    closed = sql.SQL("ALTER DATABASE {} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false")
    cursor.execute(closed.format(sql.Identifier(building)))
    _note(cursor, Template(building, template.file_digests))
    renamed = sql.SQL("ALTER DATABASE {} RENAME TO {}")
    cursor.execute(renamed.format(sql.Identifier(building), sql.Identifier(template.name)))


@contextmanager
def _alone(cursor: "Cursor", name: str) -> Iterator[None]:
    if not poll_lock(cursor, TEMPLATE_LOCKS, name, wait_seconds=_WAIT_SECONDS):
        raise TemplateLockTimeout(name, _WAIT_SECONDS)
    try:
        yield
    finally:
        cursor.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", (TEMPLATE_LOCKS, name))


def _note(cursor: "Cursor", template: Template) -> None:
    """Write down when a template was used, and what was read for it."""
    comment = f"{_USED}{time.time():.0f}{_OF}{json.dumps(template.file_digests)}"
    stamp = sql.SQL("COMMENT ON DATABASE {} IS {}")
    cursor.execute(stamp.format(sql.Identifier(template.name), sql.Literal(comment)))


def _read_in(comment: str | None) -> dict[str, str]:
    read: dict[str, str] = json.loads((comment or "").partition(_OF)[2] or "{}")
    return read


def _drop_old(cursor: "Cursor", family: str) -> None:
    """Drop those of the project that were not used for longest."""
    cursor.execute(
        "SELECT datname FROM pg_database WHERE starts_with(datname, %s) AND datistemplate AND NOT datallowconn"
        " AND pg_has_role(datdba, 'USAGE')"
        " ORDER BY shobj_description(oid, 'pg_database') DESC NULLS LAST OFFSET %s",
        (family, 2 * _KEPT),
    )
    for (old,) in cursor.fetchall():
        cursor.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(sql.Identifier(old)))
        drop_database(cursor, old)
