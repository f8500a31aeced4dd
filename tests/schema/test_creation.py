"""Create the schema of the models in an empty database."""

import secrets
from collections.abc import Iterator

import pytest
from sqlalchemy import Column, Integer, MetaData, Table

from seedbed.errors import NonSchemaStatement, SchemaBuildFailure
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import TemporaryServer
from seedbed.schema import Schema, declare
from seedbed.schema.creation import create_schema
from tests.support.projects import execute


@pytest.fixture
def role(seedbed_server: TemporaryServer) -> Iterator[str]:
    name = f"reader_{secrets.token_hex(4)}"
    yield name
    execute(seedbed_server.url(), f"DROP ROLE IF EXISTS {name}")


def granting(role: str) -> Schema:
    metadata = MetaData()
    Table("task", metadata, Column("id", Integer, primary_key=True))
    declare(metadata, f"GRANT SELECT ON task TO {role}")
    return Schema(metadata, {})


class TestCreateSchema:
    def test_creates_a_role_that_only_a_grant_names(
        self, role: str, database: Database, seedbed_server: TemporaryServer
    ) -> None:
        def make(missing: str) -> None:
            execute(seedbed_server.url(), f"CREATE ROLE {missing}")

        with connect(database) as connection:
            create_schema(connection, granting(role), create_role=make)

        assert execute(database.direct, f"SELECT has_table_privilege('{role}', 'task', 'SELECT')") == [(True,)]
        execute(database.direct, f"DROP OWNED BY {role}")

    @pytest.mark.parametrize(
        "statement",
        [
            "INSERT INTO task VALUES (1)",
            "SELECT pg_notify('a', 'b')",
            "DO $$ BEGIN PERFORM 1; END $$",
            "SET search_path = public",
            "ALTER ROLE CURRENT_USER SET statement_timeout = 0",
        ],
    )
    def test_refuses_a_statement_that_does_not_change_the_schema(self, database: Database, statement: str) -> None:
        metadata = MetaData()
        Table("task", metadata, Column("id", Integer, primary_key=True))
        declare(metadata, statement)

        with connect(database) as connection, pytest.raises(NonSchemaStatement) as error:
            create_schema(connection, Schema(metadata, {}))

        assert error.value.message.startswith(f"The declared statement '{statement}' changes nothing")

    @pytest.mark.parametrize(
        "statement",
        [
            "DO $$ BEGIN CREATE TYPE mood AS ENUM ('low'); END $$",
            "DO $$ BEGIN ALTER TABLE task CLUSTER ON task_pkey; END $$",
            "SELECT id INTO other FROM task",
        ],
    )
    def test_accepts_a_query_or_a_block_that_changes_the_schema(self, database: Database, statement: str) -> None:
        metadata = MetaData()
        Table("task", metadata, Column("id", Integer, primary_key=True))
        declare(metadata, statement)

        with connect(database) as connection:
            create_schema(connection, Schema(metadata, {}))

    def test_fails_if_a_created_role_is_still_missing(self, role: str, database: Database) -> None:
        with connect(database) as connection, pytest.raises(SchemaBuildFailure, match=f'role "{role}" does not exist'):
            create_schema(connection, granting(role), create_role=lambda _: None)
