"""Seals, forks, drift and baselines, in a small project."""

import re
import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest

from seedbed.errors import (
    BaselineRefused,
    EditedAppliedRevision,
    EditedRevision,
    MixedTransactionRevision,
    MultipleHeads,
    RevisionNotAHead,
    RevisionNotReversible,
    SchemaDrift,
)
from seedbed.migrations.apply.plan import plan_upgrade, render_offline_sql
from seedbed.migrations.apply.upgrade import apply
from seedbed.migrations.checks.baseline import adopt
from seedbed.migrations.checks.project_check import check_project
from seedbed.migrations.checks.status import find_drift, refuse_drift
from seedbed.migrations.draft.draft import draft, draft_empty
from seedbed.migrations.hazards.trial_run import assess_upgrade, format_sql_lines
from seedbed.migrations.history.checksum import read_seals
from seedbed.migrations.history.rebase import rebase
from seedbed.migrations.history.revisions import read_current_revision, read_history
from seedbed.postgres.connection import connect, execute_verbatim
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import TemporaryServer
from seedbed.settings import Configuration, find_project, load_configuration
from tests.support.projects import fresh_database

ROOT = Path(__file__).parents[3]


SCHEMA = """
import sqlalchemy as sa
from seedbed.schema import declare

metadata = sa.MetaData()
sa.Table(
    "task",
    metadata,
    sa.Column("id", sa.BigInteger, sa.Identity(), primary_key=True),
    sa.Column("title", sa.Text, nullable=False),
    sa.Column("is_completed", sa.Boolean, server_default=sa.false(), nullable=False),
    sa.Index("ix_task_title", "title"),
)
declare(
    metadata,
    "CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$",
    "CREATE TRIGGER task_touch BEFORE UPDATE ON task FOR EACH ROW EXECUTE FUNCTION touch()",
)
"""


def configure(root: Path, server: TemporaryServer) -> Configuration:
    url = server.url().reveal()
    return load_configuration(find_project(root), "testing", environ={"DATABASE_URL": url, "SHADOW_DATABASE_URL": url})


@contextmanager
def import_schema_from(root: Path) -> Iterator[None]:
    """Forget the imported schema afterwards: every test has its own schema of the same name."""
    path = list(sys.path)
    try:
        yield
    finally:
        sys.path[:] = path
        sys.modules.pop("living_schema", None)


@pytest.fixture(scope="module")
def drafted_project(tmp_path_factory: pytest.TempPathFactory, seedbed_server: TemporaryServer) -> Path:
    """A project with one drafted_project revision."""
    root = tmp_path_factory.mktemp("living")
    (root / "pyproject.toml").write_text('[project]\nname = "living"\n[tool.seedbed]\nschema = "living_schema"\n')
    (root / "living_schema.py").write_text(SCHEMA)
    (root / "migrations/versions").mkdir(parents=True)
    for part in ("alembic.ini", "migrations/env.py", "migrations/script.py.mako"):
        shutil.copy2(ROOT / part, root / part)
    with import_schema_from(root):
        draft(configure(root, seedbed_server), "Create task")
    return root


@pytest.fixture
def configuration(drafted_project: Path, tmp_path: Path, seedbed_server: TemporaryServer) -> Iterator[Configuration]:
    root = tmp_path / "project"
    shutil.copytree(drafted_project, root)
    with import_schema_from(root):
        yield configure(root, seedbed_server)


@pytest.fixture
def database(configuration: Configuration, seedbed_server: TemporaryServer) -> Iterator[Database]:
    with fresh_database(seedbed_server, configuration.environment) as created:
        yield created


def run(database: Database, statement: str) -> None:
    with connect(database) as connection:
        execute_verbatim(connection, statement)
        connection.commit()


def read_head(configuration: Configuration) -> str:
    head = read_history(configuration.project).head
    assert head is not None
    return head


class TestSeals:
    def test_accept_an_unchanged_history(self, configuration: Configuration) -> None:
        assert check_project(configuration).checks == (
            "one head",
            "every revision is reversible",
            "the schema matches the models",
        )

    def test_detect_an_edited_revision(self, configuration: Configuration) -> None:
        file = read_history(configuration.project).revisions[0].file
        file.write_text(file.read_text(encoding="utf-8") + "LATER = 1\n", encoding="utf-8")

        with pytest.raises(EditedRevision, match="was edited after it was recorded"):
            check_project(configuration)

    def test_keep_a_handwritten_revision_open(self, configuration: Configuration) -> None:
        drafted_project = draft_empty(configuration, "By hand")
        drafted_project.revisions[0].file.write_text(
            drafted_project.revisions[0].file.read_text(encoding="utf-8") + "# by hand\n", encoding="utf-8"
        )

        assert read_seals(configuration.project)[drafted_project.revisions[0].id] == "open"
        assert check_project(configuration).revisions == 2

    def test_detect_a_file_edited_after_it_was_applied(self, configuration: Configuration, database: Database) -> None:
        apply(configuration.project, database)
        file = read_history(configuration.project).revisions[0].file
        file.write_text(file.read_text(encoding="utf-8") + "LATER = 1\n", encoding="utf-8")

        with pytest.raises(EditedAppliedRevision, match=f"was edited after it was applied to {database.name}"):
            find_drift(configuration, database)


