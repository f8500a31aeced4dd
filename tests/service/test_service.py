"""The read service on real tables: keys of every type, client errors, and hidden columns."""

import asyncio
import enum
import gc
import json
import logging
import re
import time
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, suppress
from datetime import date
from pathlib import Path
from typing import Any
from unittest.mock import patch
from urllib.parse import quote

import httpx2
import psycopg
import pytest
from fastapi import APIRouter, FastAPI, HTTPException
from psycopg import pq
from sqlalchemy import JSON, BigInteger, Column, MetaData, SmallInteger, Text, create_engine, text
from sqlmodel import Field, SQLModel, select
from starlette.testclient import TestClient

from seedbed.errors import DatabaseUnavailable, QueryTimeout
from seedbed.postgres.embedded import TemporaryServer
from seedbed.schema import Schema
from seedbed.service import Session, Statement, create_app
from seedbed.settings import DatabaseUrl, Project, load_configuration
from tests.postgres.test_poolers import pooler  # noqa: F401 - a fixture
from tests.support.postgres.services import until
from tests.support.projects import fresh_database

METADATA = MetaData()
HIDDEN = "Zq7w-never-to-be-read"


class Mood(enum.Enum):
    GLAD = "glad"
    SAD = "sad"


class Author(SQLModel, table=True):
    metadata = METADATA
    id: uuid.UUID = Field(default_factory=uuid.uuid4, primary_key=True)
    name: str = Field(description="As it is printed.")
    born: date | None = None
    hashed_password: str = HIDDEN
    apiKey: str = HIDDEN  # noqa: N815 - as some people write
    mood: Mood = Mood.GLAD


class Book(SQLModel, table=True):
    metadata = METADATA
    title: str = Field(primary_key=True, sa_type=Text)
    pages: int = Field(sa_type=SmallInteger)
    cover: bytes = b"\xff\x00"
    facts: dict[str, Any] = Field(default_factory=dict, sa_type=JSON)
    kind: str = Field(sa_column=Column("schema", Text, nullable=False))


class Shelf(SQLModel, table=True):
    metadata = METADATA
    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger)
    place: int


class Doc(SQLModel, table=True):
    metadata = METADATA
    id: int | None = Field(default=None, primary_key=True, sa_type=SmallInteger)


class Shelved(SQLModel, table=True):
    metadata = METADATA
    title: str = Field(primary_key=True)
    shelf: int = Field(primary_key=True)


class AccessToken(SQLModel, table=True):
    __tablename__ = "access_token"
    metadata = METADATA
    id: int | None = Field(default=None, primary_key=True)
    value: str


class Login(SQLModel, table=True):
    metadata = METADATA
    token: str = Field(primary_key=True)


MODELS: list[Any] = [Author, Book, Shelf, Doc, Shelved, AccessToken, Login]
SCHEMA = Schema(METADATA, {model.__table__.key: model for model in MODELS})
TITLES = sorted(
    ["Emma", "Über", "a/b", "c d", "100%", "q?x=1&y=2", "#1", "'", '"', "\\", "..", "Ω", "tab\t", "Z" * 500]
)
SHELVES = 53


@pytest.fixture(scope="module")
def url(seedbed_server: TemporaryServer) -> Iterator[DatabaseUrl]:
    with fresh_database(seedbed_server) as database:
        _fill(database.url)
        yield database.url


def _fill(url: DatabaseUrl) -> None:
    engine = create_engine(url.reveal().replace("postgresql:", "postgresql+psycopg:"))
    METADATA.create_all(engine)
    with engine.begin() as connection:
        connection.execute(Author.__table__.insert(), [{"id": uuid.UUID(int=i), "name": f"A{i}"} for i in range(60)])  # type: ignore[attr-defined]
        connection.execute(
            Book.__table__.insert(),  # type: ignore[attr-defined]
            [
                {"title": title, "pages": 3, "schema": "novel", "facts": {"a": [1]}, "cover": b"\xff"}
                for title in TITLES
            ],
        )
        connection.execute(Shelf.__table__.insert(), [{"place": i} for i in range(SHELVES)])  # type: ignore[attr-defined]
        connection.execute(text("INSERT INTO doc VALUES (-32768), (32767)"))
    engine.dispose()


