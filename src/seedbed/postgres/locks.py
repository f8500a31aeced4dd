"""Advisory locks: the keys of the whole package, and the sessions that hold them."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from sqlalchemy import Connection, text

from seedbed.errors import BranchLockTimeout, MigrationLockTimeout
from seedbed.postgres.connection import Connectable, autocommit_cursor, open_connection, translate_errors

if TYPE_CHECKING:
    from psycopg2.extensions import cursor as Cursor  # noqa: N812 - a type, whatever its author called it

MIGRATION_LOCK = 0x5EEDBED
"""Held by the session that migrates a database."""
PREPARATION_LOCK = 0x5EEDBED1
"""Held by the session that migrates and seeds a copy before it is ready."""
SEEDING_LOCK = 0x5EED
"""Held by the transaction that seeds a database."""
SEEDBED_SCHEMA_LOCK = 0x5EED1
"""Held by the transaction that creates the schema of Seedbed's own tables."""
SERVER_OBJECTS_LOCK = 0x5EED0
"""Held by the session that creates roles and databases on the embedded server: CREATE DATABASE has no IF NOT EXISTS."""

BRANCH_LOCKS = 0x5EEDBED
"""With the name of a local branch's temporary database: held by the session that creates, changes or deletes it."""
TEMPLATE_LOCKS = 0x5EED7
"""With the name of a template database: held by the session that builds it."""
TEST_RUN_LOCKS = 0x5EED8
"""With the token of a test run: held as long as the run lives."""
# A lock with a name has two keys of 32 bits. It never meets a lock of one 64-bit key, so MIGRATION_LOCK and
# BRANCH_LOCKS may have the same number.

_WAIT = timedelta(seconds=60)
_POLL_SECONDS = 0.1


def poll_lock(
    cursor: "Cursor", key: int, name: str | None = None, *, wait_seconds: float, poll_seconds: float = 0.02
) -> bool:
    """Take an advisory lock for the session, with a name or without; False where another session kept it too long.

    The lock is polled for, so that Ctrl-C interrupts the wait.
    """
    until = time.monotonic() + wait_seconds
    while True:
        if name is None:
            cursor.execute("SELECT pg_try_advisory_lock(%s)", (key,))
        else:
            cursor.execute("SELECT pg_try_advisory_lock(%s, hashtext(%s))", (key, name))
        if cursor.fetchone() == (True,):
            return True
        if time.monotonic() > until:
            return False
        time.sleep(poll_seconds)


@contextmanager
def migration_lock(connection: Connection, database: str, *, wait: timedelta = _WAIT) -> Iterator[None]:
    """Hold the migration lock on this session for the length of a block.

    The lock is polled for: a session that waits inside PostgreSQL holds a snapshot, and CREATE INDEX CONCURRENTLY
    waits for that snapshot in turn. The session that migrates holds the lock itself, so the lock is released exactly
    when that session ends. A session that lost its client ends within two seconds by
    `client_connection_check_interval`, where the server supports it. No transaction is open before or after.

    Raises:
        MigrationLockTimeout: another session kept the lock for `wait`.
    """
    connection.execute(
        text(
            "SELECT set_config('client_connection_check_interval', '2s', false)"
            " WHERE current_setting('server_version_num')::int >= 140000"
            " AND version() !~* 'windows|mingw|visual c'"
        )
    )
    until = time.monotonic() + wait.total_seconds()
    while not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": MIGRATION_LOCK}).scalar():
        connection.commit()
        if time.monotonic() > until:
            raise MigrationLockTimeout(database, wait.total_seconds())
        time.sleep(_POLL_SECONDS)
    connection.commit()
    try:
        yield
    finally:
        if not connection.invalidated:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": MIGRATION_LOCK})
            connection.commit()


@contextmanager
def preparation_lock(database: Connectable, branch: str, *, wait: timedelta) -> Iterator[None]:
    """Hold the preparation lock of a copy for the length of a block, on a session of its own.

    The lock lives in the copy, so it is released when its holder ends, even by a kill, and when the copy is dropped.

    Raises:
        BranchLockTimeout: another session kept the lock for `wait`.
        DatabaseUnreachable, DatabaseNotFound: the copy was deleted, or replaced by another one.
    """
    with translate_errors(database):
        connection = open_connection(database, application="seedbed preparing")
    with autocommit_cursor(connection) as cursor:
        with translate_errors(database):
            seconds = wait.total_seconds()
            if not poll_lock(cursor, PREPARATION_LOCK, wait_seconds=seconds, poll_seconds=_POLL_SECONDS):
                raise BranchLockTimeout(branch, seconds)
        yield
