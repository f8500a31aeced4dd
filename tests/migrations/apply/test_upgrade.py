"""Apply pending revisions to a database."""

import re
import signal
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from seedbed.errors import (
    EnvironmentMismatch,
    MigrationLockTimeout,
    MissingPrivilege,
    PooledConnection,
    ReadOnlyDatabase,
    RevisionFailure,
    TableLockTimeout,
    UnknownDatabaseRevision,
    UnmarkedDatabase,
    UnsupportedServerVersion,
)
from seedbed.migrations.apply.index_progress import report_index_progress
from seedbed.migrations.apply.lock_retry import LockRetryPolicy
from seedbed.migrations.apply.upgrade import apply
from seedbed.migrations.checks.status import read_environment_statuses
from seedbed.postgres.connection import connect, execute_verbatim
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import EmbeddedServer, TemporaryServer
from seedbed.postgres.environment_mark import change_mark
from seedbed.postgres.locks import migration_lock
from seedbed.settings import DatabaseUrl, Environment
from tests.support.patience import PATIENCE
from tests.support.projects import Project, execute, little_project

HERO = """
class Hero(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
"""
APPLIERS = 8
QUICK = LockRetryPolicy(lock_timeout=timedelta(seconds=0.1), tries=3)


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    """A project with two revisions: one creates a log table, and the other adds an entry."""
    with little_project(tmp_path, HERO) as created:
        created.write_revision("first", 'op.execute("CREATE TABLE applied (revision text)")')
        created.write_revision("second", "op.execute(\"INSERT INTO applied VALUES ('second')\")", follows="first")
        yield created
        EmbeddedServer.from_configuration(created.configuration()).stop()  # which production is tried on


def rows(database: Database, statement: str) -> list[tuple[Any, ...]]:
    return execute(database.direct, statement)


def entries(database: Database) -> list[str]:
    return [revision for (revision,) in rows(database, "SELECT revision FROM applied")]


def read_revision(database: Database) -> str | None:
    result = rows(database, "SELECT version_num FROM alembic_version")
    return str(result[0][0]) if result else None


