"""Previews of the reference project, on an embedded server."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from threading import Thread, Timer
from unittest.mock import patch

import pytest

from seedbed.branching import BranchProvider, get_branch_provider
from seedbed.branching.lifecycle import create_branch, create_safety_copy
from seedbed.branching.local.provider import LocalBranches
from seedbed.errors import (
    BranchNotFound,
    BranchNotReady,
    EditedAppliedRevision,
    InvalidPullRequestList,
    NoShadowServer,
    NotAPreview,
    PreviewSchemaMismatch,
    ProtectedPreviewBase,
    RevisionFailure,
    SeedError,
    UnmaskedProductionCopy,
    UnmodeledData,
)
from seedbed.migrations.apply.upgrade import apply
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database, resolve_database
from seedbed.postgres.environment_mark import change_mark
from seedbed.previews import base_branch
from seedbed.previews import preview as previews_preview
from seedbed.previews.base_branch import BASE_BRANCH, PreviewBase, create_base
from seedbed.previews.branch_diff import compare_branches
from seedbed.previews.garbage_collection import CollectionRules, collect_branches, parse_pull_requests
from seedbed.previews.preview import Preview, create_or_update, delete
from seedbed.previews.preview_data import DataMode, RowSource
from seedbed.schema import load_schema
from seedbed.seeding.loading.load import load_seeds
from seedbed.seeding.masking import MaskingExceptions
from seedbed.seeding.planning.seed_plan import plan
from seedbed.settings import Configuration, Environment
from tests.support.postgres.embedded_projects import reference_project
from tests.support.projects import execute

pytestmark = pytest.mark.slow

NEWEST = "e2be48669f4b"


@pytest.fixture(scope="module")
def configuration() -> Iterator[Configuration]:
    with reference_project() as configuration:
        yield configuration


@pytest.fixture
def development(configuration: Configuration) -> Iterator[Database]:
    """The development database, with nothing in it; it and every branch are gone after the test."""
    yield resolve_database(configuration)
    branches = get_branch_provider(configuration)
    assert isinstance(branches, LocalBranches)
    for branch in branches.list():
        branches.delete(branch.name)
    branches.server.drop_database("seedbed_development")


@pytest.fixture
def branches(configuration: Configuration) -> BranchProvider:
    return get_branch_provider(configuration)


def seeded(database: Database, configuration: Configuration) -> None:
    applied = apply(configuration.project, database)
    wanted = plan(configuration.project, load_schema(configuration.project), Environment.TESTING)
    load_seeds(wanted, database, revision=applied.revision)


MARK = "SELECT name FROM seedbed.environment"
USERS = 'SELECT count(*) FROM "user"'


class TestCreateOrUpdate:
    def test_copies_the_rows_of_development(self, configuration: Configuration, development: Database) -> None:
        seeded(development, configuration)

        preview = create_or_update(configuration, "preview/pr-42")

        assert (preview.created, preview.data.row_source, preview.data.seed_result) == (True, RowSource.COPIED, None)
        assert (preview.branch.mark, preview.branch.parent) == ("preview", "development")
        assert execute(preview.url, USERS) == [(10,)]
        assert execute(preview.url, MARK) == [("preview",)]
        assert execute(development.direct, MARK) == [("development",)]

    def test_migrates_and_seeds_an_empty_copy(self, configuration: Configuration, development: Database) -> None:
        preview = create_or_update(configuration, "preview/pr-42")

        assert [revision.id for revision in preview.data.migration.applied] == [NEWEST]
        assert preview.data.row_source == RowSource.SEEDED
        assert preview.data.seed_result is not None
        assert preview.data.seed_result.rows["user"] == 50
        assert execute(preview.url, USERS) == [(50,)]
        assert execute(preview.url, MARK) == [("preview",)]

    def test_keeps_branch_and_rows_when_called_again(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        first = create_or_update(configuration, "preview/pr-42")
        execute(first.url, 'DELETE FROM "user" WHERE id > 1')

        again = create_or_update(configuration, "preview/pr-42")

        assert (again.created, again.data.row_source, again.data.migration.applied) == (False, RowSource.COPIED, ())
        assert again.branch.created_at == first.branch.created_at
        assert execute(again.url, USERS) == [(1,)]
        assert branches.list() == (again.branch,)

    def test_completes_a_preview_after_a_kill(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        branches.create("preview/pr-42", environment=Environment.PREVIEW)

        preview = create_or_update(configuration, "preview/pr-42")

        assert not preview.created
        assert preview.data.row_source == RowSource.SEEDED
        assert preview.branch.ready

    def test_shows_no_production_row_that_a_kill_left_unmasked(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        seeded(development, configuration)
        change_mark(development, Environment.PRODUCTION)
        branches.create("preview/pr-42", environment=Environment.PREVIEW, allow_production=True)

        for data in (DataMode.AUTO, DataMode.COPY):
            with pytest.raises(UnmaskedProductionCopy):
                create_or_update(configuration, "preview/pr-42", data=data)
        with pytest.raises(BranchNotReady):
            branches.url("preview/pr-42")
        preview = create_or_update(configuration, "preview/pr-42", data=DataMode.SEED)

        assert execute(preview.url, USERS) == [(50,)]

    def test_creates_one_preview_for_concurrent_calls(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        seeded(development, configuration)
        result: list[Preview] = []
        threads = [
            Thread(target=lambda: result.append(create_or_update(configuration, "preview/pr-42", data=DataMode.SEED)))
            for _ in range(5)
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(item.created for item in result) == [False] * 4 + [True]
        assert [item.data.row_source for item in result].count(RowSource.SEEDED) == 1
        assert execute(result[0].url, USERS) == [(50,)]

    def test_copies_the_given_parent(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        seeded(development, configuration)
        create_branch(branches, "base")
        execute(branches.url("base"), 'DELETE FROM "user" WHERE id > 3')

        preview = create_or_update(configuration, "preview/pr-42", parent="base")

        assert preview.branch.parent == "base"
        assert execute(preview.url, USERS) == [(3,)]

    def test_deletes_a_new_branch_when_a_later_step_fails(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        execute(development.direct, 'CREATE TABLE "user" (id int)')

        with pytest.raises(RevisionFailure):
            create_or_update(configuration, "preview/pr-42")

        assert branches.list() == ()

    def test_keeps_an_existing_branch_when_a_later_step_fails(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        execute(development.direct, 'CREATE TABLE "user" (id int)')
        remaining = branches.create("preview/pr-42", environment=Environment.PREVIEW)

        with pytest.raises(RevisionFailure):
            create_or_update(configuration, "preview/pr-42")

        assert branches.list() == (remaining,)

    def test_names_a_revision_edited_after_it_was_applied(
        self, configuration: Configuration, development: Database
    ) -> None:
        create_or_update(configuration, "preview/pr-7")
        (revision,) = (configuration.project.root / "migrations/versions").glob("*.py")
        text = revision.read_text(encoding="utf-8")
        revision.write_text(text.replace("    op.create_table", '    op.execute("SELECT 1")\n    op.create_table', 1))
        try:
            with pytest.raises(EditedAppliedRevision) as error:
                create_or_update(configuration, "preview/pr-7")
            delete(configuration, "preview/pr-7")
            create_or_update(configuration, "preview/pr-7")
        finally:
            revision.write_text(text, encoding="utf-8")

        assert error.value.message.startswith(f"{NEWEST} was edited after ")
        assert "seedbed preview down preview/pr-7, then seedbed preview up preview/pr-7" in error.value.remedy

    def test_refuses_a_branch_with_another_purpose(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        scratch = create_branch(branches, "scratch")

        with pytest.raises(NotAPreview) as error:
            create_or_update(configuration, "scratch")

        assert str(error.value) == "scratch is a branch marked development, not a preview."
        assert branches.list() == (scratch,)
        assert execute(branches.url("scratch"), MARK) == [("development",)]

    def test_refuses_unmasked_rows_of_production(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        change_mark(development, Environment.PRODUCTION)

        with pytest.raises(UnmaskedProductionCopy):
            create_or_update(configuration, "preview/pr-42")

        assert branches.list() == ()


class TestComparison:
    @pytest.mark.parametrize(
        ("change", "difference"),
        [
            ("ALTER TABLE task ALTER title TYPE varchar(900)", "column task.title: type is character varying(900)"),
            ("ALTER TABLE task DROP description", "column task.description is missing"),
            ("ALTER TABLE task ADD owner text", "column task.owner is not wanted"),
            ("ALTER TABLE task ADD CHECK (title <> '')", "constraint task_title_check of task is not wanted"),
        ],
    )
    def test_refuses_a_new_preview_that_differs_from_the_models(
        self,
        configuration: Configuration,
        development: Database,
        branches: BranchProvider,
        change: str,
        difference: str,
    ) -> None:
        apply(configuration.project, development)
        execute(development.direct, change)

        with pytest.raises(PreviewSchemaMismatch) as error:
            create_or_update(configuration, "preview/pr-42")

        assert difference in error.value.message
        assert branches.list() == ()

    def test_keeps_an_existing_preview_that_differs_from_the_models(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        seeded(development, configuration)
        preview = create_or_update(configuration, "preview/pr-42")
        execute(preview.url, "ALTER TABLE task DROP description")

        with pytest.raises(PreviewSchemaMismatch):
            create_or_update(configuration, "preview/pr-42")

        assert branches.get("preview/pr-42").ready
        assert execute(preview.url, USERS) == [(10,)]

    def test_lists_objects_that_the_models_do_not_describe(
        self, configuration: Configuration, development: Database
    ) -> None:
        apply(configuration.project, development)
        execute(
            development.direct,
            "CREATE TABLE audit (id int PRIMARY KEY)",
            "CREATE INDEX by_hand ON task (title)",
            "GRANT SELECT ON task TO PUBLIC",
        )

        preview = create_or_update(configuration, "preview/pr-42")

        assert preview.data.schema_comparison is not None
        assert preview.data.schema_comparison.extra == (
            "constraint audit_pkey of audit",
            "index by_hand of task",
            "table audit",
            "table task: privileges is PUBLIC=SELECT, should be none",
        )

    def test_is_skipped_without_a_server_for_the_models(
        self, configuration: Configuration, development: Database
    ) -> None:
        with patch("seedbed.previews.preview_data.build_model_catalog", side_effect=NoShadowServer([])):
            preview = create_or_update(configuration, "preview/pr-42")

        assert preview.data.schema_comparison is None


class TestDelete:
    def test_deletes_the_preview_and_returns_whether_it_existed(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        create_or_update(configuration, "preview/pr-42")

        first, second = delete(configuration, "preview/pr-42"), delete(configuration, "preview/pr-42")

        assert (first, second) == (True, False)
        with pytest.raises(BranchNotFound):
            branches.get("preview/pr-42")

    def test_deletes_an_unfinished_preview(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        branches.create("preview/pr-42", environment=Environment.PREVIEW)

        assert delete(configuration, "preview/pr-42")

    @pytest.mark.parametrize("state", ["sealed", "unfinished"])
    def test_refuses_the_base(
        self, configuration: Configuration, development: Database, branches: BranchProvider, state: str
    ) -> None:
        create_base(configuration, DataMode.SEED)
        if state == "unfinished":
            branches.reset(BASE_BRANCH)

        with pytest.raises(ProtectedPreviewBase):
            delete(configuration, BASE_BRANCH)

        assert branches.get(BASE_BRANCH).ready == (state == "sealed")

    def test_refuses_a_branch_that_is_not_a_preview(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        scratch = create_branch(branches, "scratch")

        with pytest.raises(NotAPreview):
            delete(configuration, "scratch")

        assert branches.list() == (scratch,)


class TestBase:
    def test_is_the_parent_of_previews_while_development_is_in_use(
        self, configuration: Configuration, development: Database
    ) -> None:
        base = create_base(configuration, DataMode.SEED)
        with connect(development):
            preview = create_or_update(configuration, "preview/pr-42")

        assert base.data is not None
        assert (base.created, base.branch.sealed, base.data.row_source) == (True, True, RowSource.SEEDED)
        assert (preview.branch.parent, preview.data.row_source) == (BASE_BRANCH, RowSource.COPIED)
        assert execute(preview.url, USERS) == [(50,)]

    def test_is_recreated_without_changing_previews(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        create_base(configuration, DataMode.SEED)
        preview = create_or_update(configuration, "preview/pr-42")
        execute(preview.url, 'DELETE FROM "user" WHERE id > 1')
        seeded(development, configuration)

        again = create_base(configuration, DataMode.COPY)

        assert again.data is not None
        assert (again.created, again.branch.sealed, again.data.row_source) == (False, True, RowSource.COPIED)
        assert execute(preview.url, USERS) == [(1,)]
        assert execute(create_or_update(configuration, "preview/pr-43").url, USERS) == [(10,)]

    def test_is_awaited_while_it_is_recreated(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        create_base(configuration, DataMode.SEED)
        branches.reset(BASE_BRANCH)

        with patch.object(previews_preview, "_BASE_WAIT_SECONDS", 0.1), pytest.raises(BranchNotReady) as error:
            create_or_update(configuration, "preview/pr-42")
        later = Timer(0.3, branches.finish, (BASE_BRANCH,))
        later.start()
        preview = create_or_update(configuration, "preview/pr-42")
        later.join()

        assert error.value.remedy is not None
        assert error.value.remedy.startswith("Finish it: seedbed preview base.")
        assert preview.branch.parent == BASE_BRANCH

    @pytest.mark.parametrize("before", ["nothing", "a base", "one that a kill left"])
    def test_is_created_once_by_concurrent_calls(
        self, configuration: Configuration, development: Database, branches: BranchProvider, before: str
    ) -> None:
        if before == "a base":
            create_base(configuration, DataMode.COPY)
        elif before == "one that a kill left":
            branches.create(BASE_BRANCH, environment=Environment.PREVIEW)
        created: list[PreviewBase] = []
        threads = [Thread(target=lambda: created.append(create_base(configuration, DataMode.SEED))) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert len(created) == 4
        assert [base.data.row_source for base in created if base.data is not None] == [RowSource.SEEDED]
        assert {base.branch for base in created} == {branches.get(BASE_BRANCH)}
        assert branches.get(BASE_BRANCH).sealed
        assert execute(create_or_update(configuration, "preview/pr-42").url, USERS) == [(50,)]

    def test_is_recreated_from_the_current_state_if_it_is_unfinished(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        branches.create(BASE_BRANCH, environment=Environment.PREVIEW)
        seeded(development, configuration)

        with patch.object(base_branch, "_SIMULTANEOUS", timedelta(days=-1)):
            base = create_base(configuration, DataMode.COPY)

        assert (base.created, base.branch.sealed) == (True, True)
        assert execute(create_or_update(configuration, "preview/pr-42").url, USERS) == [(10,)]

    @pytest.mark.parametrize("data", [DataMode.SEED, DataMode.MASKED])
    def test_is_kept_when_its_replacement_fails(
        self, configuration: Configuration, development: Database, branches: BranchProvider, data: DataMode
    ) -> None:
        create_base(configuration, DataMode.SEED)
        seeds = configuration.project.root / "seeds/preview.py"
        written = seeds.read_text()

        seeds.write_text("from schema import Nothing\n")
        try:
            with (
                patch("seedbed.seeding.masking.personal_columns.find_unmarked_columns", return_value=["user.nickname"]),
                pytest.raises(SeedError),
            ):
                create_base(configuration, data)
        finally:
            seeds.write_text(written)

        assert branches.get(BASE_BRANCH).ready
        assert execute(create_or_update(configuration, "preview/pr-42").url, USERS) == [(50,)]

    def test_is_kept_when_the_models_do_not_describe_a_table(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        seeded(development, configuration)
        create_base(configuration, DataMode.SEED)
        execute(development.direct, "CREATE TABLE handmade (email text)")

        with pytest.raises(UnmodeledData, match="handmade"):
            create_base(configuration, DataMode.MASKED)
        kept = branches.get(BASE_BRANCH)
        base = create_base(configuration, DataMode.MASKED, exceptions=MaskingExceptions(empty=("handmade",)))

        assert kept.ready
        assert base.data is not None
        assert base.data.mask_result is not None
        assert base.data.mask_result.emptied == ("handmade",)

    def test_is_not_a_preview_itself(self, configuration: Configuration, development: Database) -> None:
        create_base(configuration, DataMode.SEED)

        with pytest.raises(NotAPreview):
            create_or_update(configuration, BASE_BRANCH)

    def test_of_production_has_seeded_rows(self, configuration: Configuration, development: Database) -> None:
        seeded(development, configuration)
        change_mark(development, Environment.PRODUCTION)

        base = create_base(configuration, DataMode.SEED)

        assert base.data is not None
        assert (base.branch.environment, base.data.row_source) == (Environment.PREVIEW, RowSource.SEEDED)
        assert execute(create_or_update(configuration, "preview/pr-42").url, USERS) == [(50,)]

    def test_refuses_a_branch_of_its_name_with_another_purpose(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        create_branch(branches, BASE_BRANCH)

        with pytest.raises(NotAPreview):
            create_base(configuration, DataMode.SEED)

    def test_has_no_rows_of_production(self, configuration: Configuration, development: Database) -> None:
        change_mark(development, Environment.PRODUCTION)

        with pytest.raises(UnmaskedProductionCopy):
            create_base(configuration, DataMode.COPY)


class TestDataMode:
    def test_of_a_named_production_database_is_copied_unchanged(
        self, configuration: Configuration, development: Database
    ) -> None:
        seeded(development, configuration)
        change_mark(development, Environment.PRODUCTION)

        with pytest.raises(UnmaskedProductionCopy):
            create_or_update(configuration, "preview/pr-42", data=DataMode.COPY)
        preview = create_or_update(configuration, "preview/pr-42", data=DataMode.COPY, allow_production=True)

        assert execute(preview.url, USERS) == [(10,)]
        assert execute(preview.url, MARK) == [("preview",)]

    def test_is_replaced_when_seeds_are_requested(self, configuration: Configuration, development: Database) -> None:
        seeded(development, configuration)

        execute(development.direct, "SELECT lo_from_bytea(0, 'a scan of a passport')")

        preview = create_or_update(configuration, "preview/pr-42", data=DataMode.SEED)

        assert preview.data.row_source == RowSource.SEEDED
        assert execute(preview.url, USERS) == [(50,)]
        assert execute(preview.url, "SELECT count(*) FROM pg_largeobject_metadata") == [(0,)]
        assert execute(development.direct, USERS) == [(10,)]
        assert compare_branches(configuration, "preview/pr-42").is_equal


class TestCollectBranches:
    def test_lists_and_then_deletes_unneeded_previews(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        for number in (41, 42, 43):
            create_or_update(configuration, f"preview/pr-{number}")
        branches.create("preview/half", environment=Environment.PREVIEW)
        later = datetime.now(UTC) + timedelta(hours=2)
        rules = CollectionRules(closed_pull_requests=parse_pull_requests(["#41", "preview/pr-43"], "a list"))

        listed = collect_branches(configuration, rules, delete=False, now=later)
        assert len(branches.list()) == 4
        deleted = collect_branches(configuration, rules, delete=True, now=later)

        assert [(item.branch.name, item.reason) for item in listed] == [
            ("preview/half", "unfinished, and no call is working on it"),
            ("preview/pr-41", "pull request 41 is closed"),
            ("preview/pr-43", "pull request 43 is closed"),
        ]
        assert [item.deleted for item in deleted] == [True, True, True]
        assert [branch.name for branch in branches.list()] == ["preview/pr-42"]

    def test_deletes_expired_previews(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        create_or_update(configuration, "preview/pr-1", lifetime=timedelta(days=1))
        create_or_update(configuration, "preview/pr-2", lifetime=None)

        collect_branches(configuration, CollectionRules(), delete=True, now=datetime.now(UTC) + timedelta(days=2))

        assert [branch.name for branch in branches.list()] == ["preview/pr-2"]

    def test_deletes_any_expired_branch(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        create_branch(branches, "mine")
        create_branch(branches, "tried", lifetime=timedelta(days=3))
        kept = create_safety_copy(branches)
        later = datetime.now(UTC) + timedelta(days=5)

        soon = collect_branches(configuration, CollectionRules(), delete=True, now=later)
        late = collect_branches(configuration, CollectionRules(), delete=True, now=later + timedelta(days=5))

        assert [(item.branch.name, item.deleted) for item in soon] == [("tried", True)]
        assert [(item.branch.name, item.deleted) for item in late] == [(kept.name, True)]
        assert [branch.name for branch in branches.list()] == ["mine"]

    def test_deletes_children_first_and_keeps_parents_of_kept_branches(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        create_or_update(configuration, "preview/pr-1")
        create_or_update(configuration, "preview/pr-2", parent="preview/pr-1")
        create_or_update(configuration, "preview/pr-3", parent="preview/pr-2")

        kept = collect_branches(configuration, CollectionRules(closed_pull_requests=frozenset({"1", "2"})), delete=True)
        removed = collect_branches(
            configuration, CollectionRules(closed_pull_requests=frozenset({"1", "2", "3"})), delete=True
        )

        assert [item.error for item in kept] == ["a branch that is kept was copied from it"] * 2
        assert [item.branch.name for item in removed] == ["preview/pr-3", "preview/pr-2", "preview/pr-1"]
        assert branches.list() == ()

    def test_keeps_the_base_and_other_branches(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        create_base(configuration, DataMode.SEED)
        create_branch(branches, "mine")

        result = collect_branches(
            configuration,
            CollectionRules(older_than=timedelta(days=1)),
            delete=True,
            now=datetime.now(UTC) + timedelta(days=9),
        )

        assert result == []
        assert [branch.name for branch in branches.list()] == ["mine", BASE_BRANCH]

    @pytest.mark.parametrize("lines", [[], ["", "  "], ["error: not found"]])
    def test_refuses_an_empty_list(self, lines: list[str]) -> None:
        with pytest.raises(InvalidPullRequestList):
            parse_pull_requests(lines, "stdin")


class TestCompareBranches:
    def test_lists_the_differences_from_the_parent(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        apply(configuration.project, development)
        create_branch(branches, "mine")
        assert compare_branches(configuration, "mine").is_equal
        execute(branches.url("mine"), "CREATE INDEX ix_mine ON task (title)")

        result = compare_branches(configuration, "mine")

        assert (result.compared_with, result.revision, result.compared_with_revision) == ("development", NEWEST, NEWEST)
        assert [str(difference) for difference in result.differences] == ["index ix_mine of task is not wanted"]

    def test_compares_a_sealed_base(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        create_base(configuration, DataMode.SEED)
        create_or_update(configuration, "preview/pr-42")

        assert compare_branches(configuration, "preview/pr-42").is_equal
        assert [branch.name for branch in branches.list()] == [BASE_BRANCH, "preview/pr-42"]


class TestSafety:
    def test_is_a_sealed_copy_of_the_previous_state(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        seeded(development, configuration)

        branch = create_safety_copy(branches)
        execute(development.direct, 'DELETE FROM "user"')
        back = create_branch(branches, "back", parent=branch.name)

        assert branch.sealed
        assert branch.expires_at is not None
        assert execute(branches.url(back.name), USERS) == [(10,)]