def made(url: DatabaseUrl, tmp_path: Path, **variables: str) -> FastAPI:
    configuration = load_configuration(
        Project(root=tmp_path, name="library"), environ={"DATABASE_URL": url.reveal(), **variables}
    )
    return create_app(configuration, SCHEMA, url)


@pytest.fixture
def app(url: DatabaseUrl, tmp_path: Path) -> FastAPI:
    return made(url, tmp_path)


@pytest.fixture
def client(app: FastAPI) -> Iterator[TestClient]:
    with TestClient(app) as client:
        yield client


@asynccontextmanager
async def asking(app: FastAPI) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(app)
    async with (
        app.router.lifespan_context(app),
        httpx2.AsyncClient(transport=transport, base_url="http://service") as client,
    ):
        yield client


def pages(client: TestClient, path: str) -> Iterator[list[dict[str, Any]]]:
    """A collection's pages, as its Link headers lead from one to the next."""
    following: str | None = path
    while following is not None:
        answer = client.get(following)
        assert answer.status_code == 200
        yield answer.json()
        link = re.fullmatch(r'<(.*)>; rel="next"', answer.headers.get("link", ""))
        following = link[1] if link else None


def backends(url: DatabaseUrl, state: str = "") -> int:
    with psycopg.connect(url.reveal()) as connection:
        row = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'seedbed serve'"
            " AND datname = current_database() AND starts_with(state, %s) AND query NOT LIKE '%%backend_pid%%'",
            (state,),
        ).fetchone()
        return int(row[0]) if row else -1


class TestTables:
    def test_are_served_unless_they_hold_secrets(self, app: FastAPI) -> None:
        assert sorted(app.openapi()["paths"]) == [
            "/authors", "/authors/{id}", "/books", "/books/{title}", "/doc", "/doc/{id}", "/health/live",
            "/health/ready", "/shelfs", "/shelfs/{id}", "/shelveds", "/shelveds/{title}/{shelf}",
        ]  # fmt: skip

    def test_responses_omit_columns_that_look_secret(self, client: TestClient) -> None:
        answer = client.get(f"/authors/{uuid.UUID(int=1)}")

        assert answer.json() == {"id": str(uuid.UUID(int=1)), "name": "A1", "born": None, "mood": "glad"}
        everything = answer.text + client.get("/authors").text + client.get("/openapi.json").text
        for word in (HIDDEN, "hashed_password", "apiKey", "token"):
            assert word not in everything

    def test_responses_keep_column_types_and_names(self, client: TestClient) -> None:
        assert client.get("/books/Emma").json() == {
            "title": "Emma", "pages": 3, "cover": "_w==", "facts": {"a": [1]}, "schema": "novel",
        }  # fmt: skip

    def test_descriptions_come_from_the_models(self, client: TestClient) -> None:
        properties = client.get("/openapi.json").json()["components"]["schemas"]["Author"]["properties"]

        assert list(properties) == ["id", "name", "born", "mood"]
        assert properties["name"]["description"] == "As it is printed."

    @pytest.mark.parametrize("limit", [1, 7, 52, 53, 54, 200])
    def test_pages_by_integer_key_return_each_row_once(self, client: TestClient, limit: int) -> None:
        found = list(pages(client, f"/shelfs?limit={limit}"))

        assert [row["place"] for page in found for row in page] == list(range(SHELVES))
        assert [len(page) for page in found[:-1]] == [limit] * (len(found) - 1)
        assert found[-1]

    @pytest.mark.parametrize("limit", [1, 7, 60])
    def test_pages_by_uuid_key_return_each_row_once(self, client: TestClient, limit: int) -> None:
        found = [row["name"] for page in pages(client, f"/authors?limit={limit}") for row in page]

        assert found == [f"A{i}" for i in range(60)]

    @pytest.mark.parametrize("limit", [1, 3, 50])
    def test_pages_by_text_key_return_each_row_once(self, client: TestClient, limit: int) -> None:
        found = [row["title"] for page in pages(client, f"/books?limit={limit}") for row in page]

        assert found == TITLES

    @pytest.mark.parametrize("title", [title for title in TITLES if title != ".."])
    def test_any_text_can_be_a_key(self, client: TestClient, title: str) -> None:
        assert client.get(f"/books/{quote(title, safe='')}").json()["title"] == title

    @pytest.mark.parametrize("key", [-32768, 32767])
    def test_the_smallest_and_largest_integer_can_be_a_key(self, client: TestClient, key: int) -> None:
        assert client.get(f"/doc/{key}").json() == {"id": key}


