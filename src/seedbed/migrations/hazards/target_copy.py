"""Copy a database, to rehearse revisions on the copy."""

import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager

from psycopg2 import sql

from seedbed.branching import get_branch_provider
from seedbed.branching.lifecycle import temporary_branch
from seedbed.errors import RehearsalCopyFailure
from seedbed.postgres.clone import clone_database
from seedbed.postgres.database import Database
from seedbed.postgres.psql import build_client_environment
from seedbed.postgres.shadow_database import generate_shadow_name, shadow_database
from seedbed.settings import Configuration, Origin
from seedbed.settings.sources import SourceKind


@contextmanager
def copy_target(configuration: Configuration, database: Database, existing_copy: Database | None) -> Iterator[Database]:
    """Provide a copy of a database for the length of a block, made in the way that its server supports.

    `existing_copy` is a copy that the user made: it is used instead, and kept.

    Raises:
        ParentInUse, RehearsalCopyFailure, BranchError: no copy was made.
    """
    if existing_copy is not None:
        if (existing_copy.direct.address, existing_copy.name) == (database.direct.address, database.name):
            raise RehearsalCopyFailure(database.name, "it is the database itself, not a copy")
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
        with temporary_branch(get_branch_provider(configuration), name) as url:
            yield Database(url, url, database.environment, Origin(SourceKind.DERIVED, f"branch {name}"))
    else:
        with shadow_database(configuration) as shadow:
            _dump_and_restore(database, shadow)
            yield shadow


def _dump_and_restore(source: Database, target: Database) -> None:
    dump, psql = map(shutil.which, ("pg_dump", "psql"))
    if dump is None or psql is None:
        raise RehearsalCopyFailure(source.name, "there is no pg_dump and psql on PATH to copy it with")
    with tempfile.TemporaryFile() as output:
        dump_process = subprocess.Popen(
            [dump, "--no-owner", "--no-privileges", "--no-password"],
            env=build_client_environment(source), stdout=subprocess.PIPE, stderr=output,
        )  # fmt: skip
        restore_process = subprocess.Popen(
            [psql, "-Xq", "--no-password", "--single-transaction", "-v", "ON_ERROR_STOP=1"],
            env=build_client_environment(target), stdin=dump_process.stdout, stdout=subprocess.DEVNULL, stderr=output,
        )  # fmt: skip
        if dump_process.stdout is not None:
            dump_process.stdout.close()  # only psql reads it, so that pg_dump ends when psql does
        try:
            failed = any([restore_process.wait(), dump_process.wait()])
        finally:
            for process in (restore_process, dump_process):
                process.kill()
                process.wait()
        if failed:
            output.seek(0)
            lines = output.read().decode("utf-8", "replace").strip().splitlines()
            raise RehearsalCopyFailure(source.name, lines[0] if lines else "pg_dump printed no error")
