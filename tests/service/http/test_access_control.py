"""Access control and private data: injection in every parameter, private columns, tokens, slow clients."""

import asyncio
import hashlib
import itertools
import json
import socket
import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from fastapi import FastAPI
from starlette.testclient import TestClient

from seedbed.errors import AuthenticationNotConfigured, InvalidReaderRole, InvalidTokenHash, MissingPrivilege
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database, resolve_database
from seedbed.postgres.embedded import TemporaryServer
from seedbed.postgres.environment_mark import change_mark
from seedbed.schema import load_schema
from seedbed.schema.creation import create_schema
from seedbed.service import create_app
from seedbed.service.http.access_control import check_access_decided, create_token
from seedbed.service.http.server import listen, serve_in_thread
from seedbed.service.reader_role import grant_reader
from seedbed.settings import DatabaseUrl, Environment, load_configuration
from tests.support.postgres.embedded_projects import reference_project
from tests.support.postgres.services import free_port, until
from tests.support.projects import Project, execute, fresh_database, little_project

TABLES = """
from datetime import timedelta
from typing import Any
from sqlalchemy import ARRAY, Text
from sqlalchemy.dialects.postgresql import DATERANGE, INET, JSONB

class Owner(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    hashed_password: str = "Zq7w"
    notes: str = Field(default="Zq7w", sa_column_kwargs={"info": {"public": False}})

class Pet(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    owner_id: int = Field(foreign_key="owner.id")
    name: str

class Stay(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    days: Any = Field(sa_type=DATERANGE)
    tags: list[str] = Field(sa_type=ARRAY(Text))
    net: str = Field(sa_type=INET)
    took: timedelta
    facts: dict[str, Any] = Field(sa_type=JSONB)
    blob: bytes
    model_config = {"arbitrary_types_allowed": True}

class Ledger(Table, table=True):
    __table_args__ = {"info": {"public": False}}
    id: int | None = Field(default=None, primary_key=True)
    owner_id: int = Field(foreign_key="owner.id")
    amount: int = 7707
"""
ATTEMPTS = [
    "'", '"', "\\", ";", "--", "1' OR '1'='1", '1" OR "1"="1', "1) OR (1=1", "1; DROP TABLE pet", "1 UNION SELECT 1",
    "' UNION SELECT hashed_password FROM owner--", "1'||(SELECT hashed_password FROM owner LIMIT 1)||'", "$1", "%s",
    "%(x)s", "{0}", "(SELECT pg_sleep(5))", "1'; SELECT pg_sleep(5)--", "id FROM owner; --", "name::text",
    "name,(select 1)",
    "id)) FROM owner--", "${jndi:ldap://x}", "../../etc/passwd", "\u2019", "\uff07", "a\r\nX-Evil: 1",
    "0x31", "CHR(49)",
    "1/*x*/", "/**/OR/**/1=1", "E'\\x27'", "$$x$$", "NULL", "true", "-1", "1e400", "\uff19", "id asc", "id;id", "*",
]  # fmt: skip


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    with little_project(tmp_path_factory.mktemp("kennel"), TABLES) as made:
        yield made


@pytest.fixture(scope="module")
def kennel(seedbed_server: TemporaryServer, project: Project) -> Iterator[Database]:
    with fresh_database(seedbed_server) as database:
        with connect(database) as connection:
            create_schema(connection, project.load_schema())
        execute(
            database.direct,
            "INSERT INTO owner (name, hashed_password, notes) VALUES ('Ann', 'Zq7w', 'Zq7w'), ('Bob', 'Zq7w', 'Zq7w')",
            "INSERT INTO pet (owner_id, name) SELECT 1 + n % 2, 'Pet ' || n FROM generate_series(1, 60) n",
            "INSERT INTO ledger (owner_id, amount) VALUES (1, 7707)",
        )
        yield database


def app_of(project: Project, url: DatabaseUrl, **variables: str) -> TestClient:
    configuration = load_configuration(project.settled, environ={"DATABASE_URL": url.reveal(), **variables})
    return TestClient(create_app(configuration, project.load_schema(), url))


@pytest.fixture(scope="module")
def client(project: Project, kennel: Database) -> Iterator[TestClient]:
    with app_of(project, kennel.url) as client:
        yield client


