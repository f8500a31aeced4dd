"""The models made in an empty database."""

import secrets
from collections.abc import Iterator

import pytest
from sqlalchemy import Column, Integer, MetaData, Table

from seedbed.errors import SchemaNotBuildable
from seedbed.modelling import Schema, declare
from seedbed.modelling.building import build
from seedbed.postgres.connecting import connect
from seedbed.postgres.databases import Database
from seedbed.postgres.embedded import ThrowawayServer
from tests.projects import execute


@pytest.fixture
def role(seedbed_server: ThrowawayServer) -> Iterator[str]:
    name = f"reader_{secrets.token_hex(4)}"
    yield name
    execute(seedbed_server.url(), f"DROP ROLE IF EXISTS {name}")


def granting(role: str) -> Schema:
    metadata = MetaData()
    Table("task", metadata, Column("id", Integer, primary_key=True))
    declare(metadata, f"GRANT SELECT ON task TO {role}")
    return Schema(metadata, {})


class TestBuild:
    def test_makes_a_role_that_nothing_but_a_grant_names(
        self, role: str, database: Database, seedbed_server: ThrowawayServer
    ) -> None:
        def make(missing: str) -> None:
            execute(seedbed_server.url(), f"CREATE ROLE {missing}")

        with connect(database) as connection:
            build(connection, granting(role), make_role=make)

        assert execute(database.direct, f"SELECT has_table_privilege('{role}', 'task', 'SELECT')") == [(True,)]
        execute(database.direct, f"DROP OWNED BY {role}")

    def test_ends_where_a_role_that_was_made_is_still_missing(self, role: str, database: Database) -> None:
        with connect(database) as connection, pytest.raises(SchemaNotBuildable, match=f'role "{role}" does not exist'):
            build(connection, granting(role), make_role=lambda _: None)
