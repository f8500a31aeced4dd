"""PostgreSQL's JSON of a row equals Pydantic's, for every column type."""

import enum
import json
import math
import uuid
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any

import psycopg
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pydantic import BaseModel, field_serializer
from sqlalchemy import (
    ARRAY,
    CHAR,
    JSON,
    BigInteger,
    Column,
    Date,
    DateTime,
    Enum,
    Float,
    Integer,
    Interval,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    Text,
    Time,
    TypeDecorator,
    Uuid,
    create_engine,
    text,
)
from sqlalchemy.dialects.postgresql import INET, INT4RANGE, JSONB, REAL
from sqlalchemy.engine import Engine
from sqlmodel import Field, SQLModel
from sqlmodel import Session as Sql
from starlette.testclient import TestClient

from seedbed.postgres.embedded import TemporaryServer
from seedbed.schema import Schema
from seedbed.service import create_app
from seedbed.service.queries.resources import Resource, build_resources
from seedbed.settings import DatabaseUrl, Project, load_configuration

METADATA = MetaData()


class Mood(enum.Enum):
    GLAD = 'it\'s "fine"'
    SAD = "sad"


class Grade(enum.IntEnum):
    LOW = 1
    HIGH = 9


class Address(BaseModel):
    street: str
    number: int = 1


class Shouted(TypeDecorator[str]):
    impl = Text
    cache_ok = True

    def process_result_value(self, value: str | None, dialect: object) -> str | None:
        return None if value is None else value.upper()


class Every(SQLModel, table=True):
    metadata = METADATA
    id: int | None = Field(default=None, primary_key=True)
    small: int | None = Field(sa_type=SmallInteger)
    big: int | None = Field(sa_type=BigInteger)
    exact: Decimal | None = Field(sa_type=Numeric)
    money: Decimal | None = Field(max_digits=12, decimal_places=2)
    double: float | None = Field(sa_type=Float)
    single: float | None = Field(sa_type=REAL)
    flag: bool | None
    words: str | None
    padded: str | None = Field(sa_type=CHAR(6))
    key: uuid.UUID | None = Field(sa_type=Uuid)
    day: date | None = Field(sa_type=Date)
    at: datetime | None = Field(sa_column=Column(DateTime(timezone=True)))
    naive: datetime | None = Field(sa_column=Column(DateTime(timezone=False)))
    clock: time | None = Field(sa_type=Time)
    span: timedelta | None = Field(sa_type=Interval)
    mood: Mood | None = Field(sa_type=Enum(Mood, name="every_mood"))
    grade: Grade | None = Field(sa_type=Enum(Grade, name="every_grade"))
    plain: Any = Field(sa_type=JSON)
    binary: Any = Field(sa_type=JSONB)
    ints: list[int] | None = Field(sa_type=ARRAY(Integer))
    texts: list[str | None] | None = Field(sa_type=ARRAY(Text))
    amounts: list[Decimal] | None = Field(sa_type=ARRAY(Numeric))
    moments: list[datetime] | None = Field(sa_type=ARRAY(DateTime(timezone=True)))
    moods: list[Mood] | None = Field(sa_type=ARRAY(Enum(Mood, name="every_mood")))


class Through(SQLModel, table=True):
    """What only Python can write."""

    metadata = METADATA
    id: int | None = Field(default=None, primary_key=True)
    loud: str = Field(sa_type=Shouted)
    home: Address = Field(sa_type=JSONB)
    day: date

    @field_serializer("day")
    def _of_day(self, day: date) -> str:
        return f"day {day.isoformat()}"


class Native(SQLModel, table=True):
    """What only PostgreSQL has, and Python's types lack."""

    metadata = METADATA
    id: int | None = Field(default=None, primary_key=True)
    day: date
    at: datetime
    exact: Decimal
    double: float
    blob: bytes = Field(sa_type=LargeBinary)
    span: Any = Field(sa_type=INT4RANGE)
    net: str = Field(sa_type=INET)


MODELS: list[Any] = [Every, Through, Native]
SCHEMA = Schema(METADATA, {model.__table__.key: model for model in MODELS})
SERVED = {resource.path: resource for resource in build_resources(SCHEMA)}

