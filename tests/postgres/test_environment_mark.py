"""The environment a database says it belongs to, and what that forbids whatever the shell says."""

import threading
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from seedbed.errors import EnvironmentMismatch, MissingPrivilege, ProtectedEnvironment, UnmarkedDatabase
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import TemporaryServer
from seedbed.postgres.environment_mark import (
    DestructiveAction,
    change_mark,
    claim_environment,
    read_database_mark,
    refuse_protected_database,
)
from seedbed.settings import Environment
from tests.support.projects import execute

Make = Callable[..., Database]
TOGETHER = 8
UNPROTECTED = [Environment.DEVELOPMENT, Environment.TESTING, Environment.PREVIEW]


def agreed(database: Database, action: str = "migrate") -> None:
    with connect(database) as connection:
        claim_environment(connection, database, action)
        connection.commit()


def refuse(database: Database, action: DestructiveAction = DestructiveAction.RESET) -> None:
    with connect(database) as connection:
        refuse_protected_database(connection, database, action)


def fill(database: Database, table: str = "customer") -> None:
    execute(database.direct, f"CREATE TABLE {table} AS SELECT 1 AS id")


class TestAgree:
    @pytest.mark.parametrize("environment", list(Environment))
    def test_marks_an_unmarked_database_without_rows(self, given: Make, environment: Environment) -> None:
        database = given(environment)
        execute(database.direct, "CREATE TABLE customer (id int)")

        agreed(database)

        assert read_database_mark(database) == environment
        assert execute(database.direct, "SELECT marked_by FROM seedbed.environment") == [(database.name,)]

    def test_refuses_an_unmarked_database_with_rows(self, given: Make) -> None:
        database = given()
        fill(database)
        execute(database.direct, "CREATE SCHEMA sales")
        fill(database, 'sales."Order"')

        with pytest.raises(UnmarkedDatabase) as refused:
            agreed(database)

        assert refused.value.message == (
            f"Refused to migrate {database.name}: it has no mark, and rows in customer, sales.Order that are not from "
            "Seedbed, so it counts as production."
        )
        assert refused.value.remedy == "If it is not production, mark it: seedbed db mark development"
        assert read_database_mark(database) is None

    def test_takes_an_unmarked_database_with_rows_for_production(self, given: Make) -> None:
        database = given(Environment.PRODUCTION)
        fill(database)

        agreed(database)

        assert read_database_mark(database) == "production"

    def test_refuses_a_database_of_another_environment(self, given: Make) -> None:
        database = given(Environment.TESTING)
        agreed(database)

        with pytest.raises(EnvironmentMismatch) as refused:
            agreed(replace(database, environment=Environment.DEVELOPMENT))

        assert refused.value.message == (
            f"Refused to migrate {database.name}: it is marked testing, and the chosen environment is development."
        )
        assert refused.value.remedy == (
            "If it is the right database, choose -e testing, or change its mark: seedbed db mark development"
        )
        assert read_database_mark(database) == "testing"

    def test_lets_one_of_two_environments_have_a_database_that_both_want(self, given: Make) -> None:
        database = given()
        other = replace(database, environment=Environment.TESTING)

        outcomes = at_once([lambda: agreed(database), lambda: agreed(other)])

        assert [type(outcome) for outcome in outcomes if outcome] == [EnvironmentMismatch]
        assert read_database_mark(database) in {"development", "testing"}

    def test_marks_once_for_commands_that_start_together(self, given: Make) -> None:
        database = given()

        outcomes = at_once([lambda: agreed(database)] * TOGETHER)

        assert outcomes == [None] * TOGETHER
        assert read_database_mark(database) == "development"

    def test_counts_neither_what_extensions_nor_what_alembic_keep(
        self, given: Make, given_server: TemporaryServer
    ) -> None:
        database = given()
        execute(database.direct, "CREATE TABLE alembic_version AS SELECT 'abc' AS version_num")
        execute(
            given_server.url(database.name),
            "CREATE TABLE brought (id int)",
            "INSERT INTO brought VALUES (1)",
            "GRANT SELECT ON brought TO PUBLIC",
            "ALTER EXTENSION plpgsql ADD TABLE brought",
        )

        agreed(database)

        assert read_database_mark(database) == "development"

    def test_counts_the_rows_of_partitions(self, given: Make) -> None:
        database = given()
        execute(
            database.direct,
            "CREATE TABLE visit (day date) PARTITION BY RANGE (day)",
            "CREATE TABLE visit_2026 PARTITION OF visit FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
            "INSERT INTO visit VALUES ('2026-11-24')",
        )

        with pytest.raises(UnmarkedDatabase, match="rows in visit that are not from Seedbed"):
            agreed(database)

    def test_does_not_take_rows_that_a_policy_hides_for_none(self, given: Make) -> None:
        database = given()
        fill(database)
        execute(
            database.direct,
            "ALTER TABLE customer ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
            "CREATE POLICY nothing ON customer USING (false)",
        )

        with pytest.raises(MissingPrivilege, match='row-level security policy for table "customer"'):
            agreed(database)

        assert read_database_mark(database) is None

    def test_does_not_take_rows_that_the_role_may_not_read_for_none(
        self, given: Make, given_server: TemporaryServer
    ) -> None:
        database = given()
        execute(given_server.url(database.name), "CREATE TABLE public.secret AS SELECT 1 AS id")

        with pytest.raises(MissingPrivilege, match="permission denied for table secret"):
            agreed(database)


