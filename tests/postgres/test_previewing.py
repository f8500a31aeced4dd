"""Previews of the reference project, on an embedded server."""

from collections.abc import Iterator
from typing import Any

import psycopg2
import pytest

from seedbed.branching import BranchProvider, provider_of
from seedbed.branching.local import LocalBranches
from seedbed.branching.making import make
from seedbed.errors import BranchNotFound, NotAPreview, ProductionCopied, RevisionFailed
from seedbed.migrating.applying import apply
from seedbed.modelling import load_schema
from seedbed.postgres.databases import Database, locate
from seedbed.postgres.marking import change_mark
from seedbed.previewing.previews import Rows, down, up
from seedbed.seeding.plan import plan
from seedbed.seeding.running import run
from seedbed.settings import Configuration, DatabaseUrl, Environment
from tests.postgres.embedded_projects import reference_project

NEWEST = "e2be48669f4b"


@pytest.fixture(scope="module")
def configuration() -> Iterator[Configuration]:
    with reference_project() as configuration:
        yield configuration


@pytest.fixture
def development(configuration: Configuration) -> Iterator[Database]:
    """The development database, with nothing in it; it and every branch are gone after the test."""
    yield locate(configuration)
    branches = provider_of(configuration)
    assert isinstance(branches, LocalBranches)
    for branch in branches.list():
        branches.delete(branch.name)
    branches.server.drop_database("seedbed_development")


@pytest.fixture
def branches(configuration: Configuration) -> BranchProvider:
    return provider_of(configuration)


def seeded(database: Database, configuration: Configuration) -> None:
    applied = apply(configuration.project, database)
    wanted = plan(configuration.project, load_schema(configuration.project), Environment.TESTING)
    run(wanted, database, revision=applied.revision)


def tell(url: DatabaseUrl, statement: str) -> list[tuple[Any, ...]]:
    arguments: dict[str, Any] = {**url.connect_arguments()}
    connection = psycopg2.connect(**arguments)
    try:
        with connection, connection.cursor() as cursor:
            cursor.execute(statement)
            return cursor.fetchall() if cursor.description else []
    finally:
        connection.close()


MARK = "SELECT name FROM seedbed.environment"
USERS = 'SELECT count(*) FROM "user"'


class TestUp:
    def test_copies_the_rows_that_development_has(self, configuration: Configuration, development: Database) -> None:
        seeded(development, configuration)

        preview = up(configuration, "preview/pr-42")

        assert (preview.created, preview.rows, preview.seeded) == (True, Rows.COPIED, None)
        assert (preview.branch.mark, preview.branch.parent) == ("preview", "development")
        assert tell(preview.url, USERS) == [(10,)]
        assert tell(preview.url, MARK) == [("preview",)]
        assert tell(development.direct, MARK) == [("development",)]

    def test_migrates_and_seeds_a_copy_of_nothing(self, configuration: Configuration, development: Database) -> None:
        preview = up(configuration, "preview/pr-42")

        assert [revision.id for revision in preview.applied.revisions] == [NEWEST]
        assert preview.rows == Rows.SEEDED
        assert preview.seeded is not None
        assert preview.seeded.rows["user"] == 50
        assert tell(preview.url, USERS) == [(50,)]
        assert tell(preview.url, MARK) == [("preview",)]

    def test_keeps_branch_and_rows_when_it_is_called_again(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        first = up(configuration, "preview/pr-42")
        tell(first.url, 'DELETE FROM "user" WHERE id > 1')

        again = up(configuration, "preview/pr-42")

        assert (again.created, again.rows, again.applied.revisions) == (False, Rows.KEPT, ())
        assert again.branch == first.branch
        assert tell(again.url, USERS) == [(1,)]
        assert branches.list() == (first.branch,)

    def test_goes_on_where_a_kill_left_it(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        branches.create("preview/pr-42", environment=Environment.PREVIEW)

        preview = up(configuration, "preview/pr-42")

        assert not preview.created
        assert preview.rows == Rows.SEEDED
        assert preview.branch.ready

    def test_copies_the_branch_it_is_told_to(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        seeded(development, configuration)
        make(branches, "base")
        tell(branches.url("base"), 'DELETE FROM "user" WHERE id > 3')

        preview = up(configuration, "preview/pr-42", parent="base")

        assert preview.branch.parent == "base"
        assert tell(preview.url, USERS) == [(3,)]

    def test_deletes_the_branch_it_made_when_a_later_step_fails(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        tell(development.direct, 'CREATE TABLE "user" (id int)')

        with pytest.raises(RevisionFailed):
            up(configuration, "preview/pr-42")

        assert branches.list() == ()

    def test_keeps_a_branch_that_was_there_when_a_later_step_fails(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        tell(development.direct, 'CREATE TABLE "user" (id int)')
        left = branches.create("preview/pr-42", environment=Environment.PREVIEW)

        with pytest.raises(RevisionFailed):
            up(configuration, "preview/pr-42")

        assert branches.list() == (left,)

    def test_leaves_a_branch_alone_that_is_for_something_else(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        scratch = make(branches, "scratch")

        with pytest.raises(NotAPreview) as refused:
            up(configuration, "scratch")

        assert str(refused.value) == "scratch is a branch marked development, and no preview."
        assert branches.list() == (scratch,)
        assert tell(branches.url("scratch"), MARK) == [("development",)]

    def test_makes_no_preview_of_production(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        change_mark(development, Environment.PRODUCTION)

        with pytest.raises(ProductionCopied):
            up(configuration, "preview/pr-42")

        assert branches.list() == ()


class TestDown:
    def test_deletes_the_preview_and_says_whether_there_was_one(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        up(configuration, "preview/pr-42")

        first, second = down(configuration, "preview/pr-42"), down(configuration, "preview/pr-42")

        assert (first, second) == (True, False)
        with pytest.raises(BranchNotFound):
            branches.get("preview/pr-42")

    def test_deletes_one_that_was_left_half_made(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        branches.create("preview/pr-42", environment=Environment.PREVIEW)

        assert down(configuration, "preview/pr-42")

    def test_leaves_a_branch_alone_that_is_no_preview(
        self, configuration: Configuration, development: Database, branches: BranchProvider
    ) -> None:
        scratch = make(branches, "scratch")

        with pytest.raises(NotAPreview):
            down(configuration, "scratch")

        assert branches.list() == (scratch,)
