"""The projects whose rows, first draft and OpenAPI document are recorded."""

import re
from dataclasses import dataclass
from pathlib import Path

from tests.seeding.analysis.test_inheritance import STAFF, VEHICLES
from tests.seeding.loading.test_dropped_constraints import SEEDS as KEYED_SEEDS
from tests.seeding.loading.test_dropped_constraints import TABLES as KEYED
from tests.seeding.loading.test_sequences import DEFAULT, SHARED, TEXT
from tests.seeding.resolution.test_exclusion_constraints import BOOKINGS
from tests.seeding.resolution.test_exclusion_constraints import SEEDS as BOOKINGS_SEEDS
from tests.seeding.test_example_schemas import SHOP, TRACKER
from tests.support.projects import ROOT, Project
from tests.support.zoo import SEEDS as ZOO_SEEDS
from tests.support.zoo import TABLES as ZOO

SEEDS_OF = {"development": 1, "testing": 20_240_229}
"""The seed of each environment whose rows are recorded."""

STAFF_SEEDS = """
seeds.add(tables.Employee, 200)
seeds.add(tables.Engineer, 80)
seeds.add(tables.Manager, 50)
seeds.add(tables.Director, 10)
"""
VEHICLES_SEEDS = """
seeds.add(tables.Vehicle, 300, kind=choice({"truck": 3, "bus": 1}),
          seats=derive(lambda row: 40 if row.kind == "bus" else None))
"""
SEQUENCES_SEEDS = "seeds.add(tables.Person, 50)\nseeds.add(tables.Firm, 30)\nseeds.add(tables.Visit, 200)"

RULES = r"""
from typing import Any

from sqlalchemy import LargeBinary, Numeric
from sqlalchemy.dialects.postgresql import TSTZRANGE
from sqlalchemy.types import UserDefinedType


def pk():
    return Field(default=None, primary_key=True)


class Plate(UserDefinedType):
    cache_ok = True

    def get_col_spec(self, **_):
        return "plate"


class Rank(Table, table=True):
    __table_args__ = (
        UniqueConstraint("email", postgresql_nulls_not_distinct=True),
        Index("one_rank", "rank", unique=True, postgresql_nulls_not_distinct=True),
    )
    id: int | None = pk()
    email: str | None = None
    rank: int | None = None
    note: str | None = None


class Hero(Table, table=True):
    id: int | None = pk()
    name: str
    number: int
    shown: str
    email: str
    town: str
    power: str
    nick: str | None = None
    born: date


class Town(Table, table=True):
    id: int | None = pk()


class Address(Table, table=True):
    __table_args__ = (Index("one_default", "hero_id", unique=True, postgresql_where=text("is_default")),)
    id: int | None = pk()
    hero_id: int = Field(foreign_key="hero.id")
    town_id: int = Field(foreign_key="town.id")
    is_default: bool


class Delivery(Table, table=True):
    id: int | None = pk()
    buyer_id: int = Field(foreign_key="hero.id")
    address_id: int = Field(foreign_key="address.id")


class Bill(Table, table=True):
    __table_args__ = (CheckConstraint("vat = round(net * share, 2) AND due = net + vat"),)
    id: int | None = pk()
    net: Decimal = Field(max_digits=8, decimal_places=2)
    share: Decimal = Field(max_digits=3, decimal_places=2)
    vat: Decimal = Field(max_digits=8, decimal_places=2)
    due: Decimal = Field(max_digits=8, decimal_places=2)


class Receipt(Table, table=True):
    __table_args__ = (
        CheckConstraint("total = price * quantity"),
        CheckConstraint("rest = price - paid"),
        CheckConstraint("rest >= 0"),
    )
    id: int | None = pk()
    price: Decimal = Field(sa_type=Numeric(4, 2))
    quantity: int = Field(gt=0, le=20)
    total: Decimal = Field(sa_type=Numeric(5, 2))
    paid: Decimal = Field(sa_type=Numeric(3, 2))
    rest: Decimal = Field(sa_type=Numeric(8, 2))


class Car(Table, table=True):
    id: int | None = pk()
    plate: str = Field(sa_type=Plate, unique=True)


class Great(Table, table=True):
    __table_args__ = (CheckConstraint("a + b < 99999999999999999999999", name="not_much"),)
    id: int | None = pk()
    a: Decimal = Field(sa_type=Numeric(30))
    b: Decimal = Field(sa_type=Numeric(30))


class Marked(Table, table=True):
    __table_args__ = (CheckConstraint("left(code, 2) = 'H-'", name="marked"),)
    id: int | None = pk()
    code: str


class Flagged(Table, table=True):
    __table_args__ = (
        CheckConstraint("updated_at IS NULL OR deleted_at IS NOT NULL"),
        CheckConstraint("NOT flag OR updated_at IS NOT NULL"),
    )
    id: int | None = pk()
    flag: bool
    updated_at: datetime | None = None
    deleted_at: datetime | None = None


class Message(Table, table=True):
    __table_args__ = (CheckConstraint("sender_id <> recipient_id"), CheckConstraint("read_at >= created_at"))
    id: int | None = pk()
    read_at: datetime | None = None
    created_at: datetime
    recipient_id: int = Field(foreign_key="hero.id")
    sender_id: int = Field(foreign_key="hero.id")


class Place(Table, table=True):
    country: int = Field(primary_key=True)
    number: int = Field(primary_key=True)


class Trip(Table, table=True):
    __table_args__ = (
        ForeignKeyConstraint(["from_country", "from_number"], ["place.country", "place.number"]),
        ForeignKeyConstraint(["to_country", "to_number"], ["place.country", "place.number"]),
        CheckConstraint("from_number <> to_number"),
    )
    id: int | None = pk()
    from_country: int
    from_number: int
    to_country: int
    to_number: int


class Link(Table, table=True):
    __table_args__ = (UniqueConstraint("above_id", postgresql_nulls_not_distinct=True),)
    id: int | None = pk()
    above_id: int | None = Field(default=None, foreign_key="link.id")


class Folder(Table, table=True):
    __table_args__ = (UniqueConstraint("above_id", "name", postgresql_nulls_not_distinct=True),)
    id: int | None = pk()
    above_id: int | None = Field(default=None, foreign_key="folder.id")
    name: str


class Offer(Table, table=True):
    __table_args__ = (
        CheckConstraint("lower(valid) IS NOT NULL"),
        CheckConstraint("upper(valid) > lower(valid)"),
        CheckConstraint("length(seal) > 0"),
        CheckConstraint("name NOT LIKE 'x%'"),
        CheckConstraint("ends <= starts + 3650"),
    )
    id: int | None = pk()
    valid: Any = Field(sa_column=Column(TSTZRANGE, nullable=False))
    seal: bytes
    name: str
    starts: date
    ends: date


declare(
    metadata,
    "CREATE DOMAIN plate AS varchar(8) NOT NULL CHECK (VALUE ~ '^[A-Z]{2}-[0-9]{4}$')",
    "CREATE FUNCTION mark() RETURNS trigger LANGUAGE plpgsql AS"
    " $$ BEGIN NEW.code := 'H-' || NEW.code; RETURN NEW; END $$",
    "CREATE TRIGGER marks BEFORE INSERT ON marked FOR EACH ROW EXECUTE FUNCTION mark()",
)
"""
RULES_SEEDS = """
seeds.add(tables.Rank, 200)
seeds.add(
    tables.Hero, 120,
    name=from_file("seeds/names.csv", "name"),
    number=derive(lambda row: row.i * 10),
    shown=derive(lambda row: f"{row.name} {row.number}"),
    email=template("{number:05}.{i}@example.com"),
    town=faker("city", locale="ja_JP"),
    power=choice({"flight": 3, "speed": 1}),
    nick=constant("Bo"),
    born=faker("date_between", start_date="-90y", end_date="-20y"),
)
seeds.add(tables.Town, 5)
seeds.add(tables.Address, zipf(tables.Hero, 1, 9))
seeds.add(tables.Delivery, 400, address_id=same(buyer_id="hero_id"))
seeds.add(tables.Bill, 1000)
seeds.add(tables.Place, 6)
seeds.add(tables.Message, fixed(tables.Hero, 5))
seeds.rest(200)
"""