NOWHERE = {
    "detail": "There is nothing at this path. /docs lists all paths; none ends in a slash.",
    "code": "SB620",
}


class TestClientErrors:
    @pytest.mark.parametrize(
        ("path", "detail"),
        [
            ("/shelfs/9223372036854775808", f"id cannot be used: Input should be from {-(2**63)} to {2**63 - 1}."),
            (f"/shelfs/{'9' * 300}", f"id cannot be used: Input should be from {-(2**63)} to {2**63 - 1}."),
            ("/doc/32768", "id cannot be used: Input should be from -32768 to 32767."),
            ("/shelfs/x", "id cannot be used: Input should be a valid integer."),
            ("/shelfs?limit=0", "limit cannot be used: Input should be from 1 to 200."),
            ("/shelfs?limit=201", "limit cannot be used: Input should be from 1 to 200."),
            ("/shelfs?limit=x", "limit cannot be used: Input should be from 1 to 200."),
            ("/shelfs?limit=1&limit=2", "limit cannot be used: it is given twice."),
            ("/shelfs?place=x", "place.eq cannot be used: Input should be a valid integer."),
            ("/authors?id=1", "id.eq cannot be used: Input should be a valid UUID, invalid length: found 1."),
            ("/books/a%00b", "title cannot be used: PostgreSQL has no NUL."),
            ("/books/%ff", "title cannot be used: it is not Unicode."),
            ("/books?title=%ff", "The query cannot be used: it is not UTF-8."),
            (
                "/shelfs?place.like=3",
                "The query cannot be used: the operators of place are eq, ne, lt, lte, gt, gte, in, null.",
            ),
            ("/shelfs/1?limit=3", "The query cannot be used: the parameter here is fields."),
            ("/shelfs?count=all", "count cannot be used: Input should be estimate or exact."),
        ],
    )
    def test_invalid_values_are_422(self, client: TestClient, path: str, detail: str) -> None:
        answer = client.get(path)

        assert answer.status_code == 422
        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json() == {
            "title": "Unprocessable Entity",
            "status": 422,
            "detail": f"{detail} /docs lists every parameter.",
            "code": "SB607",
        }

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            (
                "/shelfs/0",
                {"detail": "There is no shelf with that key. The list shows which exist.", "code": "SB602"},
            ),
            ("/nope", NOWHERE),
            ("/shelfs/", NOWHERE),
            ("/access_tokens", NOWHERE),
            ("/shelveds/x", NOWHERE),
        ],
    )
    def test_unknown_paths_and_keys_are_404(self, client: TestClient, path: str, body: dict[str, str]) -> None:
        answer = client.get(path)

        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json() == {"title": "Not Found", "status": 404, **body}

    @pytest.mark.parametrize(("path", "allowed"), [("/shelfs", "GET, HEAD"), ("/health/live", "GET")])
    def test_wrong_methods_are_405(self, client: TestClient, path: str, allowed: str) -> None:
        answer = client.post(path)

        assert (answer.status_code, answer.headers["allow"]) == (405, allowed)
        assert answer.json() == {
            "title": "Method Not Allowed",
            "status": 405,
            "detail": "This path does not support that method. The Allow header lists those it supports.",
            "code": "SB621",
        }

    def test_a_missing_table_is_logged_without_a_traceback(
        self, app: FastAPI, url: DatabaseUrl, caplog: pytest.LogCaptureFixture
    ) -> None:
        with psycopg.connect(url.reveal(), autocommit=True) as connection, TestClient(app) as client:
            connection.execute("ALTER TABLE shelf RENAME TO shelf_away")
            try:
                answer = client.get("/shelfs")
            finally:
                connection.execute("ALTER TABLE shelf_away RENAME TO shelf")

        assert answer.headers["content-type"] == "application/problem+json"
        assert answer.json() == {
            "title": "Service Unavailable",
            "status": 503,
            "detail": "The database lacks tables or columns of the models. "
            "Apply the pending revisions: seedbed migrate apply",
            "code": "SB605",
        }
        assert not any(record.exc_info for record in caplog.records)
        (logged,) = [vars(record) for record in caplog.records if record.levelname == "ERROR"]
        assert logged["facts"] == {"reason": 'relation "shelf" does not exist'}

    def test_an_unhandled_exception_is_logged_and_not_disclosed(
        self, app: FastAPI, caplog: pytest.LogCaptureFixture
    ) -> None:
        @app.get("/broken")
        async def broken() -> None:
            raise RuntimeError(HIDDEN)

        with TestClient(app) as client:
            answer = client.get("/broken", headers={"X-Request-ID": "mine"})

        assert answer.headers["x-request-id"] == "mine"
        assert answer.json() == {
            "title": "Internal Server Error", "status": 500, "detail": "Something went wrong here; the log has it.",
        }  # fmt: skip
        (unforeseen,) = [record for record in caplog.records if record.exc_info]
        assert vars(unforeseen)["facts"] == {"request_id": "mine"}
        assert "RuntimeError" in caplog.text