class TestApply:
    def test_applies_pending_revisions_oldest_first(self, project: Project, database: Database) -> None:
        applied = apply(project.settled, database)

        assert [revision.id for revision in applied.applied] == ["first", "second"]
        assert (applied.head, read_revision(database)) == ("second", "second")
        assert entries(database) == ["second"]

    def test_applies_nothing_the_second_time(self, project: Project, database: Database) -> None:
        apply(project.settled, database)

        applied = apply(project.settled, database)

        assert (applied.applied, applied.head) == ((), "second")
        assert entries(database) == ["second"]

    def test_applies_only_new_revisions(self, project: Project, database: Database) -> None:
        apply(project.settled, database)
        project.write_revision("third", "op.execute(\"INSERT INTO applied VALUES ('third')\")", follows="second")

        applied = apply(project.settled, database)

        assert [revision.id for revision in applied.applied] == ["third"]
        assert entries(database) == ["second", "third"]

    def test_marks_an_empty_database_for_its_environment(self, project: Project, database: Database) -> None:
        apply(project.settled, database)

        assert rows(database, "SELECT name FROM seedbed.environment") == [("development",)]

    def test_applies_nothing_without_revisions(self, tmp_path: Path, database: Database) -> None:
        with little_project(tmp_path, HERO) as empty:
            applied = apply(empty.settled, database)

        assert (applied.applied, applied.head) == ((), None)

    def test_keeps_the_revisions_before_a_failing_one(self, project: Project, database: Database) -> None:
        project.write_revision(
            "third",
            "op.execute(\"INSERT INTO applied VALUES ('third')\")\nop.execute('SELECT nothing_like_it()')",
            follows="second",
        )
        project.write_revision("fourth", "op.execute(\"INSERT INTO applied VALUES ('fourth')\")", follows="third")

        with pytest.raises(RevisionFailure) as failed:
            apply(project.settled, database)

        assert failed.value.message == (
            "Revision third failed and was rolled back; first, second stayed applied. PostgreSQL says: function "
            "nothing_like_it() does not exist; HINT:  No function matches the given name and argument types. You might "
            "need to add explicit type casts"
        )
        assert (read_revision(database), entries(database)) == ("second", ["second"])

    def test_names_a_revision_whose_python_fails(self, project: Project, database: Database) -> None:
        project.write_revision("third", "raise LookupError('no such thing')", follows="second")
        apply_first = project.revisions()

        with pytest.raises(RevisionFailure) as failed:
            apply(project.settled, database)

        assert apply_first == ["first.py", "second.py", "third.py"]
        assert "Revision third failed" in failed.value.message
        assert failed.value.message.endswith("LookupError: no such thing")

    def test_continues_after_a_failing_revision_is_fixed(self, project: Project, database: Database) -> None:
        project.write_revision("third", "op.execute('SELECT nothing_like_it()')", follows="second")
        with pytest.raises(RevisionFailure):
            apply(project.settled, database)
        project.write_revision("third", "op.execute(\"INSERT INTO applied VALUES ('mended')\")", follows="second")

        apply(project.settled, database)

        assert (read_revision(database), entries(database)) == ("third", ["second", "mended"])

    def test_applies_each_revision_once_when_started_concurrently(self, project: Project, database: Database) -> None:
        project.write_revision(
            "third", "op.execute(\"INSERT INTO applied SELECT 'third' FROM pg_sleep(0.5)\")", follows="second"
        )
        command = ("seedbed", "migrate", "apply", "--json")

        processes = [project.start(*command, DATABASE_URL=database.direct.reveal()) for _ in range(APPLIERS)]
        ends = [(process.communicate(timeout=PATIENCE), process.returncode) for process in processes]

        assert [code for _, code in ends] == [0] * APPLIERS, ends
        assert entries(database) == ["second", "third"]

    def test_continues_after_a_kill(self, project: Project, database: Database) -> None:
        project.write_revision(
            "third",
            """
            op.execute("INSERT INTO applied VALUES ('third')")
            op.execute("SELECT pg_sleep(3600) FROM patience")
            """,
            follows="second",
        )
        rows(database, "CREATE TABLE patience AS SELECT 1 AS kept")
        change_mark(database, Environment.DEVELOPMENT)
        process = project.start("seedbed", "migrate", "apply", DATABASE_URL=database.direct.reveal())
        asleep = "SELECT pid FROM pg_stat_activity WHERE wait_event = 'PgSleep' AND datname = current_database()"
        await_rows(database, asleep)

        process.send_signal(signal.SIGKILL)
        process.communicate()
        rows(database, "DELETE FROM patience")
        applied = apply(project.settled, database, lock_wait=timedelta(seconds=15))

        assert [revision.id for revision in applied.applied] == ["third"]
        assert entries(database) == ["second", "third"]
        assert rows(database, asleep) == []


