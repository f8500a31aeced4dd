"""Models that control their serialization: serializers, computed fields, aliases, excluded fields."""

import logging
from collections.abc import Iterator
from datetime import date
from functools import cached_property
from typing import Annotated, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import (
    FieldSerializationInfo,
    PlainSerializer,
    SecretStr,
    SerializerFunctionWrapHandler,
    WrapSerializer,
    computed_field,
    field_serializer,
    model_serializer,
)
from sqlalchemy import LargeBinary, MetaData, Text, create_engine, text
from sqlalchemy.dialects.postgresql import ARRAY, INT4RANGE
from sqlalchemy.engine import Engine
from sqlmodel import Field, Relationship, SQLModel
from sqlmodel import Session as Sql
from starlette.testclient import TestClient

from seedbed.errors import DuplicateAlias, UnsupportedSerializer
from seedbed.postgres.embedded import TemporaryServer
from seedbed.schema import Schema
from seedbed.service import create_app
from seedbed.service.queries.resources import build_resources
from seedbed.settings import DatabaseUrl, Project, load_configuration
from tests.support.projects import fresh_database

METADATA = MetaData()
HIDDEN = "Zq7w-never-to-be-read"


class Ticket(SQLModel, table=True):
    metadata = METADATA
    id: int | None = Field(default=None, primary_key=True)
    title: str = Field(sa_type=Text)
    shout: Annotated[str, PlainSerializer(lambda v: v.upper(), return_type=str)]
    quoted: Annotated[str, WrapSerializer(lambda v, handler: f"<{handler(v)}>")] | None = None
    due: date
    count: int = Field(serialization_alias="howMany")
    blob: bytes = Field(sa_type=LargeBinary)
    tags: list[str] = Field(sa_type=ARRAY(Text))
    note: str | None = None
    hashed_password: str = HIDDEN
    draft: str = Field(default=HIDDEN, exclude=True)

    @field_serializer("due")
    def _due(self, due: date, info: FieldSerializationInfo) -> str:
        return f"{info.field_name} of {self.title}: {due.isoformat()}"

    @field_serializer("count", mode="wrap")
    def _count(self, count: int, handler: SerializerFunctionWrapHandler) -> str:
        return f"{handler(count)} times"

    @field_serializer("blob", "note", when_used="json-unless-none")
    @staticmethod
    def _hex(value: bytes | str) -> str:
        return value.hex() if isinstance(value, bytes) else value[::-1]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def label(self) -> str:
        """The title and what it is tagged with."""
        return f"{self.title} ({', '.join(self.tags)})"

    @computed_field(alias="dueYear")  # type: ignore[prop-decorator]
    @cached_property
    def due_year(self) -> int:
        return self._year_of(self.due)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def password_hint(self) -> str:
        return self.hashed_password[:4]

    @classmethod
    def _year_of(cls, day: date) -> int:
        return day.year


class Parent(SQLModel, table=True):
    metadata = METADATA
    id: int | None = Field(default=None, primary_key=True)
    secret: str = HIDDEN
    children: list["Child"] = Relationship(back_populates="parent")

    @computed_field  # type: ignore[prop-decorator]
    @property
    def size(self) -> int:
        return len(self.children)

    @computed_field  # type: ignore[prop-decorator]
    @property
    def first(self) -> str:
        return self.secret[0]

    @computed_field  # type: ignore[prop-decorator]
    @property
    def name(self) -> str:
        return f"parent {self.id}"


class Child(SQLModel, table=True):
    metadata = METADATA
    id: int | None = Field(default=None, primary_key=True)
    parent_id: int = Field(foreign_key="parent.id")
    parent: Parent = Relationship(back_populates="children")


MODELS: list[Any] = [Ticket, Parent, Child]
SCHEMA = Schema(METADATA, {model.__table__.key: model for model in MODELS})
WORDS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=12)
TICKETS = st.fixed_dictionaries(
    {
        "title": WORDS,
        "shout": WORDS,
        "quoted": st.none() | WORDS,
        "due": st.dates(),
        "count": st.integers(-(2**31), 2**31 - 1),
        "blob": st.binary(max_size=9),
        "tags": st.lists(WORDS, max_size=3),
        "note": st.none() | WORDS,
    }
)


@pytest.fixture(scope="module")
def url(seedbed_server: TemporaryServer) -> Iterator[DatabaseUrl]:
    with fresh_database(seedbed_server) as database:
        yield database.url


