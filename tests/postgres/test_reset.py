"""A database emptied, on the embedded server and on a given one."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import psycopg2
import pytest

from seedbed.errors import MigrationLockTimeout, MissingPrivilege, ProtectedEnvironment, UnmarkedDatabase
from seedbed.postgres import reset as postgres_reset
from seedbed.postgres.connection import connect
from seedbed.postgres.database import EMBEDDED_ORIGIN, Database
from seedbed.postgres.embedded import EmbeddedServer, TemporaryServer
from seedbed.postgres.environment_mark import change_mark, read_database_mark
from seedbed.postgres.locks import migration_lock
from seedbed.postgres.reset import reset_database
from seedbed.settings import Environment
from tests.support.projects import execute

Make = Callable[..., Database]

SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema' ORDER BY 1"
PUBLIC = "SELECT nspowner::regrole::text, nspacl::text FROM pg_namespace WHERE nspname = 'public'"


def marked(database: Database, environment: Environment = Environment.DEVELOPMENT) -> Database:
    change_mark(database, environment)
    return replace(database, environment=environment)


class TestResetOfTheEmbeddedServer:
    def test_empties_and_marks_and_ends_the_sessions(self, server: EmbeddedServer) -> None:
        server.ensure_running()
        url = server.ensure_database("shop")
        database = marked(Database(url, url, Environment.TESTING, EMBEDDED_ORIGIN, server), Environment.TESTING)
        arguments: dict[str, Any] = {**url.connect_arguments()}
        session = psycopg2.connect(**arguments)
        session.cursor().execute("CREATE TABLE customer AS SELECT 1 AS id")
        session.commit()

        reset_database(database)

        with pytest.raises(psycopg2.OperationalError):
            session.cursor().execute("SELECT 1")
        session.close()
        assert execute(url, "SELECT to_regclass('customer')") == [(None,)]
        assert read_database_mark(database) == "testing"
        rights = "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = current_database()"
        assert execute(url, rights) == [("shop_owner",)]

    def test_refuses_production(self, server: EmbeddedServer) -> None:
        server.ensure_running()
        url = server.ensure_database("shop")
        execute(url, "CREATE TABLE customer AS SELECT 1 AS id")
        database = Database(url, url, Environment.DEVELOPMENT, EMBEDDED_ORIGIN, server)
        marked(database, Environment.PRODUCTION)

        with pytest.raises(ProtectedEnvironment):
            reset_database(database)

        assert execute(url, "SELECT id FROM customer") == [(1,)]


class TestResetOfAGivenServer:
    def test_drops_every_schema_of_the_owner_and_marks_again(self, given: Make) -> None:
        database = marked(given(), Environment.PREVIEW)
        execute(
            database.direct,
            "CREATE TABLE customer AS SELECT 1 AS id",
            "CREATE TYPE colour AS ENUM ('red')",
            "CREATE FUNCTION one() RETURNS int LANGUAGE sql RETURN 1",
            'CREATE SCHEMA "Sales; --"',
            'CREATE VIEW "Sales; --".customers AS SELECT * FROM customer',
            "CREATE TABLE seedbed.seeds (id int)",
        )

        reset_database(database)

        assert execute(database.direct, SCHEMAS) == [("public",), ("seedbed",)]
        assert execute(database.direct, "SELECT to_regclass('customer'), to_regtype('colour')") == [(None, None)]
        assert execute(database.direct, "SELECT to_regproc('one'), to_regclass('seedbed.seeds')") == [(None, None)]
        assert read_database_mark(database) == "preview"

    def test_leaves_public_as_open_as_it_was(self, given: Make, given_server: TemporaryServer) -> None:
        database = marked(given())
        reader, other = f"{database.name}_reader", f'{database.name}_"Other"'
        quoted = '"' + other.replace('"', '""') + '"'
        execute(given_server.url(), f"CREATE ROLE {reader}", f"CREATE ROLE {quoted}")
        execute(
            database.direct,
            f"GRANT USAGE ON SCHEMA public TO {reader} WITH GRANT OPTION",
            f"GRANT CREATE ON SCHEMA public TO {quoted}",
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO {reader}",
            f"ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT USAGE ON SEQUENCES TO {quoted} WITH GRANT OPTION",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT EXECUTE ON FUNCTIONS TO PUBLIC",
        )
        defaults = "SELECT defaclobjtype, defaclacl::text FROM pg_default_acl ORDER BY 1"
        before = execute(database.direct, PUBLIC), execute(database.direct, defaults)

        reset_database(database)

        after = execute(database.direct, PUBLIC), execute(database.direct, defaults)
        execute(given_server.url(database.name), f"DROP OWNED BY {reader}, {quoted}", f"DROP ROLE {reader}, {quoted}")
        assert before[0][0][0] == "pg_database_owner"
        assert len(before[1]) >= 2
        assert after == before

    def test_is_all_or_nothing(self, given: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        database = marked(given())
        execute(database.direct, "CREATE SCHEMA sales", "CREATE TABLE sales.customer AS SELECT 1 AS id")

        def fail(*_: object) -> None:
            raise ZeroDivisionError

        monkeypatch.setattr(postgres_reset, "write_mark", fail)

        with pytest.raises(ZeroDivisionError):
            reset_database(database)

        assert execute(database.direct, "SELECT id FROM sales.customer") == [(1,)]
        assert read_database_mark(database) == "development"

    def test_leaves_what_others_own(self, given: Make, given_server: TemporaryServer) -> None:
        database = marked(given())
        execute(given_server.url(database.name), "CREATE SCHEMA audit", "CREATE TABLE audit.entry AS SELECT 1 AS id")

        reset_database(database)

        assert execute(given_server.url(database.name), "SELECT id FROM audit.entry") == [(1,)]

    def test_refuses_to_leave_the_owners_tables_in_a_schema_of_another(
        self, given: Make, given_server: TemporaryServer
    ) -> None:
        database = marked(given())
        execute(
            given_server.url(database.name),
            "ALTER SCHEMA public OWNER TO postgres",
            f"GRANT CREATE ON SCHEMA public TO {database.name}",
        )
        execute(database.direct, "CREATE TABLE customer AS SELECT 1 AS id")

        with pytest.raises(MissingPrivilege) as refused:
            reset_database(database)

        assert refused.value.message == (
            f"The role of {database.direct.address} lacks a privilege: "
            "public belongs to postgres, so the tables in it would stay"
        )
        assert execute(database.direct, "SELECT id FROM customer") == [(1,)]

    @pytest.mark.parametrize("chosen", list(Environment))
    def test_refuses_production_whatever_is_chosen(self, given: Make, chosen: Environment) -> None:
        database = given(chosen)
        execute(database.direct, "CREATE TABLE customer AS SELECT 1 AS id")
        change_mark(database, Environment.PRODUCTION)

        with pytest.raises(ProtectedEnvironment):
            reset_database(database)

        assert execute(database.direct, "SELECT id FROM customer") == [(1,)]

    def test_refuses_rows_without_a_mark(self, given: Make) -> None:
        database = given()
        execute(database.direct, "CREATE TABLE customer AS SELECT 1 AS id")

        with pytest.raises(UnmarkedDatabase):
            reset_database(database)

        assert execute(database.direct, "SELECT id FROM customer") == [(1,)]

    def test_waits_for_whoever_migrates(self, given: Make, monkeypatch: pytest.MonkeyPatch) -> None:
        database = marked(given())
        monkeypatch.setattr(postgres_reset, "_LOCK_WAIT", postgres_reset._LOCK_WAIT / 1000)

        with connect(database) as other, migration_lock(other, database.name), pytest.raises(MigrationLockTimeout):
            reset_database(database)

        reset_database(database)