class TestInjection:
    PLACES = (
        "/owners/{}", "/owners/{}/pets", "/owners?name={}", "/owners?id={}", "/owners?name.gt={}", "/owners?id.in=1,{}",
        "/owners?{}=1", "/owners?name.{}=1", "/owners?id.{}=1", "/owners?sort={}", "/owners?sort=-{}",
        "/owners?fields={}",
        "/owners?fields=id,{}", "/owners?limit={}", "/owners?cursor={}", "/owners?count={}",
        "/owners?name.null={}", "/{}",
        "/owners/1?fields={}", "/owners/1/{}", "/owners?name.like={}", "/owners?name.ilike=*{}*", "/owners?name.in={}",
        *(f"/stays?{name}.{operator}={{}}" for name, operators in
          {"days": ("eq", "cs", "cd", "ov", "adj"), "tags": ("eq", "cs", "ov"), "net": ("eq", "cs", "cd", "lt"),
           "took": ("eq", "gt"), "facts": ("eq", "cs", "cd"), "blob": ("eq", "in")}.items() for operator in operators),
        '/stays?facts.cs={{"a":"{}"}}', "/stays?days.cs=[2026-01-01,{})", '/stays?days.ov=["{}",]',
        '/stays?tags.cs="{}"',
    )  # fmt: skip

    def test_in_any_place_changes_and_discloses_nothing(self, client: TestClient, kennel: Database) -> None:
        begun = time.monotonic()
        statuses = set()
        for place, attempt in itertools.product(self.PLACES, ATTEMPTS):
            answer = client.get(place.format(quote(attempt, safe="")))
            statuses.add(answer.status_code)
            assert "Zq7w" not in answer.text, (place, attempt)
            assert "X-Evil" not in answer.headers
            assert "SELECT" not in answer.text.upper().replace(quote(attempt).upper(), ""), (place, attempt)

        assert statuses <= {200, 404, 422}
        assert time.monotonic() - begun < 120
        assert execute(kennel.direct, "SELECT count(*) FROM pet") == [(60,)]

    def test_in_text_is_an_ordinary_value(self, client: TestClient) -> None:
        for attempt in ATTEMPTS:
            assert client.get(f"/owners?name={quote(attempt, safe='')}").json() == []


class TestPrivate:
    @pytest.mark.parametrize("column", ["hashed_password", "notes"])
    def test_columns_are_reported_like_unknown_ones(self, client: TestClient, column: str) -> None:
        for query in (
            "{}=x", "{}.eq=x", "{}.gt=a", "{}.null=true", "{}.in=a,b", "sort={}", "sort=-{}", "fields={}",
            "fields=id,{}",
        ):  # fmt: skip
            for path in ("/owners", "/pets/1/owner", "/owners/1", "/owners/1/pets"):
                there = client.get(f"{path}?{query.format(column)}")
                nowhere = client.get(f"{path}?{query.format('nowhere')}")
                assert (there.status_code, there.text) == (nowhere.status_code, nowhere.text) == (422, nowhere.text)

    def test_columns_are_in_no_response(self, client: TestClient) -> None:
        paths = ["/owners", "/owners/1", "/pets/1/owner", "/openapi.json", "/docs"]

        everything = "".join(client.get(path).text for path in paths)

        assert "7707" not in everything
        for word in ("Zq7w", "hashed_password", "notes", "ledger", "Ledger"):
            assert word not in everything
            assert word not in client.get("/metrics").text  # whose own numbers are any

    @pytest.mark.parametrize("path", ["/ledgers", "/ledger", "/ledgers/1", "/ledgers/1/owner", "/owners/1/ledgers"])
    def test_tables_are_not_served(self, client: TestClient, path: str) -> None:
        assert client.get(path).status_code == 404


