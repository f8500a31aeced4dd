"""A schema with one of everything that a column, a key or a constraint can be, for seeds without overrides."""

TABLES = '''
from datetime import time, timedelta
from ipaddress import IPv4Address
from typing import Annotated, Any, Literal, Optional

from pydantic import BaseModel, ConfigDict, EmailStr, StringConstraints
from sqlalchemy import (
    ARRAY, CHAR, Computed, Date, DateTime, Enum as SaEnum, Float, ForeignKey, Integer, Interval, LargeBinary, Numeric,
    SmallInteger, String, Text, Time, TypeDecorator, Uuid, func,
)
from sqlalchemy.dialects.postgresql import (
    BIT, CIDR, CITEXT, DATERANGE, DOMAIN, INET, INT4MULTIRANGE, INT4RANGE, INT8RANGE, JSONB, MACADDR, MACADDR8, NUMRANGE,
    REAL, TSMULTIRANGE, TSRANGE, TSTZRANGE, ExcludeConstraint, Range,
)

declare(metadata, "CREATE EXTENSION IF NOT EXISTS citext", "CREATE EXTENSION IF NOT EXISTS btree_gist")
declare(metadata, "CREATE SCHEMA IF NOT EXISTS archive")


def pk():
    return Field(default=None, primary_key=True)


class Mood(Enum):
    calm = "calm"
    wild = "wild"
    shy = "shy"


class Address(BaseModel):
    street: str
    number: int = 1
    tags: list[str] = []


class Model(TypeDecorator):
    """JSONB that a model goes into and comes out of."""

    impl = JSONB
    cache_ok = True

    def process_bind_param(self, value, dialect):
        assert value is None or isinstance(value, Address), value
        return None if value is None else value.model_dump(mode="json")

    def process_result_value(self, value, dialect):
        return None if value is None else Address.model_validate(value)


class Shouted(TypeDecorator):
    impl = String(40)
    cache_ok = True

    def process_bind_param(self, value, dialect):
        return None if value is None else value.upper()


class Ints(Table, table=True):
    id: int | None = pk()
    small: int = Field(sa_type=SmallInteger)
    big: int = Field(sa_type=BigInteger)
    bounded: int = Field(ge=10, le=20)
    open_ended: int = Field(gt=5)
    even: int = Field(ge=0, le=100, multiple_of=2)
    few: int = Field(sa_column=Column(Integer, CheckConstraint("few IN (3, 5, 8)", name="only_few"), nullable=False))
    ranked: int = Field(unique=True)


class Numerics(Table, table=True):
    id: int | None = pk()
    price: Decimal = Field(max_digits=10, decimal_places=2)
    tiny: Decimal = Field(max_digits=3, decimal_places=3)
    whole: Decimal = Field(sa_type=Numeric(5))
    free: Decimal = Field(sa_type=Numeric)
    wide: Decimal = Field(sa_type=Numeric(18, 6))
    ratio: float = Field(ge=0, le=1)
    single: float = Field(sa_type=REAL)
    negative: Decimal = Field(max_digits=6, decimal_places=2, ge=-50, le=-1)


class Texts(Table, table=True):
    id: int | None = pk()
    plain: str
    short: str = Field(max_length=3)
    padded: str = Field(sa_type=CHAR(5))
    long: str = Field(min_length=120)
    clob: str = Field(sa_type=Text)
    ci: str = Field(sa_type=CITEXT, unique=True)
    patterned: Annotated[str, StringConstraints(pattern=r"^[A-Z]{3}-[0-9]{4}$")]
    checked: str = Field(sa_column=Column(Text, CheckConstraint("checked ~ '^[a-z]+_[0-9]{2}$'", name="looks"), nullable=False))
    kind: Literal["a", "b"] = Field(sa_type=String(1))
    email: EmailStr = Field(unique=True)
    shouted: str = Field(sa_type=Shouted)
    nothing: str | None = None


class Moments(Table, table=True):
    id: int | None = pk()
    day: date
    at: datetime
    naive: datetime = Field(sa_type=DateTime)
    clock: time
    span: timedelta
    birth_date: date
    created_at: datetime
    updated_at: datetime
    deleted_at: datetime | None = None
    starts_at: datetime
    ends_at: datetime
    __table_args__ = (CheckConstraint("ends_at > starts_at", name="runs_forward"),
                      CheckConstraint("day >= DATE '2020-01-01'", name="recent"))


class Odds(Table, table=True):
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    flag: bool
    blob: bytes
    mood: Mood
    ip: str = Field(sa_type=INET)
    net: str = Field(sa_type=CIDR)
    mac: str = Field(sa_type=MACADDR)
    mac8: str = Field(sa_type=MACADDR8)
    bits: str = Field(sa_type=BIT(7))
    varbits: str = Field(sa_type=BIT(9, varying=True))
    address: IPv4Address


class Jsons(Table, table=True):
    id: int | None = pk()
    plain: dict[str, Any] = Field(sa_type=JSON)
    binary: dict[str, Any] = Field(sa_type=JSONB)
    modelled: Address = Field(sa_type=Model)
    loose: Address = Field(sa_type=JSONB)
    maybe: dict[str, Any] | None = Field(default=None, sa_type=JSONB)


class Arrays(Table, table=True):
    id: int | None = pk()
    ints: list[int] = Field(sa_type=ARRAY(Integer))
    words: list[str] = Field(sa_type=ARRAY(Text))
    days: list[date] = Field(sa_type=ARRAY(Date))
    keys: list[UUID] = Field(sa_type=ARRAY(Uuid))
    amounts: list[Decimal] | None = Field(default=None, sa_type=ARRAY(Numeric(8, 2)))


class EnumArrays(Table, table=True):
    id: int | None = pk()
    moods: list[Mood] = Field(sa_type=ARRAY(SaEnum(Mood, name="mood")))
    documents: list[dict[str, Any]] = Field(sa_type=ARRAY(JSONB))
    spans: list[Any] = Field(sa_type=ARRAY(INT4RANGE))
    sets_of_spans: list[Any] = Field(sa_type=ARRAY(INT4MULTIRANGE))
    note: str | None = None


class Ranges(Table, table=True):
    id: int | None = pk()
    i4: Any = Field(sa_type=INT4RANGE)
    i8: Any = Field(sa_type=INT8RANGE)
    num: Any = Field(sa_type=NUMRANGE)
    ts: Any = Field(sa_type=TSRANGE)
    tz: Any = Field(sa_type=TSTZRANGE)
    days: Any = Field(sa_type=DATERANGE)
    multi: Any = Field(sa_type=INT4MULTIRANGE)
    tsmulti: Any = Field(sa_type=TSMULTIRANGE)

    model_config = ConfigDict(arbitrary_types_allowed=True)


POSITIVE = DOMAIN("positive_amount", Numeric(8, 2), check=text("VALUE > 0 AND VALUE < 5000"), metadata=metadata)
POSTAL = DOMAIN("postal", Text, check=text("VALUE ~ '^[0-9]{5}$'"), metadata=metadata)


class Domains(Table, table=True):
    id: int | None = pk()
    amount: Decimal = Field(sa_type=POSITIVE)
    postal: str = Field(sa_type=POSTAL)
    maybe: Decimal | None = Field(default=None, sa_type=POSITIVE)


class Generated(Table, table=True):
    id: int | None = Field(default=None, primary_key=True, sa_type=BigInteger, sa_column_args=[Identity(always=True)])
    net: Decimal = Field(max_digits=8, decimal_places=2)
    gross: Decimal | None = Field(default=None, sa_column=Column(Numeric(10, 2), Computed("net * 1.2", persisted=True)))
    numbered: int | None = Field(default=None, sa_column_args=[Identity(start=100, minvalue=100)], nullable=False)
    made: datetime | None = Field(default=None, nullable=False, sa_column_kwargs={"server_default": text("now()")})


class Checked(Table, table=True):
    id: int | None = pk()
    status: str = Field(max_length=20)
    shipped_at: datetime | None = None
    low: int
    high: int
    quantity: int
    unit_price: Decimal = Field(max_digits=8, decimal_places=2)
    total: Decimal = Field(max_digits=12, decimal_places=2)
    phone: str | None = None
    email: str | None = None
    code: str
    discount: Decimal | None = Field(default=None, max_digits=8, decimal_places=2)
    kind: str = Field(max_length=10)
    vat_number: str | None = None
    __table_args__ = (
        CheckConstraint("status IN ('new', 'paid', 'shipped')", name="known_status"),
        CheckConstraint("status <> 'shipped' OR shipped_at IS NOT NULL", name="shipped_when"),
        CheckConstraint("(status = 'shipped') = (shipped_at IS NOT NULL)", name="shipped_exactly"),
        CheckConstraint("low < high", name="in_order"),
        CheckConstraint("low BETWEEN 0 AND 100 AND high <= 1000", name="bounds"),
        CheckConstraint("quantity > 0", name="some"),
        CheckConstraint("total = quantity * unit_price", name="adds_up"),
        CheckConstraint("phone IS NOT NULL OR email IS NOT NULL", name="reachable"),
        CheckConstraint("char_length(code) BETWEEN 4 AND 12", name="code_length"),
        CheckConstraint("code <> ''", name="code_some"),
        CheckConstraint("discount IS NULL OR discount < unit_price", name="discounted"),
        CheckConstraint("kind = 'person' OR kind = 'firm'", name="kinds"),
        CheckConstraint("CASE WHEN kind = 'firm' THEN vat_number IS NOT NULL ELSE true END", name="firms_pay"),
        CheckConstraint("num_nonnulls(phone, email) >= 1", name="at_least_one"),
    )


class Tree(Table, table=True):
    id: int | None = pk()
    name: str
    parent_id: int | None = Field(default=None, foreign_key="tree.id")
    created_at: datetime


class Country(Table, table=True):
    code: str = Field(primary_key=True, max_length=2)
    name: str = Field(unique=True)


class City(Table, table=True):
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    country_code: str = Field(foreign_key="country.code")
    name: str
    __table_args__ = (UniqueConstraint("country_code", "name"),)


class Person(Table, table=True):
    id: int | None = pk()
    city_id: UUID | None = Field(default=None, foreign_key="city.id")
    first_name: str
    last_name: str
    created_at: datetime
    updated_at: datetime


class Passport(Table, table=True):
    person_id: int = Field(primary_key=True, foreign_key="person.id")
    number: str = Field(unique=True, max_length=9)
    created_at: datetime


class Tag(Table, table=True):
    id: int | None = pk()
    label: str = Field(unique=True, max_length=30)


class PersonTag(Table, table=True):
    person_id: int = Field(primary_key=True, foreign_key="person.id")
    tag_id: int = Field(primary_key=True, foreign_key="tag.id")


class Follow(Table, table=True):
    follower_id: int = Field(primary_key=True, foreign_key="person.id")
    followed_id: int = Field(primary_key=True, foreign_key="person.id")
    __table_args__ = (CheckConstraint("follower_id <> followed_id", name="not_oneself"),)


class Employee(Table, table=True):
    id: int | None = pk()
    name: str
    department_id: int = Field(foreign_key="department.id")


class Department(Table, table=True):
    id: int | None = pk()
    name: str
    head_id: int | None = Field(
        default=None, sa_column=Column(Integer, ForeignKey("employee.id", use_alter=True, name="fk_head"), nullable=True))


class Chicken(Table, table=True):
    id: int | None = pk()
    egg_id: int = Field(sa_column=Column(
        Integer, ForeignKey("egg.id", deferrable=True, initially="DEFERRED", use_alter=True, name="fk_egg"), nullable=False))


class Egg(Table, table=True):
    id: int | None = pk()
    chicken_id: int = Field(foreign_key="chicken.id")


class Tenant(Table, table=True):
    id: int | None = pk()
    slug: str = Field(unique=True, max_length=40)
    created_at: datetime


class Project(Table, table=True):
    tenant_id: int = Field(primary_key=True, foreign_key="tenant.id")
    id: int = Field(primary_key=True)
    key: str = Field(max_length=8)
    __table_args__ = (UniqueConstraint("tenant_id", "key"),)


class Member(Table, table=True):
    tenant_id: int = Field(primary_key=True, foreign_key="tenant.id")
    person_id: int = Field(primary_key=True, foreign_key="person.id")
    role: str = Field(max_length=20)


class Issue(Table, table=True):
    id: int | None = pk()
    tenant_id: int
    project_id: int
    assignee_id: int | None = None
    number: int
    created_at: datetime
    __table_args__ = (
        ForeignKeyConstraint(["tenant_id", "project_id"], ["project.tenant_id", "project.id"]),
        ForeignKeyConstraint(["tenant_id", "assignee_id"], ["member.tenant_id", "member.person_id"]),
        UniqueConstraint("tenant_id", "project_id", "number"),
    )


class Comment(Table, table=True):
    id: int | None = pk()
    issue_id: int = Field(foreign_key="issue.id")
    reply_to: int | None = Field(default=None, foreign_key="comment.id")
    body: str
    created_at: datetime


class Home(Table, table=True):
    id: int | None = pk()
    person_id: int = Field(foreign_key="person.id")
    is_primary: bool
    street: str
    __table_args__ = (
        Index("one_primary_home", "person_id", unique=True, postgresql_where=text("is_primary")),
    )


class Purchase(Table, table=True):
    id: int | None = pk()
    person_id: int = Field(foreign_key="person.id")
    home_id: int = Field(foreign_key="home.id")
    created_at: datetime


class PurchaseLine(Table, table=True):
    purchase_id: int = Field(primary_key=True, foreign_key="purchase.id")
    position: int = Field(primary_key=True)
    amount: Decimal = Field(max_digits=8, decimal_places=2, ge=0)


class Room(Table, table=True):
    id: int | None = pk()
    name: str


class Booking(Table, table=True):
    id: int | None = pk()
    room_id: int = Field(foreign_key="room.id")
    during: Any = Field(sa_type=TSTZRANGE)
    __table_args__ = (ExcludeConstraint(("room_id", "="), ("during", "&&"), using="gist", name="no_overlap"),)
    model_config = ConfigDict(arbitrary_types_allowed=True)


class Setting(Table, table=True):
    id: int | None = pk()
    person_id: int = Field(foreign_key="person.id")
    mood: Mood = Field(sa_type=SaEnum(Mood, name="mood"))
    __table_args__ = (UniqueConstraint("person_id", "mood"),)


class Slugged(Table, table=True):
    id: int | None = pk()
    title: str
    slug: str
    __table_args__ = (Index("slug_lower", text("lower(slug)"), unique=True),)


class Shift(Table, table=True):
    id: int | None = pk()
    employee_id: int = Field(foreign_key="employee.id")
    day: date
    __table_args__ = (UniqueConstraint("employee_id", "day"),)


class Archived(Table, table=True):
    __tablename__ = "task"
    __table_args__ = {"schema": "archive"}
    id: int | None = pk()
    person_id: int = Field(foreign_key="person.id")
    title: str


class Quoted(Table, table=True):
    __tablename__ = "Order Items"
    id: int | None = pk()
    group: str = Field(sa_column=Column("group", Text, nullable=False))
    select: int = Field(sa_column=Column("Select", Integer, nullable=False))


class Serial(Table, table=True):
    id: int | None = pk()
    day: date = Field(unique=True)
    at: datetime = Field(unique=True)
    amount: Decimal = Field(unique=True, max_digits=12, decimal_places=2)


class Event(Table, table=True):
    id: UUID = Field(default_factory=uuid4, primary_key=True)
    actor_id: int | None = Field(default=None, foreign_key="person.id")
    name: str
    payload: dict[str, Any] = Field(sa_type=JSONB)
    created_at: datetime


class Vote(Table, table=True):
    person_id: int = Field(primary_key=True, foreign_key="person.id")
    issue_id: int = Field(primary_key=True, foreign_key="issue.id")
    value: int = Field(sa_column=Column(SmallInteger, CheckConstraint("value IN (-1, 1)"), nullable=False))


class Team(Table, table=True):
    id: int | None = pk()
    tenant_id: int = Field(foreign_key="tenant.id")
    name: str


class Account(Table, table=True):
    id: int | None = pk()
    tenant_id: int = Field(foreign_key="tenant.id")
    email: str = Field(unique=True)


class TeamMember(Table, table=True):
    tenant_id: int = Field(foreign_key="tenant.id")
    team_id: int = Field(primary_key=True, foreign_key="team.id")
    account_id: int = Field(primary_key=True, foreign_key="account.id")
'''

SEEDS = """
scale = {scale}
seeds.add(tables.Country, 60)
seeds.add(tables.Person, 40 * scale)
seeds.add(tables.Passport, 30 * scale)
seeds.add(tables.PersonTag, per(tables.Person, 0, 5))
seeds.add(tables.Tenant, 10)
seeds.add(tables.Project, per(tables.Tenant, 1, 5))
seeds.add(tables.Member, per(tables.Tenant, 2, 8))
seeds.add(tables.Comment, zipf(tables.Issue, 0, 50))
seeds.add(tables.Home, per(tables.Person, 0, 3))
seeds.add(tables.PurchaseLine, per(tables.Purchase, 1, 4))
seeds.add(tables.Setting, per(tables.Person, 0, 3))
seeds.add(tables.Shift, per(tables.Employee, 0, 6))
seeds.add(tables.Tag, 60)
seeds.add(tables.Room, 5)
seeds.add(tables.Serial, 300)
seeds.add(tables.Department, 8)
seeds.rest(20 * scale)
"""
