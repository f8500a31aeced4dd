"""Rehearse pending revisions on a copy of the target."""

import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from seedbed.errors import InvalidDatabaseUrl, RehearsalCopyFailure, RevisionFailure
from seedbed.migrations.apply.plan import plan_upgrade
from seedbed.migrations.apply.upgrade import apply
from seedbed.migrations.hazards.rehearsal import Rehearsal, rehearse
from seedbed.postgres.database import Database, database_from_url
from seedbed.postgres.embedded import TemporaryServer, find_binaries, run_temporary_server
from seedbed.settings import Environment
from tests.support.projects import Project, execute, fresh_database, little_project
from tests.support.servers import installed, shadows

HERO = """
class Task(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
"""
ROWS = 20_000
KINDS = {
    "ALTER TABLE task ADD COLUMN more int": {"task": "AccessExclusiveLock"},
    "ALTER TABLE task DROP COLUMN points": {"task": "AccessExclusiveLock"},
    "ALTER TABLE task ALTER COLUMN points SET DEFAULT 3": {"task": "AccessExclusiveLock"},
    "ALTER TABLE task ALTER COLUMN points SET STATISTICS 10": {"task": "ShareUpdateExclusiveLock"},
    "ALTER TABLE task ALTER COLUMN points TYPE bigint": {"task": "AccessExclusiveLock"},
    "ALTER TABLE task ADD CHECK (points > -1) NOT VALID": {"task": "AccessExclusiveLock"},
    "ALTER TABLE task VALIDATE CONSTRAINT waiting": {"task": "ShareUpdateExclusiveLock"},
    "ALTER TABLE task ADD UNIQUE (id, points)": {"task": "AccessExclusiveLock"},
    "ALTER TABLE task ADD FOREIGN KEY (list_id) REFERENCES list": {
        "list": "ShareRowExclusiveLock", "task": "ShareRowExclusiveLock",
    },
    "ALTER TABLE task SET (fillfactor = 90)": {"task": "ShareUpdateExclusiveLock"},
    "ALTER TABLE task RENAME COLUMN points TO score": {"task": "AccessExclusiveLock"},
    "ALTER TABLE task DISABLE TRIGGER USER": {"task": "ShareRowExclusiveLock"},
    "ALTER TABLE task ENABLE ROW LEVEL SECURITY": {"task": "AccessExclusiveLock"},
    "CREATE INDEX ix ON task (points)": {"task": "ShareLock"},
    "CREATE TRIGGER t BEFORE UPDATE ON task FOR EACH ROW EXECUTE FUNCTION suppress_redundant_updates_trigger()": {
        "task": "ShareRowExclusiveLock",
    },
    "CREATE STATISTICS s ON id, points FROM task": {"task": "ShareUpdateExclusiveLock"},
    "CREATE VIEW v AS SELECT * FROM task": {"task": "AccessShareLock"},
    "COMMENT ON TABLE task IS 'x'": {"task": "ShareUpdateExclusiveLock"},
    "GRANT SELECT ON task TO PUBLIC": {"task": "AccessShareLock"},
    "UPDATE task SET points = 1 WHERE id = 1": {"task": "RowExclusiveLock"},
    "LOCK TABLE task IN EXCLUSIVE MODE": {"task": "ExclusiveLock"},
    "TRUNCATE task": {"task": "AccessExclusiveLock"},
    "REINDEX TABLE task": {"task": "ShareLock"},
    "DROP TABLE task": {"task": "AccessExclusiveLock"},
}  # fmt: skip
"""What pg_locks showed beside each of these statements, typed by hand in psql on 18 and 15."""


@pytest.fixture
def copy(seedbed_server: TemporaryServer, database: Database, project: Project) -> Iterator[Database]:
    """A copy of the database after the first revision, with rows, made as a user would make it."""
    apply(project.settled, database)
    execute(database.direct, f"INSERT INTO task SELECT n, n, NULL FROM generate_series(1, {ROWS}) n")
    execute(database.direct, "ALTER TABLE task ADD CONSTRAINT waiting CHECK (id > 0) NOT VALID")
    name = f"{database.name}_copy"
    execute(seedbed_server.url(), f"CREATE DATABASE {name} TEMPLATE {database.name}")
    url = database.direct.with_database(name)
    yield replace(database, url=url, direct=url)
    execute(seedbed_server.url(), f"DROP DATABASE {name} WITH (FORCE)")


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with little_project(tmp_path, HERO) as created:
        created.write_revision(
            "first",
            """
            op.execute("CREATE TABLE list (id int PRIMARY KEY)")
            op.execute("CREATE TABLE task (id int PRIMARY KEY, points int, list_id int)")
            """,
        )
        yield created


@pytest.fixture(scope="module")
def other_server() -> Iterator[TemporaryServer]:
    """The system's PostgreSQL, which has the version of the pg_dump on PATH."""
    program = shutil.which("pg_dump")
    result = [binaries for binaries in installed() if binaries.directory != find_binaries().directory]
    if program is None or not result:
        pytest.skip("there is no pg_dump on this machine, or no PostgreSQL beside the embedded one")
    with run_temporary_server(result[0]) as server:
        yield server


