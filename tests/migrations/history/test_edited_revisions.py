"""Detect, refuse and accept revisions that were edited after a database had them."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from seedbed.errors import EditedAppliedRevision
from seedbed.migrations.apply.downgrade import downgrade, plan_downgrade
from seedbed.migrations.apply.plan import plan_upgrade
from seedbed.migrations.apply.upgrade import apply
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import TemporaryServer
from seedbed.postgres.environment_mark import change_mark
from seedbed.settings import Environment
from tests.support.projects import Project, execute, little_project

HERO = """
class Hero(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    age: int | None = None
"""
CREATE = 'op.execute("CREATE TABLE hero (id serial PRIMARY KEY, age {})")'
DROP = 'op.execute("DROP TABLE hero")'


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with little_project(tmp_path, HERO) as created:
        write(created, "integer")
        yield created


@pytest.fixture
def variables(database: Database, seedbed_server: TemporaryServer) -> Mapping[str, str]:
    return {"DATABASE_URL": database.direct.reveal(), "SHADOW_DATABASE_URL": seedbed_server.url().reveal()}


def write(project: Project, age: str) -> Path:
    return project.write_revision("first", CREATE.format(age), downgrade=DROP)


def age_of(database: Database) -> str:
    return str(execute(database.direct, "SELECT atttypid::regtype FROM pg_attribute WHERE attname = 'age'")[0][0])


class TestAppliedRevision:
    def test_stops_apply_if_it_was_edited(self, project: Project, database: Database) -> None:
        apply(project.settled, database)
        write(project, "bigint")
        project.write_revision("second", "op.execute('SELECT 1')", follows="first")

        with pytest.raises(EditedAppliedRevision) as error:
            apply(project.settled, database)

        assert error.value.message == f"first was edited after it was applied to {database.name}."
        assert error.value.remedy == (
            "Restore the file and put the change into a new revision; or if rows may be lost, run it again: seedbed "
            "migrate downgrade first-1, then seedbed migrate apply. If the edit changes nothing for "
            f"{database.name}: seedbed migrate accept first"
        )
        assert execute(database.direct, "SELECT version_num FROM alembic_version") == [("first",)]

    def test_is_not_edited_after_the_edit_is_reverted(self, project: Project, database: Database) -> None:
        apply(project.settled, database)
        write(project, "bigint")

        write(project, "integer")

        assert plan_upgrade(project.settled, database).edited == ()

    def test_is_not_edited_by_formatting(self, project: Project, database: Database) -> None:
        apply(project.settled, database)
        file = write(project, "integer")

        file.write_text(file.read_text().replace("'", '"') + "\n\n# Applied everywhere.\n", encoding="utf-8")

        assert apply(project.settled, database).applied == ()

    def test_is_not_edited_by_a_change_before_it_was_applied(self, project: Project, database: Database) -> None:
        write(project, "bigint")

        apply(project.settled, database)

        assert plan_upgrade(project.settled, database).edited == ()

    def test_is_not_edited_without_a_checksum_in_the_database(self, project: Project, database: Database) -> None:
        apply(project.settled, database)
        execute(database.direct, "DELETE FROM seedbed.revisions")
        write(project, "bigint")

        assert apply(project.settled, database).applied == ()

    def test_runs_again_after_a_downgrade_if_it_was_edited(self, project: Project, database: Database) -> None:
        apply(project.settled, database)
        write(project, "bigint")

        downgrade(project.settled, database, plan_downgrade(project.settled, database, "first-1"))
        apply(project.settled, database)

        assert age_of(database) == "bigint"

    def test_is_compared_if_plain_alembic_applied_it(self, project: Project, database: Database) -> None:
        project.run("alembic", "upgrade", "head", DATABASE_URL=database.direct.reveal())
        write(project, "bigint")

        assert [revision.id for revision in plan_upgrade(project.settled, database).edited] == ["first"]


class TestCommands:
    def test_status_names_it_and_exits_with_1(
        self, project: Project, database: Database, variables: Mapping[str, str]
    ) -> None:
        apply(project.settled, database)
        fine = project.run("seedbed", "migrate", "status", given=variables)
        write(project, "bigint")

        edited = project.run("seedbed", "migrate", "status", code=1, given=variables)
        facts = project.json("seedbed", "migrate", "status", code=1, **variables)

        assert "edited       none" in fine.stdout
        assert f"edited       first\nSB230 first was edited after it was applied to {database.name}.\n" in edited.stdout
        assert [revision["id"] for revision in facts["edited"]] == ["first"]

    @pytest.mark.parametrize("command", [("migrate", "apply"), ("up", "--once")])
    def test_that_apply_refuse_it(
        self, project: Project, database: Database, variables: Mapping[str, str], command: tuple[str, ...]
    ) -> None:
        apply(project.settled, database)
        write(project, "bigint")

        error = project.run("seedbed", *command, code=1, given=variables)

        assert f"SB230 first was edited after it was applied to {database.name}." in error.stderr


class TestAccept:
    def accept(self, project: Project, *arguments: str, code: int = 0, variables: Mapping[str, str]) -> str:
        completed = project.run("seedbed", "migrate", "accept", *arguments, code=code, given=variables)
        return completed.stdout + completed.stderr

    def test_accepts_an_edit_without_drift(
        self, project: Project, database: Database, variables: Mapping[str, str]
    ) -> None:
        apply(project.settled, database)
        write(project, "int4")

        message = self.accept(project, "fir", variables=variables)

        assert message == f"Recorded the edited first as applied to {database.name}.\n"
        assert apply(project.settled, database).applied == ()

    def test_names_the_drift_and_requires_the_name_of_the_database(
        self, project: Project, database: Database, variables: Mapping[str, str]
    ) -> None:
        apply(project.settled, database)
        write(project, "bigint")

        error = self.accept(project, "first", code=1, variables=variables)
        before = plan_upgrade(project.settled, database).edited
        self.accept(project, "first", "--yes", database.name, variables=variables)

        assert error.startswith("  column hero.age: type is integer, should be bigint\nSB313 ")
        assert [revision.id for revision in before] == ["first"]
        assert plan_upgrade(project.settled, database).edited == ()
        assert age_of(database) == "integer"

    def test_requires_the_name_of_a_production_database(
        self, project: Project, database: Database, variables: Mapping[str, str]
    ) -> None:
        apply(project.settled, database)
        change_mark(database, Environment.PRODUCTION)
        write(project, "int4")

        error = self.accept(project, "first", "-e", "production", code=1, variables=variables)
        self.accept(project, "first", "-e", "production", "--yes", database.name, variables=variables)

        assert error.startswith("SB313 ")
        assert plan_upgrade(project.settled, database).edited == ()

    def test_reports_that_nothing_was_edited(
        self, project: Project, database: Database, variables: Mapping[str, str]
    ) -> None:
        apply(project.settled, database)

        message = self.accept(project, "first", variables=variables)

        assert message == f"Nothing to accept: first was not edited after it was applied to {database.name}.\n"

    def test_refuses_a_revision_that_does_not_exist(self, project: Project, variables: Mapping[str, str]) -> None:
        assert self.accept(project, "zzz", code=1, variables=variables).startswith("SB232 There is no revision zzz")


class TestConflictMarkers:
    @pytest.mark.parametrize(
        "command", [("migrate", "status"), ("migrate", "check"), ("migrate", "draft", "-m", "x"), ("doctor",)]
    )
    def test_are_reported_by_every_command_that_reads_the_file(
        self, project: Project, variables: Mapping[str, str], command: tuple[str, ...]
    ) -> None:
        project.write("migrations/head", "# Written.\n<<<<<<< HEAD\nfirst 11\n=======\nother 22\n>>>>>>> theirs\n")

        completed = project.run("seedbed", *command, code=1, given=variables)

        message = completed.stdout + completed.stderr
        assert "SB126 migrations/head has merge-conflict markers, from line 2." in message
        assert "seedbed migrate rebase" in message

    def test_are_resolved_by_a_rebase(self, project: Project, variables: Mapping[str, str]) -> None:
        project.write_revision("left", "pass", follows="first")
        project.write_revision("right", "pass", follows="first")
        project.write("migrations/head", "<<<<<<< HEAD\nleft 11\n=======\nright 22\n>>>>>>> theirs\n")

        project.run("seedbed", "migrate", "rebase", "right", given=variables)

        project.run("seedbed", "migrate", "status", given=variables)
