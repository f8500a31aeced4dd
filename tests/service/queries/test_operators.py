"""Filters by ranges, arrays, networks, intervals, JSON and patterns, compared with PostgreSQL's own operators."""

import asyncio
from collections.abc import Iterator
from typing import Any
from urllib.parse import quote

import pytest
from sqlalchemy import text
from starlette.testclient import TestClient

from seedbed.postgres.connection import connect
from seedbed.postgres.embedded import TemporaryServer
from seedbed.schema.creation import create_schema
from seedbed.service import create_app
from tests.support.projects import execute, fresh_database, little_project

TABLES = """
from datetime import timedelta
from typing import Any, Optional
from sqlalchemy import ARRAY, Interval, LargeBinary, Integer, Numeric, String, Text, TypeDecorator, Uuid
from sqlalchemy.dialects.postgresql import (
    BIT, CIDR, DATERANGE, INET, INT4MULTIRANGE, INT4RANGE, JSONB, MACADDR, REAL, TSTZRANGE, TSVECTOR,
)

class Mood(Enum):
    GLAD = "glad"
    SAD = "sad"

class Prefixed(TypeDecorator):
    impl = Text
    cache_ok = True
    def process_bind_param(self, value, dialect):
        return None if value is None else f"t-{int(value)}"
    def process_result_value(self, value, dialect):
        return None if value is None else int(value[2:])

class Thing(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    span: Any = Field(sa_type=INT4RANGE)
    during: Any = Field(sa_type=TSTZRANGE)
    stays: Any = Field(sa_type=INT4MULTIRANGE)
    tags: list[str] = Field(sa_type=ARRAY(String(20)))
    words: list[str] | None = Field(default=None, sa_type=ARRAY(Text))
    numbers: list[int] = Field(sa_type=ARRAY(Integer))
    amounts: list[Decimal] = Field(sa_type=ARRAY(Numeric(8, 2)))
    moods: list[Mood] = Field(sa_column=Column(ARRAY(String(8)), nullable=False))
    address: str = Field(sa_type=INET)
    net: str = Field(sa_type=CIDR)
    mac: str = Field(sa_type=MACADDR)
    bits: str = Field(sa_type=BIT(3))
    took: timedelta = Field(sa_type=Interval)
    facts: dict[str, Any] = Field(sa_type=JSONB)
    plain: dict[str, Any] | None = Field(default=None, sa_type=JSON)
    blob: bytes = Field(sa_type=LargeBinary)
    single: float = Field(sa_type=REAL)
    title: str
    found: str | None = Field(default=None, sa_type=TSVECTOR)
    prefixed: int = Field(sa_type=Prefixed)
    model_config = {"arbitrary_types_allowed": True}

class Keyed(Table, table=True):
    id: int = Field(sa_column=Column(Prefixed, primary_key=True))
    name: str
"""
ROWS = """
INSERT INTO thing (id, span, during, stays, tags, words, numbers, amounts, moods, address, net, mac, bits, took, facts,
                   plain, blob, single, title, found, prefixed) VALUES
(1, '[1,5)', '[2026-01-01 00:00+00,2026-02-01 00:00+00)', '{[1,3),[7,9)}', '{a,b}', '{x,"y,z"}', '{1,2}', '{1.50}',
 '{glad}', '10.0.0.1', '10.0.0.0/8', '08:00:2b:01:02:03', '101', '1 hour', '{"kind": "in", "tags": ["a"], "n": 1}',
 '{"a": 1}', '\\xfbff', 0.1, '100% "sure" _x*', to_tsvector('english', 'the quick brown foxes'), 't-7'),
(2, '[5,9]', '[2026-02-01 00:00+00,)', '{}', '{b}', '{}', '{2,3}', '{2,3}',
 '{sad,glad}', '10.1.0.0/16', '10.1.0.0/16', '08:00:2b:01:02:04', '000', '2 days 00:00:00.5', '{"kind": "out", "n": 2}',
 '{"a": 2}', '', 1e-7, 'Ünlaut', NULL, 't-8'),
(3, 'empty', 'empty', '{[1,100)}', '{}', NULL, '{}', '{}',
 '{}', '2001:db8::1', '2001:db8::/32', 'ff:ff:ff:ff:ff:ff', '111', '-1 second', '[]',
 NULL, '\\x00', 3.4e38, 'back\\slash', to_tsvector('english', 'lazy dogs'), 't-9');
INSERT INTO keyed VALUES ('t-1', 'one'), ('t-2', 'two'), ('t-3', 'three');
"""


