"""Drafts for tables in use: a second revision that blocks nobody and can run again."""

import shutil
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from sqlmodel import Session

from seedbed.errors import RevisionFailure, UnsupportedChange
from seedbed.migrations.apply.plan import plan_upgrade
from seedbed.migrations.apply.upgrade import apply, migrate_to
from seedbed.migrations.checks.project_check import check_project
from seedbed.migrations.checks.status import find_drift
from seedbed.migrations.draft.decisions import Decisions, RolloutStrategy
from seedbed.migrations.draft.draft import DraftedRevisions, draft
from seedbed.migrations.hazards.trial_run import assess_upgrade
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import TemporaryServer
from tests.support.projects import Project, execute, little_project

BEFORE = """
class Person(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)


class Task(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    title: str | None = Field(default=None, max_length=50{index})
    points: int | None{below}
"""
WIDENED = BEFORE.format(index=", index=True", below="{below}")
CHANGES = {
    "an index": BEFORE.format(index=", index=True", below=""),
    "a unique constraint": BEFORE.format(index=", unique=True", below=""),
    "a foreign key": BEFORE.format(
        index="", below='\n    person_id: int | None = Field(default=None, foreign_key="person.id")'
    ),
    "a check": BEFORE.format(index="", below='\n    __table_args__ = (CheckConstraint("points >= 0", name="points"),)'),
    "NOT NULL": BEFORE.format(index="", below="").replace(
        "points: int | None", 'points: int = Field(sa_column_kwargs={"info": hint(backfill="0")})'
    ),
    "a column with another value in each row": BEFORE.format(
        index="", below='\n    token: UUID = Field(sa_column_kwargs={"server_default": text("gen_random_uuid()")})'
    ),
    "a column filled from others": BEFORE.format(
        index="", below="\n    slug: str = Field(sa_column_kwargs={'info': hint(backfill=\"'task-' || id\")})"
    ),
}
IMPORTS = """
from datetime import timedelta
from uuid import UUID
from sqlalchemy import BigInteger, CheckConstraint, Index, text
from seedbed.schema import hint
"""
FIRST = BEFORE.format(index="", below="")
INDEXED = CHANGES["an index"]
ROWS = "INSERT INTO task (title, points) SELECT 'title ' || n, nullif(n % 9, 0) FROM generate_series(1, 5000) n"


class GrowingProject:
    """A project whose tables change: each stage is another copy, with the revisions of the stages before."""

    def __init__(self, root: Path, server: TemporaryServer) -> None:
        self.root, self.server = root, server
        self._stages = 0

    @contextmanager
    def with_tables(self, tables: str, before: Project | None = None) -> Iterator[Project]:
        self._stages += 1
        with little_project(self.root / str(self._stages), IMPORTS + tables) as project:
            if before is not None:
                shutil.copytree(before.root / "migrations", project.root / "migrations", dirs_exist_ok=True)
            yield project

    def draft(self, project: Project, message: str, words: Decisions | None = None) -> DraftedRevisions:
        found = draft(project.configuration(SHADOW_DATABASE_URL=self.server.url().reveal()), message, decisions=words)
        assert found is not None
        return found


@pytest.fixture
def grown(tmp_path: Path, seedbed_server: TemporaryServer) -> GrowingProject:
    return GrowingProject(tmp_path, seedbed_server)


@pytest.fixture
def first(grown: GrowingProject) -> Iterator[Project]:
    with grown.with_tables(FIRST) as project:
        grown.draft(project, "Create tables")
        yield project


@pytest.fixture
def filled(first: Project, database: Database) -> Database:
    """A database at the first revision, with so many rows that a scan of them is a hazard."""
    apply(first.settled, database)
    execute(database.direct, ROWS)
    execute(database.direct, "ANALYZE")
    return database