TEXT = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30)
MOMENT = st.datetimes(datetime(1, 1, 3), datetime(9999, 12, 30))  # noqa: DTZ001 - offsets are added to it
OFFSET = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))
EXACT = st.decimals(allow_infinity=False, min_value=-(10**30), max_value=10**30, places=20) | st.decimals(
    allow_infinity=False, allow_nan=False, min_value=-100, max_value=100
)
SINGLE = st.floats(width=32)
JSONS = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
ROWS = st.fixed_dictionaries(
    {
        "small": st.integers(-(2**15), 2**15 - 1),
        "big": st.integers(-(2**63), 2**63 - 1),
        "exact": EXACT,
        "money": st.decimals(allow_nan=False, min_value=-(10**9), max_value=10**9, places=2),
        "double": st.floats(),
        "single": SINGLE,
        "flag": st.booleans(),
        "words": TEXT,
        "padded": st.text("aé😀 ", max_size=6),
        "key": st.uuids(),
        "day": st.dates(),
        "at": st.builds(lambda moment, zone: moment.replace(tzinfo=zone), MOMENT, OFFSET),
        "naive": MOMENT,
        "clock": st.times(),
        "span": st.timedeltas(timedelta(days=-10000), timedelta(days=10000)),
        "mood": st.sampled_from(Mood),
        "grade": st.sampled_from(Grade),
        "plain": JSONS,
        "binary": JSONS,
        "ints": st.lists(st.integers(-(2**31), 2**31 - 1), max_size=3),
        "texts": st.lists(TEXT | st.none(), max_size=3),
        "amounts": st.lists(EXACT, max_size=3),
        "moments": st.lists(MOMENT.map(lambda moment: moment.replace(tzinfo=UTC)), max_size=3),
        "moods": st.lists(st.sampled_from(Mood), max_size=3),
    }
)
NOTHING = dict.fromkeys(Every.model_fields.keys() - {"id"}, None)


@pytest.fixture(scope="module")
def url(given_server: TemporaryServer) -> DatabaseUrl:
    with psycopg.connect(given_server.url().reveal(), autocommit=True) as connection:
        connection.execute("DROP DATABASE IF EXISTS every WITH (FORCE)")
        connection.execute("CREATE DATABASE every")
        connection.execute("ALTER DATABASE every SET timezone = 'Asia/Kathmandu'")
        connection.execute("ALTER DATABASE every SET datestyle = 'SQL, DMY'")
        connection.execute("ALTER DATABASE every SET intervalstyle = 'sql_standard'")
    return given_server.url("every")


@pytest.fixture(scope="module")
def engine(url: DatabaseUrl) -> Iterator[Engine]:
    styles = {"options": "-c datestyle=ISO -c intervalstyle=postgres"}  # psycopg reads no others
    engine = create_engine(url.reveal().replace("postgresql:", "postgresql+psycopg:"), connect_args=styles)
    METADATA.create_all(engine)
    yield engine
    engine.dispose()


@pytest.fixture(scope="module")
def client(url: DatabaseUrl, engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestClient]:
    project = Project(root=tmp_path_factory.mktemp("every"), name="every")
    configuration = load_configuration(project, environ={"DATABASE_URL": url.reveal()})
    with TestClient(create_app(configuration, SCHEMA, url)) as client:
        yield client


def as_pydantic_writes(resource: Resource, row: SQLModel) -> str:
    """The row as SQLAlchemy reads it, through the model of answers."""
    values = {name: getattr(row, name) for name in resource.columns}
    return resource.response.model.model_validate(values).model_dump_json(by_alias=True)


def parsed(written: str) -> Any:
    """JSON with numbers by their value, so that 1 is 1.0 and 1e+16 is 1e16, and everything else as it is spelled."""
    return json.loads(written, parse_int=Decimal, parse_float=lambda number: Decimal(repr(float(number))))