class TestSizes:
    def test_of_urls_are_limited(self, client: TestClient) -> None:
        answer = client.get(f"/owners?name={'x' * 8000}")

        assert (answer.status_code, answer.json()["code"]) == (414, "SB610")

    @pytest.mark.parametrize(
        "sent", [b"GET /" + b"x" * 100_000 + b" HTTP/1.1\r\n\r\n", b"MAKE / HTTP/1.1\r\n\r\n", b"\x16\x03\x01"]
    )
    def test_beyond_the_http_parsers_limit_are_a_problem(self, project: Project, kennel: Database, sent: bytes) -> None:
        listening = listen("127.0.0.1", free_port())
        address = listening.getsockname()
        with serve_in_thread(app_of(project, kennel.url).app, listening), socket.create_connection(address) as asking:
            asking.sendall(sent)
            head, _, body = b"".join(iter(lambda: asking.recv(65536), b"")).partition(b"\r\n\r\n")

        assert head.startswith(b"HTTP/1.1 400 Bad Request\r\n")
        assert b"content-type: application/problem+json" in head
        assert (json.loads(body)["code"], json.loads(body)["status"]) == ("SB623", 400)

    def test_of_sort_values_too_long_for_a_cursor_are_422(self, client: TestClient, kennel: Database) -> None:
        execute(kennel.direct, "UPDATE pet SET name = repeat('x', 9000) WHERE id = 1")
        try:
            long = client.get("/pets?sort=-name&limit=1")
            plain = client.get("/pets?limit=1")
        finally:
            execute(kennel.direct, "UPDATE pet SET name = 'Pet 1' WHERE id = 1")

        assert long.json()["detail"].startswith("sort cannot be used: its values are too long for a cursor.")
        assert "link" in plain.headers

    @pytest.mark.parametrize("key", [2**31, -(2**31) - 1, 2**63, 10**30, "9" * 400, "9" * 5000, "1.5", "1e3", "٣", ""])
    def test_of_too_long_keys_are_422(self, client: TestClient, key: object) -> None:
        assert client.get(f"/owners/{key}").status_code in {404, 422}
        assert client.get(f"/owners?id={key}").status_code == 422


class TestTokens:
    def test_are_required(self, project: Project, kennel: Database) -> None:
        ours, theirs = create_token(), create_token()
        with app_of(project, kennel.url, SEEDBED_TOKENS=f"{ours.hash}, {theirs.hash}") as client:
            for token in (ours.token, theirs.token):
                assert client.get("/owners/1", headers={"Authorization": f"Bearer {token}"}).status_code == 200
            for headers in (
                {}, {"Authorization": f"Bearer {create_token().token}"}, {"Authorization": f"Basic {ours.token}"},
                {"Authorization": ours.token}, {"Authorization": f"Bearer {ours.hash}"}, {"Authorization": "Bearer "},
            ):  # fmt: skip
                for path in ("/owners", "/owners/1", "/openapi.json", "/docs", "/metrics", "/nowhere", "/"):
                    refused = client.get(path, headers=headers)
                    assert (refused.status_code, refused.json()["code"]) == (401, "SB609")
                    challenges = refused.headers.get_list("www-authenticate")
                    assert challenges[0] == "Bearer"
                    assert len(challenges) == (2 if path in {"/openapi.json", "/docs", "/"} else 1)
            assert client.get("/health/live").status_code == client.get("/health/ready").status_code == 200

    def test_are_accepted_as_a_browsers_basic_password(self, project: Project, kennel: Database) -> None:
        token = create_token()
        with app_of(project, kennel.url, SEEDBED_TOKENS=token.hash) as client:
            asked = client.get("/docs")
            pages = [
                client.get(path, auth=("anybody", token.token)) for path in ("/docs", "/openapi.json", "/owners/1")
            ]

            assert asked.headers.get_list("www-authenticate")[1].startswith('Basic realm="')
            assert [page.status_code for page in pages] == [200, 200, 200]
            assert client.get("/docs", auth=(token.token, "x")).status_code == 401
            assert client.get("/docs", headers={b"Authorization": "Basic ä:".encode()}).status_code == 401

    def test_are_documented_if_they_are_required(self, client: TestClient, project: Project, kennel: Database) -> None:
        token = create_token()
        with app_of(project, kennel.url, SEEDBED_TOKENS=token.hash) as closed:
            said = closed.get("/openapi.json", headers={"Authorization": f"Bearer {token.token}"}).json()

        assert said["security"] == [{"token": []}]
        assert said["components"]["securitySchemes"]["token"]["scheme"] == "bearer"
        assert said["paths"]["/health/live"]["get"]["security"] == []
        assert "security" not in client.get("/openapi.json").json()

    def test_are_not_required_for_health_of_a_mounted_service(self, project: Project, kennel: Database) -> None:
        token = create_token()
        inner: Any = app_of(project, kennel.url, SEEDBED_TOKENS=token.hash).app
        outer = FastAPI()
        outer.mount("/api", inner)
        with TestClient(outer) as client:
            assert client.get("/api/health/live").status_code == 200
            assert client.get("/api/owners").status_code == 401
            answer = client.get("/api/pets?limit=1", headers={"Authorization": f"Bearer {token.token}"})
            assert answer.headers["link"].startswith("</api/pets?limit=1&cursor=")
        asyncio.run(inner.state.query_runner.close())  # FastAPI tells nothing to what is mounted

    def test_are_hashed_in_the_settings(self) -> None:
        made = create_token()

        assert made.hash == hashlib.sha256(made.token.encode()).hexdigest()
        assert len(made.token) >= 43

    def test_that_are_not_hashes_are_refused_and_not_shown(self, project: Project, kennel: Database) -> None:
        with pytest.raises(InvalidTokenHash) as refused:
            app_of(project, kennel.url, SEEDBED_TOKENS=f"{create_token().hash},Zq7w-token")

        assert "Entry 2" in str(refused.value)
        assert "Zq7w" not in str(refused.value)


