"""Which revisions a database has."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from seedbed.migrations.apply.upgrade import apply
from seedbed.migrations.checks.status import read_revision_statuses
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import TemporaryServer
from seedbed.settings import Environment, load_configuration
from tests.support.projects import Project, execute, fresh_database, little_project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with little_project(tmp_path, "") as created:
        yield created


@pytest.fixture
def database(seedbed_server: TemporaryServer) -> Iterator[Database]:
    with fresh_database(seedbed_server, Environment.DEVELOPMENT) as created:
        yield created


class TestRevisionStatuses:
    def test_newest_is_first_and_pending_until_it_is_applied(self, project: Project, database: Database) -> None:
        configuration = load_configuration(project.settled, environ={"DATABASE_URL": database.direct.reveal()})
        project.write_revision("first", "op.execute('SELECT 1')")
        apply(project.settled, database)
        project.write_revision("second", "op.execute('SELECT 2')", follows="first")

        before = read_revision_statuses(configuration)
        apply(project.settled, database)
        after = read_revision_statuses(configuration)

        assert [(status.id, status.state) for status in before] == [("second", "pending"), ("first", "applied")]
        assert (before[0].applied_at, before[0].applied_by) == (None, None)
        assert before[1].applied_at is not None
        assert before[1].applied_by == execute(database.direct, "SELECT current_user")[0][0]
        assert [status.state for status in after] == ["applied", "applied"]
        assert after[1].applied_at == before[1].applied_at

    def test_without_seedbeds_records_only_the_state_is_known(self, project: Project, database: Database) -> None:
        configuration = load_configuration(project.settled, environ={"DATABASE_URL": database.direct.reveal()})
        project.write_revision("first", "op.execute('SELECT 1')")
        apply(project.settled, database)
        execute(database.direct, "DROP TABLE seedbed.revisions")

        (status,) = read_revision_statuses(configuration)

        assert (status.state, status.applied_at, status.applied_by) == ("applied", None, None)
