"""The migrations of the reference project, on every PostgreSQL of this machine."""

from collections.abc import Iterator
from typing import Any

import pytest
from psycopg2 import Error as DriverError

from seedbed.migrations.apply.upgrade import apply
from seedbed.migrations.checks.project_check import check_project
from seedbed.migrations.history.revisions import read_history
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import TemporaryServer, run_temporary_server
from seedbed.schema import load_schema
from seedbed.seeding.loading.load import load_seeds
from seedbed.seeding.planning.seed_plan import plan
from seedbed.settings import Environment, find_project, load_configuration
from tests.support.projects import ROOT, execute, fresh_database
from tests.support.servers import installed

pytestmark = pytest.mark.slow

PROJECT = find_project(ROOT)


@pytest.fixture(scope="module", params=installed(), ids=lambda binaries: f"postgres-{binaries.major_version}")
def server(request: pytest.FixtureRequest) -> Iterator[TemporaryServer]:
    with run_temporary_server(request.param) as started:
        yield started


@pytest.fixture(scope="module")
def seeded(server: TemporaryServer) -> Iterator[Database]:
    """The reference tables with the rows of the testing seeds. A test changes only its own rows."""
    with fresh_database(server, Environment.TESTING) as database:
        apply(PROJECT, database)
        load_seeds(plan(PROJECT, load_schema(PROJECT), Environment.TESTING), database, revision=None)
        yield database


@pytest.fixture
def task(seeded: Database) -> int:
    """A task of its own user, with old timestamps."""
    created = rows(
        seeded,
        "WITH owner AS (INSERT INTO \"user\" (email) VALUES (gen_random_uuid() || '@example.com') RETURNING id)"
        " INSERT INTO task (title, user_id, created_at, updated_at)"
        " SELECT 'Write', id, '2020-01-01Z', '2020-01-01Z' FROM owner RETURNING id",
    )
    return int(created[0][0])


def rows(database: Database, statement: str) -> list[tuple[Any, ...]]:
    return execute(database.direct, statement)


class TestReferenceMigrations:
    def test_create_the_schema_of_the_models_and_are_reversible(self, server: TemporaryServer) -> None:
        configuration = load_configuration(PROJECT, environ={"SHADOW_DATABASE_URL": server.url().reveal()})

        checked = check_project(configuration)

        assert checked.head == read_history(PROJECT).head
        assert checked.stale_hints == ()

    def test_leave_ids_defaults_and_timestamps_to_the_database(self, seeded: Database) -> None:
        last = rows(seeded, 'SELECT max(id) FROM "user"')[0][0]

        created = rows(
            seeded,
            "INSERT INTO \"user\" (email) VALUES ('somebody@example.org')"
            " RETURNING id, is_active, hashed_password, created_at BETWEEN now() - interval '1 minute' AND now()",
        )

        assert created == [(last + 1, True, None, True)]
        rows(seeded, "DELETE FROM \"user\" WHERE email = 'somebody@example.org'")

    def test_set_updated_at_when_a_task_changes(self, seeded: Database, task: int) -> None:
        changed = rows(
            seeded,
            f"UPDATE task SET is_completed = true WHERE id = {task}"
            " RETURNING created_at = '2020-01-01Z', updated_at > now() - interval '1 minute'",
        )

        assert changed == [(True, True)]

    def test_keep_updated_at_when_an_update_changes_nothing(self, seeded: Database, task: int) -> None:
        unchanged = rows(
            seeded, f"UPDATE task SET title = title WHERE id = {task} RETURNING updated_at = '2020-01-01Z'"
        )

        assert unchanged == [(True,)]

    def test_delete_a_users_tasks_with_the_user(self, seeded: Database, task: int) -> None:
        rows(seeded, f'DELETE FROM "user" WHERE id = (SELECT user_id FROM task WHERE id = {task})')

        assert rows(seeded, f"SELECT count(*) FROM task WHERE id = {task}") == [(0,)]

    def test_refuse_a_second_user_with_the_same_email(self, seeded: Database) -> None:
        with pytest.raises(DriverError, match="uq_user_email"):
            rows(seeded, 'INSERT INTO "user" (email) SELECT email FROM "user" WHERE id = 1')

    def test_refuse_a_task_without_a_user(self, seeded: Database) -> None:
        with pytest.raises(DriverError, match="fk_task_user_id_user"):
            rows(seeded, "INSERT INTO task (title, user_id) VALUES ('Nobody''s', 1000000)")
