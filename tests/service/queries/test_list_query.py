"""Lists that are filtered, sorted, paged and counted, and links, compared with the same operations in Python."""

import itertools
import json
import re
import secrets
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

import psycopg
import pytest
from sqlalchemy import ForeignKeyConstraint, MetaData, create_engine
from sqlmodel import Field, SQLModel
from sqlmodel import Session as Sql
from starlette.testclient import TestClient

from seedbed.postgres.embedded import TemporaryServer
from seedbed.schema import Schema
from seedbed.service import create_app
from seedbed.service.pool.statement import Row, Statement
from seedbed.settings import Configuration, DatabaseUrl, Project, load_configuration

METADATA = MetaData()
START = datetime(2026, 1, 1, tzinfo=UTC)


class Person(SQLModel, table=True):
    metadata = METADATA
    id: int = Field(primary_key=True)
    name: str
    mentor_id: int | None = Field(default=None, foreign_key="person.id")
    secret: str = "Zq7w"


class Note(SQLModel, table=True):
    metadata = METADATA
    author_id: int = Field(primary_key=True, foreign_key="person.id")
    number: int = Field(primary_key=True)
    editor_id: int | None = Field(default=None, foreign_key="person.id")
    score: float | None
    at: datetime | None
    word: str | None


class Mark(SQLModel, table=True):
    """Its foreign key has two columns."""

    metadata = METADATA
    __table_args__ = (ForeignKeyConstraint(["author_id", "number"], ["note.author_id", "note.number"]),)
    id: int = Field(primary_key=True)
    author_id: int | None = None
    number: int | None = None