class TestLockRetry:
    def test_retries_until_another_session_releases_its_lock(self, project: Project, database: Database) -> None:
        rows(database, "CREATE TABLE held AS SELECT 1 AS kept")
        change_mark(database, Environment.DEVELOPMENT)
        project.write_revision("third", "op.execute('ALTER TABLE held ADD COLUMN more integer')", follows="second")
        message: list[str] = []

        with connect(database) as other:
            execute_verbatim(other, "SELECT * FROM held")

            def let_go(line: str) -> None:
                message.append(line)
                other.rollback()

            applied = apply(project.settled, database, retry_policy=QUICK, report=let_go)

        assert [revision.id for revision in applied.applied] == ["first", "second", "third"]
        assert message == ["third waits for a lock that another session holds; trying again (1 of 3)"]
        assert entries(database) == ["second"]

    def test_applies_between_two_long_transactions(self, project: Project, database: Database) -> None:
        rows(database, "CREATE TABLE held AS SELECT 1 AS kept")
        change_mark(database, Environment.DEVELOPMENT)
        project.write_revision("third", "op.execute('ALTER TABLE held ADD COLUMN more integer')", follows="second")
        held, over = threading.Event(), threading.Event()

        def hold_again_and_again() -> None:
            with connect(database) as other:
                while not over.is_set():
                    execute_verbatim(other, "SELECT * FROM held")
                    held.set()
                    over.wait(2.0)
                    other.rollback()
                    over.wait(0.5)

        holder = threading.Thread(target=hold_again_and_again)
        holder.start()
        held.wait()
        try:
            applied = apply(project.settled, database, retry_policy=replace(QUICK, tries=5))
        finally:
            over.set()
            holder.join()

        assert applied.revision == "third"

    def test_fails_and_names_the_session_that_holds_the_lock(self, project: Project, database: Database) -> None:
        rows(database, "CREATE TABLE held AS SELECT 1 AS kept")
        change_mark(database, Environment.DEVELOPMENT)
        project.write_revision("third", "op.execute('ALTER TABLE held ADD COLUMN more integer')", follows="second")

        with connect(database, application="report") as other:
            execute_verbatim(other, "SELECT * FROM held")
            with pytest.raises(
                TableLockTimeout,
                match=r"third could not get its locks in 3 attempts .* first, second stayed applied.*report",
            ):
                apply(project.settled, database, retry_policy=QUICK)

        assert read_revision(database) == "second"

    def test_blocks_other_sessions_no_longer_than_the_timeout(self, project: Project, database: Database) -> None:
        rows(database, "CREATE TABLE held AS SELECT 1 AS kept")
        change_mark(database, Environment.DEVELOPMENT)
        project.write_revision(
            "third",
            """
            assert op.get_bind().exec_driver_sql("SHOW lock_timeout").scalar() == "100ms"
            with op.get_context().autocommit_block():
                op.execute("CREATE INDEX CONCURRENTLY built ON held (kept)")
                assert op.get_bind().exec_driver_sql("SHOW lock_timeout").scalar() == "100ms"
            """,
            follows="second",
        )

        assert apply(project.settled, database, retry_policy=QUICK).head == "third"

    @pytest.mark.parametrize("exists", ["", "IF NOT EXISTS "])
    def test_rebuilds_an_index_that_a_kill_left_invalid(
        self, project: Project, database: Database, seedbed_server: TemporaryServer, exists: str
    ) -> None:
        rows(database, "CREATE TABLE held AS SELECT 1 AS kept")
        rows(database, "CREATE INDEX built ON held (kept)")
        change_mark(database, Environment.DEVELOPMENT)
        admin = seedbed_server.url(database.name)
        execute(admin, "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'built'::regclass")
        project.write_revision(
            "third",
            f"""
            with op.get_context().autocommit_block():
                op.execute("CREATE INDEX CONCURRENTLY {exists}built ON held (kept)")
            """,
            follows="second",
        )

        apply(project.settled, database)

        assert rows(database, "SELECT indisvalid FROM pg_index WHERE indexrelid = 'built'::regclass") == [(True,)]


