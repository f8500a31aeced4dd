"""The service conforms to its OpenAPI document, tested by Schemathesis on every route and every column type."""

import asyncio
import itertools
import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
import schemathesis
from fastapi import FastAPI
from hypothesis import HealthCheck, Phase, given, seed, settings
from schemathesis.checks import CHECKS
from schemathesis.core.result import Ok
from starlette.testclient import TestClient

from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import TemporaryServer
from seedbed.schema.creation import create_schema
from seedbed.seeding.loading.load import load_seeds
from seedbed.seeding.planning.seed_plan import plan
from seedbed.service import create_app
from seedbed.service.queries.resources import Resource, build_resources
from seedbed.settings import Environment
from tests.support.effort import repetitions
from tests.support.postgres.embedded_projects import ROOT
from tests.support.projects import Project, fresh_database, little_project
from tests.support.zoo import SEEDS, TABLES

EXAMPLES = repetitions("CONTRACT_EXAMPLES", usual=2, quick=1, thorough=20)
"""For each operation; the zoo has some three hundred."""

NOT_SAID = {"positive_data_acceptance"}
"""A cursor is any text to OpenAPI, and only those that were given are accepted."""


@pytest.fixture(scope="module")
def zoo(seedbed_server: TemporaryServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[FastAPI]:
    with (
        little_project(tmp_path_factory.mktemp("zoo"), TABLES, SEEDS.format(scale=1)) as project,
        fresh_database(seedbed_server) as database,
    ):
        app = served(project, database)
        yield app
        asyncio.run(app.state.query_runner.close())


@pytest.fixture(scope="module")
def reference(seedbed_server: TemporaryServer) -> Iterator[FastAPI]:
    with fresh_database(seedbed_server) as database:
        app = served(Project(ROOT, "schema"), database)
        yield app
        asyncio.run(app.state.query_runner.close())


def served(project: Project, database: Database) -> FastAPI:
    schema = project.load_schema()
    with connect(database) as connection:
        create_schema(connection, schema)
    load_seeds(
        plan(project.settled, schema, Environment.TESTING if project.root == ROOT else Environment.DEVELOPMENT),
        database,
        revision=None,
    )
    configuration = project.configuration(DATABASE_URL=database.url.reveal())
    app = create_app(configuration, schema, database.url)
    app.state.schema = schema
    return app


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
    def test_holds_for_the_reference_project(self, reference: FastAPI) -> None:
        assert tried(reference, 10 * EXAMPLES) >= 90

    def test_holds_for_every_column_type(self, zoo: FastAPI) -> None:
        assert tried(zoo, EXAMPLES) >= 200


class TestValues:
    """Every value of the zoo, as it was answered."""

    def test_of_a_response_can_be_used_as_filters(self, zoo: FastAPI) -> None:
        asked = 0
        with TestClient(zoo) as client:
            for resource in tables_of(zoo):
                rows = client.get(f"{resource.path}?limit=3").json()
                for row, shown in itertools.product(rows, resource.columns.values()):
                    value = row[shown.name]
                    if (
                        "eq" not in shown.type_mapping.comparisons
                        or value is None
                        or shown.type_mapping.json_format.needs_python
                    ):
                        continue
                    key = {column.name: row[column.name] for column in resource.key}
                    conditions = "&".join(f"{name}.eq={written(each)}" for name, each in key.items())
                    answer = client.get(f"{resource.path}?{shown.name}.eq={written(value)}&{conditions}")
                    assert answer.json() == [row], (resource.path, shown.name, value, answer.text)
                    asked += 1
        assert asked > 300

    def test_sorted_pages_return_each_row_once(self, zoo: FastAPI) -> None:
        sorts = 0
        with TestClient(zoo) as client:
            for resource in tables_of(zoo):
                for shown in resource.columns.values():
                    if not shown.type_mapping.is_sortable:
                        continue
                    keys = ",".join(column.name for column in resource.key)
                    all_of = client.get(f"{resource.path}?limit=200&sort={shown.name}&fields={keys}").json()
                    paged: list[Any] = []
                    following = f"{resource.path}?limit=9&sort={shown.name}&fields={keys}"
                    while following and len(paged) <= len(all_of):
                        answer = client.get(following)
                        paged += answer.json()
                        link = answer.headers.get("link", "")
                        following = link.partition(">")[0].removeprefix("<")
                    assert paged[: len(all_of)] == all_of, (resource.path, shown.name)
                    assert len(paged) == len(all_of) or len(all_of) == 200
                    sorts += 1
        assert sorts > 120


def tables_of(app: FastAPI) -> list[Resource]:
    return build_resources(app.state.schema)


def written(value: Any) -> str:
    """A value of an answer as a request gives it."""
    if isinstance(value, list):
        return quote(",".join('"' + str(each).replace('"', '""') + '"' for each in value), safe="")
    if isinstance(value, (dict, bool)):
        return quote(json.dumps(value), safe="")
    return quote(str(value), safe="")