MODELS: list[Any] = [Person, Note, Mark]
SCHEMA = Schema(METADATA, {model.__table__.key: model for model in MODELS})
WORDS = [None, "a", "b", "ä", "A", "", "a,b"]
PEOPLE: list[dict[str, Any]] = [
    {"id": i, "name": f"P{i}", "mentor_id": i - 1 if i % 3 and i > 1 else None} for i in range(1, 9)
]
NOTES: list[dict[str, Any]] = [
    {
        "author_id": 1 + i % 4,
        "number": i,
        "editor_id": None if i % 3 else 2,
        "score": [None, 1.5, float("nan"), 0.1, float("-inf")][i % 5],
        "at": None if i % 4 == 0 else START + timedelta(microseconds=i // 3),
        "word": WORDS[i % len(WORDS)],
    }
    for i in range(40)
]


@pytest.fixture(scope="module")
def url(seedbed_server: TemporaryServer) -> DatabaseUrl:
    name = f"asked_{secrets.token_hex(3)}"
    with psycopg.connect(seedbed_server.url().reveal(), autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')
    url = seedbed_server.url(name)
    engine = create_engine(url.reveal().replace("postgresql:", "postgresql+psycopg:"))
    METADATA.create_all(engine)
    with Sql(engine) as session:
        for row in PEOPLE:
            session.add(Person(**row))
            session.flush()
        session.add_all([Note(**row) for row in NOTES])
        session.flush()
        session.add_all([Mark(id=1, author_id=1, number=0), Mark(id=2)])
        session.commit()
    engine.dispose()
    return url


@pytest.fixture(scope="module")
def configuration(url: DatabaseUrl, tmp_path_factory: pytest.TempPathFactory) -> Configuration:
    root: Path = tmp_path_factory.mktemp("asked")
    return load_configuration(Project(root=root, name="asked"), environ={"DATABASE_URL": url.reveal()})


@pytest.fixture(scope="module")
def client(configuration: Configuration, url: DatabaseUrl) -> Iterator[TestClient]:
    with TestClient(create_app(configuration, SCHEMA, url)) as client:
        yield client


def walked(client: TestClient, path: str) -> Iterator[dict[str, Any]]:
    following: str | None = path
    for _ in range(100):
        answer = client.get(following or "")
        assert answer.status_code == 200, answer.text
        yield from answer.json()
        link = re.fullmatch(r'<(.*)>; rel="next"', answer.headers.get("link", ""))
        if link is None:
            return
        following = link[1]
    raise AssertionError("the pages have no end")


def numbers(client: TestClient, path: str) -> list[int]:
    return [row["number"] for row in walked(client, path)]


class TestFilter:
    @pytest.mark.parametrize(
        ("asked", "fits"),
        [
            ("number=7", lambda n: n["number"] == 7),
            ("number.eq=7", lambda n: n["number"] == 7),
            ("number.ne=7", lambda n: n["number"] != 7),
            ("number.gte=7&number.lt=9", lambda n: 7 <= n["number"] < 9),
            ("number.in=1,3,99", lambda n: n["number"] in {1, 3}),
            ("editor_id.null=true", lambda n: n["editor_id"] is None),
            ("editor_id.null=false&author_id.gt=2", lambda n: n["editor_id"] is not None and n["author_id"] > 2),
            ("word=ä", lambda n: n["word"] == "ä"),
            ("word=", lambda n: n["word"] == ""),
            ("word=a,b", lambda n: n["word"] == "a,b"),
            ("score.gt=1", lambda n: n["score"] is not None and not n["score"] <= 1),
            ("score=NaN", lambda n: n["score"] is not None and n["score"] != n["score"]),
            ("at.lte=2026-01-01T00:00:00.000003Z", lambda n: n["at"] and n["at"] <= START + timedelta(microseconds=3)),
            (
                "at.gt=2026-01-01T01:00:00.000003+01:00",
                lambda n: n["at"] and n["at"] > START + timedelta(microseconds=3),
            ),
            ("at.gt=infinity", lambda n: False),
        ],
    )
    def test_returns_the_matching_rows(self, client: TestClient, asked: str, fits: Callable[[Any], bool]) -> None:
        assert sorted(numbers(client, f"/notes?limit=7&{asked}")) == [n["number"] for n in NOTES if fits(n)]

    def test_applies_to_every_page(self, client: TestClient) -> None:
        found = list(walked(client, "/notes?limit=2&fields=number&author_id=2"))

        assert found == [{"number": n["number"]} for n in NOTES if n["author_id"] == 2]


class TestSort:
    @pytest.mark.parametrize("limit", [1, 3, 40])
    @pytest.mark.parametrize(
        "sort",
        ["", "number", "-number", "word", "-word", "score,-at", "-score,at", "at,word,-author_id", "editor_id,-score"],
    )
    def test_pages_return_each_row_once_in_postgresqls_order(
        self, client: TestClient, url: DatabaseUrl, sort: str, limit: int
    ) -> None:
        parts = [part for part in sort.split(",") if part]
        last = "DESC" if parts and parts[-1].startswith("-") else "ASC"
        order = [f"{part.removeprefix('-')} {'DESC' if part[0] == '-' else 'ASC'}" for part in parts]
        with psycopg.connect(url.reveal()) as connection:
            rows = connection.execute(
                f"SELECT number FROM note ORDER BY {', '.join([*order, f'author_id {last}', f'number {last}'])}"
            ).fetchall()

        found = numbers(client, f"/notes?limit={limit}{'&sort=' + sort if sort else ''}")

        assert found == [row[0] for row in rows]
        assert len(found) == len(NOTES)

    @pytest.mark.parametrize("sort", ["", "nope", "secret", "number,number", "+number", "-", "number desc", "1"])
    def test_by_an_unknown_column_is_refused(self, client: TestClient, sort: str) -> None:
        assert client.get(f"/persons?sort={quote(sort)}").json()["code"] == "SB607"


class TestCursor:
    def cursor(self, client: TestClient, path: str) -> str:
        found = re.search(r"cursor=([^>&]*)", client.get(path).headers["link"])
        assert found is not None
        return found[1]

    def test_is_refused_if_a_character_is_changed(self, client: TestClient) -> None:
        cursor = self.cursor(client, "/notes?limit=2")

        assert client.get(f"/notes?limit=2&cursor={cursor}").status_code == 200
        for i in range(len(cursor)):
            forged = cursor[:i] + ("A" if cursor[i] != "A" else "B") + cursor[i + 1 :]
            answer = client.get(f"/notes?limit=2&cursor={forged}")
            assert answer.status_code == 422 or forged[: len(cursor) - 1] == cursor[:-1], i

    @pytest.mark.parametrize(
        "path",
        ["/persons", "/notes?sort=word", "/notes?sort=-author_id,-number", "/persons/1/notes-by-author_id?sort=word"],
    )
    def test_is_valid_for_one_list_in_one_order(self, client: TestClient, path: str) -> None:
        cursor = self.cursor(client, "/notes?limit=2")

        assert client.get(f"{path}{'&' if '?' in path else '?'}cursor={cursor}").json()["code"] == "SB608"

    @pytest.mark.parametrize("cursor", ["", "x", "AAAA", "%00", "ä", "=", "a" * 4000])
    def test_that_the_service_did_not_create_is_refused(self, client: TestClient, cursor: str) -> None:
        assert client.get(f"/notes?cursor={cursor}").json()["code"] == "SB608"


class TestLinks:
    def test_lead_from_a_row_to_its_parent(self, client: TestClient) -> None:
        assert client.get("/notes/1/0/author").json()["id"] == 1
        assert client.get("/persons/2/mentor").json()["id"] == 1
        assert client.get("/marks/1/note").json()["number"] == 0

    def test_lead_from_a_row_to_its_children(self, client: TestClient) -> None:
        written = numbers(client, "/persons/2/notes-by-author_id?limit=3")
        edited = numbers(client, "/persons/2/notes-by-editor_id?limit=3&author_id=1")

        assert written == [n["number"] for n in NOTES if n["author_id"] == 2]
        assert edited == [n["number"] for n in NOTES if n["editor_id"] == 2 and n["author_id"] == 1]
        assert [row["id"] for row in client.get("/notes/1/0/marks").json()] == [1]
        assert client.get("/notes/2/1/marks").json() == []

    @pytest.mark.parametrize(
        ("path", "detail"),
        [
            ("/persons/99/mentor", "There is no person with that key."),
            ("/persons/99/notes-by-author_id", "There is no person with that key."),
            ("/notes/1/99/marks", "There is no note with that key."),
        ],
    )
    def test_from_a_missing_row_or_to_an_unknown_name_are_404(self, client: TestClient, path: str, detail: str) -> None:
        answer = client.get(path)

        assert (answer.status_code, answer.json()["code"]) == (404, "SB602")
        assert answer.json()["detail"].startswith(detail)

    @pytest.mark.parametrize(
        ("path", "detail"),
        [
            ("/persons/3/mentor", "This person has no mentor. This is not a mistake: its mentor_id is null."),
            ("/marks/2/note", "This mark has no note. This is not a mistake: its author_id and number are null."),
        ],
    )
    def test_that_are_null_differ_from_a_missing_row(self, client: TestClient, path: str, detail: str) -> None:
        answer = client.get(path)

        assert (answer.status_code, answer.json()["code"], answer.json()["detail"]) == (404, "SB619", detail)


class TestCount:
    def test_is_returned_only_on_request(self, client: TestClient) -> None:
        assert "x-total-count" not in client.get("/notes").headers

    def test_can_be_exact(self, client: TestClient) -> None:
        answer = client.get("/persons/2/notes-by-author_id?limit=1&count=exact&number.gt=1")

        expected = sum(n["author_id"] == 2 and n["number"] > 1 for n in NOTES)
        assert (answer.headers["x-total-count"], answer.headers["x-total-count-is"]) == (str(expected), "exact")

    def test_can_be_the_planners_estimate(self, client: TestClient, url: DatabaseUrl) -> None:
        with psycopg.connect(url.reveal(), autocommit=True) as connection:
            connection.execute("ANALYZE note")

        headers = client.get("/notes?count=estimate").headers

        assert (headers["x-total-count"], headers["x-total-count-is"]) == (str(len(NOTES)), "estimate")


class TestEtag:
    def test_a_matching_etag_is_304(self, client: TestClient) -> None:
        first = client.get("/persons/1")

        again = client.get("/persons/1", headers={"If-None-Match": f'"x", W/{first.headers["etag"]}'})
        other = client.get("/persons/1", headers={"If-None-Match": '"x"'})

        assert (again.status_code, again.content, again.headers["etag"]) == (304, b"", first.headers["etag"])
        assert other.json() == first.json()


class TestFetch:
    def test_passed_to_create_app_replaces_the_pool(self, configuration: Configuration, url: DatabaseUrl) -> None:
        nowhere = DatabaseUrl("nobody", None, "127.0.0.1", "1", "nothing")
        with psycopg.connect(url.reveal()) as connection:
            connection.execute("INSERT INTO person (id, name, secret) VALUES (77, 'only here', '')")

            async def fetch(statement: Statement, parameters: Any = ()) -> list[Row]:
                given = [None if value is None else value.decode() for value in parameters]
                rows = connection.execute(statement.formatted, given).fetchall()
                return [tuple(None if value is None else str(value).encode() for value in row) for row in rows]

            with TestClient(create_app(configuration, SCHEMA, nowhere, fetch=fetch)) as client:
                assert client.get("/persons/77").json() == {"id": 77, "name": "only here", "mentor_id": None}
                assert client.get("/persons?id.gt=70&sort=-name&limit=1").json()[0]["id"] == 77
                assert client.get("/persons/77/notes-by-author_id").json() == []
                assert client.get("/health/ready").status_code == 200


class TestPrepared:
    def test_statements_survive_a_change_of_the_table(self, client: TestClient, url: DatabaseUrl) -> None:
        for _ in range(4):
            assert client.get("/persons/1").status_code == 200
        with psycopg.connect(url.reveal(), autocommit=True) as connection:
            connection.execute("ALTER TABLE person ALTER name TYPE varchar(50)")
        assert [client.get("/persons/1").json()["name"] for _ in range(4)] == ["P1"] * 4

    def test_statements_are_limited_in_number(self, client: TestClient) -> None:
        for fields in itertools.permutations(["id", "name", "mentor_id"]):
            assert client.get(f"/persons?fields={','.join(fields)}").status_code == 200

        assert json.loads(client.get("/persons?fields=name,id&limit=1").text) == [{"id": 1, "name": "P1"}]