class TestRefusals:
    @pytest.fixture(params=["before any revision", "after one"])
    def read_only(
        self, request: pytest.FixtureRequest, project: Project, database: Database, seedbed_server: TemporaryServer
    ) -> Database:
        if request.param == "after one":
            apply(project.settled, database)
            project.write_revision("third", "op.execute('CREATE TABLE more (id int)')", follows="second")
        execute(seedbed_server.url(), f"ALTER DATABASE {database.name} SET default_transaction_read_only = on")
        return database

    def test_refuses_a_read_only_database(self, project: Project, read_only: Database) -> None:
        with pytest.raises(ReadOnlyDatabase, match="is read-only: default_transaction_read_only is on"):
            apply(project.settled, read_only)

    def test_refuses_a_role_without_create_privileges(
        self, project: Project, database: Database, seedbed_server: TemporaryServer
    ) -> None:
        execute(seedbed_server.url(), "CREATE ROLE may_read LOGIN PASSWORD 'reader'")
        url = database.direct
        reader = DatabaseUrl("may_read", "reader", url.host, url.port, url.database, parameters=url.parameters)
        try:
            with pytest.raises(MissingPrivilege):
                apply(project.settled, replace(database, url=reader, direct=reader))
        finally:
            execute(seedbed_server.url(), "DROP ROLE may_read")

    def test_refuses_an_unsupported_server_version(
        self, project: Project, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("seedbed.postgres.database.OLDEST_MAJOR_VERSION", 99)

        with pytest.raises(UnsupportedServerVersion, match="and Seedbed needs 99 or newer"):
            apply(project.settled, database)


class TestProgress:
    def test_reports_what_an_index_build_waits_for(self, project: Project, database: Database) -> None:
        apply(project.settled, database)
        execute(database.direct, "CREATE TABLE held AS SELECT n FROM generate_series(1, 1000) n")
        project.write_revision(
            "third",
            """
            with op.get_context().autocommit_block():
                op.execute("CREATE INDEX CONCURRENTLY IF NOT EXISTS ix_held ON held (n)")
            """,
            follows="second",
        )
        message: list[str] = []
        seen = threading.Event()

        def told(line: str) -> None:
            message.append(line)
            seen.set()

        with connect(database) as writer:
            pid = writer.exec_driver_sql("SELECT pg_backend_pid()").scalar()
            writer.exec_driver_sql("INSERT INTO held VALUES (0)")
            applying = threading.Thread(
                target=apply, args=(project.settled, database), kwargs={"report_progress": told}
            )
            applying.start()
            assert seen.wait(PATIENCE)
            writer.commit()
            applying.join(PATIENCE)

        assert message[0].startswith("index on held: waiting for writers before build")
        assert message[0].endswith(f"waits for pid {pid}")
        assert read_revision(database) == "third"

    def test_opens_no_session_without_a_listener(self, database: Database) -> None:
        count = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
        with connect(database) as connection, report_index_progress(connection, database, None):
            assert connection.exec_driver_sql(count).scalar() == 1


class TestProduction:
    def test_requires_its_name_to_be_migrated(self, project: Project, database: Database) -> None:
        variables = {"DATABASE_URL": database.direct.reveal(), "SEEDBED_ENV": "production"}

        unnamed = project.start("seedbed", "migrate", "apply", **variables)
        _, requested = unnamed.communicate(timeout=PATIENCE)
        named = project.start("seedbed", "migrate", "apply", "--yes", database.name, **variables)
        out, err = named.communicate(timeout=PATIENCE)

        assert unnamed.returncode == 1
        assert f"/{database.name} is production. Pending:\n  first   First\n  second  Second\n" in requested
        assert f"SB313 {database.name} was not migrated: its name was not given." in requested
        assert named.returncode == 0, err
        assert re.sub(r"\d+\.\d s", "0.1 s", out) == (
            f"first   First\nsecond  Second\n{database.name} is at second: 2 revisions applied in 0.1 s.\n"
        )

    def test_is_not_migrated_by_up(self, project: Project, database: Database) -> None:
        variables = {"DATABASE_URL": database.direct.reveal(), "SEEDBED_ENV": "production"}

        error = project.run("seedbed", "up", "--once", code=1, given=variables)

        assert f"SB222 {database.name} is production and lacks first, second; nothing was applied." in error.stderr
        assert execute(database.direct, "SELECT to_regclass('alembic_version')") == [(None,)]

    def test_requires_its_name_for_a_downgrade_by_plain_alembic(self, project: Project, database: Database) -> None:
        apply(project.settled, database)
        change_mark(database, Environment.PRODUCTION)
        variables = {"DATABASE_URL": database.direct.reveal(), "SEEDBED_ENV": "production"}

        error = project.run("alembic", "downgrade", "-1", code=255, given=variables)
        before = read_revision(database)
        project.run("alembic", "-x", f"yes={database.name}", "downgrade", "-1", given=variables)

        message = error.stdout + error.stderr
        assert f"SB221 {database.name} is marked production, and this would downgrade second." in message
        assert (before, read_revision(database)) == ("second", "first")

    def test_requires_its_name_for_an_upgrade_by_plain_alembic(self, project: Project, database: Database) -> None:
        change_mark(database, Environment.PRODUCTION)
        variables = {"DATABASE_URL": database.direct.reveal(), "SEEDBED_ENV": "production"}
        project.run("alembic", "current", given=variables)

        error = project.run("alembic", "upgrade", "+1", code=255, given=variables)
        before = rows(database, "SELECT to_regclass('applied')")
        project.run("alembic", "-x", f"yes={database.name}", "upgrade", "+1", given=variables)

        message = error.stdout + error.stderr
        assert f"SB221 {database.name} is marked production, and this would upgrade first." in message
        assert (before, read_revision(database)) == ([(None,)], "first")

    def test_requires_allowed_hazards_for_plain_alembic(self, project: Project, database: Database) -> None:
        apply(project.settled, database)
        project.write_revision("third", "op.drop_table('applied')", follows="second")
        change_mark(database, Environment.PRODUCTION)
        variables = {"DATABASE_URL": database.direct.reveal(), "SEEDBED_ENV": "production"}
        named = ("-x", f"yes={database.name}", "upgrade", "head")

        error = project.run("alembic", *named, code=255, given=variables)
        before = read_revision(database)
        project.run("alembic", "-x", "allow=drop-table", *named, given=variables)

        assert "SB218 Nothing was applied" in error.stdout + error.stderr
        assert (before, read_revision(database)) == ("second", "third")


class TestEnvironmentStatuses:
    def test_shows_every_environment_and_its_problems(
        self, project: Project, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        apply(project.settled, database)
        rows(database, "CREATE TABLE by_hand AS SELECT 1 AS one")
        monkeypatch.setenv("SHADOW_DATABASE_URL", database.direct.reveal())
        (project.root / ".env.testing").write_text(f"DATABASE_URL='{database.direct.reveal()}'\n", encoding="utf-8")
        project.write_revision("third", "pass", follows="second")

        result = {item.environment: item for item in read_environment_statuses(project.settled)}

        testing = result["testing"]
        assert (testing.mark, testing.revision, testing.pending_count, testing.drift_count) == (
            "development",
            "second",
            1,
            1,
        )
        assert testing.applied_at is not None
        assert result["preview"].problem is not None
        assert result["preview"].problem.startswith("SB111 No database is configured for preview")


def await_rows(database: Database, statement: str) -> None:
    until = time.monotonic() + PATIENCE
    while not rows(database, statement):
        assert time.monotonic() < until, statement
        time.sleep(0.005)


class TestApplyRefuses:
    def test_a_database_at_a_revision_without_a_file(self, project: Project, database: Database) -> None:
        apply(project.settled, database)
        (project.root / "migrations/versions/second.py").unlink()

        with pytest.raises(UnknownDatabaseRevision) as error:
            apply(project.settled, database)

        assert error.value.message == f"{database.name} is at revision second, which is not in migrations/versions."

    def test_a_database_marked_for_another_environment(self, project: Project, database: Database) -> None:
        change_mark(database, Environment.PRODUCTION)

        with pytest.raises(EnvironmentMismatch):
            apply(project.settled, database)

        assert rows(database, "SELECT to_regclass('applied')") == [(None,)]

    def test_an_unmarked_database_with_rows(self, project: Project, database: Database) -> None:
        rows(database, "CREATE TABLE customers AS SELECT 1 AS somebody")

        with pytest.raises(UnmarkedDatabase):
            apply(project.settled, database)

        assert rows(database, "SELECT to_regclass('applied'), to_regnamespace('seedbed')") == [(None, None)]

    @pytest.mark.parametrize(("command", "code"), [("seedbed migrate apply", 1), ("alembic upgrade head", 255)])
    def test_a_database_whose_search_path_starts_with_another_schema(
        self, project: Project, database: Database, command: str, code: int
    ) -> None:
        execute(database.direct, "CREATE SCHEMA app")
        execute(database.direct, f'ALTER DATABASE "{database.name}" SET search_path = app, public')

        ended = project.run(*command.split(), code=code, DATABASE_URL=database.direct.reveal())

        assert f"SB238 The search_path of {database.name} is app, public" in ended.stdout + ended.stderr
        assert execute(database.direct, "SELECT to_regclass('app.applied')") == [(None,)]

    def test_a_pooler_without_connecting_to_it(self, project: Project, database: Database) -> None:
        pooled = DatabaseUrl("app", "secret", "ep-cool-1-pooler.eu-central-1.aws.neon.tech", None, "shop")

        with pytest.raises(PooledConnection):
            apply(project.settled, replace(database, url=pooled, direct=pooled))

    def test_to_wait_longer_than_the_limit_for_another_session(self, project: Project, database: Database) -> None:
        with (
            connect(database) as connection,
            migration_lock(connection, database.name),
            pytest.raises(MigrationLockTimeout) as error,
        ):
            apply(project.settled, database, lock_wait=timedelta(seconds=0.2))

        assert error.value.message == f"Another session has been migrating {database.name} for 0 s."
        assert apply(project.settled, database).head == "second"