def rehearse_copy(project: Project, database: Database, copy: Database) -> Rehearsal:
    return rehearse(project.configuration(), database, plan_upgrade(project.settled, database), existing_copy=copy)


class TestRehearse:
    @pytest.mark.parametrize("statement", KINDS)
    def test_reports_the_locks_that_pg_locks_shows(
        self, project: Project, database: Database, copy: Database, statement: str
    ) -> None:
        project.write_revision("second", f"op.execute({statement!r})", follows="first")

        (step,) = rehearse_copy(project, database, copy).steps

        assert step.locks == KINDS[statement]

    def test_measures_a_lock_until_the_commit(self, project: Project, database: Database, copy: Database) -> None:
        project.write_revision(
            "second",
            """
            op.execute("ALTER TABLE task ADD COLUMN more int")
            op.execute("SELECT pg_sleep(0.3)")
            """,
            follows="first",
            downgrade="op.execute('ALTER TABLE task DROP COLUMN more')",
        )

        result = rehearse_copy(project, database, copy)

        assert re.fullmatch(r"blocks reads and writes on task for \d+ ms; everything else under 50 ms", result.verdict)
        assert [(item.table, item.blocked_access) for item in result.blocked] == [("task", "reads and writes")]
        assert result.blocked[0].seconds >= 0.3
        assert result.downgrade == "verified, and upgraded again"

    def test_reports_rewrites_scans_and_changed_rows(
        self, project: Project, database: Database, copy: Database
    ) -> None:
        project.write_revision(
            "second",
            """
            op.execute("UPDATE task SET points = 7")
            op.execute("ALTER TABLE task ALTER COLUMN points TYPE bigint")
            """,
            follows="first",
        )

        updated, retyped = rehearse_copy(project, database, copy).steps

        assert retyped.rewrites == ("task",)
        assert (updated.row_count, updated.scans) == (ROWS, ("task",))
        assert updated.wal_bytes > ROWS * 50

    def test_observes_the_locks_of_a_concurrent_index_build(
        self, project: Project, database: Database, copy: Database
    ) -> None:
        execute(copy.direct, "INSERT INTO task SELECT n, n, NULL FROM generate_series(20001, 400000) n")
        project.write_revision(
            "second",
            """
            with op.get_context().autocommit_block():
                op.execute("CREATE INDEX CONCURRENTLY ix ON task (points)")
            """,
            follows="first",
            downgrade="op.execute('DROP INDEX ix')",
        )

        result = rehearse_copy(project, database, copy)

        assert result.steps[0].locks == {"task": "ShareUpdateExclusiveLock"}
        assert (result.verdict, result.blocked) == ("blocks nobody for 50 ms or longer", ())

    def test_does_not_change_the_target(self, project: Project, database: Database, copy: Database) -> None:
        project.write_revision(
            "second", "op.execute('DROP TABLE task')", follows="first", downgrade="raise RuntimeError('gone')"
        )

        result = rehearse_copy(project, database, copy)

        assert execute(database.direct, "SELECT count(*) FROM task") == [(ROWS,)]
        assert execute(database.direct, "SELECT version_num FROM alembic_version") == [("first",)]
        assert result.downgrade == "impossible: gone"

    def test_fails_where_the_target_would_fail(self, project: Project, database: Database, copy: Database) -> None:
        project.write_revision("second", "op.execute('ALTER TABLE task ADD CHECK (id < 10)')", follows="first")

        with pytest.raises(
            RevisionFailure, match='check constraint "task_id_check" of relation "task" is violated by some row'
        ):
            rehearse_copy(project, database, copy)


class TestDumpAndRestore:
    def test_copies_a_database_of_another_server(
        self, project: Project, seedbed_server: TemporaryServer, other_server: TemporaryServer
    ) -> None:
        with fresh_database(other_server) as source:
            apply(project.settled, source)
            project.write_revision(
                "second",
                "op.execute('CREATE INDEX ix ON task (points)')",
                follows="first",
                downgrade="op.execute('DROP INDEX ix')",
            )
            execute(source.direct, f"INSERT INTO task SELECT n, n, NULL FROM generate_series(1, {ROWS}) n")
            configuration = project.configuration(SHADOW_DATABASE_URL=seedbed_server.url().reveal())

            result = rehearse(configuration, source, plan_upgrade(project.settled, source))

        assert result.steps[0].scans == ("task",)
        assert result.downgrade == "verified, and upgraded again"
        assert shadows(seedbed_server) == set()


class TestRehearseRefuses:
    def test_the_target_as_its_own_copy(self, project: Project, database: Database) -> None:
        with pytest.raises(RehearsalCopyFailure, match="it is the database itself"):
            rehearse_copy(project, database, database)

    def test_a_foreign_server_without_pg_dump(
        self, project: Project, database: Database, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", "/nowhere")
        configuration = project.configuration(SHADOW_DATABASE_URL=database.direct.reveal())

        with pytest.raises(RehearsalCopyFailure, match="no pg_dump and psql on PATH"):
            rehearse(configuration, database, plan_upgrade(project.settled, database))

    def test_an_invalid_url(self) -> None:
        with pytest.raises(InvalidDatabaseUrl) as error:
            database_from_url("mysql://secret@host/shop", Environment.DEVELOPMENT)

        assert "secret" not in f"{error.value} {error.value.remedy}"