class TestDraft:
    @pytest.mark.parametrize("change", CHANGES)
    def test_online_change_blocks_nobody(
        self, grown: GrowingProject, first: Project, filled: Database, change: str
    ) -> None:
        with grown.with_tables(CHANGES[change], first) as project:
            grown.draft(project, "Change it")
            configuration = project.configuration(SHADOW_DATABASE_URL=grown.server.url().reveal())

            assessed = assess_upgrade(configuration, filled, plan_upgrade(project.settled, filled))
            apply(project.settled, filled)

            assert [hazard.rule for one in assessed for hazard in one.hazards if hazard.rule != "required-column"] == []
            assert check_project(configuration).head == plan_upgrade(project.settled, filled).revision

    def test_interrupted_revision_runs_again(self, grown: GrowingProject, first: Project, filled: Database) -> None:
        every = WIDENED.format(
            below='\n    person_id: int | None = Field(default=None, foreign_key="person.id", unique=True)'
            "\n    slug: str = Field(sa_column_kwargs={'info': hint(backfill=\"'task-' || id\")})"
        )
        with grown.with_tables(every, first) as project:
            drafted = grown.draft(project, "Change it")
            apply(project.settled, filled)
            expected = execute(filled.direct, "SELECT count(*), min(slug), max(slug) FROM task")
            execute(filled.direct, f"UPDATE alembic_version SET version_num = '{drafted.revisions[0].id}'")

            applied = apply(project.settled, filled)

            assert [revision.id for revision in applied.applied] == [drafted.revisions[1].id]
            assert execute(filled.direct, "SELECT count(*), min(slug), max(slug) FROM task") == expected
            assert check_project(project.configuration(SHADOW_DATABASE_URL=grown.server.url().reveal()))

    def test_failure_names_the_committed_steps(self, grown: GrowingProject, first: Project, filled: Database) -> None:
        execute(filled.direct, "UPDATE task SET title = 'the same' WHERE id < 3")
        with grown.with_tables(CHANGES["a unique constraint"], first) as project:
            online = grown.draft(project, "Unique titles").revisions[-1].id

            with pytest.raises(RevisionFailure) as failed:
                apply(project.settled, filled)
            execute(filled.direct, "UPDATE task SET title = title || id WHERE id < 3")
            applied = apply(project.settled, filled)

        said = f"Revision {online} failed at a step, and its steps are committed as they run; the steps before it stay."
        assert failed.value.message.startswith(said)
        assert failed.value.remedy.endswith(
            "it continues after the last committed step, and replaces an index that is left invalid."
        )
        assert applied.revision == online

    def test_new_tables_need_one_revision(self, grown: GrowingProject) -> None:
        with grown.with_tables(INDEXED) as project:
            drafted = grown.draft(project, "Create tables")

            assert len(drafted.revisions) == 1
            assert "concurrently" not in drafted.revisions[0].file.read_text().lower()

    def test_plain_draft_is_one_transaction(self, grown: GrowingProject, first: Project) -> None:
        with grown.with_tables(CHANGES["NOT NULL"], first) as project:
            drafted = grown.draft(project, "Change it", Decisions(strategy=RolloutStrategy.PLAIN))

            assert len(drafted.revisions) == 1
            assert "autocommit_block" not in drafted.revisions[0].file.read_text()

    def test_plain_and_gradual_exclude_each_other(self, first: Project) -> None:
        refused = first.run("seedbed", "migrate", "draft", "-m", "Change it", "--plain", "--gradual", code=2)

        assert "--gradual takes several revisions, and --plain writes one: choose." in refused.stderr

    def test_files_name_their_part(self, grown: GrowingProject, first: Project) -> None:
        with grown.with_tables(CHANGES["a foreign key"], first) as project:
            column, key = grown.draft(project, "Give tasks a person").revisions

            assert (column.message, key.message) == ("Give tasks a person", "Give tasks a person, online")
            assert "Part 1 of 2, verified together." in column.file.read_text()
            assert "Part 2 of 2, verified together." in key.file.read_text()

    def test_constraint_for_rows_is_named(self, grown: GrowingProject, first: Project) -> None:
        rule = CHANGES["a check"].replace("points >= 0", "points BETWEEN 3 AND 40 AND title <> 'x'")
        with grown.with_tables(rule, first) as project:
            proof = grown.draft(project, "Bound points").proof

            assert proof is not None
            assert proof.row_conditions == ('check constraint "points" of relation "task" is violated by some row',)

    def test_failed_draft_keeps_no_file(self, grown: GrowingProject, first: Project) -> None:
        with grown.with_tables(
            CHANGES["a column filled from others"].replace("'task-' || id", "no_such_function(id)"), first
        ) as project:
            before = project.revisions()

            with pytest.raises(Exception, match="no_such_function"):
                grown.draft(project, "Change it")

            assert project.revisions() == before


class TestOnlineRevision:
    def test_backfill_fills_every_row_during_writes(
        self, grown: GrowingProject, first: Project, filled: Database
    ) -> None:
        with grown.with_tables(CHANGES["a column filled from others"], first) as project:
            drafted = grown.draft(project, "Give tasks a slug")
            apply_to(project, filled, drafted.revisions[0].id)
            with writing(filled, "INSERT INTO task (title) VALUES ('old program')"):
                apply(project.settled, filled)

            unfilled = "SELECT count(*) FROM task WHERE slug IS DISTINCT FROM 'task-' || id"
            assert execute(filled.direct, unfilled) == [(0,)]

    def test_index_is_never_missing_during_a_replacement(
        self, grown: GrowingProject, first: Project, filled: Database
    ) -> None:
        with grown.with_tables(INDEXED, first) as second:
            grown.draft(second, "Index titles")
            apply(second.settled, filled)
            changed = INDEXED.replace(
                ", index=True)", ')\n    __table_args__ = (Index("ix_task_title", text("lower(title)")),)'
            )
            with grown.with_tables(changed, second) as third:
                (drafted,) = grown.draft(third, "Index titles in lower case").revisions
                steps = drafted.file.read_text()
                apply(third.settled, filled)

            assert steps.index("ix_task_title_new") < steps.index("DROP INDEX CONCURRENTLY IF EXISTS ix_task_title")
            assert execute(filled.direct, "SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_task_title'") == [
                ("CREATE INDEX ix_task_title ON public.task USING btree (lower((title)::text))",)
            ]


