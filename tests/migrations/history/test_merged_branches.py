"""A history with a fork merged by `alembic merge`, and a labeled branch that another revision depends on."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from seedbed.errors import MultipleHeads, RevisionNotReversible
from seedbed.migrations.apply.plan import plan_upgrade
from seedbed.migrations.apply.upgrade import apply
from seedbed.migrations.checks.baseline import adopt
from seedbed.migrations.checks.project_check import check_project
from seedbed.migrations.checks.status import find_drift
from seedbed.migrations.hazards.rehearsal import rehearse
from seedbed.migrations.hazards.trial_run import assess_downgrade, assess_upgrade
from seedbed.migrations.history.revisions import read_history
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import TemporaryServer
from seedbed.settings import Configuration
from tests.support.projects import Project, execute, fresh_database, little_project

HERO = """
class Hero(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    age: int | None = None
    name: str | None = None


class Link(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
"""
ALL = ["first", "left", "net", "right", "both", "whole"]


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with little_project(tmp_path, HERO) as created:
        created.write_revision(
            "first",
            'op.execute("CREATE TABLE hero (id serial PRIMARY KEY)")',
            downgrade='op.execute("DROP TABLE hero")',
        )
        add = 'op.execute("ALTER TABLE hero ADD {}")'
        drop = 'op.execute("ALTER TABLE hero DROP {}")'
        created.write_revision("left", add.format("age integer"), follows="first", downgrade=drop.format("age"))
        created.write_revision(
            "right",
            add.format("name varchar"),
            follows="first",
            downgrade=drop.format("name"),
            depends_on="net",
        )
        created.write_revision(
            "net",
            'op.execute("CREATE TABLE link (id serial PRIMARY KEY)")',
            downgrade='op.execute("DROP TABLE link")',
            label="network",
        )
        created.write_revision("both", "pass", follows=("left", "right"))
        created.write_revision("whole", "pass", follows=("both", "net"))
        yield created


@pytest.fixture
def configuration(project: Project, database: Database, seedbed_server: TemporaryServer) -> Configuration:
    shadow = seedbed_server.url().reveal()
    return project.configuration(DATABASE_URL=database.direct.reveal(), SHADOW_DATABASE_URL=shadow)


def run_alembic(project: Project, database: Database, *arguments: str) -> str:
    return project.run("alembic", *arguments, DATABASE_URL=database.direct.reveal()).stdout


def read_version_table(database: Database) -> list[str]:
    return [row[0] for row in execute(database.direct, "SELECT version_num FROM alembic_version ORDER BY 1")]


class TestMergedHistory:
    def test_sorts_each_revision_after_its_down_revisions(self, project: Project) -> None:
        history = read_history(project.settled)

        order = [revision.id for revision in history.revisions]
        assert sorted(order) == sorted(ALL)
        assert all(
            order.index(parent) < order.index(item.id) for item in history.revisions for parent in item.down_revisions
        )
        assert next(item.down_revisions for item in history.revisions if item.id == "right") == ("first", "net")
        assert history.head == "whole"

    def test_is_applied_completely(self, project: Project, database: Database) -> None:
        applied = apply(project.settled, database)

        assert applied.revision == "whole"
        assert read_version_table(database) == ["whole"]
        assert plan_upgrade(project.settled, database).pending == ()

    @pytest.mark.parametrize(
        ("had", "needs"),
        [
            (["left"], ["net", "right", "both", "whole"]),
            (["right"], ["left", "both", "whole"]),
            (["net"], ["first", "left", "right", "both", "whole"]),
            (["left", "right"], ["both", "whole"]),
            (["both"], ["whole"]),
        ],
        ids="+".join,
    )
    def test_is_completed_on_a_partly_migrated_database(
        self, project: Project, database: Database, had: list[str], needs: list[str]
    ) -> None:
        for item in had:
            run_alembic(project, database, "upgrade", item)

        pending = [revision.id for revision in plan_upgrade(project.settled, database).pending]
        applied = apply(project.settled, database)

        assert sorted(pending) == sorted(needs)
        assert [revision.id for revision in applied.applied] == pending
        assert read_version_table(database) == ["whole"]
        assert sorted(row[0] for row in execute(database.direct, "SELECT revision FROM seedbed.revisions")) == sorted(
            ALL
        )

    def test_stops_at_a_contract_revision_of_one_branch(self, project: Project, database: Database) -> None:
        run_alembic(project, database, "upgrade", "first")
        file = project.root / "migrations/versions/left.py"
        file.write_text(file.read_text() + "\n# seedbed: contract\n")

        applied = apply(project.settled, database)

        waiting = [revision.id for revision in applied.pending_contract]
        assert "left" in waiting
        assert sorted([*(revision.id for revision in applied.applied), *waiting, "first"]) == sorted(ALL)
        assert applied.revision == ", ".join(read_version_table(database))

    def test_can_be_downgraded_and_upgraded_by_plain_alembic(self, project: Project, database: Database) -> None:
        apply(project.settled, database)

        run_alembic(project, database, "downgrade", "left@first")
        between = read_version_table(database)
        applied = apply(project.settled, database)

        assert between == ["right"]
        assert sorted(revision.id for revision in applied.applied) == ["both", "left", "whole"]
        assert read_version_table(database) == ["whole"]

    def test_shows_both_revisions_of_a_database(self, project: Project, database: Database) -> None:
        run_alembic(project, database, "upgrade", "left")
        run_alembic(project, database, "upgrade", "right")

        status = project.run("seedbed", "migrate", "status", DATABASE_URL=database.direct.reveal()).stdout

        assert "revision     left, right\n" in status
        assert "pending      2\n" in status

    def test_is_refused_until_its_two_heads_are_merged(
        self, project: Project, database: Database, configuration: Configuration
    ) -> None:
        for merge in ("both", "whole"):
            (project.root / f"migrations/versions/{merge}.py").unlink()
        with pytest.raises(MultipleHeads):
            read_history(project.settled)

        run_alembic(project, database, "merge", "heads", "-m", "Bring them together")

        assert check_project(configuration).revisions == 5
        assert len(apply(project.settled, database).applied) == 5


class TestHazardsAndRehearsal:
    @pytest.mark.parametrize("had", [["left"], ["left", "right"]], ids="+".join)
    def test_starts_from_the_revisions_of_the_database(
        self,
        project: Project,
        database: Database,
        configuration: Configuration,
        seedbed_server: TemporaryServer,
        had: list[str],
    ) -> None:
        with fresh_database(seedbed_server) as copy:
            for item in had:
                run_alembic(project, database, "upgrade", item)
                run_alembic(project, copy, "upgrade", item)
            created = plan_upgrade(project.settled, database)

            assessed = assess_upgrade(configuration, database, created)
            rehearsed = rehearse(configuration, database, created, existing_copy=copy)
            way_back = assess_downgrade(
                configuration,
                database,
                created.revision,
                [item for item in read_history(project.settled).revisions[::-1] if item.id in had],
            )

        assert [item.revision.id for item in assessed] == [item.id for item in created.pending]
        assert rehearsed.downgrade == "verified, and upgraded again"
        assert find_drift(configuration, database) == ()
        assert len(way_back) == len(had)


class TestCheck:
    def test_runs_each_revision_of_each_branch_up_and_down(self, configuration: Configuration) -> None:
        assert check_project(configuration).checks == (
            "one head",
            "every revision is reversible",
            "the schema matches the models",
        )

    @pytest.mark.parametrize("broken", ["left", "right", "net"])
    def test_names_the_branch_that_is_not_reversible(
        self, project: Project, configuration: Configuration, broken: str
    ) -> None:
        file = project.root / f"migrations/versions/{broken}.py"
        before, down, _ = file.read_text().partition("def downgrade")
        file.write_text(f"{before}{down}() -> None:\n    pass\n")

        with pytest.raises(RevisionNotReversible, match=f"^{broken}|{broken} "):
            check_project(configuration)

    def test_skips_old_revisions(self, project: Project, configuration: Configuration) -> None:
        file = project.root / "migrations/versions/first.py"
        file.write_text(file.read_text().partition("def downgrade")[0] + "def downgrade() -> None:\n    pass\n")

        assert check_project(configuration, since="first").checks[1] == "every revision after first is reversible"


class TestDraft:
    def test_is_proven_after_the_merge(self, project: Project, configuration: Configuration) -> None:
        tables = project.root / project.schema / "__init__.py"
        tables.write_text(
            tables.read_text().replace(
                "    name: str | None = None\n", "    name: str | None = None\n    power: str | None = None\n"
            )
        )
        given = {"DATABASE_URL": "", "SHADOW_DATABASE_URL": configuration.settings.shadow_database_url.reveal()}  # type: ignore[union-attr]

        drafted = project.run("seedbed", "migrate", "draft", "-m", "Give heroes a power", given=given)

        assert "rows kept" in drafted.stdout
        assert [item.down_revisions for item in read_history(project.settled).revisions][-1] == ("whole",)


class TestAdopt:
    @pytest.mark.parametrize("had", ["first", "left", "whole"])
    def test_records_the_revisions_of_a_database(
        self, project: Project, database: Database, configuration: Configuration, had: str
    ) -> None:
        run_alembic(project, database, "upgrade", had)
        execute(database.direct, "DROP TABLE alembic_version")

        adopted = adopt(configuration, database, revision=None if had != "left" else "left")

        assert adopted.revision == had
        assert read_version_table(database) == [had]
        assert plan_upgrade(project.settled, database).revision == had