def lock_of(seed: int) -> str:
    """Build a seed lock with this repository's engine version."""
    own = (ROOT / "seeds/development.lock").read_text(encoding="utf-8")
    (engine,) = re.findall(r"^engine = \d+$", own, re.MULTILINE)
    return f"{engine}\nseed = {seed}\nas_of = 2026-11-01T00:00:00+00:00\n"


@dataclass(frozen=True)
class Source:
    """A project as text. `write` writes its tables, and its seeds for each environment, to an empty folder."""

    name: str
    tables: str
    seeds: str
    with_header: bool = True
    is_served: bool = True

    def write(self, root: Path) -> Project:
        project = Project(root, "schema")
        project.write("pyproject.toml", f'[project]\nname = "{self.name}"\n[tool.seedbed]\nschema = "schema"\n')
        if self.with_header:
            project.write_tables(self.tables)
        else:
            project.write("schema/__init__.py", self.tables)
        (root / "migrations/versions").mkdir(parents=True)
        for file in ("alembic.ini", "migrations/env.py", "migrations/script.py.mako"):
            (root / file).write_bytes((ROOT / file).read_bytes())
        for environment, seed in SEEDS_OF.items():
            project.write_seeds(self.seeds, environment)
            project.write(f"seeds/{environment}.lock", lock_of(seed))
        project.write("seeds/names.csv", 'name,age\nAnn,3\n"Bo, jr",4\nChloé,5\n')
        return project


def _read(name: str) -> str:
    return (ROOT / f"tests/seeding/example_schemas/{name}.py").read_text(encoding="utf-8")


SOURCES = (
    Source("zoo", ZOO, ZOO_SEEDS.format(scale=10)),
    Source("shop", _read("shop"), SHOP, with_header=False),
    Source("tracker", _read("tracker"), TRACKER, with_header=False),
    Source("rules", RULES, RULES_SEEDS),
    Source("bookings", BOOKINGS, BOOKINGS_SEEDS.format(bookings=600)),
    Source("staff", STAFF, STAFF_SEEDS, is_served=False),
    Source("vehicles", VEHICLES, VEHICLES_SEEDS, is_served=False),
    Source("keyed", KEYED, KEYED_SEEDS),
    Source("sequences", SHARED.format(person=DEFAULT, firm=TEXT), SEQUENCES_SEEDS),
)