class TestOpenApi:
    def test_documents_every_status_that_is_answered(self, client: TestClient) -> None:
        document = client.get("/openapi.json").json()

        answered = {
            path: {status: sorted(answer.get("content", {})) for status, answer in found["get"]["responses"].items()}
            for path, found in document["paths"].items()
        }
        plain, problem = ["application/json"], ["application/problem+json"]
        assert answered["/shelfs"] == {
            "200": plain, "304": [], "401": problem, "414": problem, "422": problem, "503": problem
        }  # fmt: skip
        assert answered["/shelfs/{id}"] == answered["/shelfs"] | {"404": problem}
        assert answered["/health/live"] == {"200": plain}
        assert answered["/health/ready"] == {"200": plain, "503": problem}
        assert "Link" in document["paths"]["/shelfs"]["get"]["responses"]["200"]["headers"]
        assert "HTTPValidationError" not in json.dumps(document)

    def test_has_a_schema_of_the_row_and_one_of_selected_fields(self, client: TestClient) -> None:
        document = client.get("/openapi.json").json()

        schemas = document["components"]["schemas"]
        said = document["paths"]["/shelfs/{id}"]["get"]["responses"]["200"]["content"]["application/json"]["schema"]
        assert said == {"anyOf": [{"$ref": f"#/components/schemas/{name}"} for name in ("Shelf", "Shelf.part")]}
        assert schemas["Shelf"]["required"] == list(client.get("/shelfs?limit=1").json()[0])
        assert "required" not in schemas["Shelf.part"]
        assert schemas["Shelf.part"]["properties"] == schemas["Shelf"]["properties"]

    def test_names_each_operation_once(self, tmp_path: Path) -> None:
        apart = MetaData()

        class User(SQLModel, table=True):
            metadata = apart
            id: int = Field(primary_key=True)

        class Task(SQLModel, table=True):
            metadata = apart
            id: int = Field(primary_key=True)
            user_id: int = Field(foreign_key="user.id")

        class UsersTasks(SQLModel, table=True):
            __tablename__ = "users_tasks"
            metadata = apart
            id: int = Field(primary_key=True)

        models: list[Any] = [User, Task, UsersTasks]
        configuration = load_configuration(Project(root=tmp_path, name="named"), environ={})
        schema = Schema(apart, {model.__table__.key: model for model in models})
        document = create_app(configuration, schema, DatabaseUrl("u", "p", "127.0.0.1", "1", "x")).openapi()

        ids = [operation["operationId"] for path in document["paths"].values() for operation in path.values()]
        assert len(ids) == len(set(ids))
        assert "list_tasks_of_users" in ids


