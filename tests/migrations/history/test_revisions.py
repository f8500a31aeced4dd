"""Read revision files, and plan what a database still needs."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from seedbed.errors import InvalidRevisionFile, MultipleHeads, RevisionFailure
from seedbed.migrations.apply.plan import plan_upgrade
from seedbed.migrations.apply.upgrade import apply
from seedbed.migrations.hazards.trial_run import assess_upgrade
from seedbed.migrations.history.revisions import read_history
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import EmbeddedServer
from tests.support.projects import Project, execute, little_project

HERO = """
class Hero(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with little_project(tmp_path, HERO) as created:
        created.write_revision("first", 'op.execute("CREATE TABLE applied (revision text)")')
        created.write_revision("second", 'op.execute("INSERT INTO applied VALUES (2)")', follows="first")
        yield created
        EmbeddedServer.from_configuration(created.configuration()).stop()  # which production is tried on


class TestReadHistory:
    def test_returns_revisions_oldest_first(self, project: Project) -> None:
        history = read_history(project.settled)

        assert [(revision.id, revision.message) for revision in history.revisions] == [
            ("first", "First"),
            ("second", "Second"),
        ]

    def test_refuses_two_heads(self, project: Project) -> None:
        project.write_revision("other", "pass", follows="first")

        with pytest.raises(MultipleHeads) as error:
            read_history(project.settled)

        assert error.value.message == "The history has 2 heads: other and second."

    def test_refuses_two_base_revisions(self, project: Project) -> None:
        project.write_revision("other", "pass")

        with pytest.raises(MultipleHeads):
            read_history(project.settled)

    def test_names_the_file_and_line_of_a_syntax_error(self, project: Project) -> None:
        project.write("migrations/versions/third.py", "revision = 'third'\ndown_revision = (\n")

        with pytest.raises(InvalidRevisionFile) as error:
            read_history(project.settled)

        assert error.value.message == (
            "The history in migrations/versions cannot be read: migrations/versions/third.py, line 2: SyntaxError: "
            "'(' was never closed (third.py, line 2)"
        )

    def test_names_the_file_and_line_that_raises(self, project: Project) -> None:
        project.write("migrations/versions/third.py", "import nothing_of_that_name\n")

        with pytest.raises(InvalidRevisionFile) as error:
            read_history(project.settled)

        assert error.value.message.endswith(
            "migrations/versions/third.py, line 1: ModuleNotFoundError: No module named 'nothing_of_that_name'"
        )

    @pytest.mark.filterwarnings("ignore:Revision:UserWarning")
    def test_refuses_a_revision_whose_parent_is_missing(self, project: Project) -> None:
        (project.root / "migrations/versions/first.py").unlink()

        with pytest.raises(InvalidRevisionFile) as error:
            read_history(project.settled)

        assert error.value.message == (
            "The history in migrations/versions cannot be read: Revision first referenced from first -> second (head), "
            "Second is not present"
        )

    @pytest.mark.filterwarnings("ignore:Revision:UserWarning")
    def test_refuses_two_files_with_the_same_revision(self, project: Project) -> None:
        project.write("migrations/versions/copy.py", (project.root / "migrations/versions/second.py").read_text())

        with pytest.raises(InvalidRevisionFile) as error:
            read_history(project.settled)

        assert error.value.message.endswith("Revision second is present more than once")


class TestPlan:
    def test_lists_pending_revisions_without_changes(self, project: Project, database: Database) -> None:
        created = plan_upgrade(project.settled, database)

        assert (created.revision, created.head, created.mark) == (None, "second", None)
        assert [revision.id for revision in created.pending] == ["first", "second"]
        assert (
            execute(database.direct, "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace") == []
        )

    def test_lists_nothing_at_the_head(self, project: Project, database: Database) -> None:
        apply(project.settled, database)

        created = plan_upgrade(project.settled, database)

        assert (created.revision, created.mark, created.pending) == ("second", "development", ())


class TestRecordedSql:
    def test_names_a_failing_revision(self, project: Project, database: Database) -> None:
        project.write_revision("third", "op.execute('SELECT nothing_like_it()')", follows="second")
        configuration = project.configuration(SHADOW_DATABASE_URL=database.direct.reveal())

        with pytest.raises(RevisionFailure) as failed:
            assess_upgrade(configuration, database, plan_upgrade(project.settled, database))

        assert failed.value.message.startswith("Revision third failed and was rolled back; nothing was applied.")


class TestMigratePlan:
    """The command `seedbed migrate plan`."""

    def test_exits_with_1_while_revisions_are_pending(self, project: Project, database: Database) -> None:
        url = database.direct.reveal()

        before = project.run("seedbed", "migrate", "plan", code=1, DATABASE_URL=url)
        apply(project.settled, database)
        after = project.run("seedbed", "migrate", "plan", DATABASE_URL=url)

        assert before.stdout == "first   First\nsecond  Second\n"
        assert after.stdout == f"{database.name} is up to date (second).\n"

    def test_prints_executable_sql(self, project: Project, database: Database) -> None:
        """The driver gets statements with doubled percent signs and without values."""
        project.write_revision(
            "third",
            "op.execute(\"INSERT INTO applied SELECT 'x' WHERE 'ab' LIKE 'a%'\")\n"
            "import sqlalchemy as sa\n"
            "op.execute(sa.text('INSERT INTO applied VALUES (:name)').bindparams(name='bound'))",
            follows="second",
        )
        url = database.direct.reveal()

        recorded = project.run(
            "seedbed", "migrate", "plan", "--sql", code=1, DATABASE_URL=url, SHADOW_DATABASE_URL=url
        ).stdout
        offline = project.run("seedbed", "migrate", "plan", "--offline", code=1, DATABASE_URL=url).stdout

        for message in (recorded, offline):
            assert "INSERT INTO applied SELECT 'x' WHERE 'ab' LIKE 'a%'" in message
            assert "VALUES ('bound')" in message

    def test_prints_the_executed_sql(self, project: Project, database: Database) -> None:
        url = database.direct.reveal()

        done = project.run(
            "seedbed", "migrate", "plan", "--sql", "--offline", code=1, DATABASE_URL=url, SHADOW_DATABASE_URL=url
        )

        message = done.stdout.splitlines()
        assert message[:6] == [
            "first   First",
            "second  Second",
            "-- first First",
            "CREATE TABLE applied (revision text);",
            "-- second Second",
            "INSERT INTO applied VALUES (2);",
        ]
        assert "UPDATE alembic_version SET version_num='second' WHERE alembic_version.version_num = 'first';" in message

    def test_shows_the_revisions_of_database_and_files(self, project: Project, database: Database) -> None:
        apply(project.settled, database)
        project.write_revision("third", "pass", follows="second")

        done = project.run("seedbed", "migrate", "status", DATABASE_URL=database.direct.reveal())

        assert done.stdout == (
            f"database     {database.name}\n"
            "environment  development\n"
            "mark         development\n"
            "revision     second\n"
            "head         third\n"
            "pending      1\n"
            "edited       none\n"
        )
