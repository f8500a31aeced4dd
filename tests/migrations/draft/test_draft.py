"""Revisions drafted without the target database, and the history checked against the models."""

import shutil
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from seedbed.errors import (
    FileWriteFailure,
    MissingBackfill,
    MissingRevisionFile,
    RevisionFailure,
    RevisionNotReversible,
    SchemaBuildFailure,
    UndraftedModelChanges,
    UnmatchedRename,
    UnsupportedDifference,
)
from seedbed.migrations.apply.upgrade import apply
from seedbed.migrations.checks.project_check import check_project
from seedbed.migrations.draft.decisions import Decisions
from seedbed.migrations.draft.draft import DraftedRevisions, draft, draft_empty
from seedbed.migrations.history.checksum import seal_revisions
from seedbed.migrations.history.revisions import read_history
from seedbed.migrations.proof.proof import Verdict
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import TemporaryServer
from seedbed.settings import Configuration
from tests.support.projects import Project, execute, little_project, no_room
from tests.support.servers import shadows

HERO = """
class Hero(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str = Field(max_length=50)
"""
NOBODY = "postgresql://nobody:nothing@127.0.0.1:1/never"


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with little_project(tmp_path, HERO) as made:
        yield made


@pytest.fixture
def configured(project: Project, seedbed_server: TemporaryServer) -> Configuration:
    """A configuration whose target cannot be reached, so that connecting to it fails."""
    return project.configuration(DATABASE_URL=NOBODY, SHADOW_DATABASE_URL=seedbed_server.url().reveal())


def drafted(configuration: Configuration, message: str) -> DraftedRevisions:
    found = draft(configuration, message)
    assert found is not None
    return found


@contextmanager
def changed(project: Project, tables: str, root: Path, server: TemporaryServer) -> Iterator[Configuration]:
    """A project's history with other models: a module is imported once in a process."""
    with little_project(root / "later", tables) as later:
        for revision in (project.root / "migrations/versions").glob("*.py"):
            shutil.copy(revision, later.root / "migrations/versions")
        yield later.configuration(DATABASE_URL=NOBODY, SHADOW_DATABASE_URL=server.url().reveal())


FULL = 'declare(Table.metadata, "ALTER TABLE hero REPLICA IDENTITY FULL")\n'