class TestCheckAccessDecided:
    @pytest.mark.parametrize(
        ("environment", "host", "because"),
        [
            ("production", "127.0.0.1", "this is production"),
            ("preview", "127.0.0.1", "this is preview"),
            ("development", "0.0.0.0", "0.0.0.0 can be reached from other machines"),
            ("development", "::", ":: can be reached from other machines"),
        ],
    )
    def test_requires_a_decision(self, project: Project, environment: str, host: str, because: str) -> None:
        configuration = load_configuration(project.settled, environment, environ={})

        with pytest.raises(AuthenticationNotConfigured) as refused:
            check_access_decided(configuration, allows_everyone=False, host=host)
        check_access_decided(configuration, allows_everyone=True, host=host)
        check_access_decided(
            load_configuration(project.settled, environment, environ={"SEEDBED_TOKENS": "a" * 64}),
            allows_everyone=False,
            host=host,
        )

        assert refused.value.message == f"Authentication is required, because {because}."

    @pytest.mark.parametrize("host", ["127.0.0.1", "::1", "localhost"])
    def test_accepts_loopback_in_development(self, project: Project, host: str) -> None:
        check_access_decided(load_configuration(project.settled, environ={}), allows_everyone=False, host=host)


class TestCors:
    def test_is_off_unless_it_is_set(self, client: TestClient, project: Project, kennel: Database) -> None:
        asking = {"Origin": "https://app.example.com"}

        assert "access-control-allow-origin" not in client.get("/owners/1", headers=asking).headers
        with app_of(project, kennel.url, SEEDBED_CORS_ORIGINS="https://app.example.com") as open_client:
            answer = open_client.get("/owners/1", headers=asking)
            other = open_client.get("/owners/1", headers={"Origin": "https://evil.example.com"})
        assert answer.headers["access-control-allow-origin"] == "https://app.example.com"
        assert "access-control-allow-origin" not in other.headers

    def test_accepts_several_origins_with_or_without_a_slash(self, project: Project, kennel: Database) -> None:
        named = "https://app.example.com/, http://localhost:5173"

        with app_of(project, kennel.url, SEEDBED_CORS_ORIGINS=named) as client:
            for origin in ("https://app.example.com", "http://localhost:5173"):
                answer = client.get("/owners/1", headers={"Origin": origin})
                assert answer.headers["access-control-allow-origin"] == origin

    def test_allows_the_documented_headers(self, project: Project, kennel: Database) -> None:
        page = {"Origin": "https://app.example.com"}
        wants = {
            "Access-Control-Request-Method": "GET",
            "Access-Control-Request-Headers": "authorization,if-none-match,x-request-id",
        }

        with app_of(project, kennel.url, SEEDBED_CORS_ORIGINS="https://app.example.com") as client:
            assert client.options("/owners", headers=page | wants).status_code == 200
            counted = client.get("/owners?count=exact", headers=page)

        shown = {name.strip().lower() for name in counted.headers["access-control-expose-headers"].split(",")}
        assert {"x-total-count", "x-total-count-is", "etag", "link", "x-request-id", "retry-after"} <= shown


