"""A copy of a database to rehearse on."""

import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg2 import sql

from seedbed.branching import provider_of
from seedbed.branching.lifecycle import passing
from seedbed.errors import RehearsalCopyFailure
from seedbed.postgres.clone import clone_database
from seedbed.postgres.database import Database
from seedbed.postgres.psql import build_client_environment
from seedbed.postgres.shadow_database import shadow_database, generate_shadow_name
from seedbed.settings import Configuration, Origin
from seedbed.settings.sources import Kind


@contextmanager
def copy_target(configuration: Configuration, database: Database, existing_copy: Database | None) -> Iterator[Database]:
    """A copy of a database for the length of a block, made in the way that its server allows; or the user's own, `existing_copy`,
    which is kept.

    Raises:
        ParentInUse, RehearsalCopyFailure, BranchError: none was made.
    """
    if existing_copy is not None:
        if (existing_copy.direct.address, existing_copy.name) == (database.direct.address, database.name):
            raise RehearsalCopyFailure(database.name, "it is the database itself and no copy of it")
        yield existing_copy
    elif database.server is not None:
        name = generate_shadow_name()
        try:
            with database.server.admin_cursor() as cursor:
                clone_database(cursor, database.name, name)
            url = database.direct.with_database(name)
            yield Database(url, url, database.environment, database.origin, database.server)
        finally:
            with database.server.admin_cursor() as cursor:
                cursor.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(sql.Identifier(name)))
    elif database.direct.is_neon and configuration.settings.neon_api_key and configuration.settings.neon_project_id:
        name = f"rehearsal/{secrets.token_hex(4)}"
        with passing(provider_of(configuration), name) as url:
            yield Database(url, url, database.environment, Origin(Kind.DERIVED, f"branch {name}"))
    else:
        with shadow_database(configuration) as shadow:
            _dumped(database, shadow)
            yield shadow


def _dumped(source: Database, target: Database) -> None:
    dump, psql = map(shutil.which, ("pg_dump", "psql"))
    if dump is None or psql is None:
        raise RehearsalCopyFailure(source.name, "there is no pg_dump and psql on PATH to copy it with")
    with tempfile.TemporaryFile() as said:
        reading = subprocess.Popen(
            [dump, "--no-owner", "--no-privileges", "--no-password"],
            env=build_client_environment(source), stdout=subprocess.PIPE, stderr=said,
        )  # fmt: skip
        writing = subprocess.Popen(
            [psql, "-Xq", "--no-password", "--single-transaction", "-v", "ON_ERROR_STOP=1"],
            env=build_client_environment(target), stdin=reading.stdout, stdout=subprocess.DEVNULL, stderr=said,
        )  # fmt: skip
        if reading.stdout is not None:
            reading.stdout.close()  # psql's alone, so that pg_dump ends when psql does
        try:
            failed = any([writing.wait(), reading.wait()])
        finally:
            for process in (writing, reading):
                process.kill()
                process.wait()
        if failed:
            said.seek(0)
            lines = said.read().decode("utf-8", "replace").strip().splitlines()
            raise RehearsalCopyFailure(source.name, lines[0] if lines else "pg_dump said nothing")