class TestMark:
    @pytest.mark.parametrize("action", list(DestructiveAction))
    @pytest.mark.parametrize("chosen", list(Environment))
    def test_of_production_forbids_destroying_whatever_is_chosen(
        self, given: Make, action: DestructiveAction, chosen: Environment
    ) -> None:
        database = given(chosen)
        change_mark(database, Environment.PRODUCTION)

        with pytest.raises(ProtectedEnvironment) as refused:
            refuse(database, action)

        assert refused.value.message == (
            f"{database.name} is marked production, and a production database is never {action}."
        )
        assert refused.value.remedy == ("If the mark is wrong, change it first: seedbed db mark development")

    @pytest.mark.parametrize("action", list(DestructiveAction))
    def test_that_is_no_environment_forbids_destroying(self, given: Make, action: DestructiveAction) -> None:
        database = given()
        agreed(database)
        execute(database.direct, "UPDATE seedbed.environment SET name = 'archived'")

        with pytest.raises(ProtectedEnvironment, match="is marked archived"):
            refuse(database, action)

    @pytest.mark.parametrize("action", list(DestructiveAction))
    def test_of_another_environment_forbids_destroying(self, given: Make, action: DestructiveAction) -> None:
        database = given(Environment.TESTING)
        agreed(database)

        with pytest.raises(EnvironmentMismatch, match=f"Refused to {action.verb} "):
            refuse(replace(database, environment=Environment.PREVIEW), action)

    @pytest.mark.parametrize("action", list(DestructiveAction))
    def test_that_is_missing_forbids_destroying_rows(self, given: Make, action: DestructiveAction) -> None:
        database = given()
        fill(database)

        with pytest.raises(UnmarkedDatabase) as refused:
            refuse(database, action)

        assert refused.value.message == (
            f"Refused to {action.verb} {database.name}: it has no mark, and rows in customer that are "
            "not from Seedbed, so "
            "it counts as production."
        )

    @pytest.mark.parametrize("action", list(DestructiveAction))
    def test_that_is_missing_leaves_production_protected_by_choice(
        self, given: Make, action: DestructiveAction
    ) -> None:
        database = given(Environment.PRODUCTION)

        with pytest.raises(ProtectedEnvironment) as refused:
            refuse(database, action)

        assert refused.value.message == (
            f"{database.name} has no mark, the chosen environment is production, "
            f"and a production database is never {action}."
        )
        assert refused.value.remedy == "Choose another environment: -e development"

    @pytest.mark.parametrize("environment", UNPROTECTED)
    @pytest.mark.parametrize("action", list(DestructiveAction))
    def test_lets_its_own_environment_destroy(
        self, given: Make, environment: Environment, action: DestructiveAction
    ) -> None:
        database = given(environment)
        refuse(database, action)
        change_mark(database, environment)
        fill(database)

        refuse(database, action)

        assert read_database_mark(database) == environment

    def test_is_inherited_by_a_copy(self, given: Make, given_server: TemporaryServer) -> None:
        database = given(Environment.PRODUCTION)
        fill(database)
        agreed(database)
        copy = f"{database.name}_copy"
        execute(given_server.url(), f"CREATE DATABASE {copy} TEMPLATE {database.name} OWNER {database.name}")
        url = database.direct.with_database(copy)
        copied = Database(url, url, Environment.DEVELOPMENT, database.origin)

        found = read_database_mark(copied)
        with pytest.raises(ProtectedEnvironment):
            refuse(copied)

        execute(given_server.url(), f"DROP DATABASE {copy}")
        assert found == "production"

    def test_is_changed_by_the_one_way_out(self, given: Make) -> None:
        database = given()
        fill(database)

        change_mark(database, Environment.PRODUCTION)
        change_mark(database, Environment.DEVELOPMENT)

        assert read_database_mark(database) == "development"
        refuse(database)

    def test_is_not_written_by_a_look(self, given: Make) -> None:
        database = given()

        assert read_database_mark(database) is None
        assert execute(database.direct, "SELECT to_regnamespace('seedbed')") == [(None,)]

    def test_is_read_by_a_role_that_may_make_nothing(self, given: Make, given_server: TemporaryServer) -> None:
        database = given()
        agreed(database)
        execute(
            given_server.url(database.name),
            f"REVOKE CREATE ON DATABASE {database.name} FROM {database.name}",
            f"ALTER DATABASE {database.name} OWNER TO postgres",
        )

        agreed(database)

        execute(given_server.url(), f"ALTER DATABASE {database.name} OWNER TO {database.name}")
        assert read_database_mark(database) == "development"


def at_once(actions: list[Callable[[], None]]) -> list[Exception | None]:
    """Run actions in threads that start together, and return what each raised."""
    barrier = threading.Barrier(len(actions))
    outcomes: list[Exception | None] = [None] * len(actions)

    def run(i: int, action: Callable[[], None]) -> None:
        barrier.wait()
        try:
            action()
        except Exception as error:
            outcomes[i] = error

    threads: list[Any] = [threading.Thread(target=run, args=(i, action)) for i, action in enumerate(actions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return outcomes
