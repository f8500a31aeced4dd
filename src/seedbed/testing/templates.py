"""The database that tests' databases are copied from: migrated, seeded, sealed, and made once."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING

from psycopg2 import sql

from seedbed.errors import TemplateNotBuilt
from seedbed.modelling import Schema, load_schema
from seedbed.postgres.cloning import await_unused, clone
from seedbed.settings import Project
from seedbed.testing import fingerprints
from seedbed.testing.hosts import Host, drop

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a type, whatever its author called it

PREFIX = "seedbed_template_"
_KEY = 0x5EED7
_WAIT_SECONDS = 600.0
_POLL_SECONDS = 0.02
_KEPT = 3
"""Templates of a project that stay on a given server: whoever changes between branches has each made once."""


@dataclass(frozen=True)
class Templates:
    """A project's templates on a server whose version and extensions `server` tells."""

    project: Project
    server: str

    @cached_property
    def schema(self) -> Schema:
        return load_schema(self.project)

    @property
    def usual(self) -> str | None:
        """The seeds that tests get unless they choose others: `testing`, where there are such."""
        return "testing" if (self.project.seeds / "testing.py").is_file() else None

    @cached_property
    def bare(self) -> str:
        """The template without rows, but those that revisions make."""
        return f"{self._family}{fingerprints.structure(self.project, self.schema, self.server)}"

    def name(self, seed: str | None) -> str:
        return self.bare if seed is None else f"{self.bare}_{fingerprints.rows(self.project, seed)}"

    def ensure(self, host: Host, seed: str | None) -> str:
        """The name of a template that is sealed, made first where it is missing.

        Of several who want it at once one makes it, under a name of its own, and the others wait. The lock is that
        one's session, so when it dies the next begins anew.

        Raises:
            RevisionFailed, SeedsNotFound, SchemaNotBuildable and others: as the commands would say it.
            TemplateNotBuilt: another session has been making it for too long.
        """
        name = self.name(seed)
        with host.administration() as cursor:
            if not _is_sealed(cursor, name):
                with _alone(cursor, name):
                    if not _is_sealed(cursor, name):
                        self._make(host, cursor, seed, name)
            if host.folder is None:
                _use(cursor, name, self._family)
        return name

    @property
    def _family(self) -> str:
        return f"{PREFIX}{self.project.identifier[:16]}_"

    def _make(self, host: Host, cursor: "Cursor", seed: str | None, name: str) -> None:
        from seedbed.testing import building as made  # noqa: PLC0415 - most runs find it made, and need not wait for this

        building = f"{name}_new"
        drop(cursor, building)
        try:
            if seed is None:
                host.ensure_role(cursor)
                host.create_empty(cursor, building)
                made.migrate(self.project, self.schema, host.database(building))
            else:
                clone(cursor, self.ensure(host, None), building, folder=host.folder)
                made.seed(self.project, self.schema, seed, host.database(building))
            await_unused(cursor, building)
            _seal(cursor, building, name)
        except BaseException:
            drop(cursor, building)
            raise


def _is_sealed(cursor: "Cursor", name: str) -> bool:
    cursor.execute("SELECT datistemplate AND NOT datallowconn FROM pg_database WHERE datname = %s", (name,))
    return cursor.fetchone() == (True,)


def _seal(cursor: "Cursor", building: str, name: str) -> None:
    """Nobody can connect to it from then on, so it can be copied at any time."""
    closed = sql.SQL("ALTER DATABASE {} WITH IS_TEMPLATE true ALLOW_CONNECTIONS false")
    cursor.execute(closed.format(sql.Identifier(building)))
    cursor.execute(sql.SQL("ALTER DATABASE {} RENAME TO {}").format(sql.Identifier(building), sql.Identifier(name)))


@contextmanager
def _alone(cursor: "Cursor", name: str) -> Iterator[None]:
    until = time.monotonic() + _WAIT_SECONDS
    while True:
        cursor.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", (_KEY, name))
        if cursor.fetchone() == (True,):
            break
        if time.monotonic() > until:
            raise TemplateNotBuilt(name, _WAIT_SECONDS)
        time.sleep(_POLL_SECONDS)
    try:
        yield
    finally:
        cursor.execute("SELECT pg_advisory_unlock(%s, hashtext(%s))", (_KEY, name))


def _use(cursor: "Cursor", name: str, family: str) -> None:
    """Write down when a template was used, and drop those of the project that were not for longest."""
    stamp = sql.SQL("COMMENT ON DATABASE {} IS {}")
    cursor.execute(stamp.format(sql.Identifier(name), sql.Literal(f"seedbed template, used {time.time():.0f}")))
    cursor.execute(
        "SELECT datname FROM pg_database WHERE starts_with(datname, %s) AND datistemplate AND NOT datallowconn"
        " AND pg_has_role(datdba, 'USAGE')"
        " ORDER BY shobj_description(oid, 'pg_database') DESC NULLS LAST OFFSET %s",
        (family, 2 * _KEPT),
    )
    for (old,) in cursor.fetchall():
        cursor.execute(sql.SQL("ALTER DATABASE {} IS_TEMPLATE false").format(sql.Identifier(old)))
        drop(cursor, old)