class TestReader:
    @pytest.fixture
    def reader(self, project: Project, kennel: Database) -> Iterator[DatabaseUrl]:
        role = "kennel reader"
        schema = project.load_schema()
        assert grant_reader(kennel, schema, role, password="it's secret").created
        assert not grant_reader(kennel, schema, role, password=None).created
        yield kennel.url._with(username=role, password="it's secret")
        execute(kennel.direct, f'DROP OWNED BY "{role}"', f'DROP ROLE "{role}"')

    def test_reads_only_public_columns(self, reader: DatabaseUrl) -> None:
        with psycopg.connect(reader.reveal(), autocommit=True) as connection:
            assert connection.execute("SELECT id, name FROM owner ORDER BY id").fetchone() == (1, "Ann")
            assert connection.execute("SHOW statement_timeout").fetchone() == ("5s",)
            connection.execute(
                "SET default_transaction_read_only = off"
            )  # it is but a belt: the rights are what counts
            for statement in (
                "SELECT hashed_password FROM owner", "SELECT notes FROM owner", "SELECT * FROM owner",
                "SELECT * FROM ledger", "INSERT INTO pet (owner_id, name) VALUES (1, 'x')", "DELETE FROM pet",
                "TRUNCATE pet", "CREATE TABLE mine (id int)",
            ):  # fmt: skip
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    connection.execute(statement)

    def test_can_be_created_on_the_embedded_server(self) -> None:
        with reference_project() as configuration:
            database, schema = resolve_database(configuration), load_schema(configuration.project)
            with connect(database) as connection:
                create_schema(connection, schema)
                connection.commit()
            assert grant_reader(database, schema, "reader", password="secret").created
            url = database.url._with(username="reader", password="secret")

            with psycopg.connect(url.reveal(), autocommit=True) as reading:
                assert reading.execute("SELECT count(id) FROM task").fetchone() == (0,)
                reading.execute("SET default_transaction_read_only = off")
                with pytest.raises(psycopg.errors.InsufficientPrivilege):
                    reading.execute("DELETE FROM task")

    def test_cannot_own_the_tables(self, project: Project, kennel: Database) -> None:
        schema = project.load_schema()
        owner = execute(kennel.direct, "SELECT current_user")[0][0]
        execute(kennel.direct, "CREATE ROLE kennel_member", f'GRANT "{owner}" TO kennel_member')
        try:
            for role in (owner, "kennel_member"):
                with pytest.raises(
                    InvalidReaderRole, match=f"^{role} cannot be a reader: it has the rights of {owner}, who "
                ):
                    grant_reader(kennel, schema, role, password=None)
        finally:
            execute(kennel.direct, "DROP ROLE kennel_member")

        execute(kennel.direct, "UPDATE pet SET name = name")
        assert execute(kennel.direct, "SHOW default_transaction_read_only") == [("off",)]

    @pytest.mark.parametrize("role", ["", "public", "pg_reader", "r" * 64])
    def test_must_have_a_valid_role_name(self, project: Project, kennel: Database, role: str) -> None:
        with pytest.raises(InvalidReaderRole, match="PostgreSQL has no role of that name"):
            grant_reader(kennel, project.load_schema(), role, password=None)

    def test_cannot_create_readers(self, project: Project, kennel: Database, reader: DatabaseUrl) -> None:
        as_reader = replace(kennel, url=reader, direct=reader)

        with pytest.raises(InvalidReaderRole, match="this command connects as it"):
            grant_reader(as_reader, project.load_schema(), "kennel reader", password=None)
        with pytest.raises(MissingPrivilege, match="read-only transaction"):
            grant_reader(as_reader, project.load_schema(), "another", password=None)

    def test_finds_a_running_server_without_its_mark(
        self, project: Project, kennel: Database, reader: DatabaseUrl
    ) -> None:
        change_mark(kennel, Environment.DEVELOPMENT)
        try:
            found = project.json("seedbed", "db", "status", DATABASE_URL=reader.reveal())
        finally:
            execute(kennel.direct, "DROP SCHEMA seedbed CASCADE")

        assert found["running"]
        assert found["version"] is not None
        assert "permission denied for schema seedbed" in found["problem"]

    def test_cannot_have_an_empty_password(self, project: Project, kennel: Database) -> None:
        command = ("seedbed", "db", "grant-reader", "kennel_reader", "--password-stdin")

        said = project.run(*command, code=2, DATABASE_URL=kennel.direct.reveal())

        assert "standard input has no password" in said.stderr
        assert execute(kennel.direct, "SELECT 1 FROM pg_roles WHERE rolname = 'kennel_reader'") == []

    def test_is_enough_for_the_service(
        self, project: Project, reader: DatabaseUrl, caplog: pytest.LogCaptureFixture
    ) -> None:
        with app_of(project, reader, SEEDBED_ENV="preview") as client:
            paths = ["/owners", "/owners/1", "/owners/1/pets?count=exact", "/pets/1/owner", "/health/ready",
                     "/pets?count=estimate&sort=-name&name.gt=P"]  # fmt: skip
            assert [client.get(path).status_code for path in paths] == [200] * len(paths)

        assert "may do more than read" not in caplog.text

    def test_is_missed_when_the_service_runs_as_more(
        self, project: Project, kennel: Database, caplog: pytest.LogCaptureFixture
    ) -> None:
        with app_of(project, kennel.url) as client:
            client.get("/health/ready")
        assert "may do more than read" not in caplog.text  # a developer's own database is nobody else's
        with app_of(project, kennel.url, SEEDBED_ENV="preview") as client:
            client.get("/health/ready")

        (warned,) = [vars(record) for record in caplog.records if "may do more than read" in record.getMessage()]
        assert warned["facts"] == {"rights": "superuser, writing, private columns"}

    def test_that_may_not_read_what_is_public_is_said_to_need_it(
        self, project: Project, kennel: Database, reader: DatabaseUrl
    ) -> None:
        execute(kennel.direct, 'REVOKE ALL ON pet FROM "kennel reader"')
        with app_of(project, reader) as client:
            answer = client.get("/pets")

        assert (answer.status_code, answer.json()["code"]) == (500, "SB612")

    def test_has_its_slow_statements_given_up_by_the_server(
        self, project: Project, kennel: Database, reader: DatabaseUrl
    ) -> None:
        execute(kennel.direct, "ALTER ROLE \"kennel reader\" SET statement_timeout = '100ms'")
        with psycopg.connect(kennel.direct.reveal()) as other, app_of(project, reader) as client:
            other.execute("LOCK TABLE pet")
            answer = client.get("/pets")

        assert (answer.status_code, answer.json()["code"], answer.headers["retry-after"]) == (503, "SB611", "2")