@pytest.fixture(scope="module")
def engine(url: DatabaseUrl) -> Iterator[Engine]:
    engine = create_engine(url.reveal().replace("postgresql:", "postgresql+psycopg:"))
    METADATA.create_all(engine)
    with engine.begin() as connection:
        connection.execute(text("INSERT INTO parent (id, secret) VALUES (1, 'x')"))
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def client(url: DatabaseUrl, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    project = Project(root=tmp_path_factory.mktemp("spoken"), name="spoken")
    configuration = load_configuration(project, environ={"DATABASE_URL": url.reveal()})
    with TestClient(create_app(configuration, SCHEMA, url)) as client:
        yield client


def schema_of(model: Any) -> Schema:
    return Schema(model.metadata, {model.__table__.key: model})


class TestModels:
    @settings(
        max_examples=60, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(values=TICKETS)
    def test_serialize_rows_as_fastapi_does(self, client: TestClient, engine: Engine, values: dict[str, Any]) -> None:
        with Sql(engine) as session:
            row = Ticket(**values)
            session.add(row)
            session.commit()
            session.refresh(row)
            expected = row.model_dump(mode="json", by_alias=True, exclude={"hashed_password", "password_hint"})

        assert client.get(f"/tickets/{row.id}").json() == expected
        assert client.get(f"/tickets?id={row.id}").json() == [expected]
        some = client.get(f"/tickets/{row.id}?fields=label,howMany").json()
        assert some == {"howMany": expected["howMany"], "label": expected["label"]}

    def test_can_be_filtered_and_sorted_by_aliases(self, client: TestClient, engine: Engine) -> None:
        with Sql(engine) as session:
            session.add(Ticket(title="t", shout="a", due=date(2026, 1, 1), count=424242, blob=b"", tags=[]))
            session.commit()

        (found,) = client.get("/tickets?howMany=424242&sort=-howMany&fields=howMany,title,dueYear").json()
        refused = client.get("/tickets?count.eq=1")

        assert found == {"title": "t", "howMany": "424242 times", "dueYear": 2026}
        assert refused.status_code == 422

    def test_are_documented_as_they_are_serialized(self, client: TestClient) -> None:
        document = client.get("/openapi.json")
        said = document.json()["components"]["schemas"]["Ticket"]["properties"]

        assert list(said) == [
            "id", "title", "shout", "quoted", "due", "howMany", "blob", "tags", "note", "label", "dueYear"
        ]  # fmt: skip
        assert (said["due"]["type"], said["howMany"]["type"], said["dueYear"]["type"]) == (
            "string",
            "string",
            "integer",
        )
        assert said["label"]["description"] == "The title and what it is tagged with."
        for word in (HIDDEN, "hashed_password", "password_hint", "draft"):
            assert word not in document.text

    @pytest.mark.parametrize("field", ["size", "first"])
    def test_computing_from_unread_columns_is_an_error(
        self, client: TestClient, caplog: pytest.LogCaptureFixture, field: str
    ) -> None:
        caplog.set_level(logging.INFO)

        answer = client.get(f"/parents/1?fields={field}")

        assert (answer.status_code, answer.json()["code"]) == (500, "SB618")
        assert "is not bound to a Session" in caplog.text
        assert client.get("/parents/1?fields=id,name").json() == {"id": 1, "name": "parent 1"}


class TestUnsupportedModels:
    def test_a_model_serializer_is_refused(self) -> None:
        class Receipt(SQLModel, table=True):
            metadata = MetaData()
            id: int | None = Field(default=None, primary_key=True)

            @model_serializer
            def as_text(self) -> str:
                return f"receipt {self.id}"

        with pytest.raises(UnsupportedSerializer, match="Receipt serializes as_text"):
            build_resources(schema_of(Receipt))

    @pytest.mark.filterwarnings("ignore:.*arbitrary")
    def test_a_serializer_of_a_postgresql_only_type_is_refused(self) -> None:
        class Booking(SQLModel, table=True):
            metadata = MetaData()
            model_config = {"arbitrary_types_allowed": True}
            id: int | None = Field(default=None, primary_key=True)
            nights: Any = Field(sa_type=INT4RANGE)

            @field_serializer("nights")
            def _nights(self, nights: Any) -> int:
                return int(nights.upper - nights.lower)

        with pytest.raises(UnsupportedSerializer, match="Booking serializes nights"):
            build_resources(schema_of(Booking))

    def test_an_alias_equal_to_another_columns_name_is_refused(self) -> None:
        class Mailed(SQLModel, table=True):
            metadata = MetaData()
            id: int | None = Field(default=None, primary_key=True)
            email: str
            mail: str = Field(serialization_alias="email")

        with pytest.raises(DuplicateAlias, match="Two columns of mailed would have the name email in an answer"):
            build_resources(schema_of(Mailed))


class TestExcludedFields:
    def test_are_recognized_by_type_and_by_alias(self) -> None:
        class Guarded(SQLModel, table=True):
            metadata = MetaData()
            id: int | None = Field(default=None, primary_key=True)
            word: SecretStr = Field(sa_type=Text)
            other: SecretStr | None = Field(default=None, sa_type=Text)
            shown: str = Field(exclude=True, sa_column_kwargs={"info": {"public": True}})
            plain: str = Field(serialization_alias="apiKey")

        (served,) = build_resources(schema_of(Guarded))

        assert list(served.columns) == ["id", "shown"]
