"""Columns of one row that do not contradict one another, and texts that read like what they are."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest

from seedbed.seeding.generators.column_generator import ColumnRequest
from seedbed.seeding.generators.entities.place import read_cities, read_countries
from seedbed.seeding.generators.text.phrases import PhraseColumn, read_phrases
from seedbed.seeding.planning.seed_plan import plan
from seedbed.seeding.planning.table_plan import TablePlan
from seedbed.settings import Environment
from tests.support.projects import Project, little_project

pytestmark = pytest.mark.unit

KEY = "    id: int | None = Field(default=None, primary_key=True)\n"


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., dict[str, TablePlan]]]:
    """Writes the project of a test, and plans its rows."""
    with ExitStack() as stack:

        def made(tables: str, seeds: str) -> dict[str, TablePlan]:
            project: Project = stack.enter_context(little_project(tmp_path, tables, seeds))
            planned = plan(project.settled, project.load_schema(), Environment.DEVELOPMENT)
            return {table.name: table for table in planned.tables}

        yield made


def rows(table: TablePlan, *columns: str, of: range | None = None) -> list[tuple[Any, ...]]:
    asked = range(table.count) if of is None else of
    return list(zip(*(table.batch(name, asked).tolist() for name in columns), strict=True))


PERSON = f"""
class Person(Table, table=True):
{KEY}    email: EmailStr = Field(unique=True, max_length=320)
    first_name: str = Field(max_length=80)
    last_name: str
    full_name: str | None = None
    username: str = Field(unique=True, max_length=40)