RENAMED = FIRST.replace(
    "title: str | None = Field(default=None, max_length=50)",
    'headline: str | None = Field(default=None, max_length=50, sa_column_kwargs={"info": hint(renamed_from="title")})',
)
BELOW = """
    __table_args__ = (CheckConstraint("points > 0", name="points_positive"), Index("ix_task_points", "points"))"""
COUNTED = FIRST.replace("    points: int | None", "    points: int | None" + BELOW)
TIMED = FIRST.replace("points: int | None", "lasts: timedelta | None")
TOLD = FIRST.replace("points: int | None", "lasts: str | None")
WIDE = COUNTED.replace("points: int | None", "points: int | None = Field(default=None, sa_type=BigInteger)")


class TestContract:
    """A column that exists in both forms until no program uses the old one."""

    @pytest.fixture
    def renamed(self, grown: GrowingProject, first: Project, filled: Database) -> Iterator[Project]:
        """A column under both names, in a database that waits for the contract."""
        with grown.with_tables(RENAMED, first) as project:
            grown.draft(project, "Call it headline", Decisions(strategy=RolloutStrategy.GRADUAL))
            apply(project.settled, filled)
            yield project

    def test_contract_waits_for_the_deploy(self, grown: GrowingProject, first: Project, filled: Database) -> None:
        with grown.with_tables(RENAMED, first) as project:
            expand, fill, contract = grown.draft(
                project, "Call it headline", Decisions(strategy=RolloutStrategy.GRADUAL)
            ).revisions

            before = apply(project.settled, filled)
            nothing = apply(project.settled, filled)
            after = apply(project.settled, filled, contract=True)

            assert [one.id for one in before.applied] == [expand.id, fill.id]
            assert [one.id for one in before.pending_contract] == [contract.id]
            assert (nothing.applied, nothing.revision) == ((), fill.id)
            assert [one.id for one in after.applied] == [contract.id]
            assert (after.revision, after.pending_contract) == (contract.id, ())

    def test_contract_is_applied_at_once_to_an_empty_database(
        self, grown: GrowingProject, first: Project, database: Database
    ) -> None:
        with grown.with_tables(RENAMED, first) as project:
            grown.draft(project, "Call it headline", Decisions(strategy=RolloutStrategy.GRADUAL))

            assert apply(project.settled, database).pending_contract == ()

    def test_old_and_new_programs_read_and_write_together(
        self, first: Project, renamed: Project, filled: Database
    ) -> None:
        old, new = (sys.modules[project.schema].Task for project in (first, renamed))
        with sessions(filled) as session:

            def found(model: Any, key: int) -> Any:
                return session.get(model, key)

            session.add(old(id=9001, title="by the old"))
            session.add(new(id=9002, headline="by the new"))
            session.commit()
            assert found(new, 9001).headline == "by the old"
            assert found(old, 9002).title == "by the new"

            found(old, 9002).title = "changed by the old"
            found(new, 9001).headline = "changed by the new"
            session.commit()
            session.expire_all()

            assert found(new, 9002).headline == "changed by the old"
            assert found(old, 9001).title == "changed by the new"
            assert execute(filled.direct, "SELECT count(*) FROM task WHERE title IS DISTINCT FROM headline") == [(0,)]

    def test_old_column_wins_if_an_insert_writes_both(self, renamed: Project, filled: Database) -> None:
        execute(filled.direct, "INSERT INTO task (id, title, headline) VALUES (9003, 'old', 'new')")

        assert execute(filled.direct, "SELECT title, headline FROM task WHERE id = 9003") == [("old", "old")]

    def test_contract_keeps_every_value(self, grown: GrowingProject, renamed: Project, filled: Database) -> None:
        before = execute(filled.direct, "SELECT id, title FROM task ORDER BY id")

        apply(renamed.settled, filled, contract=True)

        assert execute(filled.direct, "SELECT id, headline FROM task ORDER BY id") == before
        assert find_drift(renamed.configuration(SHADOW_DATABASE_URL=grown.server.url().reveal()), filled) == ()

    def test_check_accepts_an_applied_expansion(
        self, grown: GrowingProject, renamed: Project, filled: Database
    ) -> None:
        configuration = renamed.configuration(SHADOW_DATABASE_URL=grown.server.url().reveal())

        assert check_project(configuration).revisions == 4
        assert find_drift(configuration, filled) == ()

    def test_type_changes_during_writes(self, grown: GrowingProject, first: Project, filled: Database) -> None:
        with grown.with_tables(COUNTED, first) as second, grown.with_tables(WIDE, first) as third:
            grown.draft(second, "Count points")
            shutil.copytree(second.root / "migrations", third.root / "migrations", dirs_exist_ok=True)
            grown.draft(third, "Widen points")
            apply(second.settled, filled)
            before = execute(filled.direct, "SELECT id, points FROM task WHERE id <= 5000 ORDER BY id")

            with writing(filled, "INSERT INTO task (title, points) VALUES ('old program', 7)"):
                waiting = apply(third.settled, filled).pending_contract
                apply(third.settled, filled, contract=True)

            assert len(waiting) == 1
            assert execute(filled.direct, "SELECT id, points FROM task WHERE id <= 5000 ORDER BY id") == before
            assert execute(
                filled.direct, "SELECT count(*) FROM task WHERE id > 5000 AND points IS DISTINCT FROM 7"
            ) == [(0,)]
            configuration = third.configuration(SHADOW_DATABASE_URL=grown.server.url().reveal())
            assert find_drift(configuration, filled) == ()
            assert draft(configuration, "Nothing more") is None

    @pytest.mark.parametrize("form", [RolloutStrategy.PLAIN, RolloutStrategy.GRADUAL])
    def test_converted_text_does_not_depend_on_session_settings(
        self, grown: GrowingProject, database: Database, form: RolloutStrategy
    ) -> None:
        with grown.with_tables(TIMED) as timed:
            grown.draft(timed, "Create tables")
            with grown.with_tables(TOLD, timed) as told:
                grown.draft(told, "Durations as text", Decisions(strategy=form))
                apply(timed.settled, database)
                execute(database.direct, f"ALTER DATABASE {database.name} SET intervalstyle = 'iso_8601'")
                execute(database.direct, "INSERT INTO task (lasts) VALUES ('1 day 02:00:00')")

                apply(told.settled, database)
                if form is RolloutStrategy.GRADUAL:
                    execute(database.direct, "INSERT INTO task (lasts) VALUES ('1 day 02:00:00')")
                    apply(told.settled, database, contract=True)

        assert set(execute(database.direct, "SELECT lasts FROM task")) == {("1 day 02:00:00",)}

    def test_gradual_rename_of_a_column_in_a_view_is_refused(self, grown: GrowingProject, first: Project) -> None:
        view = """declare(metadata, "CREATE VIEW short AS SELECT id, headline AS said FROM task")"""
        seen = """declare(metadata, "CREATE VIEW short AS SELECT id, title AS said FROM task")"""
        with grown.with_tables(FIRST + seen, first) as second:
            grown.draft(second, "Add a view")
            with (
                grown.with_tables(RENAMED + view, second) as third,
                pytest.raises(UnsupportedChange, match="both names"),
            ):
                grown.draft(third, "Call it headline", Decisions(strategy=RolloutStrategy.GRADUAL))

    def test_commands_show_a_pending_contract(self, grown: GrowingProject, first: Project, filled: Database) -> None:
        with grown.with_tables(RENAMED, first) as project:
            given = {"DATABASE_URL": filled.direct.reveal(), "SHADOW_DATABASE_URL": grown.server.url().reveal()}
            project.run("seedbed", "migrate", "draft", "-m", "Call it headline", "--gradual", given=given)

            planned = project.run("seedbed", "migrate", "plan", code=1, given=given).stdout
            applied = project.run("seedbed", "migrate", "apply", given=given).stdout
            passed = project.run("seedbed", "migrate", "apply", "--contract", given=given).stdout

            assert "Call it headline, contract (after the deploy)" in planned
            assert "1 contract revision held back. After the new code is deployed everywhere, run: " in applied
            assert "Call it headline, contract" in passed
            assert "held back" not in passed


@contextmanager
def sessions(database: Database) -> Iterator[Session]:
    with connect(database) as connection, Session(connection) as session:
        yield session


def apply_to(project: Project, database: Database, revision: str) -> None:
    with connect(database) as connection:
        migrate_to(project.settled, connection, revision)


@contextmanager
def writing(database: Database, statement: str) -> Iterator[None]:
    """Another program that writes all the time, and fails if it cannot."""
    stop, failed = threading.Event(), []

    def write() -> None:
        with connect(database) as connection:
            while not stop.is_set():
                try:
                    connection.exec_driver_sql(statement)
                    connection.commit()
                except Exception as error:
                    if "slug" not in str(error):
                        failed.append(error)
                    connection.rollback()

    writer = threading.Thread(target=write)
    writer.start()
    try:
        yield
    finally:
        stop.set()
        writer.join()
    assert failed == []
