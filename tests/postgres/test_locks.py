"""One session at a time migrates a database."""

import os
import signal
from collections.abc import Callable
from datetime import timedelta

import pytest
from sqlalchemy import Connection, text

from seedbed.errors import MigrationLockTimeout
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import TemporaryServer
from seedbed.postgres.locks import migration_lock
from tests.support.patience import PATIENCE
from tests.support.postgres.processes import await_that, await_up, me
from tests.support.projects import execute

Make = Callable[..., Database]
WAITING = "application_name = 'waiting' AND query ~ 'advisory|COMMIT'"
SHORT = timedelta(milliseconds=50)


class TestMigratingAlone:
    def test_keeps_a_second_session_out_until_the_first_is_done(self, given: Make) -> None:
        database = given()

        with connect(database) as first, connect(database) as second:
            with (
                migration_lock(first, database.name),
                pytest.raises(MigrationLockTimeout) as refused,
                migration_lock(second, database.name, wait=SHORT),
            ):
                pass
            with migration_lock(second, database.name, wait=SHORT):
                pass

        assert refused.value.message == f"Another session has been migrating {database.name} for 0 s."

    def test_is_about_one_database(self, given: Make) -> None:
        one, other = given(), given()

        with (
            connect(one) as first,
            connect(other) as second,
            migration_lock(first, one.name),
            migration_lock(second, other.name, wait=SHORT),
        ):
            pass

    def test_is_given_back_after_an_error(self, given: Make) -> None:
        database = given()

        def fail(connection: Connection) -> None:
            with migration_lock(connection, database.name):
                connection.execute(text("CREATE TABLE half (id int)"))
                raise ZeroDivisionError

        with connect(database) as first, connect(database) as second:
            with pytest.raises(ZeroDivisionError):
                fail(first)
            with migration_lock(second, database.name, wait=SHORT):
                pass

        assert execute(database.direct, "SELECT to_regclass('half')") == [(None,)]

    def test_leaves_no_transaction_open(self, given: Make) -> None:
        database = given()

        with connect(database) as connection:
            with migration_lock(connection, database.name):
                inside = connection.in_transaction()
            after = connection.in_transaction()

        assert (inside, after) == (False, False)

    def test_waits_without_a_snapshot(self, given: Make, given_server: TemporaryServer) -> None:
        """A session that waits inside PostgreSQL keeps CREATE INDEX CONCURRENTLY of the first from ending."""
        database = given()
        execute(database.direct, "CREATE TABLE customer (id int)")
        waiting = me().start(
            "import sys\n"
            "from seedbed.postgres.connection import connect\n"
            "from seedbed.postgres.database import EMBEDDED_ORIGIN, Database\n"
            "from seedbed.postgres.locks import migration_lock\n"
            "from seedbed.settings import Environment, parse_url\n"
            "url = parse_url(sys.argv[1])\n"
            "with connect(Database(url, url, Environment.TESTING, EMBEDDED_ORIGIN), "
            "application='waiting') as connection:\n"
            "    print('up', flush=True)\n"
            "    with migration_lock(connection, 'shop'): print('mine')\n",
            database.direct.reveal(),
        )

        with connect(database, autocommit=True) as connection, migration_lock(connection, database.name):
            await_up(waiting)
            polled = (
                "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'waiting' AND query ~ 'advisory|COMMIT'"
            )
            await_that(lambda: execute(given_server.url(), polled) == [(1,)])
            connection.execute(text("SET statement_timeout = '20s'"))
            connection.execute(text("CREATE INDEX CONCURRENTLY ON customer (id)"))

        out, err = waiting.communicate(timeout=PATIENCE)
        assert out == "mine\n", err

    def test_is_free_again_when_its_command_was_killed_in_a_long_statement(self, given: Make) -> None:
        database = given()
        killed = me().start(
            "import sys\n"
            "from sqlalchemy import Connection, text\n"
            "from seedbed.postgres.connection import connect\n"
            "from seedbed.postgres.database import EMBEDDED_ORIGIN, Database\n"
            "from seedbed.postgres.locks import migration_lock\n"
            "from seedbed.settings import Environment, parse_url\n"
            "url = parse_url(sys.argv[1])\n"
            "with connect(Database(url, url, Environment.TESTING, EMBEDDED_ORIGIN)) as connection:\n"
            "    with migration_lock(connection, 'shop'):\n"
            "        print('up', flush=True)\n"
            "        connection.execute(text('SELECT pg_sleep(600)'))\n",
            database.direct.reveal(),
        )
        await_up(killed)
        sleeping = "SELECT count(*) FROM pg_stat_activity WHERE query ~ '^SELECT pg_sleep' AND state = 'active'"
        await_that(lambda: execute(database.direct, sleeping) == [(1,)])

        os.kill(killed.pid, signal.SIGKILL)

        with connect(database) as connection, migration_lock(connection, database.name, wait=timedelta(seconds=20)):
            left = connection.execute(text(sleeping)).scalar()
        assert left == 0
