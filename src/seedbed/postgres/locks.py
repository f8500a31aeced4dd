"""The locks that let one session at a time migrate a database, or prepare a copy."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from sqlalchemy import Connection, text

from seedbed.errors import BranchBusy, LockNotGranted
from seedbed.postgres.connection import open_connection, translated
from seedbed.postgres.database import Database

_KEY = 0x5EEDBED
_PREPARING = 0x5EEDBED1
_WAIT = timedelta(seconds=60)
_POLL_SECONDS = 0.1


@contextmanager
def migrating_alone(connection: Connection, database: str, *, wait: timedelta = _WAIT) -> Iterator[None]:
    """Hold the migration lock on this very session, for the length of a block.

    It is polled for: a session that waits inside PostgreSQL holds a snapshot, and CREATE INDEX CONCURRENTLY waits for
    that one in turn. It belongs to the session that migrates, so that it is free exactly when that session has ended;
    a session that lost its client ends within two seconds by `client_connection_check_interval`, where the server
    allows it to be set. No transaction is open before or after.

    Raises:
        LockNotGranted: another session kept it for `wait`.
    """
    connection.execute(
        text(
            "SELECT set_config('client_connection_check_interval', '2s', false)"
            " WHERE current_setting('server_version_num')::int >= 140000"
            " AND version() !~* 'windows|mingw|visual c'"
        )
    )
    until = time.monotonic() + wait.total_seconds()
    while not connection.execute(text("SELECT pg_try_advisory_lock(:key)"), {"key": _KEY}).scalar():
        connection.commit()
        if time.monotonic() > until:
            raise LockNotGranted(database, wait.total_seconds())
        time.sleep(_POLL_SECONDS)
    connection.commit()
    try:
        yield
    finally:
        if not connection.invalidated:
            connection.rollback()
            connection.execute(text("SELECT pg_advisory_unlock(:key)"), {"key": _KEY})
            connection.commit()


@contextmanager
def preparing_alone(database: Database, branch: str, *, wait: timedelta) -> Iterator[None]:
    """Hold the lock of whoever makes a copy into what it is to be, on a session of its own, for the length of a block.

    It is in the copy, so it is free once its holder has ended, be it by a kill, and it ends with the copy.

    Raises:
        BranchBusy: another session kept it for `wait`.
        Unreachable, DatabaseMissing: the copy is gone, or was replaced by another one meanwhile.
    """
    until = time.monotonic() + wait.total_seconds()
    with translated(database):
        connection = open_connection(database, application="seedbed preparing")
    try:
        with translated(database):
            connection.autocommit = True
            with connection.cursor() as cursor:
                while True:
                    cursor.execute("SELECT pg_try_advisory_lock(%s)", (_PREPARING,))
                    if cursor.fetchone() == (True,):
                        break
                    if time.monotonic() > until:
                        raise BranchBusy(branch, wait.total_seconds())
                    time.sleep(_POLL_SECONDS)
        yield
    finally:
        connection.close()
