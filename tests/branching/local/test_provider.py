"""Branches as databases of the project's embedded server."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from psycopg2.extensions import connection as Connection  # noqa: N812 - a type, whatever its author called it

from seedbed.branching import get_branch_provider
from seedbed.branching.lifecycle import create_branch
from seedbed.branching.local.lookup import format_comment
from seedbed.branching.local.provider import LocalBranches
from seedbed.branching.protocol import build_database_name, build_unfinished_name
from seedbed.errors import (
    BranchCopyFailure,
    BranchExists,
    BranchNotFound,
    BranchNotReady,
    InvalidBranchName,
    InvalidExpiry,
    NoBranchProvider,
    NotABranch,
    ParentInUse,
    SealedBranch,
    UnmarkedDatabase,
    UnmaskedProductionCopy,
)
from seedbed.postgres import clone
from seedbed.postgres.clone import supports_reflink
from seedbed.postgres.database import ensure_environment_database
from seedbed.settings import Configuration, DatabaseUrl, Environment, load_configuration
from tests.support.postgres.embedded_projects import reference_project
from tests.support.projects import execute

MAIN = "seedbed_development"


@pytest.fixture(scope="module")
def configuration() -> Iterator[Configuration]:
    with reference_project() as configuration:
        yield configuration


@pytest.fixture
def branches(configuration: Configuration) -> Iterator[LocalBranches]:
    """The provider, over a development database with one row; what a test made is gone after it."""
    provider = get_branch_provider(configuration)
    assert isinstance(provider, LocalBranches)
    url = ensure_environment_database(provider.server, configuration).direct
    execute(url, "CREATE TABLE note (body text)", "INSERT INTO note VALUES ('hello')", *marked("development"))
    yield provider
    for name in {MAIN, *databases(provider)}:
        provider.server.drop_database(name)


def marked(mark: str) -> list[str]:
    return [
        "CREATE SCHEMA IF NOT EXISTS seedbed",
        "CREATE TABLE IF NOT EXISTS seedbed.environment (singleton boolean PRIMARY KEY DEFAULT true,"
        " name text NOT NULL, marked_at timestamptz NOT NULL DEFAULT now(), marked_by text NOT NULL)",
        "DELETE FROM seedbed.environment",
        f"INSERT INTO seedbed.environment (name, marked_by) VALUES ('{mark}', 'a test')",
    ]


@contextmanager
def connected(url: DatabaseUrl, application: str = "a test") -> Iterator[Connection]:
    arguments: dict[str, Any] = {**url.connect_arguments(), "application_name": application}
    connection = psycopg2.connect(**arguments)
    connection.autocommit = True
    try:
        yield connection
    finally:
        connection.close()


def administered(branches: LocalBranches, *statements: str) -> list[tuple[Any, ...]]:
    return execute(branches.server.admin_url(), *statements)


def main_of(branches: LocalBranches) -> DatabaseUrl:
    return branches.server.owner_url(MAIN)


def databases(branches: LocalBranches) -> set[str]:
    rows = administered(branches, "SELECT datname FROM pg_database WHERE datname ~ '^seedbed_'")
    return {name for (name,) in rows} - {MAIN}


class TestCreate:
    def test_copies_the_development_database_and_leaves_the_copy_marked_preparing(
        self, branches: LocalBranches
    ) -> None:
        made = branches.create("preview/pr-42", environment=Environment.PREVIEW)

        assert (made.name, made.parent, made.mark) == ("preview/pr-42", "development", "preparing")
        assert branches.get("preview/pr-42") == made
        url = branches.url("preview/pr-42", allow_unready=True)
        assert execute(url, "SELECT body FROM note") == [("hello",)]
        assert execute(url, "SELECT name FROM seedbed.environment") == [("preparing",)]
        assert execute(main_of(branches), "SELECT name FROM seedbed.environment") == [("development",)]

    def test_makes_the_database_to_be_copied_on_a_server_that_is_new(self) -> None:
        with reference_project() as fresh:
            made = create_branch(get_branch_provider(fresh), "pr")

        assert (made.parent, made.mark) == ("development", "development")

    def test_copies_a_branch(self, branches: LocalBranches) -> None:
        create_branch(branches, "first")
        execute(branches.url("first"), "INSERT INTO note VALUES ('from first')")

        made = create_branch(branches, "second", parent="first")

        assert made.parent == "first"
        assert execute(branches.url("second"), "SELECT count(*) FROM note") == [(2,)]
        assert execute(main_of(branches), "SELECT count(*) FROM note") == [(1,)]

    def test_gives_the_copy_to_the_projects_role_which_is_no_superuser(self, branches: LocalBranches) -> None:
        create_branch(branches, "pr")

        owner = administered(
            branches,
            "SELECT r.rolname, r.rolsuper FROM pg_database d JOIN pg_roles r ON r.oid = d.datdba"
            " WHERE datname = 'seedbed_pr'",
        )
        assert owner == [("seedbed_owner", False)]

    def test_refuses_a_name_that_is_taken_whether_ready_or_not(self, branches: LocalBranches) -> None:
        branches.create("pr")

        with pytest.raises(BranchExists) as refused:
            branches.create("pr")

        assert str(refused.value) == "Branch pr already exists, as a copy of development."

    def test_refuses_an_environments_name(self, branches: LocalBranches) -> None:
        with pytest.raises(InvalidBranchName):
            branches.create("testing")

    def test_refuses_a_parent_that_is_missing_or_not_ready(self, branches: LocalBranches) -> None:
        branches.create("half")

        with pytest.raises(BranchNotFound):
            branches.create("pr", parent="nobody")
        with pytest.raises(BranchNotReady):
            branches.create("pr", parent="half")

    def test_leaves_a_database_alone_that_has_the_place_of_the_branch(self, branches: LocalBranches) -> None:
        administered(branches, "CREATE DATABASE seedbed_pr")

        with pytest.raises(NotABranch) as refused:
            branches.create("pr")

        assert str(refused.value) == "seedbed_pr is not a branch of this project: Seedbed did not make it as pr."
        assert databases(branches) == {"seedbed_pr"}

    def test_leaves_nothing_when_the_copy_cannot_be_made_into_a_branch(self, branches: LocalBranches) -> None:
        execute(main_of(branches), "DROP SCHEMA seedbed CASCADE", "TRUNCATE note")
        administered(branches, "CREATE ROLE someone", f"ALTER DATABASE {MAIN} OWNER TO someone")

        try:
            with pytest.raises(Exception, match="permission denied"):
                branches.create("pr")
            assert databases(branches) == set()
        finally:
            administered(branches, f"ALTER DATABASE {MAIN} OWNER TO seedbed_owner", "DROP ROLE someone")

    def test_says_what_postgresql_refused(self, branches: LocalBranches) -> None:
        (path,) = execute(main_of(branches), "SELECT pg_relation_filepath('note')")[0]
        administered(branches, "CHECKPOINT")
        (branches.server.directory / "data" / path).unlink()

        with pytest.raises(BranchCopyFailure) as refused:
            branches.create("pr")

        assert str(refused.value) == (
            f"{MAIN} was not copied, and the incomplete copy was removed. PostgreSQL says: "
            f'could not open file "{path}": No such file or directory'
        )
        assert databases(branches) == set()

    def test_removes_what_a_kill_left_of_an_earlier_one(self, branches: LocalBranches) -> None:
        left = build_unfinished_name(build_database_name("seedbed", "pr"))
        administered(branches, f"CREATE DATABASE {left}")

        create_branch(branches, "pr")

        assert databases(branches) == {"seedbed_pr"}

    def test_makes_one_branch_when_many_ask_at_once(self, branches: LocalBranches) -> None:
        outcomes: list[str] = []

        def ask() -> None:
            try:
                create_branch(branches, "pr")
                outcomes.append("made")
            except BranchExists:
                outcomes.append("exists")

        threads = [threading.Thread(target=ask) for _ in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

        assert sorted(outcomes) == ["exists"] * 5 + ["made"]
        assert [branch.name for branch in branches.list()] == ["pr"]


class TestCopies:
    def test_keep_the_settings_of_the_database_and_of_roles_in_it(self, branches: LocalBranches) -> None:
        administered(
            branches,
            f"""ALTER DATABASE {MAIN} SET search_path TO "$user", 'sales, old', public""",
            f"ALTER DATABASE {MAIN} SET work_mem TO '12MB'",
            f"ALTER DATABASE {MAIN} SET app.greeting TO 'it''s = me'",
            f"ALTER ROLE seedbed_owner IN DATABASE {MAIN} SET statement_timeout TO '7s'",
        )

        create_branch(branches, "pr")

        asked = "SELECT current_setting(name) FROM unnest(ARRAY['search_path','work_mem','app.greeting']) name"
        assert execute(branches.url("pr"), asked) == execute(main_of(branches), asked)
        assert execute(branches.url("pr"), "SHOW app.greeting") == [("it's = me",)]
        assert execute(branches.url("pr"), "SHOW statement_timeout") == [("7s",)]

    def test_keep_the_grants_and_gain_none(self, branches: LocalBranches) -> None:
        administered(
            branches,
            "CREATE ROLE reader",
            f"REVOKE ALL ON DATABASE {MAIN} FROM PUBLIC",
            f"GRANT CONNECT ON DATABASE {MAIN} TO reader WITH GRANT OPTION",
        )

        create_branch(branches, "pr")

        acl = "SELECT datacl::text FROM pg_database WHERE datname = '{}'"
        try:
            assert administered(branches, acl.format("seedbed_pr")) == administered(branches, acl.format(MAIN))
            assert "reader=c*/" in administered(branches, acl.format("seedbed_pr"))[0][0]
        finally:
            administered(branches, "DROP OWNED BY reader", "DROP DATABASE seedbed_pr", "DROP ROLE reader")

    def test_keep_the_grants_that_every_database_begins_with(self, branches: LocalBranches) -> None:
        create_branch(branches, "pr")

        assert administered(branches, "SELECT datacl FROM pg_database WHERE datname = 'seedbed_pr'") == [(None,)]


class TestStrategy:
    def test_is_to_copy_files_once_the_wal_of_them_would_cost_more(self, branches: LocalBranches) -> None:
        with branches.server.admin_cursor() as cursor:
            version = cursor.connection.server_version
            small = clone._create_database_sql(
                MAIN, "copy", clone._read_properties(cursor, MAIN), version=version
            ).as_string(cursor)
            execute(main_of(branches), "INSERT INTO note SELECT repeat('x', 1000) FROM generate_series(1, 50000)")
            big = clone._create_database_sql(
                MAIN, "copy", clone._read_properties(cursor, MAIN), version=version
            ).as_string(cursor)

        assert small == f'CREATE DATABASE "copy" TEMPLATE "{MAIN}" OWNER "seedbed_owner" STRATEGY "wal_log"'
        assert big == f'CREATE DATABASE "copy" TEMPLATE "{MAIN}" OWNER "seedbed_owner" STRATEGY "file_copy"'


class TestParentInUse:
    def test_is_refused_with_the_names_of_those_who_use_it(self, branches: LocalBranches) -> None:
        with connected(main_of(branches), "the shop's service") as connection:
            with pytest.raises(ParentInUse) as refused:
                branches.create("pr")

            pid = connection.info.backend_pid
            assert str(refused.value) == (
                f"{MAIN} is in use, and a database in use cannot be copied: the shop's service (pid {pid}, idle)."
            )
            assert refused.value.remedy == "Close them; all are idle, so --force can end them."
            assert execute(main_of(branches), f"SELECT count(*) FROM pg_stat_activity WHERE pid = {pid}") == [(1,)]

    def test_loses_its_idle_sessions_by_force(self, branches: LocalBranches) -> None:
        with connected(main_of(branches)) as connection:
            branches.create("pr", force=True)

            with pytest.raises(psycopg2.OperationalError):
                connection.cursor().execute("SELECT 1")
            assert branches.get("pr").mark == "preparing"

    def test_keeps_every_session_while_one_is_in_a_transaction(self, branches: LocalBranches) -> None:
        with connected(main_of(branches)) as idle, connected(main_of(branches)) as busy:
            busy.autocommit = False
            with busy.cursor() as cursor:
                cursor.execute("INSERT INTO note VALUES ('not yet')")

            with pytest.raises(ParentInUse) as refused:
                branches.create("pr", force=True)

            assert f"a test (pid {busy.info.backend_pid}, idle in transaction)" in str(refused.value)
            assert refused.value.remedy == "Wait until those that are not idle finish; --force ends idle ones only."
            idle.cursor().execute("SELECT 1")
            busy.commit()


class TestProduction:
    def test_is_copied_as_production_and_as_nothing_else(self, branches: LocalBranches) -> None:
        execute(main_of(branches), *marked("production"))

        with pytest.raises(UnmaskedProductionCopy) as refused:
            branches.create("pr", environment=Environment.PREVIEW)
        made = create_branch(branches, "rescue")

        assert str(refused.value) == (
            "development is marked production, and an unmasked copy of it cannot become a preview."
        )
        assert made.mark == "production"
        assert execute(branches.url("rescue"), "SELECT name FROM seedbed.environment") == [("production",)]

    def test_is_what_rows_without_a_mark_count_as(self, branches: LocalBranches) -> None:
        execute(main_of(branches), "DROP SCHEMA seedbed CASCADE")

        with pytest.raises(UnmarkedDatabase) as refused:
            branches.create("pr")

        assert str(refused.value) == (
            f"Refused to copy {MAIN}: it has no mark, and rows in note that are not from Seedbed, so it counts as "
            "production."
        )


class TestFinish:
    def test_marks_the_branch_with_its_own_environment(self, branches: LocalBranches) -> None:
        branches.create("pr", environment=Environment.PREVIEW)

        finished = branches.finish("pr")

        assert finished.mark == "preview"
        assert branches.get("pr") == finished
        assert execute(branches.url("pr"), "SELECT name FROM seedbed.environment") == [("preview",)]

    def test_changes_nothing_the_second_time(self, branches: LocalBranches) -> None:
        first = create_branch(branches, "pr")

        assert branches.finish("pr") == first


class TestReset:
    def test_makes_the_branch_anew_from_its_parent_as_that_is_now(self, branches: LocalBranches) -> None:
        create_branch(branches, "pr-1")
        execute(branches.url("pr-1"), "DELETE FROM note", "CREATE TABLE left_over (id int)")
        execute(main_of(branches), "INSERT INTO note VALUES ('later')")

        anew = branches.reset("pr-1", force=True)

        assert not anew.ready
        assert execute(branches.url("pr-1", allow_unready=True), "SELECT name FROM seedbed.environment") == [
            ("preparing",)
        ]
        branches.finish("pr-1")
        assert execute(branches.url("pr-1"), "SELECT body FROM note") == [("hello",), ("later",)]
        assert execute(branches.url("pr-1"), "SELECT to_regclass('left_over') IS NULL") == [(True,)]

    def test_ends_the_sessions_on_the_branch_and_leaves_nothing_beside_it(self, branches: LocalBranches) -> None:
        create_branch(branches, "pr-1")
        before = databases(branches)

        with connected(branches.url("pr-1")):
            branches.reset("pr-1", force=True)

        assert databases(branches) == before

    def test_keeps_what_was_there_when_the_parent_is_in_use(self, branches: LocalBranches) -> None:
        create_branch(branches, "pr-1")
        execute(branches.url("pr-1"), "INSERT INTO note VALUES ('kept')")

        with connected(main_of(branches)), pytest.raises(ParentInUse):
            branches.reset("pr-1")

        assert execute(branches.url("pr-1"), "SELECT body FROM note") == [("hello",), ("kept",)]

    def test_gives_it_as_long_as_it_had_at_first(self, branches: LocalBranches) -> None:
        branches.create("pr-1", expires_at=datetime.now(UTC) + timedelta(days=2))
        branches.finish("pr-1")

        anew = branches.reset("pr-1", force=True)

        assert anew.expires_at is not None
        assert timedelta(days=1, hours=23) < anew.expires_at - datetime.now(UTC) <= timedelta(days=2, seconds=1)


class TestExpire:
    def test_sets_and_takes_away_when_a_branch_ends(self, branches: LocalBranches) -> None:
        create_branch(branches, "pr-1")
        moment = (datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0)

        assert branches.set_expiry("pr-1", moment).expires_at == moment
        assert branches.get("pr-1").expires_at == moment
        assert branches.set_expiry("pr-1", None).expires_at is None

    def test_refuses_a_moment_that_is_past(self, branches: LocalBranches) -> None:
        create_branch(branches, "pr-1")

        with pytest.raises(InvalidExpiry):
            branches.set_expiry("pr-1", datetime.now(UTC) - timedelta(minutes=1))


class TestSeal:
    def test_keeps_everybody_out_so_that_it_can_be_copied_at_any_time(self, branches: LocalBranches) -> None:
        branches.create("base")
        sealed = branches.finish("base", sealed=True)

        assert sealed.sealed
        with pytest.raises(SealedBranch):
            branches.url("base")
        copy = create_branch(branches, "pr-1", parent="base")
        assert (copy.parent, copy.sealed) == ("base", False)
        assert execute(branches.url("pr-1"), "SELECT body FROM note") == [("hello",)]

    def test_is_taken_off_by_a_reset(self, branches: LocalBranches) -> None:
        branches.create("base")
        branches.finish("base", sealed=True)

        branches.reset("base", force=True)

        assert not branches.finish("base").sealed
        assert execute(branches.url("base"), "SELECT 1") == [(1,)]


class TestBlockSharing:
    def test_is_found_by_trying_and_leaves_nothing(self, tmp_path: Path) -> None:
        answers = {supports_reflink(tmp_path), supports_reflink(tmp_path)}

        assert len(answers) == 1
        assert list(tmp_path.iterdir()) == []

    def test_is_not_had_by_a_folder_that_is_not_there(self, tmp_path: Path) -> None:
        assert supports_reflink(tmp_path / "nowhere") is False


class TestUrl:
    def test_is_withheld_until_the_branch_is_ready(self, branches: LocalBranches) -> None:
        branches.create("pr")

        with pytest.raises(BranchNotReady):
            branches.url("pr")


class TestList:
    def test_has_this_projects_branches_by_name_with_all_that_was_said(self, branches: LocalBranches) -> None:
        until = datetime(2999, 12, 1, tzinfo=UTC)
        later = branches.create("z", expires_at=until)
        first = create_branch(branches, "a")
        administered(branches, "CREATE DATABASE seedbed_other", "COMMENT ON DATABASE seedbed_other IS 'mine'")

        assert branches.list() == (first, later)
        assert branches.list()[1].expires_at == until

    def test_has_none_of_another_project_on_the_same_server(self, branches: LocalBranches) -> None:
        theirs = replace(create_branch(branches, "pr"), owner="another")
        with branches.server.admin_cursor() as cursor:
            cursor.execute("COMMENT ON DATABASE seedbed_pr IS %s", (format_comment(theirs),))

        assert branches.list() == ()
        with pytest.raises(NotABranch):
            branches.delete("pr")


class TestDelete:
    def test_drops_the_branch_and_ends_the_sessions_on_it(self, branches: LocalBranches) -> None:
        create_branch(branches, "pr")
        with connected(branches.url("pr")):
            branches.delete("pr")

        assert databases(branches) == set()
        with pytest.raises(BranchNotFound):
            branches.get("pr")

    @pytest.mark.parametrize("environment", ["development", "testing", "production"])
    def test_never_drops_an_environments_own_database(self, branches: LocalBranches, environment: str) -> None:
        with pytest.raises(NotABranch) as refused:
            branches.delete(environment)

        assert str(refused.value) == (
            f"{environment} is not a branch of this project: it is an environment's own database."
        )
        assert execute(main_of(branches), "SELECT body FROM note") == [("hello",)]

    def test_never_drops_a_database_without_its_comment(self, branches: LocalBranches) -> None:
        create_branch(branches, "pr")
        administered(branches, "COMMENT ON DATABASE seedbed_pr IS NULL")

        with pytest.raises(NotABranch):
            branches.delete("pr")

        assert databases(branches) == {"seedbed_pr"}


class TestProviderOf:
    def test_refuses_a_server_from_a_url(self, configuration: Configuration) -> None:
        given = load_configuration(
            configuration.project, "development", environ={"DATABASE_URL": "postgresql://me:secret@db.example.com/shop"}
        )

        with pytest.raises(NoBranchProvider) as refused:
            get_branch_provider(given)

        assert str(refused.value) == (
            "development uses db.example.com/shop, from DATABASE_URL in the process's environment, "
            "where Seedbed cannot create branches."
        )