class TestCheck:
    def test_refuses_a_revision_that_mixes_transactions(self, configuration: Configuration) -> None:
        file = draft_empty(configuration, "Mixed").revisions[0].file
        text = file.read_text(encoding="utf-8")
        mixed = """
    op.execute("ALTER TABLE task ADD COLUMN due date")
    with op.get_context().autocommit_block():
        op.execute("CREATE INDEX CONCURRENTLY ix_task_due ON task (due)")
"""
        file.write_text(text.replace("\n    pass\n", mixed, 1), encoding="utf-8")

        with pytest.raises(MixedTransactionRevision, match="statements in an autocommit block and others outside it"):
            check_project(configuration)

    def test_runs_data_changes_over_rows(self, configuration: Configuration) -> None:
        file = draft_empty(configuration, "Shout").revisions[0].file
        text = file.read_text(encoding="utf-8")

        def becomes(body: str) -> None:
            file.write_text(text.replace("\n    pass\n", f"\n    {body}\n", 1), encoding="utf-8")

        becomes("op.execute('UPDATE task SET title = upper(title)')")
        assert check_project(configuration).conditions == ()
        becomes("op.execute('UPDATE task SET title = title::integer')  # only on rows")
        assert re.fullmatch(
            r"\w+: invalid input syntax for type integer: .*", check_project(configuration).conditions[0]
        )
        body = "BEGIN IF EXISTS (SELECT FROM task) THEN UPDATE nowhere SET a = 1; END IF; END"
        becomes(f"op.execute('DO $$ {body} $$')")
        with pytest.raises(RevisionNotReversible, match='relation "nowhere" does not exist'):
            check_project(configuration)


class TestRebase:
    def test_moves_one_branch_of_a_fork_after_the_other(self, configuration: Configuration) -> None:
        first = read_head(configuration)
        mine = draft_empty(configuration, "Mine").revisions[0]
        text = mine.file.read_text(encoding="utf-8")
        theirs = mine.file.with_name("theirs.py")
        theirs.write_text(text.replace(mine.id, "abcdef012345").replace("Mine", "Theirs"), encoding="utf-8")
        with pytest.raises(MultipleHeads):
            read_history(configuration.project)

        rebased = rebase(configuration.project, mine.id)

        assert rebased.down_revision == "abcdef012345"
        history = [revision.id for revision in read_history(configuration.project).revisions]
        assert history == [first, "abcdef012345", mine.id]
        assert [*read_seals(configuration.project)] == history

    def test_refuses_a_history_without_a_fork(self, configuration: Configuration) -> None:
        with pytest.raises(RevisionNotAHead):
            rebase(configuration.project, read_head(configuration))


class TestDrift:
    def test_is_empty_after_applying(self, configuration: Configuration, database: Database) -> None:
        apply(configuration.project, database)

        assert find_drift(configuration, database) == ()

    @pytest.mark.parametrize(
        ("by_hand", "said"),
        [
            ("ALTER TABLE task ADD COLUMN sneaky integer", "column task.sneaky is not wanted"),
            ("DROP INDEX ix_task_title", "index ix_task_title of task is missing"),
            ("ALTER TABLE task DISABLE TRIGGER task_touch", "enabled is D, should be O"),
            ("GRANT SELECT ON task TO PUBLIC", "privileges is PUBLIC=SELECT, should be none"),
            ("ALTER TABLE task ALTER is_completed SET DEFAULT true", "default is true, should be false"),
            ("CREATE VIEW v AS SELECT 1 AS one", "view v is not wanted"),
        ],
    )
    def test_lists_manual_changes(
        self, configuration: Configuration, database: Database, by_hand: str, said: str
    ) -> None:
        apply(configuration.project, database)
        run(database, by_hand)

        with pytest.raises(SchemaDrift) as drifted:
            refuse_drift(configuration, database)

        assert said in drifted.value.message

    def test_excludes_ignored_objects(self, configuration: Configuration, database: Database) -> None:
        apply(configuration.project, database)
        run(database, "CREATE SCHEMA neon_auth CREATE TABLE users (id serial PRIMARY KEY)")
        run(database, "CREATE TABLE cache_page (id serial PRIMARY KEY, task_id bigint REFERENCES task)")
        output = replace(configuration, project=replace(configuration.project, ignore=("neon_auth", "public.cache_*")))

        assert find_drift(output, database) == ()
        assert {str(difference) for difference in find_drift(configuration, database)} >= {
            "table cache_page is not wanted"
        }


class TestAdopt:
    def test_records_the_revision_of_a_database(self, configuration: Configuration, database: Database) -> None:
        apply(configuration.project, database)
        run(database, "DROP TABLE alembic_version")

        adopted = adopt(configuration, database)

        assert adopted.revision == read_head(configuration)
        with connect(database) as connection:
            assert read_current_revision(connection, configuration.project) == adopted.revision

    def test_refuses_a_database_that_equals_no_revision(self, configuration: Configuration, database: Database) -> None:
        run(database, "CREATE TABLE other (id integer)")

        with pytest.raises(BaselineRefused, match="table other is not wanted"):
            adopt(configuration, database)

    def test_refuses_a_database_that_has_a_history(self, configuration: Configuration, database: Database) -> None:
        apply(configuration.project, database)

        with pytest.raises(BaselineRefused, match="already"):
            adopt(configuration, database)


class TestPlan:
    def test_lists_the_executed_statements(self, configuration: Configuration, database: Database) -> None:
        message = "\n".join(
            format_sql_lines(assess_upgrade(configuration, database, plan_upgrade(configuration.project, database)))
        )

        assert "CREATE TABLE task" in message
        assert "CREATE TRIGGER task_touch" in message
        assert "alembic_version" not in message

    def test_is_written_without_a_server(self, configuration: Configuration, database: Database) -> None:
        message = render_offline_sql(configuration.project, plan_upgrade(configuration.project, database))

        assert "CREATE TRIGGER task_touch" in message
