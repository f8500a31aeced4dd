"""Find the hazards of pending revisions on a temporary database."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import Connection

from seedbed.errors import HazardsNotAllowed
from seedbed.migrations.apply.plan import plan_upgrade
from seedbed.migrations.apply.upgrade import apply
from seedbed.migrations.hazards.rules import RULES, HazardRule
from seedbed.migrations.hazards.trace import trace_statements
from seedbed.migrations.hazards.trial_run import RevisionAssessment, assess_upgrade, refuse_unallowed_hazards
from seedbed.postgres.connection import connect, execute_verbatim
from seedbed.postgres.database import Database
from seedbed.postgres.environment_mark import change_mark
from seedbed.settings import Environment
from tests.support.postgres.hazards import ROWS, TABLES, met
from tests.support.projects import Project, execute, little_project

EXAMPLES = [rule for rule in RULES if rule.hazardous_sql]
HERO = """
class Task(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
"""


@pytest.fixture
def connection(database: Database) -> Iterator[Connection]:
    with connect(database) as result:
        execute_verbatim(result, TABLES)
        execute_verbatim(result, ROWS)
        result.commit()
        yield result


class TestHazardRule:
    @pytest.mark.parametrize("rule", EXAMPLES, ids=lambda rule: rule.id)
    def test_detects_its_hazardous_sql(self, connection: Connection, rule: HazardRule) -> None:
        assert rule.id in met(connection, rule.hazardous_sql)

    @pytest.mark.parametrize("rule", EXAMPLES, ids=lambda rule: rule.id)
    def test_does_not_detect_its_safe_sql(self, connection: Connection, rule: HazardRule) -> None:
        assert met(connection, rule.safe_sql) == set()

    @pytest.mark.parametrize("rule", ["rewrite", "scan-alone", "scan-with-readers", "update-at-once", "drop-index"])
    def test_ignores_small_tables(self, connection: Connection, rule: str) -> None:
        bad = next(known.hazardous_sql for known in RULES if known.id == rule)

        assert rule not in met(connection, bad, {"task": 10})

    def test_detects_a_dropped_enum_label_but_not_a_renamed_one(self, connection: Connection) -> None:
        replaced = (
            "ALTER TYPE mood RENAME TO mood_replaced",
            "CREATE TYPE mood AS ENUM ('calm')",
            "ALTER TABLE task ALTER COLUMN mood TYPE mood USING 'calm'::mood",
        )

        assert "lossy-type" not in met(connection, ("ALTER TYPE mood RENAME VALUE 'busy' TO 'hectic'",))
        assert "lossy-type" in met(connection, replaced)

    def test_ignores_a_required_column_that_a_drafted_trigger_fills(self, connection: Connection) -> None:
        wide = (
            "ALTER TABLE bare ADD COLUMN name_new text",
            "CREATE TRIGGER zz_sync_name_new BEFORE INSERT ON bare FOR EACH ROW EXECUTE FUNCTION stamp()",
            "ALTER TABLE bare ALTER COLUMN name_new SET NOT NULL",
        )

        assert "required-column" not in met(connection, wide)
        assert "required-column" in met(connection, [step.replace("name_new", "other") for step in wide[::2]])

    def test_detects_a_constraint_validated_under_its_lock(self, connection: Connection) -> None:
        added = "ALTER TABLE task ADD CONSTRAINT {} CHECK (id > 0) NOT VALID"
        together = (added.format("ck"), "ALTER TABLE task VALIDATE CONSTRAINT ck")

        assert met(connection, together) == {"scan-alone"}
        connection.exec_driver_sql(added.format("other"))
        connection.commit()
        assert met(connection, ("ALTER TABLE task VALIDATE CONSTRAINT other",)) == set()

    @pytest.mark.parametrize(
        ("statement", "sweeps"),
        [
            ("UPDATE task SET title = 'none' WHERE points = 3", True),
            ("UPDATE task SET title = 'none' WHERE id > 3", True),
            ("DELETE FROM task", True),
            ("WITH old AS (SELECT 5 AS id) UPDATE task t SET title = '' FROM old WHERE t.title = 'title 5'", True),
            ("DELETE FROM task USING note WHERE task.id = note.id AND note.body = 'body 7'", False),
            ("UPDATE task SET title = 'none' WHERE id = 3 AND points = 0", False),
        ],
    )
    def test_distinguishes_a_bulk_write_from_a_write_by_key_on_an_empty_table(
        self, connection: Connection, statement: str, *, sweeps: bool
    ) -> None:
        execute_verbatim(connection, "TRUNCATE task, note")
        connection.commit()

        assert ("update-at-once" in met(connection, (statement,), {"task": 2000})) is sweeps

    def test_ignores_tables_that_the_revision_creates(self, connection: Connection) -> None:
        created = "CREATE TABLE fresh AS SELECT * FROM task"
        own = (created, "CREATE INDEX ON fresh (title)", "ALTER TABLE fresh ALTER id SET NOT NULL")

        assert met(connection, own) == set()


class TestTraceStatements:
    def test_leaves_the_session_unchanged(self, connection: Connection) -> None:
        with trace_statements(connection, "x") as trace:
            connection.exec_driver_sql("LOCK TABLE task IN SHARE MODE")
            connection.commit()
        connection.exec_driver_sql("SELECT 1")

        assert [statement.sql for statement in trace.statements] == ["LOCK TABLE task IN SHARE MODE"]
        assert (
            trace.statements[0].find_lock(
                next(
                    iter(trace.initial_tables & {t for t, n in trace.statements[0].after.names.items() if n == "task"})
                )
            )
            == "ShareLock"
        )
        assert len(trace.commits) == 1


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with little_project(tmp_path, HERO) as created:
        created.write_revision(
            "first",
            "op.execute('CREATE TABLE task (id int PRIMARY KEY, title text, points int)')",
            downgrade="op.drop_table('task')",
        )
        yield created


def assess(project: Project, database: Database) -> list[RevisionAssessment]:
    configuration = project.configuration(SHADOW_DATABASE_URL=database.direct.reveal())
    return assess_upgrade(configuration, database, plan_upgrade(project.settled, database))


class TestAssessUpgrade:
    def test_names_the_hazards_of_each_pending_revision(self, project: Project, database: Database) -> None:
        apply(project.settled, database)
        execute(database.direct, "INSERT INTO task SELECT n FROM generate_series(1, 5000) n")
        project.write_revision(
            "second",
            "op.execute('CREATE INDEX ix ON task (title)')",
            follows="first",
            downgrade="op.execute('DROP INDEX ix')",
        )
        project.write_revision(
            "third", "op.drop_column('task', 'points')", follows="second", downgrade="raise RuntimeError('gone')"
        )

        second, third = assess(project, database)

        assert second.statements == ("CREATE INDEX ix ON task (title)",)
        assert [(hazard.rule, hazard.location) for hazard in second.hazards] == [("scan-with-readers", "task")]
        assert [(hazard.rule, hazard.location) for hazard in third.hazards] == [
            ("drop-column", "task.points"),
            ("one-way", "revision third"),
        ]

    def test_detects_mixed_transactions_that_cannot_be_repeated(self, project: Project, database: Database) -> None:
        apply(project.settled, database)
        project.write_revision(
            "second",
            """
            op.execute("ALTER TABLE task ADD COLUMN due date")
            with op.get_context().autocommit_block():
                op.execute("CREATE INDEX CONCURRENTLY IF NOT EXISTS ix ON task (due)")
            """,
            follows="first",
            downgrade="op.execute('ALTER TABLE task DROP COLUMN due')",
        )

        (second,) = assess(project, database)

        assert [hazard.rule for hazard in second.hazards] == ["mixture"]


class TestAllowedHazards:
    @pytest.fixture
    def dropping(self, project: Project, database: Database) -> list[RevisionAssessment]:
        apply(project.settled, database)
        project.write_revision(
            "second", "op.drop_column('task', 'points')", follows="first",
            downgrade="op.execute('ALTER TABLE task ADD COLUMN points int')",
        )  # fmt: skip
        return assess(project, database)

    def test_is_required_for_destructive_hazards(self, dropping: list[RevisionAssessment]) -> None:
        with pytest.raises(HazardsNotAllowed) as error:
            refuse_unallowed_hazards("shop", dropping, ())

        assert error.value.message == (
            "Nothing was applied to shop: task.points (second): the column's values are lost, "
            "and programs that name it fail."
        )
        assert error.value.remedy == (
            "If that is intended, add --allow drop-column (plain alembic: -x allow=drop-column), or write into the "
            "revision: # seedbed: allow drop-column"
        )

    def test_accepts_an_option_or_a_note(self, dropping: list[RevisionAssessment]) -> None:
        refuse_unallowed_hazards("shop", dropping, ["drop-column"])
        file = dropping[0].revision.file
        file.write_text(f"# seedbed: allow truncate, drop-column\n{file.read_text(encoding='utf-8')}", encoding="utf-8")

        refuse_unallowed_hazards("shop", dropping, ())

    def test_is_required_before_production_is_changed(
        self, project: Project, database: Database, dropping: list[RevisionAssessment]
    ) -> None:
        change_mark(database, Environment.PRODUCTION)
        url = database.direct.reveal()
        variables = {"DATABASE_URL": url, "SHADOW_DATABASE_URL": url, "SEEDBED_ENV": "production"}
        command = ("seedbed", "migrate", "apply", "--yes", database.name)

        error = project.run(*command, code=1, given=variables)
        project.run(*command, "--allow", "drop-column", given=variables)

        assert (
            "  drop-column: task.points (second)\n"
            "      loses data, breaks running code: the column's values are lost, and programs that name it fail.\n"
        ) in error.stderr
        assert "SB218 Nothing was applied" in error.stderr