class TestCustomRoutes:
    @pytest.fixture
    def client(self, url: DatabaseUrl, tmp_path: Path) -> Iterator[TestClient]:
        router = APIRouter()

        @router.post("/shelfs")
        async def add() -> int:
            return 1

        @router.get("/docs-of-mine")
        async def mine() -> None:
            raise HTTPException(404, "Not here.")

        with (
            patch("seedbed.service.http.app.load_custom_router", return_value=router),
            TestClient(made(url, tmp_path, SEEDBED_CORS_ORIGINS="https://app.example.com")) as client,
        ):
            yield client

    def test_at_a_tables_path_keep_the_table_documented(self, client: TestClient) -> None:
        assert list(client.get("/openapi.json").json()["paths"]["/shelfs"]) == ["get", "post"]
        assert client.get("/shelfs").status_code == 200
        assert client.put("/shelfs").headers["allow"] == "GET, HEAD, POST"

    def test_are_allowed_by_cors(self, client: TestClient) -> None:
        asked = {"Origin": "https://app.example.com", "Access-Control-Request-Method": "POST"}

        assert client.options("/shelfs", headers=asked).status_code == 200
        assert client.options("/shelfs", headers=asked | {"Access-Control-Request-Method": "PUT"}).status_code == 400

    def test_keep_the_detail_of_their_own_404(self, client: TestClient) -> None:
        assert client.get("/docs-of-mine").json() == {"title": "Not Found", "status": 404, "detail": "Not here."}


class TestAccessLog:
    def test_has_one_line_per_request_without_the_query(
        self, client: TestClient, caplog: pytest.LogCaptureFixture
    ) -> None:
        caplog.set_level(logging.INFO, "seedbed.service")

        for path in ("/shelfs?limit=1&place=33", "/books/a%0Ab", "/nope", "/shelfs/x", "/health/live"):
            client.get(path, headers={"X-Request-ID": "id-1", "Authorization": "private"})

        lines = [vars(record)["facts"] for record in caplog.records if record.name == "seedbed.service"]
        assert all(line.pop("duration_ms") > 0 for line in lines)
        assert lines == [
            {"method": "GET", "path": path, "status": status, "request_id": "id-1"}
            for path, status in (
                ("/shelfs", 200), ("/books/a%0Ab", 404), ("/nope", 404), ("/shelfs/x", 422), ("/health/live", 200)
            )
        ]  # fmt: skip

    @pytest.mark.parametrize("given", ["", "a b", "x" * 65, 'a"b', "a;b"])
    def test_creates_a_request_id_if_the_clients_is_invalid(self, client: TestClient, given: str) -> None:
        ids = {client.get("/health/live", headers={"X-Request-ID": given}).headers["x-request-id"] for _ in range(2)}

        assert len(ids) == 2
        assert all(re.fullmatch("[0-9a-f]{32}", made) for made in ids)


