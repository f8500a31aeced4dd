"""Plain Alembic commands in a project, without a URL in alembic.ini."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from seedbed.migrations.history.revisions import read_history
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import TemporaryServer
from seedbed.postgres.environment_mark import change_mark, read_database_mark
from seedbed.settings import Environment, find_project
from tests.support.projects import ROOT, Project, execute, reference_copy

HEAD = read_history(find_project(ROOT)).head


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with reference_copy(tmp_path) as copied:
        yield copied


def tables(database: Database) -> set[str]:
    return {name for (name,) in execute(database.direct, "SELECT tablename FROM pg_tables WHERE schemaname = 'public'")}


class TestAlembic:
    def test_runs_upgrade_check_and_downgrade(
        self, project: Project, database: Database, seedbed_server: TemporaryServer
    ) -> None:
        given = {"DATABASE_URL": database.direct.reveal(), "SHADOW_DATABASE_URL": seedbed_server.url().reveal()}

        project.run("alembic", "upgrade", "head", given=given)

        assert tables(database) == {"user", "task", "alembic_version"}
        assert read_database_mark(database) == "development"
        assert project.run("alembic", "current", given=given).stdout == f"{HEAD} (head)\n"
        assert project.run("alembic", "check", given=given).stdout == "No new upgrade operations detected.\n"

        project.run("alembic", "downgrade", "base", given=given)

        assert tables(database) == {"alembic_version"}

    def test_works_together_with_seedbed_commands(self, project: Project, database: Database) -> None:
        given = {"DATABASE_URL": database.direct.reveal()}
        project.run("alembic", "upgrade", "head", given=given)

        applied = project.run("seedbed", "migrate", "apply", given=given)

        assert applied.stdout == f"{database.name} is up to date ({HEAD}).\n"

    def test_finds_the_project_from_another_directory(self, project: Project, database: Database) -> None:
        (project.root / "elsewhere").mkdir()
        elsewhere = Project(project.root / "elsewhere", project.schema)

        elsewhere.run("alembic", "-c", "../alembic.ini", "upgrade", "head", DATABASE_URL=database.direct.reveal())

        assert "task" in tables(database)

    def test_refuses_a_mismatched_mark_in_one_line(self, project: Project, database: Database) -> None:
        change_mark(database, Environment.PRODUCTION)

        error = project.run("alembic", "upgrade", "head", code=255, DATABASE_URL=database.direct.reveal())

        refusal = (
            f"FAILED: SB310 Refused to migrate {database.name}: it is marked production, and the chosen environment "
        )
        assert error.stdout.startswith(refusal)
        assert tables(database) == set()

    def test_writes_offline_sql_without_a_server(self, project: Project) -> None:
        done = project.run("alembic", "upgrade", "head", "--sql", DATABASE_URL="postgresql://nobody@127.0.0.1:1/never")

        assert "CREATE TABLE task (" in done.stdout


class TestAlembicIni:
    def test_has_no_url(self) -> None:
        assert "://" not in (ROOT / "alembic.ini").read_text()
