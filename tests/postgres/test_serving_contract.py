"""The service does what its OpenAPI document says, tried by Schemathesis over every route and every kind of column."""

import asyncio
import os
from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import CHECKS
from schemathesis.core.result import Ok

from seedbed.modelling.building import build
from seedbed.postgres.connecting import connect
from seedbed.postgres.databases import Database
from seedbed.postgres.embedded import ThrowawayServer
from seedbed.seeding.plan import plan
from seedbed.seeding.running import run
from seedbed.serving import create_app
from seedbed.settings import Environment
from tests.postgres.embedded_projects import ROOT
from tests.projects import Project, fresh_database, little_project
from tests.zoo import SEEDS, TABLES

EXAMPLES = int(os.environ.get("SEEDBED_TEST_CONTRACT_EXAMPLES", "2"))
"""For each operation; the zoo has some three hundred."""

NOT_SAID = {"positive_data_acceptance"}
"""A cursor is any text to OpenAPI, and only those that were given are accepted."""


@pytest.fixture(scope="module")
def zoo(seedbed_server: ThrowawayServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    with (
        little_project(tmp_path_factory.mktemp("zoo"), TABLES, SEEDS.format(scale=1)) as project,
        fresh_database(seedbed_server) as database,
    ):
        app = served(project, database)
        yield app
        asyncio.run(app.state.reader.close())


@pytest.fixture(scope="module")
def reference(seedbed_server: ThrowawayServer) -> Iterator[FastAPI]:
    with fresh_database(seedbed_server) as database:
        app = served(Project(ROOT, "schema"), database)
        yield app
        asyncio.run(app.state.reader.close())


def served(project: Project, database: Database) -> FastAPI:
    schema = project.load_schema()
    with connect(database) as connection:
        build(connection, schema)
    run(
        plan(project.settled, schema, Environment.TESTING if project.root == ROOT else Environment.DEVELOPMENT),
        database,
        revision=None,
    )
    configuration = project.configuration(DATABASE_URL=database.url.reveal())
    return create_app(configuration, schema, database.url)


def tried(app: FastAPI, examples: int) -> int:
    """How many cases were sent; the first failure is raised."""
    sent = 0
    document = schemathesis.openapi.from_asgi("/openapi.json", app)
    checks: Any = [check for check in CHECKS.get_all() if check.__name__ not in NOT_SAID]
    for result in document.get_all_operations():
        assert isinstance(result, Ok), result.err()
        operation = result.ok()

        @seed(1)
        @settings(
            max_examples=examples, deadline=None, database=None, suppress_health_check=list(HealthCheck),
            phases=[Phase.generate],
        )  # fmt: skip
        @given(case=operation.as_strategy())
        def ask(case: Any) -> None:
            nonlocal sent
            sent += 1
            case.call_and_validate(checks=checks)

        ask()
    return sent


class TestContract:
    def test_of_the_reference_project_is_kept(self, reference: FastAPI) -> None:
        assert tried(reference, 10 * EXAMPLES) >= 90

    def test_of_every_kind_of_column_is_kept(self, zoo: FastAPI) -> None:
        assert tried(zoo, EXAMPLES) >= 200