def put(engine: Engine, model: type[SQLModel], values: dict[str, Any]) -> tuple[int, SQLModel]:
    with Sql(engine) as session:
        row = model(**values)
        session.add(row)
        session.commit()
        session.expunge_all()
        key = session.scalar(text(f"SELECT max(id) FROM {model.__tablename__}"))
        session.expunge_all()
        row = session.get_one(model, key)
        session.expunge_all()
    return int(key or 0), row


class TestJson:
    @settings(
        max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True
    )
    @given(values=ROWS, missing=st.sets(st.sampled_from(sorted(NOTHING)), max_size=4))
    def test_of_a_row_equals_pydantics(
        self, client: TestClient, engine: Engine, values: dict[str, Any], missing: set[str]
    ) -> None:
        key, row = put(engine, Every, values | dict.fromkeys(missing))

        answer = client.get(f"/everies/{key}")

        assert answer.status_code == 200, answer.text
        expected = parsed(as_pydantic_writes(SERVED["/everies"], row))
        found = parsed(answer.text)
        assert list(found) == list(expected)
        for name, value in expected.items():
            assert found[name] == value or name == "single", name
        if isinstance(expected["single"], Decimal):
            assert math.isclose(found["single"], expected["single"], rel_tol=1e-6)
        listed = client.get(f"/everies?id={key}")
        assert parsed(listed.text) == [found]

    def test_of_null_is_null(self, client: TestClient, engine: Engine) -> None:
        key, row = put(engine, Every, NOTHING)

        assert parsed(client.get(f"/everies/{key}").text) == parsed(as_pydantic_writes(SERVED["/everies"], row))

    def test_has_no_white_space_and_keeps_emoji(self, client: TestClient, engine: Engine) -> None:
        key, _ = put(engine, Every, NOTHING | {"words": 'é😀 " \\ \t\x01'})

        answer = client.get(f"/everies/{key}?fields=id,words")

        assert answer.text == f'{{"id":{key},"words":"é😀 \\" \\\\ \\t\\u0001"}}'

    def test_of_types_with_python_code_is_serialized_by_python(self, client: TestClient, engine: Engine) -> None:
        key, _ = put(engine, Through, {"loud": "hey", "home": {"street": "a"}, "day": date(2026, 1, 2)})

        assert client.get(f"/throughs/{key}").json() == {
            "id": key, "loud": "HEY", "home": {"street": "a", "number": 1}, "day": "day 2026-01-02",
        }  # fmt: skip
        assert client.get(f"/throughs?fields=day&id={key}").json() == [{"day": "day 2026-01-02"}]

    def test_of_values_outside_pythons_range_is_postgresqls_text(self, client: TestClient, url: DatabaseUrl) -> None:
        with psycopg.connect(url.reveal(), autocommit=True) as connection:
            connection.execute(
                "INSERT INTO native VALUES"
                " (1, 'infinity', '-infinity', 'NaN', '-Infinity', '\\xfbff', '[1,5)', '10.0.0.1'),"
                " (2, '2026-01-02', '2026-01-02 03:04:05.6+02', 1e-9, 1e300, '', 'empty', '10.0.0.0/8')"
            )

        first, second = client.get("/natives?id.in=1,2").json()

        assert first == {
            "id": 1, "day": "infinity", "at": "-infinity", "exact": "NaN", "double": "-Infinity", "blob": "-_8=",
            "span": "[1,5)", "net": "10.0.0.1",
        }  # fmt: skip
        assert second == {
            "id": 2, "day": "2026-01-02", "at": "2026-01-02T01:04:05.600000Z", "exact": "0.000000001", "double": 1e300,
            "blob": "", "span": "empty", "net": "10.0.0.0/8",
        }  # fmt: skip

    def test_matches_its_schema(self, client: TestClient) -> None:
        every = client.get("/openapi.json").json()["components"]["schemas"]["Every"]["properties"]

        assert every["exact"]["anyOf"][0] == {"type": "string", "pattern": r"^(-?[0-9]+(\.[0-9]+)?|NaN|-?Infinity)$"}
        assert every["at"]["anyOf"] == [{"type": "string", "format": "date-time"}, {"type": "null"}]