class TestDraft:
    def test_draft_makes_the_database_equal_to_the_models(
        self, project: Project, configured: Configuration, database: Database
    ) -> None:
        made = drafted(configured, "Create hero")

        assert made.revisions[0].file.is_file()
        assert made.revisions[0].message == "Create hero"
        assert made.proof is not None
        assert made.proof.verdict is Verdict.VERIFIED
        applied = apply(project.settled, database)
        assert [revision.id for revision in applied.applied] == [made.revisions[0].id]
        assert execute(database.direct, "INSERT INTO hero (name) VALUES ('Ann') RETURNING id") == [(1,)]

    def test_second_draft_is_empty(self, project: Project, configured: Configuration) -> None:
        draft(configured, "Create hero")

        assert draft(configured, "Create hero again") is None
        assert len(project.revisions()) == 1

    def test_new_constraint_is_tried_on_valid_rows(
        self, configured: Configuration, tmp_path: Path, seedbed_server: TemporaryServer
    ) -> None:
        created = drafted(configured, "Create hero").revisions[0].file
        rule = """__table_args__ = (CheckConstraint("name ~ '^[A-Z]{3}-[0-9]{4}$'", name="coded"),)"""
        with little_project(tmp_path / "later", HERO.replace("    id:", f"    {rule}\n    id:")) as later:
            later.write(f"migrations/versions/{created.name}", created.read_text())

            proof = drafted(later.configuration(SHADOW_DATABASE_URL=seedbed_server.url().reveal()), "Code them").proof

        assert proof is not None
        assert proof.sample_rows.rows == {"hero": 2}
        assert 'check constraint "coded" of relation "hero" is violated by some row' in proof.row_conditions

    def test_undraftable_difference_is_refused_until_written_by_hand(
        self, project: Project, configured: Configuration, tmp_path: Path, seedbed_server: TemporaryServer
    ) -> None:
        drafted(configured, "Create hero")
        with changed(project, HERO + FULL, tmp_path, seedbed_server) as later:
            with pytest.raises(UnsupportedDifference) as refused:
                draft(later, "Change its replica identity")
            with pytest.raises(UnsupportedDifference, match="replica identity is d, should be f"):
                check_project(later)
            written = draft_empty(later, "Change its replica identity").revisions[0].file
            by_hand = 'op.execute("ALTER TABLE hero REPLICA IDENTITY FULL")'
            written.write_text(written.read_text().replace("    pass", f"    {by_hand}", 1))

            assert draft(later, "Nothing more") is None

        assert refused.value.message == (
            "The models and the migrations differ in what Seedbed does not draft: "
            "table hero: replica identity is d, should be f."
        )

    def test_partial_draft_leaves_out_undraftable_differences(
        self, project: Project, configured: Configuration
    ) -> None:
        project.write_tables(HERO + FULL)

        with pytest.raises(UnsupportedDifference, match="replica identity is d"):
            draft(configured, "Create hero")
        made = draft(configured, "Create hero", is_partial=True)

        assert made is not None
        assert made.proof is not None
        assert made.proof.verdict is Verdict.PARTIAL
        assert made.proof.manual_changes == ("table hero: replica identity is d, should be f",)
        left = "To be written by hand: table hero: replica identity is d, should be f."
        assert left in made.revisions[0].file.read_text()

    def test_properties_that_a_downgrade_loses_are_named(
        self, project: Project, configured: Configuration, tmp_path: Path, seedbed_server: TemporaryServer
    ) -> None:
        file = drafted(configured, "Create hero").revisions[0].file
        by_hand = '    op.execute("ALTER TABLE hero REPLICA IDENTITY FULL")'
        file.write_text(file.read_text().replace("\n\n\ndef downgrade", f"\n{by_hand}\n\n\ndef downgrade"))

        with changed(project, HERO.replace("Hero", "Villain"), tmp_path, seedbed_server) as later:
            found = draft(later, "Drop hero", decisions=Decisions(dropped=frozenset({"hero"})))
            proof = None if found is None else found.proof

        assert proof is not None
        assert "replica identity of table hero" in proof.downgrade_losses

    def test_table_similar_to_the_version_table_is_created(
        self, project: Project, configured: Configuration, database: Database
    ) -> None:
        project.write_tables(
            """
            class AppVersion(Table, table=True):
                version_num: str = Field(primary_key=True, max_length=32)
            """
        )

        drafted(configured, "Create app_version")
        apply(project.settled, database)

        assert execute(database.direct, "SELECT count(*) FROM appversion") == [(0,)]
        assert draft(configured, "Again") is None

    def test_schema_of_the_version_table_is_created(
        self, project: Project, configured: Configuration, database: Database, seedbed_server: TemporaryServer
    ) -> None:
        file = project.root / "pyproject.toml"
        project.write("pyproject.toml", file.read_text() + 'version_table = "meta.revision"\n')
        again = project.configuration(DATABASE_URL=NOBODY, SHADOW_DATABASE_URL=seedbed_server.url().reveal())

        drafted(again, "Create hero")
        apply(again.project, database)

        assert execute(database.direct, "SELECT count(*) FROM meta.revision") == [(1,)]
        assert check_project(again).revisions == 1
        assert draft(again, "Again") is None

    def test_untested_types_are_listed(self, project: Project, configured: Configuration) -> None:
        project.write_tables(
            """
            from sqlalchemy.types import UserDefinedType

            class Polygon(UserDefinedType):
                cache_ok = True

                def get_col_spec(self, **_options):
                    return "polygon"

            class Area(Table, table=True):
                id: int | None = Field(default=None, primary_key=True)
                outline: str = Field(sa_type=Polygon)
            """
        )

        proof = drafted(configured, "Create area").proof

        assert proof is not None
        assert dict(proof.untested_types) == {"polygon": ("area.outline",)}
        assert "Not tested with values of type polygon: area.outline." in proof.lines()

    def test_rows_of_a_default_partition_are_a_condition(
        self, project: Project, configured: Configuration, tmp_path: Path, seedbed_server: TemporaryServer
    ) -> None:
        parent = """
            class Event(Table, table=True):
                __table_args__ = {"postgresql_partition_by": "LIST (year)"}
                id: int = Field(primary_key=True)
                year: int = Field(primary_key=True)

            declare(Table.metadata, "CREATE TABLE event_rest PARTITION OF event DEFAULT")
            """
        project.write_tables(parent)
        drafted(configured, "Create event")
        new = 'declare(Table.metadata, "CREATE TABLE event_2026 PARTITION OF event FOR VALUES IN (2026)")\n'

        with changed(project, dedent(parent) + new, tmp_path, seedbed_server) as later:
            proof = drafted(later, "Add a partition").proof

        assert proof is not None
        assert "no row of event_rest belongs to event_2026" in proof.row_conditions

    @pytest.mark.parametrize(
        ("old", "new", "allowed"), [("Float(24)", "Double", True), ("Numeric(12, 4)", "Numeric(12, 2)", False)]
    )
    def test_lossless_contract_is_allowed(
        self, configured: Configuration, project: Project, tmp_path: Path, seedbed_server: TemporaryServer,
        old: str, new: str, allowed: bool,
    ) -> None:  # fmt: skip
        weighed = "from sqlalchemy import Double, Float, Numeric\n" + HERO + "    weight: Decimal = Field(sa_type={})\n"
        project.write_tables(weighed.format(old))
        created = drafted(configured, "Create hero").revisions[0].file
        with little_project(tmp_path / "later", weighed.format(new)) as later:
            later.write(f"migrations/versions/{created.name}", created.read_text())
            made = drafted(later.configuration(SHADOW_DATABASE_URL=seedbed_server.url().reveal()), "Weigh")

            contract = made.revisions[2].file.read_text()
        assert ("# seedbed: allow drop-column" in contract) is allowed

    def test_narrower_check_is_tried_on_values_of_the_old_one(
        self, project: Project, tmp_path: Path, seedbed_server: TemporaryServer
    ) -> None:
        def ruled(*colors: str) -> str:
            rule = f"""__table_args__ = (CheckConstraint("color IN {colors}", name="colors"),)"""
            return HERO.replace("    id:", f"    {rule}\n    id:") + "    color: str = Field(max_length=9)\n"

        colors = ("red", "green", "blue")
        project.write_tables(ruled(*colors))
        shadow = {"SHADOW_DATABASE_URL": seedbed_server.url().reveal()}
        created = drafted(project.configuration(**shadow), "Create hero").revisions[0].file
        for gone in colors:
            left = ruled(*(color for color in colors if color != gone))
            with little_project(tmp_path / f"without_{gone}", left) as later:
                later.write(f"migrations/versions/{created.name}", created.read_text())
                proof = drafted(later.configuration(**shadow), f"Drop {gone}").proof

            assert proof is not None
            assert proof.row_conditions == ('check constraint "colors" of relation "hero" is violated by some row',)

    @pytest.mark.parametrize(
        "said", ["hero.nmae=hero.name", "hero.name=hero.titel", "villain=hero", "color.RED=color.X"]
    )
    def test_rename_of_a_missing_object_is_refused(
        self, project: Project, configured: Configuration, said: str
    ) -> None:
        drafted(configured, "Create hero")

        with pytest.raises(UnmatchedRename, match="matches nothing"):
            draft(configured, "Rename it", decisions=Decisions(renames=dict([said.split("=")])))

    def test_second_draft_waits_for_the_first(self, project: Project, configured: Configuration) -> None:
        with ThreadPoolExecutor(2) as both:
            made = list(both.map(lambda message: draft(configured, message), ("Create hero", "Create hero too")))

        assert sum(one is not None for one in made) == 1
        assert len(project.revisions()) == 1

    @pytest.mark.parametrize("kind", [draft, draft_empty])
    def test_full_disk_leaves_no_file(self, project: Project, configured: Configuration, kind: Any) -> None:
        with no_room(), pytest.raises(FileWriteFailure, match="File too large"):
            kind(configured, "Create hero")

        assert project.revisions() == []
        assert read_history(project.settled).head is None

    def test_failed_seal_leaves_no_file(
        self, project: Project, configured: Configuration, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def full(*_: Any, **__: Any) -> None:
            raise FileWriteFailure("migrations/head", "No space left on device")

        monkeypatch.setattr("seedbed.migrations.draft.draft.seal_revisions", full)
        for kind in (draft, draft_empty):
            with pytest.raises(FileWriteFailure):
                kind(configured, "Create hero")

        assert project.revisions() == []

    def test_no_throw_away_database_is_left(
        self, project: Project, configured: Configuration, seedbed_server: TemporaryServer
    ) -> None:
        draft(configured, "Create hero")

        assert shadows(seedbed_server) == set()

    def test_old_databases_of_a_killed_draft_are_dropped(
        self, project: Project, configured: Configuration, seedbed_server: TemporaryServer
    ) -> None:
        now = int(time.time())
        old, recent = f"seedbed_shadow_{now - 3700}_0a", f"seedbed_shadow_{now - 3500}_0b"
        for name in (old, recent):
            execute(seedbed_server.url(), f"CREATE DATABASE {name}")

        draft(configured, "Create hero")

        assert shadows(seedbed_server, but=recent) == {recent}
        execute(seedbed_server.url(), f"DROP DATABASE {recent}")

    def test_empty_revision_needs_no_server(self, project: Project) -> None:
        configuration = project.configuration(DATABASE_URL=NOBODY, SHADOW_DATABASE_URL=NOBODY)

        made = draft_empty(configuration, "By hand")

        assert (made.steps, made.proof) == ((), None)
        assert project.revisions() == [made.revisions[0].file.name]


class TestDraftLeavesNoFile:
    def test_trigger_without_its_function_leaves_no_file(
        self, project: Project, configured: Configuration, seedbed_server: TemporaryServer
    ) -> None:
        project.write_tables(
            HERO
            + 'declare(metadata, "CREATE TRIGGER t BEFORE UPDATE ON hero FOR EACH ROW EXECUTE FUNCTION missing()")\n'
        )

        with pytest.raises(SchemaBuildFailure) as refused:
            draft(configured, "Create hero")

        assert refused.value.message == (
            "The schema cannot be built at 'CREATE TRIGGER t BEFORE UPDATE ON hero FOR EACH ROW EXECUTE FUNCTION "
            "missing()': function missing() does not exist"
        )
        assert (project.revisions(), shadows(seedbed_server)) == ([], set())

    def test_impossible_column_leaves_no_file(
        self, project: Project, configured: Configuration, tmp_path: Path, seedbed_server: TemporaryServer
    ) -> None:
        created = drafted(configured, "Create hero")
        with little_project(tmp_path / "later", HERO + "    power: int\n") as later:
            later.write(f"migrations/versions/{created.revisions[0].file.name}", created.revisions[0].file.read_text())

            with pytest.raises(MissingBackfill):
                draft(later.configuration(SHADOW_DATABASE_URL=seedbed_server.url().reveal()), "Give heroes power")

            assert later.revisions() == [created.revisions[0].file.name]

    def test_failing_history_leaves_no_file(self, project: Project, configured: Configuration) -> None:
        project.write_revision("first", "op.execute('SELECT nothing_like_it()')")

        with pytest.raises(RevisionFailure) as refused:
            draft(configured, "Create hero")

        assert refused.value.message.startswith("Revision first failed and was rolled back; nothing was applied.")
        assert project.revisions() == ["first.py"]


class TestCheck:
    def test_check_lists_what_it_checked(self, configured: Configuration) -> None:
        made = drafted(configured, "Create hero")

        checked = check_project(configured)

        assert (checked.head, checked.revisions) == (made.revisions[0].id, 1)
        assert checked.checks == ("one head", "every revision is reversible", "the schema matches the models")

    def test_undrafted_change_is_named(self, configured: Configuration) -> None:
        with pytest.raises(UndraftedModelChanges) as found:
            check_project(configured)

        assert "hero" in found.value.message

    def test_missing_revision_file_is_named(self, configured: Configuration) -> None:
        made = drafted(configured, "Create hero").revisions[0]
        text = made.file.read_text()
        made.file.unlink()

        with pytest.raises(MissingRevisionFile) as found:
            check_project(configured)
        made.file.write_text(text)

        assert found.value.message == f"migrations/head lists {made.id}, but the file is missing."
        assert check_project(configured).revisions == 1

    def test_failing_downgrade_is_named(self, project: Project, configured: Configuration) -> None:
        made = drafted(configured, "Create hero")
        text = made.revisions[0].file.read_text()
        upgrade, _, _ = text.partition("def downgrade")
        made.revisions[0].file.write_text(upgrade + "def downgrade() -> None:\n    pass\n")
        seal_revisions(configured.project, read_history(configured.project))

        with pytest.raises(RevisionNotReversible) as found:
            check_project(configured)

        assert found.value.message.startswith(f"Revision {made.revisions[0].id} is not reversible: ")


class TestMigrateDraftAndCheck:
    def test_exit_status_is_1_if_models_and_migrations_differ(
        self, project: Project, database: Database, seedbed_server: TemporaryServer
    ) -> None:
        given = {"DATABASE_URL": database.direct.reveal(), "SHADOW_DATABASE_URL": seedbed_server.url().reveal()}

        before = project.run("seedbed", "migrate", "check", code=1, given=given)
        project.run("seedbed", "migrate", "draft", "-m", "Create hero", given=given)
        after = project.run("seedbed", "migrate", "check", given=given)
        again = project.run("seedbed", "migrate", "draft", "-m", "Create hero", given=given)

        assert before.stderr.startswith("SB208 ")
        assert after.stdout == ("1 revision: one head, every revision is reversible, the schema matches the models.\n")
        assert again.stdout == "No changes: models match migrations.\n"
        assert (
            execute(database.direct, "SELECT relname FROM pg_class WHERE relnamespace = 'public'::regnamespace") == []
        )
