"""Report the data that pending revisions lose before they are applied."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from seedbed.migrations.apply.plan import plan_upgrade
from seedbed.migrations.apply.upgrade import apply
from seedbed.migrations.hazards.trial_run import assess_upgrade, may_lose_data, select_losses
from seedbed.migrations.history.revisions import read_history
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import TemporaryServer
from tests.support.projects import Project, execute, little_project

HERO = """
class Task(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
"""
LOSING = """
op.drop_column("task", "points")
op.execute("ALTER TABLE task ALTER COLUMN due TYPE date")
op.drop_table("note")
"""
NOBODY = "postgresql://nobody:nothing@127.0.0.1:1/never"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with little_project(tmp_path, HERO) as created:
        created.write_revision(
            "first",
            """
            op.execute("CREATE TABLE task (id int PRIMARY KEY, points int, due timestamp)")
            op.execute("CREATE TABLE note (body text)")
            """,
        )
        yield created


@pytest.fixture
def variables(database: Database, seedbed_server: TemporaryServer) -> dict[str, str]:
    return {"DATABASE_URL": database.direct.reveal(), "SHADOW_DATABASE_URL": seedbed_server.url().reveal()}


class TestApply:
    @pytest.mark.parametrize("environment", ["development", "testing", "preview"])
    def test_lists_losses_without_asking(
        self, project: Project, database: Database, variables: dict[str, str], environment: str
    ) -> None:
        given = variables | {"SEEDBED_ENV": environment}
        project.run("seedbed", "migrate", "apply", given=given)
        project.write_revision("second", LOSING, follows="first")

        applied = project.run("seedbed", "migrate", "apply", given=given)

        assert applied.stderr.splitlines() == [
            "Data is lost:",
            "  drop-table: note (second): the table's rows are lost, and programs that use it fail",
            "  drop-column: task.points (second): the column's values are lost, and programs that name it fail",
            "  lossy-type: task.due (second): values lose what the new type cannot hold, such as digits, times of day "
            "or labels",
        ]
        assert execute(database.direct, "SELECT to_regclass('note') IS NULL") == [(True,)]

    def test_lists_losses_in_json(self, project: Project, database: Database, variables: dict[str, str]) -> None:
        apply(project.settled, database)
        project.write_revision("second", LOSING, follows="first")

        applied = json.loads(project.run("seedbed", "migrate", "apply", "--json", given=variables).stdout)

        assert applied["revision"] == "second"
        assert [(item["rule"], item["location"]) for item in applied["losses"]] == [
            ("drop-table", "note"),
            ("drop-column", "task.points"),
            ("lossy-type", "task.due"),
        ]

    @pytest.mark.parametrize(
        ("using", "lost"), [("NULL", ["points"]), ("'{}'::jsonb", ["points"]), ("to_jsonb(points)", [])]
    )
    def test_names_a_column_whose_conversion_does_not_read_it(
        self, project: Project, database: Database, variables: dict[str, str], using: str, lost: list[str]
    ) -> None:
        apply(project.settled, database)
        statement = f"ALTER TABLE task ALTER points TYPE jsonb USING {using}, ALTER due TYPE date USING due::date"
        project.write_revision("second", f'op.execute("{statement}")', follows="first")

        applied = json.loads(project.run("seedbed", "migrate", "apply", "--json", given=variables).stdout)

        assert [item["location"] for item in applied["losses"]] == [f"task.{column}" for column in (*lost, "due")]

    @pytest.mark.parametrize("applied_before", [False, True], ids=["empty database", "adding revision"])
    def test_needs_no_temporary_database_if_nothing_can_be_lost(
        self, project: Project, database: Database, variables: dict[str, str], applied_before: bool
    ) -> None:
        if applied_before:
            apply(project.settled, database)
        project.write_revision(
            "second", LOSING if not applied_before else 'op.execute("CREATE TABLE more (id int)")', follows="first"
        )

        applied = project.run("seedbed", "migrate", "apply", given=variables | {"SHADOW_DATABASE_URL": NOBODY})

        assert applied.stderr == ""

    def test_continues_with_a_warning_if_losses_cannot_be_found(
        self, project: Project, database: Database, variables: dict[str, str]
    ) -> None:
        apply(project.settled, database)
        project.write_revision("second", LOSING, follows="first")

        applied = project.run("seedbed", "migrate", "apply", given=variables | {"SHADOW_DATABASE_URL": NOBODY})

        assert applied.stderr.startswith("Warning: it is not known which data the revisions lose. ")
        assert execute(database.direct, "SELECT to_regclass('note') IS NULL") == [(True,)]


class TestSelectLosses:
    @pytest.mark.parametrize(("contract", "found"), [("# seedbed: contract\n", []), ("", ["drop-column"])])
    def test_ignores_losses_that_a_contract_revision_allows(
        self, project: Project, database: Database, contract: str, found: list[str]
    ) -> None:
        apply(project.settled, database)
        note = "# seedbed: allow drop-column\n"
        project.write_revision("second", f'{contract}{note}op.drop_column("task", "points")', follows="first")

        assessed = assess_upgrade(
            project.configuration(SHADOW_DATABASE_URL=database.direct.reveal()),
            database,
            plan_upgrade(project.settled, database),
        )

        assert [item.rule for item in select_losses(assessed)] == found


class TestMayLoseData:
    @pytest.mark.parametrize(
        ("upgrade", "expected"),
        [
            ('op.create_table("more", sa.Column("id", sa.Integer(), server_default=sa.text("0")))', False),
            ('op.add_column("task", sa.Column("x", postgresql.JSONB()))', False),
            ('with op.get_context().autocommit_block():\n    op.execute("CREATE INDEX i ON task (id)")', False),
            ('op.execute("ALTER TABLE task ADD CONSTRAINT c CHECK (id > 0)")', False),
            ('op.execute("ALTER TABLE task ADD x int, DROP points")', True),
            ('op.execute("CREATE TABLE kept AS SELECT 1; DROP TABLE note")', True),
            ('op.drop_column("task", "points")', True),
            ('op.alter_column("task", "due", type_=sa.Date())', True),
            ('op.execute(f"ALTER TABLE {1} ADD x int")', True),
            ('op.execute("SELECT tidy()")', True),
            ("tidy(op.get_bind())", True),
            ('op.get_bind().execute(sa.text("x"))', True),
        ],
    )
    def test_is_false_for_revisions_that_only_add(self, project: Project, upgrade: str, expected: bool) -> None:
        project.write_revision("second", upgrade, follows="first")

        assert may_lose_data(read_history(project.settled).revisions[-1]) is expected