class TestPool:
    def test_closes_with_the_service(self, app: FastAPI, url: DatabaseUrl) -> None:
        async def served() -> int:
            async with asking(app) as client:
                await asyncio.gather(*(client.get("/shelfs") for _ in range(20)))
                return backends(url)

        assert asyncio.run(served()) == 5
        assert backends(url) == 0

    def test_closes_while_a_statement_is_running(self, url: DatabaseUrl, tmp_path: Path) -> None:
        app = made(url, tmp_path, SEEDBED_DEADLINE="60")

        async def served() -> float:
            async with app.router.lifespan_context(app):
                slow = asyncio.create_task(app.state.query_runner.fetch(Statement("SELECT pg_sleep(60)")))
                while backends(url, "active") == 0:
                    await asyncio.sleep(0.01)
            closed = time.monotonic()
            with suppress(asyncio.CancelledError):
                await slow
            until(lambda: backends(url) == 0, "the backends have gone")
            return time.monotonic() - closed

        assert asyncio.run(served()) < 30  # and not the deadline, at which it would have been given up anyway

    def test_treats_an_error_of_libpq_as_a_lost_connection(self, app: FastAPI) -> None:
        class Ended:
            """libpq, which says in the place of the first result that it could not send."""

            def __init__(self, libpq: pq.abc.PGconn) -> None:
                self._libpq, self._said = libpq, False

            def __getattr__(self, name: str) -> Any:
                return getattr(self._libpq, name)

            def get_result(self) -> pq.abc.PGresult | None:
                result = self._libpq.get_result()
                if self._said:
                    return result
                self._said = True
                return self._libpq.make_empty_result(pq.ExecStatus.FATAL_ERROR)

        async def served() -> tuple[int, bool]:
            async with asking(app) as client:
                await client.get("/shelfs/1")
                (wire,) = app.state.query_runner.pool._connections
                wire._pg = Ended(wire._pg)
                answer = await client.get("/shelfs/1")
                return answer.status_code, wire.is_alive

        assert asyncio.run(served()) == (200, False)

    def test_closes_while_a_connection_is_opening(self, app: FastAPI, url: DatabaseUrl) -> None:
        async def served() -> None:
            async with app.router.lifespan_context(app):
                request = asyncio.create_task(app.state.query_runner.fetch(Statement("SELECT 1")))
                while backends(url) == 0:
                    await asyncio.sleep(0)
            with suppress(asyncio.CancelledError):
                await request
            del request  # its error has frames, and those have psycopg's half-made connection
            gc.collect()
            until(lambda: backends(url) == 0, "the backends have gone")

        asyncio.run(served())

    def test_cancels_a_statement_at_the_deadline(self, url: DatabaseUrl, tmp_path: Path) -> None:
        app = made(url, tmp_path, SEEDBED_DEADLINE="0.2", SEEDBED_POOL_SIZE="1")

        @app.get("/slow")
        async def slow() -> None:
            await app.state.query_runner.fetch(Statement("SELECT pg_sleep(60)"))

        async def served() -> tuple[int, int, int]:
            async with asking(app) as client:
                slow, ready = await client.get("/slow"), await client.get("/health/ready")
                return slow.status_code, ready.status_code, backends(url)

        assert asyncio.run(served()) == (503, 200, 1)

    def test_reports_a_slow_statement_if_others_are_answered(
        self, url: DatabaseUrl, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        app = made(url, tmp_path, SEEDBED_DEADLINE="0.6")

        async def served() -> tuple[int, str]:
            async with asking(app) as client:
                with psycopg.connect(url.reveal()) as other:
                    other.execute("LOCK TABLE book")
                    slow = asyncio.create_task(client.get("/books"))
                    while not slow.done():
                        await client.get("/shelfs/1")
                    return (await slow).status_code, (await slow).json()["code"]

        assert asyncio.run(served()) == (503, "SB611")
        assert "The database is away" not in caplog.text

    def test_reports_a_slow_statement_without_other_requests(
        self, url: DatabaseUrl, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        app = made(url, tmp_path, SEEDBED_DEADLINE="0.6")

        @app.get("/slow")
        async def slow(session: Session) -> None:
            await session.exec(text("SELECT pg_sleep(60)"))  # type: ignore[call-overload]

        @app.get("/idle")
        async def idle() -> None:
            await asyncio.sleep(60)

        async def served() -> list[str]:
            async with asking(app) as client:
                with psycopg.connect(url.reveal()) as other:
                    other.execute("LOCK TABLE book")
                    paths = ["/books", "/books?count=exact", "/slow", "/idle"]
                    return [(await client.get(path)).json()["code"] for path in paths]

        assert asyncio.run(served()) == ["SB611"] * 4
        assert "The database is away" not in caplog.text

    def test_cancels_a_statement_through_pgbouncer(
        self,
        url: DatabaseUrl,
        pooler: DatabaseUrl,  # noqa: F811
        tmp_path: Path,
    ) -> None:
        app = made(pooler.with_database(str(url.database)), tmp_path, SEEDBED_DEADLINE="0.3")

        async def served() -> None:
            async with asking(app):
                with suppress(DatabaseUnavailable, QueryTimeout):
                    await app.state.query_runner.fetch(Statement("SELECT pg_sleep(60)"))
                with psycopg.connect(url.reveal(), autocommit=True) as other:
                    found = "FROM pg_stat_activity WHERE query = 'SELECT pg_sleep(60)' AND state = 'active'"
                    until = time.monotonic() + 30
                    while other.execute(f"SELECT count(*) {found}").fetchone() != (0,):
                        assert time.monotonic() < until
                        await asyncio.sleep(0.01)

        asyncio.run(served())

    def test_answers_503_if_it_is_exhausted(
        self, url: DatabaseUrl, tmp_path: Path, caplog: pytest.LogCaptureFixture
    ) -> None:
        app = made(url, tmp_path, SEEDBED_POOL_SIZE="1")

        @app.get("/slow")
        async def slow() -> None:
            await app.state.query_runner.fetch(Statement("SELECT pg_sleep(1.5)"))

        async def served() -> list[tuple[int, str]]:
            async with asking(app) as client:
                answers = await asyncio.gather(*(client.get(path) for path in ("/slow", "/slow", "/health/live")))
                return sorted((answer.status_code, answer.text) for answer in answers)

        assert asyncio.run(served()) == [
            (200, "null"),
            (200, '{"status":"pass"}'),
            (
                503,
                '{"title":"Service Unavailable","status":503,"detail":"All database connections of the service '
                'are busy. Try again in a few seconds.","code":"SB606"}',
            ),
        ]
        assert "The database is away" not in caplog.text

    def test_works_through_pgbouncer_in_transaction_mode(
        self,
        url: DatabaseUrl,
        pooler: DatabaseUrl,  # noqa: F811
        tmp_path: Path,
    ) -> None:
        app = made(pooler.with_database(str(url.database)), tmp_path)

        async def served() -> set[int]:
            async with asking(app) as client:
                ask = ("/shelfs/1", "/shelfs?limit=2", "/books?limit=2", "/books/Emma")
                return {
                    answer.status_code
                    for _ in range(40)
                    for answer in await asyncio.gather(*(client.get(path) for path in ask * 2))
                }

        assert asyncio.run(served()) == {200}

    def test_fails_no_request_if_sessions_of_pgbouncer_are_terminated(
        self,
        url: DatabaseUrl,
        pooler: DatabaseUrl,  # noqa: F811
        tmp_path: Path,
    ) -> None:
        app = made(pooler.with_database(str(url.database)), tmp_path)
        ended = 0

        def end() -> int:
            with psycopg.connect(url.reveal(), autocommit=True) as connection:
                row = connection.execute(
                    "SELECT count(*) FROM (SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
                    " WHERE datname = current_database() AND pid <> pg_backend_pid()) AS ended"
                ).fetchone()
                return int(row[0]) if row else 0

        async def served() -> set[int]:
            nonlocal ended
            statuses: set[int] = set()
            async with asking(app) as client:

                async def ask() -> None:
                    for _ in range(60):
                        statuses.add((await client.get("/shelfs?limit=2")).status_code)

                asked = asyncio.gather(*(ask() for _ in range(4)))
                while not asked.done():
                    ended += await asyncio.to_thread(end)
                    await asyncio.sleep(0.1)
                await asked
            return statuses

        assert asyncio.run(served()) == {200}
        assert ended > 0

    def test_a_custom_route_does_not_wait_for_it(self, url: DatabaseUrl, tmp_path: Path) -> None:
        app = made(url, tmp_path, SEEDBED_DEADLINE="0.3")

        @app.get("/slow")
        async def slow(session: Session) -> None:
            await session.exec(text("SELECT pg_sleep(60)"))  # type: ignore[call-overload]

        async def served() -> tuple[int, float]:
            async with asking(app) as client:
                await client.get("/shelfs/1")
                begun = time.monotonic()
                answer = await client.get("/slow")
                took = time.monotonic() - begun
                while backends(url, "active"):
                    await asyncio.sleep(0.01)
                return answer.status_code, took

        status, took = asyncio.run(served())
        assert status == 503
        assert took < 30  # and not the 60 that the statement takes


class TestReadiness:
    def test_queries_the_database_at_most_once_a_second(self, app: FastAPI) -> None:
        async def served() -> tuple[set[int], int]:
            asked = 0
            run = app.state.query_runner._run

            async def counted(*args: Any) -> Any:
                nonlocal asked
                asked += 1
                return await run(*args)

            app.state.query_runner._run = counted
            async with asking(app) as client:
                await client.get("/shelfs")
                asked = 0
                answers = await asyncio.gather(*(client.get("/health/ready") for _ in range(30)))
                return {answer.status_code for answer in answers}, asked

        statuses, asked = asyncio.run(served())
        assert statuses == {200}
        assert asked == 2  # the columns and the revision


class TestSession:
    @pytest.fixture
    def writing(self, app: FastAPI) -> FastAPI:

        @app.get("/count")
        async def count(session: Session) -> int:
            return len((await session.exec(select(Shelf))).all())

        @app.post("/shelve/{place}")
        async def shelve(session: Session, place: int, commit: bool = False) -> int:
            session.add(Shelf(place=place))
            await session.flush()
            if commit:
                await session.commit()
            return len((await session.exec(select(Shelf).where(Shelf.place == place))).all())

        @app.get("/wrong")
        async def wrong(session: Session) -> None:
            await session.exec(text("SELECT 1 / 0"))  # type: ignore[call-overload]

        return app

    def test_reads_rows_as_models(self, writing: FastAPI) -> None:
        with TestClient(writing) as client:
            assert client.get("/count").json() == SHELVES

    def test_is_a_transaction(self, writing: FastAPI, url: DatabaseUrl) -> None:
        with TestClient(writing) as client, psycopg.connect(url.reveal(), autocommit=True) as other:
            assert client.post("/shelve/900").json() == 1
            assert other.execute("SELECT count(*) FROM shelf WHERE place = 900").fetchone() == (0,)
            assert client.post("/shelve/901?commit=true").json() == 1
            assert other.execute("DELETE FROM shelf WHERE place = 901 RETURNING place").fetchone() == (901,)

    def test_resets_its_connection(self, writing: FastAPI, url: DatabaseUrl) -> None:
        with TestClient(writing) as client, psycopg.connect(url.reveal()) as other:
            client.get("/count")
            client.get("/shelfs")

            found = other.execute(
                "SELECT state FROM pg_stat_activity WHERE application_name = 'seedbed serve'"
                " AND datname = current_database()"
            ).fetchall()
        assert found == [("idle",)]

    def test_answers_503_while_the_database_is_unavailable(self, writing: FastAPI, tmp_path: Path) -> None:
        away = made(DatabaseUrl("app", "pw", "127.0.0.1", "1", "shop"), tmp_path)
        away.router.routes.extend(writing.router.routes)

        with TestClient(away) as client:
            answer = client.get("/count")

        assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "SB601", "2")

    def test_survives_the_termination_of_every_backend(self, writing: FastAPI, url: DatabaseUrl) -> None:
        with TestClient(writing) as client, psycopg.connect(url.reveal(), autocommit=True) as other:
            assert client.get("/count").status_code == 200
            other.execute(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'seedbed serve'"
            )
            assert client.get("/count").status_code == 200

    def test_an_invalid_value_is_422(self, writing: FastAPI) -> None:
        with TestClient(writing) as client:
            answer = client.get("/wrong")

        assert answer.json() == {
            "title": "Unprocessable Entity", "status": 422, "detail": "The database has no such value.",
        }  # fmt: skip
