"""The digest of a plan, which seed locks and databases keep: the same in every release of an engine."""

from collections.abc import Iterator
from pathlib import Path
from typing import get_args

import pytest

from seedbed.seeding.api.rules import Derived, Rule, choice, constant, faker, from_file, same, template
from seedbed.seeding.planning.seed_plan import SeedPlan, plan
from seedbed.settings import Environment
from tests.support.projects import Project, little_project

pytestmark = pytest.mark.unit

TABLES = """
from typing import Literal
from pydantic import BaseModel
from sqlalchemy import Numeric, String
from sqlalchemy.dialects.postgresql import JSONB

class Color(Enum):
    RED = "red"
    BLUE = "blue"

class Address(BaseModel):
    city: str
    zip: int | None = None

class Person(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    first_name: str = Field(min_length=2, max_length=40)
    email: str = Field(unique=True)
    city: str
    motto: str | None
    level: int = Field(ge=1, le=9, multiple_of=2)
    code: str = Field(regex="[A-Z]{3}")
    color: Color
    mood: Literal["glad", "sad"] = Field(sa_type=String)
    address: Address = Field(sa_type=JSONB)

class Home(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    owner_id: int = Field(foreign_key="person.id")
    street: str
    country: str

class Order(Table, table=True):
    __table_args__ = (CheckConstraint("total >= 0", name="order_total_check"),)
    id: int | None = Field(default=None, primary_key=True)
    buyer_id: int = Field(foreign_key="person.id")
    home_id: int = Field(foreign_key="home.id")
    state: str
    total: Decimal = Field(sa_type=Numeric(8, 2))
    label: str

class Line(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    order_id: int = Field(foreign_key="order.id")
    note: str
"""
SEEDS = """
import schema as tables
from faker.providers import BaseProvider
from seedbed.seeding import Seeds, choice, constant, derive, faker, fixed, from_file, per, same, template, zipf

RATE = 3

class Streets(BaseProvider):
    def street(self, ending: str) -> str:
        return self.random_element(["Elm", "Oak"]) + ending

def taxed(row):
    return row.id * RATE

def plan(seeds: Seeds) -> None:
    seeds.provider(Streets)
    seeds.add(
        tables.Person, 20,
        city=faker("city", locale="de_DE"),
        email=template("{first_name}.{i}@example.com"),
        motto=None,
        color=choice({tables.Color.RED: 3, tables.Color.BLUE: 1}),
    ).known(first_name="Ada", email="ada@example.com")
    seeds.add(
        tables.Home, per(tables.Person, 1, 3),
        street=faker("street", ending=" Street"), country=from_file("seeds/countries.csv", "name"),
    )
    seeds.add(
        tables.Order, zipf(tables.Person, 0, 9, exponent=1.5),
        home_id=same(buyer_id="owner_id"), state=choice(["open", "closed", None, "lost"][:2]), total=derive(taxed),
        label=constant("it's"),
    )
    seeds.add(tables.Line, fixed(tables.Order, 2), note=from_file("seeds/notes.json"))
"""


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with little_project(tmp_path, TABLES) as made:
        made.write("seeds/development.py", SEEDS)
        made.write("seeds/countries.csv", "name\nFrance\nJapan\n")
        made.write("seeds/notes.json", '["fragile", "gift"]')
        yield made


def planned(project: Project) -> SeedPlan:
    return plan(project.settled, project.load_schema(), Environment.DEVELOPMENT)


class TestDigest:
    def test_of_a_plan_with_every_kind_of_rule_is_that_of_engine_4(self, project: Project) -> None:
        made = planned(project)

        assert {type(rule) for table in made.tables for rule in table.rules.values()} == set(get_args(Rule))
        assert made.content == "0fd220c9b4910a1f"

    @pytest.mark.parametrize("kind", [kind for kind in get_args(Rule) if kind is not Derived])
    def test_contains_the_identity_of_each_rule(
        self, project: Project, monkeypatch: pytest.MonkeyPatch, kind: type[Rule]
    ) -> None:
        before = planned(project).content
        was = vars(kind)["identity"].fget

        monkeypatch.setattr(kind, "identity", property(lambda rule: was(rule) + " "))

        assert planned(project).content != before


class TestIdentity:
    """Other identities make other digests, so that rows which are there would be taken for others."""

    @pytest.mark.parametrize(
        ("rule", "identity"),
        [
            (
                faker("pystr", locale="de_DE", max_chars=9, prefix="x"),
                "FakerValues(provider='pystr', arguments=(('max_chars', 9), ('prefix', 'x')), locale='de_DE')",
            ),
            (faker("word"), "FakerValues(provider='word', arguments=(), locale=None)"),
            (choice({"a": 2, None: 1}), "Choice(values=('a', None), weights=(2.0, 1.0))"),
            (constant("it's"), """Constant(value="it's")"""),
            (template("{i}"), "Template(text='{i}')"),
            (from_file("a.csv", "name"), "FromFile(path='a.csv', column='name')"),
            (from_file("a.json"), "FromFile(path='a.json', column=None)"),
            (same(buyer_id="owner_id"), "Same(columns=(('buyer_id', 'owner_id'),))"),
        ],
    )
    def test_is_that_of_engine_4(self, rule: Rule, identity: str) -> None:
        assert not isinstance(rule, Derived)
        assert rule.identity == identity