@pytest.fixture(scope="module")
def client(given_server: TemporaryServer, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    with (
        little_project(tmp_path_factory.mktemp("things"), TABLES) as project,
        fresh_database(given_server) as database,
    ):
        schema = project.load_schema()
        with connect(database) as connection:
            create_schema(connection, schema)
            connection.execute(text(f"ALTER DATABASE {database.url.database} SET timezone = 'Asia/Kathmandu'"))
            connection.commit()
        execute(database.url, ROWS)
        configuration = project.configuration(DATABASE_URL=database.url.reveal())
        with TestClient(create_app(configuration, schema, database.url)) as made:
            made.url_of_database = database.url  # type: ignore[attr-defined]
            yield made


def ids(client: TestClient, column: str, operator: str, value: str) -> list[int]:
    answer = client.get(f"/things?fields=id&{column}.{operator}={quote(value, safe='')}")
    assert answer.status_code == 200, answer.text
    return [row["id"] for row in answer.json()]


class TestOperators:
    @pytest.mark.parametrize(
        ("column", "operator", "value", "condition"),
        [
            ("span", "cs", "4", "span @> 4"),
            ("span", "cs", "[2,4)", "span @> '[2,4)'"),
            ("span", "cd", "(,6)", "span <@ '(,6)'"),
            ("span", "ov", "[4,5]", "span && '[4,5]'"),
            ("span", "sl", "[7,8)", "span << '[7,8)'"),
            ("span", "sr", "[1,2)", "span >> '[1,2)'"),
            ("span", "nxr", "[1,8)", "span &< '[1,8)'"),
            ("span", "nxl", "[5,6)", "span &> '[5,6)'"),
            ("span", "adj", "[5,6)", "span -|- '[5,6)'"),
            ("span", "eq", "[1,4]", "span = '[1,5)'"),
            ("span", "eq", "empty", "isempty(span)"),
            ("during", "cs", "2026-01-15T12:00:00Z", "during @> timestamptz '2026-01-15 12:00Z'"),
            ("during", "ov", '["2026-01-31 23:00:00+00","2026-02-02 00:00:00+05:45")',
             "during && '[2026-01-31 23:00Z,2026-02-01 18:15Z)'"),
            ("stays", "cs", "8", "stays @> 8"),
            ("stays", "ov", "{[3,4),[8,9)}", "stays && '{[3,4),[8,9)}'::int4multirange"),
            ("stays", "eq", "{}", "isempty(stays)"),
            ("tags", "cs", "b", "'b' = ANY(tags)"),
            ("tags", "cd", "b,c", "tags <@ '{b,c}'"),
            ("tags", "ov", "a,zzzzzzzzzzzzzzzzzzzzzzzzzzzzzzzz", "'a' = ANY(tags)"),
            ("tags", "eq", "a,b", "tags = '{a,b}'"),
            ("tags", "eq", "", "tags = '{}'"),
            ("tags", "ne", "b", "tags <> '{b}'"),
            ("words", "cs", '"y,z"', "words @> ARRAY['y,z']"),
            ("words", "cs", '"a""b"', "false"),
            ("numbers", "ov", "1,3", "numbers && '{1,3}'"),
            ("amounts", "cs", "1.5", "amounts @> '{1.5}'::numeric[]"),
            ("moods", "cs", "glad", "'glad' = ANY(moods)"),
            ("address", "eq", "10.0.0.1", "address = '10.0.0.1'"),
            ("address", "cd", "10.0.0.0/8", "address <<= '10.0.0.0/8'"),
            ("net", "cs", "10.1.2.3", "net >>= '10.1.2.3'"),
            ("net", "ov", "10.0.0.0/7", "net && '10.0.0.0/7'"),
            ("address", "gt", "10.0.0.1", "address > '10.0.0.1'"),
            ("mac", "lt", "08:00:2b:01:02:04", "mac < '08:00:2b:01:02:04'"),
            ("bits", "eq", "101", "bits = B'101'"),
            ("took", "gte", "3600", "took >= '1 hour'"),
            ("took", "eq", "172800.5", "took = '2 days 0.5 seconds'"),
            ("took", "lt", "0", "took < '0'"),
            ("facts", "cs", '{"kind":"in"}', "facts @> '{\"kind\":\"in\"}'"),
            ("facts", "cs", '{"tags":["a"]}', "facts @> '{\"tags\":[\"a\"]}'"),
            ("facts", "cd", '{"kind":"out","n":2,"x":[]}', "facts <@ '{\"kind\":\"out\",\"n\":2,\"x\":[]}'"),
            ("plain", "cs", '{"a":2}', "plain::jsonb @> '{\"a\":2}'"),
            ("plain", "null", "true", "plain IS NULL"),
            ("blob", "eq", "-_8=", "blob = '\\xfbff'"),
            ("blob", "in", "-_8,AA", "blob IN ('\\xfbff', '\\x00')"),
            ("single", "eq", "0.1", "single = 0.1::real"),
            ("title", "like", '100%*', "title LIKE '100\\%%'"),
            ("title", "like", "*_x*", "title LIKE '%\\_x%'"),
            ("title", "like", "*slash", "title LIKE '%slash'"),
            ("title", "like", "back\\*", "title LIKE 'back\\\\%'"),
            ("title", "ilike", "ÜN*", "title ILIKE 'ün%'"),
            ("title", "in", '"100% ""sure"" _x*",Ünlaut', "id IN (1, 2)"),
            ("found", "wfts", "fox -dog", "found @@ websearch_to_tsquery('fox -dog')"),
            ("found", "wfts", '"', "false"),
            ("prefixed", "eq", "8", "prefixed = 't-8'"),
            ("prefixed", "in", "7,9", "prefixed IN ('t-7', 't-9')"),
        ],
    )  # fmt: skip
    def test_match_postgresqls_operators(
        self, client: TestClient, column: str, operator: str, value: str, condition: str
    ) -> None:
        url: Any = client.url_of_database  # type: ignore[attr-defined]
        expected = execute(url, f"SELECT id FROM thing WHERE {condition} ORDER BY id")

        assert ids(client, column, operator, value) == [row[0] for row in expected]

    @pytest.mark.parametrize(
        ("asked", "says"),
        [
            ("span.cs=x", "span.cs cannot be used: Input should be a valid integer."),
            ("span.cs=[1;2)", "span.cs cannot be used: Input should be a range, such as [1,5), or a value within."),
            ("stays.cs={[1,2),3}",
             "stays.cs cannot be used: Input should be ranges in braces, such as {[1,5),[7,9)}."),
            ("numbers.cs=1,x", "numbers.cs cannot be used: Input should be a valid integer."),
            ("address=10.0.0.999",
             "address.eq cannot be used: Input should be an address or a network, such as 10.0.0.0/8."),
            ("took=1 hour", "took.eq cannot be used: Input should be a number."),
            ("took=1e30", "took.eq cannot be used: Input should be a number of seconds, at most 9000000000000."),
            ("facts.cs={", "facts.cs cannot be used: Input should be JSON."),
            (f"facts.cs={'[' * 3000}", "facts.cs cannot be used: Input should be JSON."),
            ("blob=%C3%A9", "blob.eq cannot be used: Input should be base64url."),
            ("bits=2", "bits.eq cannot be used: Input should be of 0 and 1."),
            ("mac=x", "mac.eq cannot be used: Input should be a hardware address, such as 08:00:2b:01:02:03."),
            ("span.like=1",
             "The query cannot be used: the operators of span are eq, ne, cs, cd, ov, sl, sr, nxr, nxl, adj, null."),
            ("facts.gt=1", "The query cannot be used: the operators of facts are eq, ne, cs, cd, null."),
            ("prefixed=x", "prefixed.eq cannot be used: Input should be a valid integer, unable to parse string as an"
                           " integer."),
        ],
    )  # fmt: skip
    def test_explain_invalid_values(self, client: TestClient, asked: str, says: str) -> None:
        answer = client.get(f"/things?{asked}")

        assert (answer.status_code, answer.json()["detail"]) == (422, f"{says} /docs lists every parameter.")

    @pytest.mark.parametrize(
        "asked", ["span.cs=[9,1)", 'facts.cs="\\ud800"', 'facts.cs="\\u0000"', "facts.cs=NaN", "mac=08002b010203040506",
                  "single=1e300", "during.cs=[2026-02-01,2026-01-01)", "net.cs=::ffff:1.2.3.4/130"],
    )  # fmt: skip
    def test_values_that_postgresql_rejects_are_422(self, client: TestClient, asked: str) -> None:
        assert client.get(f"/things?{asked}").status_code == 422

    def test_are_documented(self, client: TestClient) -> None:
        listed = client.get("/openapi.json").json()["paths"]["/things"]["get"]["parameters"]
        said = {each["name"]: each for each in listed}

        assert said["tags.cs"]["schema"]["type"] == "array"
        assert said["tags.cs"]["explode"] is False
        assert said["tags.cs"]["description"] == "Rows whose tags contains this."
        assert said["during.cs"]["description"].endswith(
            "contains this, such as [2026-01-01T00:00:00Z,2026-02-01T00:00:00Z)."
        )
        assert said["stays.cs"]["description"] == "Rows whose stays contains this, such as {[1,5)}."
        assert said["took.gt"]["description"] == "Rows whose took is > this, such as 3600, which is in seconds."
        assert said["facts.cs"]["schema"] == {"type": "string", "contentMediaType": "application/json"}
        assert said["took.gt"]["schema"] == {"type": "number"}
        assert "facts.gt" not in said
        assert "found" not in said


class TestRawText:
    def test_in_a_url_is_utf8_and_the_link_header_is_ascii(self, client: TestClient) -> None:
        async def asked() -> tuple[int, dict[bytes, bytes]]:
            sent: list[Any] = []

            async def receive() -> Any:
                return {"type": "http.request", "body": b"", "more_body": False}

            async def send(message: Any) -> None:
                sent.append(message)

            scope = {
                "type": "http", "method": "GET", "path": "/things", "raw_path": b"/things", "headers": [],
                "query_string": "title.ne=Ü>&limit=1".encode(), "root_path": "", "http_version": "1.1",
                "scheme": "http",
                "server": ("x", 80), "client": ("x", 1),
            }  # fmt: skip
            await client.app(scope, receive, send)
            return sent[0]["status"], dict(sent[0]["headers"])

        status, headers = asyncio.run(asked())
        assert status == 200
        assert headers[b"link"].startswith(b"</things?title.ne=%C3%9C%3E&limit=1&cursor=")


class TestKeysOfUnknownTypes:
    def test_can_be_read_listed_and_paged(self, client: TestClient) -> None:
        assert client.get("/keyeds/2").json() == {"id": 2, "name": "two"}
        assert client.get("/keyeds/x").status_code == 422
        first = client.get("/keyeds?limit=2")
        second = client.get(first.headers["link"].partition(">")[0].removeprefix("<"))
        assert [row["id"] for row in [*first.json(), *second.json()]] == [1, 2, 3]


class TestHead:
    def test_is_answered_like_get_without_the_body(self, client: TestClient) -> None:
        for path in ("/things", "/things/1", "/health/live", "/health/ready", "/docs", "/openapi.json"):
            asked, got = client.head(path), client.get(path)
            assert (asked.status_code, asked.content) == (got.status_code, b"")
            assert asked.headers["content-length"] == str(len(got.content))
            assert asked.headers.get("etag") == got.headers.get("etag")
        assert client.head("/things/99").status_code == 404
        assert client.head("/nowhere").status_code == 404
        assert client.post("/things").headers["allow"] == "GET, HEAD"

    def test_is_counted_in_the_metrics_as_head(self, client: TestClient) -> None:
        client.head("/things")

        metrics = client.get("/metrics").text
        assert 'seedbed_requests_total{method="HEAD",route="/things",status="200"}' in metrics

    def test_a_trailing_slash_is_404(self, client: TestClient) -> None:
        for path in ("/things/", "/things/1/", "/things//"):
            answer = client.get(path, follow_redirects=False)
            assert (answer.status_code, answer.headers["content-type"]) == (404, "application/problem+json"), path