class TestSlowClient:
    def test_holds_no_connection_to_the_database(self, project: Project, kennel: Database) -> None:
        execute(kennel.direct, "UPDATE pet SET name = repeat('x', 30000)")
        configuration = load_configuration(
            project.settled, environ={"DATABASE_URL": kennel.url.reveal(), "SEEDBED_POOL_SIZE": "1"}
        )
        app = create_app(configuration, project.load_schema(), kennel.url)
        listening = listen("127.0.0.1", free_port())
        port = listening.getsockname()[1]
        with serve_in_thread(app, listening) as url:
            slow = [socket.create_connection(("127.0.0.1", port)) for _ in range(8)]
            try:
                for one in slow:
                    one.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
                    one.sendall(b"GET /pets?limit=60 HTTP/1.1\r\nHost: x\r\n\r\n")
                until(lambda: _idle(kennel) == 1, "the only connection is idle")
                quick = socket.create_connection(("127.0.0.1", port), timeout=10)
                with quick:
                    quick.sendall(b"GET /owners/1 HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                    answer = b"".join(iter(lambda: quick.recv(65536), b""))
                assert b"200 OK" in answer.partition(b"\r\n")[0], url
                assert json.loads(answer.rpartition(b"\r\n\r\n")[2])["name"] == "Ann"
            finally:
                for one in slow:
                    one.close()
        execute(kennel.direct, "UPDATE pet SET name = 'Pet ' || id")


def _idle(database: Database) -> int:
    statement = (
        "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'seedbed serve' AND state = 'idle'"
        " AND datname = current_database()"
    )
    return int(execute(database.direct, statement)[0][0])
