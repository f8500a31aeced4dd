"""How often readiness queries the database, and its OpenAPI document."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest
from fastapi import FastAPI

from seedbed.errors import DatabaseUnavailable
from seedbed.service.http import health
from seedbed.service.http.health import ReadinessProbe, create_health_router
from seedbed.service.http.problems import Problem
from seedbed.service.pool.statement import Row, Statement

pytestmark = pytest.mark.unit


class Fake:
    """A query runner whose database is available or not, as the test sets it, and that counts its queries."""

    def __init__(self) -> None:
        self.is_away = False
        self.asked = 0
        self.takes = 0.0

    async def fetch(self, statement: Statement, parameters: Sequence[bytes | None] = ()) -> list[Row]:
        await asyncio.sleep(self.takes)
        if self.is_away:
            self.asked += 1
            raise DatabaseUnavailable
        if "pg_attribute a WHERE" in statement.text:
            self.asked += 1
            return [(b"[]",)]
        return [(b"",)]


@pytest.fixture
def reader(monkeypatch: pytest.MonkeyPatch) -> Fake:
    monkeypatch.setattr(health, "_CACHE_SECONDS", -1.0)
    return Fake()


async def is_ready(readiness: ReadinessProbe) -> bool:
    try:
        return bool(await readiness.check())
    except DatabaseUnavailable:
        return False


def ready(readiness: ReadinessProbe, times: int = 3) -> list[bool]:
    async def asked() -> list[bool]:
        return [await is_ready(readiness) for _ in range(times)]

    return asyncio.run(asked())


class TestReadinessProbe:
    def test_queries_the_database_when_its_result_is_stale(self, reader: Any) -> None:
        readiness = ReadinessProbe(reader.fetch, [], query_runner=reader, scales_to_zero=False)

        assert ready(readiness) == [True] * 3
        assert reader.asked == 3

    def test_lets_a_compute_that_scales_to_zero_sleep(self, reader: Any) -> None:
        readiness = ReadinessProbe(reader.fetch, [], query_runner=reader, scales_to_zero=True)

        assert ready(readiness) == [True] * 3
        assert reader.asked == 1

    def test_queries_again_after_a_request_found_the_database_unavailable(self, reader: Any) -> None:
        readiness = ReadinessProbe(reader.fetch, [], query_runner=reader, scales_to_zero=True)
        ready(readiness)

        reader.is_away = True

        assert ready(readiness) == [False] * 3
        reader.is_away = False
        assert ready(readiness) == [True] * 3
        assert reader.asked == 5

    def test_answers_quickly_and_finishes_a_slow_check_later(
        self, reader: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(health, "_RESPONSE_SECONDS", 0.01)
        reader.takes = 0.2
        readiness = ReadinessProbe(reader.fetch, [], query_runner=reader, scales_to_zero=True)

        async def asked() -> list[bool]:
            found = [await is_ready(readiness)]
            while not found[-1]:
                found.append(await is_ready(readiness))
            return found

        found = asyncio.run(asked())
        assert len(found) > 2
        assert reader.asked == 1


class TestOpenApi:
    """Clients are generated from these names."""

    def test_has_stable_schema_and_operation_names(self, reader: Any) -> None:
        app = FastAPI()
        app.include_router(create_health_router(ReadinessProbe(reader.fetch, [])))

        found = app.openapi()

        assert {name: schema["title"] for name, schema in found["components"]["schemas"].items()} == {
            "Health": "Health",
            "Ready": "Ready",
        }
        assert [said["get"]["operationId"] for said in found["paths"].values()] == [
            "live_health_live_get",
            "ready_health_ready_get",
        ]

    def test_has_a_stable_problem_schema(self) -> None:
        found = Problem.model_json_schema()

        assert (found["title"], list(found["properties"])) == ("Problem", ["title", "status", "detail", "code"])