"""


class TestPeople:
    def test_have_an_address_of_their_own_names(self, make: Callable[..., dict[str, TablePlan]]) -> None:
        person = make("from pydantic import EmailStr\n" + PERSON, "seeds.add(tables.Person, 100_000)")["person"]

        found = rows(person, "email", "first_name", "last_name", "full_name", "username")

        assert len({email for email, *_ in found}) == len({login for *_, login in found}) == 100_000
        for email, first, last, full, login in found:
            plain = ".".join("".join(c for c in name.lower() if c.isascii() and c.isalnum()) for name in (first, last))
            assert email.removesuffix("@example.com").rstrip("0123456789") == plain
            assert login.rstrip("0123456789") == plain.replace(".", "_")
            assert full in {None, f"{first} {last}"}

    def test_are_the_same_in_whichever_range_they_are_made(self, make: Callable[..., dict[str, TablePlan]]) -> None:
        person = make("from pydantic import EmailStr\n" + PERSON, "seeds.add(tables.Person, 500)")["person"]

        columns = ("email", "first_name", "last_name", "full_name", "username")

        assert rows(person, *columns)[123:321] == rows(person, *columns, of=range(123, 321))

    def test_beside_a_firm_are_its_contact(self, make: Callable[..., dict[str, TablePlan]]) -> None:
        tables = (
            f"class Supplier(Table, table=True):\n{KEY}    company_name: str\n    contact_name: str\n    email: str\n"
        )
        supplier = make(tables, "seeds.add(tables.Supplier, 50)")["supplier"]

        for name, email in rows(supplier, "contact_name", "email"):
            assert email.partition("@")[0] == name.lower().replace(" ", ".")

    def test_are_not_those_whom_another_column_names(self, make: Callable[..., dict[str, TablePlan]]) -> None:
        columns = "".join(f"    {name}: str\n" for name in ("first_name", "last_name", "email", "manager_name"))
        tables = f"class Employee(Table, table=True):\n{KEY}{columns}"
        employee = make(tables, "seeds.add(tables.Employee, 50)")["employee"]

        found = rows(employee, "first_name", "last_name", "manager_name")

        assert sum(f"{first} {last}" == manager for first, last, manager in found) < 3

    def test_are_two_where_their_columns_say_so(self, make: Callable[..., dict[str, TablePlan]]) -> None:
        columns = "".join(f"    {who}_{what}: str\n" for who in ("sender", "receiver") for what in ("name", "email"))
        letter = make(f"class Letter(Table, table=True):\n{KEY}{columns}", "seeds.add(tables.Letter, 50)")["letter"]

        found = rows(letter, "sender_name", "sender_email", "receiver_name", "receiver_email")

        for sender, sent_by, receiver, received_by in found:
            assert sent_by.partition("@")[0] == sender.lower().replace(" ", ".")
            assert received_by.partition("@")[0] == receiver.lower().replace(" ", ".")
        assert sum(one == other for one, _, other, _ in found) < 5

    def test_leave_alone_what_a_rule_fills(self, make: Callable[..., dict[str, TablePlan]]) -> None:
        made = make(
            "from pydantic import EmailStr\n" + PERSON,
            "seeds.add(tables.Person, 20, email=template('{i}@example.org'))",
        )["person"]

        assert rows(made, "email")[0] == ("1@example.org",)
        for first, last, full in rows(made, "first_name", "last_name", "full_name"):
            assert full in {None, f"{first} {last}"}


class TestPlaces:
    def test_have_what_is_theirs(self, make: Callable[..., dict[str, TablePlan]]) -> None:
        columns = "".join(
            f"    {name}: str\n"
            for name in ("city", "state", "country", "country_code", "postal_code", "timezone", "currency", "phone")
        )
        site = make(
            f"class Site(Table, table=True):\n{KEY}{columns}    latitude: float\n    longitude: Decimal\n",
            "seeds.add(tables.Site, 400)",
        )["site"]
        known = {city.name: city for city in read_cities()}

        found = rows(site, *(name for name in site.generators if name != "id"))

        for name, state, country, code, postcode, zone, currency, phone, latitude, longitude in found:
            city = known[name]
            assert (state, country, code) == (city.region, city.country.name, city.country.code)
            assert (zone, currency) == (city.timezone, city.country.currency)
            assert phone.startswith(f"+{city.country.dial} ")
            assert len(postcode) == len(city.postcode)
            assert abs(latitude - city.latitude) < 0.2
            assert abs(float(longitude) - city.longitude) < 0.2

    @pytest.mark.parametrize(
        "key", ["code: str = Field(primary_key=True, max_length=2)", f"{KEY.strip()}\n    code: str"]
    )
    def test_are_in_the_country_that_is_referred_to(self, make: Callable[..., dict[str, TablePlan]], key: str) -> None:
        kind, column = ("str", "code") if key.startswith("code") else ("int", "id")
        unique = "" if key.startswith("code") else " = Field(unique=True)"
        made = make(
            f"class Country(Table, table=True):\n    {key}{unique}\n    name: str\n    currency: str\n"
            f"class Address(Table, table=True):\n{KEY}"
            f"    country_{column}: {kind} = Field(foreign_key='country.{column}')\n"
            "    city: str\n    postal_code: str\n",
            "seeds.add(tables.Country, 25)\nseeds.add(tables.Address, 300)",
        )
        facts = {country.code: (country.name, country.currency) for country in read_countries()}
        codes = dict(rows(made["country"], column, "code"))

        for code, *said in rows(made["country"], "code", "name", "currency"):
            assert facts[code] == tuple(said)
        assert len(set(codes.values())) == 25
        where = {city.name: city.country.code for city in read_cities()}
        for country, city in rows(made["address"], f"country_{column}", "city"):
            assert where[city] == codes[country]

    def test_are_left_to_letters_where_there_are_more_than_countries(
        self, make: Callable[..., dict[str, TablePlan]]
    ) -> None:
        country = make(
            "class Country(Table, table=True):\n    code: str = Field(primary_key=True, max_length=2)\n    name: str\n",
            "seeds.add(tables.Country, 500)",
        )["country"]

        assert len(set(rows(country, "code"))) == 500


class TestTexts:
    def test_of_a_million_titles_are_a_hundred_thousand(self, make: Callable[..., dict[str, TablePlan]]) -> None:
        task = make(
            f"class Task(Table, table=True):\n{KEY}    title: str = Field(max_length=200)\n",
            "seeds.add(tables.Task, 1_000_000)",
        )["task"]

        titles = task.batch("title", range(1_000_000)).tolist()

        assert len(set(titles)) > 100_000
        assert max(map(len, titles)) <= 200

    @pytest.mark.parametrize("how", sorted(read_phrases()))
    def test_differ_where_they_must(self, make: Callable[..., dict[str, TablePlan]], how: str) -> None:
        thing = make(
            f"class Thing(Table, table=True):\n{KEY}    name: str = Field(unique=True, max_length=90)\n",
            "seeds.add(tables.Thing, 30_000)",
        )["thing"]
        made = PhraseColumn(
            ColumnRequest(
                thing,
                thing.table_generators.sources.pools,
                thing.get_column("name"),
                thing.make_stream("name"),
                is_unique=True,
            ),
            read_phrases()[how],
        ).generator()

        texts = made.make(range(30_000)).tolist()
        assert len({text.lower() for text in texts}) == 30_000
        assert max(map(len, texts)) <= 90

    def test_of_an_address_are_of_the_name(self, make: Callable[..., dict[str, TablePlan]]) -> None:
        product = make(
            f"class Product(Table, table=True):\n{KEY}    name: str\n"
            "    slug: str = Field(unique=True, max_length=120)\n",
            "seeds.add(tables.Product, 3000)",
        )["product"]

        found = rows(product, "id", "name", "slug")

        for number, name, slug in found:
            assert slug == re.sub(r"[^a-z0-9]+", "-", name.lower().replace("'", "")) + f"-{number}"

    def test_of_files_go_with_their_types(self, make: Callable[..., dict[str, TablePlan]]) -> None:
        file = make(
            f"class Upload(Table, table=True):\n{KEY}    file_name: str\n    content_type: str\n",
            "seeds.add(tables.Upload, 200)",
        )["upload"]
        types = {"jpg": "image/jpeg", "png": "image/png", "pdf": "application/pdf", "zip": "application/zip"}

        for name, kind in rows(file, "file_name", "content_type"):
            ending = name.rpartition(".")[2]
            assert types.get(ending, kind) == kind

    @pytest.mark.parametrize(
        ("table", "column", "said"),
        [
            ("Task", "title", r"[A-Z][a-z]+ (up )?the .+"),
            ("Product", "name", r"[A-Z]\w+( [a-z]+){2,}.*"),
            ("Company", "name", r"[A-Z][a-z]+ [A-Z].+"),
            ("Review", "title", r"[A-Z][A-Za-z ]+ for .+"),
            ("Comment", "body", r"[A-Z].+[.?]"),
            ("Project", "name", r".+ (relaunch|migration|pilot|rollout|cleanup|upgrade|redesign|audit|for).*"),
            ("Tag", "name", r"[a-z-]+(-2026)?"),
            ("Attachment", "content_type", r"\w+/\w+"),
            ("Session", "ip_address", r"\d+(\.\d+){3}"),
            ("Recipe", "name", r"[A-Z][a-z'-]+ [a-z].+"),
            ("Post", "status", r"draft|published|archived"),
            ("Patient", "blood_type", r"(A|B|AB|0)[+-]"),
            ("Organization", "domain", r"[a-z]+-[a-z]+\.example\.com"),
        ],
    )
    def test_read_like_what_they_are(
        self, make: Callable[..., dict[str, TablePlan]], table: str, column: str, said: str
    ) -> None:
        made = make(f"class {table}(Table, table=True):\n{KEY}    {column}: str\n", f"seeds.add(tables.{table}, 200)")

        for (text,) in rows(made[table.lower()], column):
            assert re.fullmatch(said, text), text


class TestTimes:
    def test_of_arrival_come_after_departure(self, make: Callable[..., dict[str, TablePlan]]) -> None:
        columns = "    departs_at: datetime\n    arrives_at: datetime\n"
        flight = make(f"class Flight(Table, table=True):\n{KEY}{columns}", "seeds.add(tables.Flight, 100)")["flight"]

        assert all(departs < arrives for departs, arrives in rows(flight, "departs_at", "arrives_at"))


class TestNumbers:
    def test_of_prices_end_as_prices_do(self, make: Callable[..., dict[str, TablePlan]]) -> None:
        offer = make(
            f"class Offer(Table, table=True):\n{KEY}    price: Decimal = Field(max_digits=8, decimal_places=2, gt=0)\n"
            "    rating: int = Field(ge=1, le=5)\n",
            "seeds.add(tables.Offer, 2000)",
        )["offer"]

        found = rows(offer, "price", "rating")

        assert {f"{price:.2f}"[-2:] for price, _ in found} >= {"99", "95", "50", "00"}
        assert sum(f"{price:.2f}".endswith(("99", "95", "90", "50", "00")) for price, _ in found) > 1900
        assert min(price for price, _ in found) > 0
        ratings = [rating for _, rating in found]
        assert set(ratings) == {1, 2, 3, 4, 5}
        assert ratings.count(5) > ratings.count(3) > ratings.count(1)
