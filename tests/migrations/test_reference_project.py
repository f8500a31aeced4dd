"""The migrations of the reference project, on every PostgreSQL of this machine."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from psycopg2 import Error as DriverError
from sqlmodel import Session

from seedbed.migrations.apply.upgrade import apply
from seedbed.migrations.checks.project_check import check_project
from seedbed.migrations.history.revisions import read_history
from seedbed.postgres.connection import connect
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
USER_COLUMNS = "(email, is_active, created_at)"


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
    """A task with its own user and old timestamps."""
    created = rows(
        seeded,
        f"WITH owner AS (INSERT INTO \"user\" {USER_COLUMNS} VALUES (gen_random_uuid() || '@example.com', true, now())"
        " RETURNING id) INSERT INTO task (title, is_completed, user_id, created_at, updated_at)"
        " SELECT 'Write', false, id, '2020-01-01Z', '2020-01-01Z' FROM owner RETURNING id",
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

    def test_new_rows_continue_after_the_ids_of_the_seeds(self, seeded: Database) -> None:
        last = rows(seeded, 'SELECT max(id) FROM "user"')[0][0]

        created = rows(
            seeded,
            f"INSERT INTO \"user\" {USER_COLUMNS} VALUES ('somebody@example.org', true, now()) RETURNING id",
        )

        assert created == [(last + 1,)]
        rows(seeded, "DELETE FROM \"user\" WHERE email = 'somebody@example.org'")

    def test_changing_a_task_sets_updated_at(self, seeded: Database, task: int) -> None:
        task_class = load_schema(PROJECT).models["task"]
        with connect(seeded) as connection, Session(connection) as session:
            changed: Any = session.get(task_class, task)
            before = changed.created_at

            changed.is_completed = True
            session.commit()

            assert changed.created_at == before
            assert changed.updated_at > datetime.now(UTC) - timedelta(minutes=1)

    def test_delete_a_users_tasks_with_the_user(self, seeded: Database, task: int) -> None:
        rows(seeded, f'DELETE FROM "user" WHERE id = (SELECT user_id FROM task WHERE id = {task})')

        assert rows(seeded, f"SELECT count(*) FROM task WHERE id = {task}") == [(0,)]

    def test_refuse_a_second_user_with_the_same_email(self, seeded: Database) -> None:
        with pytest.raises(DriverError, match="uq_user_email"):
            rows(seeded, f'INSERT INTO "user" {USER_COLUMNS} SELECT email, true, now() FROM "user" WHERE id = 1')

    def test_refuse_a_task_without_a_user(self, seeded: Database) -> None:
        with pytest.raises(DriverError, match="fk_task_user_id_user"):
            rows(
                seeded,
                "INSERT INTO task (title, is_completed, user_id, created_at, updated_at)"
                " VALUES ('Nobody''s', false, 1000000, now(), now())",
            )
