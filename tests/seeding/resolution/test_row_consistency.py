"""Numbers and times of one row that agree as their names say, where no CHECK does."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from pathlib import Path

import pytest

from seedbed.errors import NoGenerator
from seedbed.seeding.planning.seed_plan import plan
from seedbed.seeding.planning.table_plan import TablePlan
from seedbed.settings import Environment
from tests.seeding.generators.test_entities import KEY, rows
from tests.support.projects import little_project

pytestmark = pytest.mark.unit

MONEY = "Decimal = Field(max_digits=8, decimal_places=2)"


@pytest.fixture
def make_all(tmp_path: Path) -> Iterator[Callable[..., dict[str, TablePlan]]]:
    """Writes the project of a test, and plans the rows of its tables."""
    with ExitStack() as stack:

        def made(tables: str, seeds: str) -> dict[str, TablePlan]:
            project = stack.enter_context(little_project(tmp_path, tables, seeds))
            planned = plan(project.settled, project.load_schema(), Environment.DEVELOPMENT)
            return {table.name: table for table in planned.tables}

        yield made


@pytest.fixture
def make(make_all: Callable[..., dict[str, TablePlan]]) -> Callable[..., TablePlan]:
    """The same, for the last of the tables."""
    return lambda tables, seeds: [*make_all(tables, seeds).values()][-1]


class TestAmounts:
    def test_add_up_to_a_total_and_what_was_paid_of_it(self, make: Callable[..., TablePlan]) -> None:
        names = ("subtotal", "tax_amount", "shipping_cost", "discount", "total", "amount_paid")
        columns = "".join(f"    {name}: {MONEY}\n" for name in names)
        table = f"{KEY}{columns}    tax_rate: Decimal = Field(max_digits=4, decimal_places=2)\n"
        invoice = make(
            f"class Invoice(Table, table=True):\n{table}    paid_at: datetime | None = None\n",
            "seeds.add(tables.Invoice, 300)",
        )

        assert invoice.source("tax_amount") == "ROUND(subtotal * tax_rate, 2)"
        for net, tax, shipping, discount, total, paid, rate, when in rows(invoice, *names, "tax_rate", "paid_at"):
            assert tax == (net * rate).quantize(Decimal("0.01"), ROUND_HALF_UP)
            assert total == net + tax + shipping - discount
            assert paid == (0 if when is None else total)

    def test_stay_within_what_their_column_takes(self, make: Callable[..., TablePlan]) -> None:
        columns = f"    quantity: int\n    unit_price: {MONEY}\n    line_total: {MONEY.replace('8', '5')}\n"
        line = make(f"class Line(Table, table=True):\n{KEY}{columns}", "seeds.add(tables.Line, 500)")

        for quantity, price, total in rows(line, "quantity", "unit_price", "line_total"):
            assert total == quantity * price < 1000

    def test_are_left_to_checks_rules_and_rows_that_are_written_out(self, make: Callable[..., TablePlan]) -> None:
        line = make(
            f"class Line(Table, table=True):\n{KEY}    quantity: int\n    price: {MONEY}\n    total: {MONEY}\n",
            "from decimal import Decimal\nseeds.add(tables.Line, 50).known(total=Decimal('7.07'))",
        )

        assert rows(line, "total")[0] == (Decimal("7.07"),)

    def test_are_no_less_than_the_least(self, make: Callable[..., TablePlan]) -> None:
        columns = (
            "    min_temperature: float\n    max_temperature: float\n    copies_total: int\n    copies_available: int\n"
        )
        day = make(f"class Day(Table, table=True):\n{KEY}{columns}", "seeds.add(tables.Day, 500)")

        names = ("min_temperature", "max_temperature", "copies_available", "copies_total")
        assert all(low <= high and left <= whole for low, high, left, whole in rows(day, *names))

    def test_may_be_just_what_a_check_compares_them_with(self, make: Callable[..., TablePlan]) -> None:
        posting = make(
            "class Posting(Table, table=True):\n"
            "    __table_args__ = (CheckConstraint('(debit = 0) <> (credit = 0)'),)\n"
            f"{KEY}    debit: Decimal = Field(max_digits=8, decimal_places=2, ge=0)\n"
            "    credit: Decimal = Field(max_digits=8, decimal_places=2, ge=0)\n",
            "seeds.add(tables.Posting, 1000)",
        )

        found = rows(posting, "debit", "credit")
        assert all((debit == 0) != (credit == 0) for debit, credit in found)
        assert 300 < sum(debit == 0 for debit, _ in found) < 700


class TestTimes:
    def test_of_a_later_step_are_after_the_earlier_one(self, make: Callable[..., TablePlan]) -> None:
        names = ("placed_at", "paid_at", "shipped_at", "delivered_at", "refunded_at")
        columns = "".join(f"    {name}: datetime{' | None = None' if n else ''}\n" for n, name in enumerate(names))
        order = make(f"class Purchase(Table, table=True):\n{KEY}{columns}", "seeds.add(tables.Purchase, 900)")

        found = rows(order, *names)
        for times in found:
            there = [time for time in times if time is not None]
            assert there == sorted(there) == list(times[: len(there)])
        assert sum(times[-1] is not None for times in found) > 20

    def test_of_a_loan_are_due_and_returned_after_it(self, make: Callable[..., TablePlan]) -> None:
        columns = "    borrowed_on: date\n    due_on: date\n    returned_on: date | None = None\n"
        loan = make(f"class Loan(Table, table=True):\n{KEY}{columns}", "seeds.add(tables.Loan, 300)")

        for borrowed, due, returned in rows(loan, "borrowed_on", "due_on", "returned_on"):
            assert due > borrowed
            assert returned is None or returned > borrowed

    def test_open_in_the_morning_and_close_after_it(self, make: Callable[..., TablePlan]) -> None:
        columns = "    opens_at: time\n    closes_at: time\n"
        shop = make(
            f"from datetime import time\nclass Shop(Table, table=True):\n{KEY}{columns}", "seeds.add(tables.Shop, 200)"
        )

        assert all(7 <= opens.hour <= 12 and closes > opens for opens, closes in rows(shop, "opens_at", "closes_at"))

    def test_of_birth_are_those_of_an_age(self, make_all: Callable[..., dict[str, TablePlan]]) -> None:
        table = f"{KEY}    birth_date: date\n    age: int\n"
        planned = make_all(
            f"class Person(Table, table=True):\n{table}"
            f"\nclass Pupil(Table, table=True):\n{table}    grade_level: int\n\n"
            f"class Worker(Table, table=True):\n{table}    hired_on: date\n",
            "seeds.rest(300)",
        )
        person, pupil, worker = (planned[name] for name in ("person", "pupil", "worker"))

        for table_plan, least, most in ((person, 18, 80), (worker, 22, 64), (pupil, 6, 18)):
            for born, age in rows(table_plan, "birth_date", "age"):
                assert least <= age <= most
                assert timedelta(0) <= table_plan.as_of.date() - born - timedelta(age * 365.25) < timedelta(367)

    def test_of_an_end_are_as_far_as_what_ends_lasts(self, make_all: Callable[..., dict[str, TablePlan]]) -> None:
        columns = "    starts_at: datetime\n    ends_at: datetime\n"
        planned = make_all(
            f"class Meeting(Table, table=True):\n{KEY}{columns}\nclass Lease(Table, table=True):\n{KEY}{columns}",
            "seeds.rest(200)",
        )

        lengths = {"meeting": (timedelta(minutes=15), timedelta(hours=4)), "lease": (timedelta(90), timedelta(1095))}
        for name, (least, most) in lengths.items():
            for starts, ends in rows(planned[name], "starts_at", "ends_at"):
                assert least <= ends - starts <= most


class TestPartitions:
    def test_take_every_row_where_none_is_for_all_others(self, make_all: Callable[..., dict[str, TablePlan]]) -> None:
        planned = make_all(
            """
class Reading(Table, table=True):
    __table_args__ = {"postgresql_partition_by": "RANGE (day)"}
    id: int = Field(primary_key=True)
    day: date = Field(primary_key=True)

class Event(Table, table=True):
    __table_args__ = {"postgresql_partition_by": "LIST (region)"}
    id: int = Field(primary_key=True)
    region: str = Field(primary_key=True, max_length=2)

declare(
    metadata,
    "CREATE TABLE reading_1 PARTITION OF reading FOR VALUES FROM ('2026-01-01') TO ('2026-07-01')",
    "CREATE TABLE reading_2 PARTITION OF reading FOR VALUES FROM ('2026-07-01') TO ('2027-01-01')",
    "CREATE TABLE event_eu PARTITION OF event FOR VALUES IN ('EU')",
    "CREATE TABLE event_us PARTITION OF event FOR VALUES IN ('US', 'CA')",
)
""",
            "seeds.rest(300)",
        )

        days = [day for (day,) in rows(planned["reading"], "day")]
        assert date(2026, 1, 1) <= min(days) < date(2026, 2, 1)
        assert date(2026, 10, 1) < max(days) <= date(2026, 11, 1)
        assert {region for (region,) in rows(planned["event"], "region")} == {"EU", "US", "CA"}


class TestCurrencies:
    def test_exist_and_have_their_own_names(self, make: Callable[..., TablePlan]) -> None:
        table = "    code: str = Field(primary_key=True, max_length=3)\n    name: str\n    decimals: int\n"
        currency = make(f"class Currency(Table, table=True):\n{table}", "seeds.rest(200)")

        found = {code: (name, decimals) for code, name, decimals in rows(currency, "code", "name", "decimals")}
        assert len(found) == currency.count == 44
        known = {"EUR": ("Euro", 2), "JPY": ("Japanese yen", 0), "GBP": ("Pound sterling", 2)}
        assert {code: said for code, said in found.items() if code in known}.items() <= known.items()

    def test_of_lines_are_those_of_their_order(self, make_all: Callable[..., dict[str, TablePlan]]) -> None:
        planned = make_all(
            f"class Purchase(Table, table=True):\n{KEY}    currency: str\n\n"
            f"class Line(Table, table=True):\n{KEY}    purchase_id: int = Field(foreign_key='purchase.id')\n"
            "    currency: str\n",
            "seeds.add(tables.Purchase, 20)\nseeds.add(tables.Line, 100)",
        )

        purchases = dict(enumerate(planned["purchase"].batch("currency", range(20)).tolist(), start=1))
        assert all(currency == purchases[of] for of, currency in rows(planned["line"], "purchase_id", "currency"))


MODEL = """
from typing import Annotated, Literal, Union
from pydantic import BaseModel, Field as Said, model_validator

class Card(BaseModel):
    type: Literal["card"]
    last4: str = Said(pattern=r"^[0-9]{4}$")

class Bank(BaseModel):
    type: Literal["bank"]
    rate: Decimal = Said(ge=0, le=3, decimal_places=1)

class Settings(BaseModel):
    hours: tuple[int, int]
    pay: Annotated[Union[Card, Bank], Said(discriminator="type")]
    days: list[int] = Said(min_length=3, max_length=4)
    plain: dict
    several: list

    @model_validator(mode="after")
    def ordered(self):
        assert self.hours[0] < self.hours[1], "hours are not in order"
        return self

class Shop(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    settings: Settings = Field(sa_type=JSON)
"""


class TestModels:
    def test_are_valid_by_more_than_their_fields(self, make: Callable[..., TablePlan]) -> None:
        shop = make(MODEL, "seeds.add(tables.Shop, 300)")

        found = [settings for (settings,) in rows(shop, "settings")]
        assert all(low < high for low, high in (settings["hours"] for settings in found))
        assert {settings["pay"]["type"] for settings in found} == {"card", "bank"}
        assert {len(settings["days"]) for settings in found} <= {3, 4}

    def test_that_cannot_be_are_said_to_be_so(self, make: Callable[..., TablePlan]) -> None:
        shop = make(MODEL.replace("[0] < self.hours[1]", "[0] < 0"), "seeds.add(tables.Shop, 300)")

        with pytest.raises(
            NoGenerator, match=r"No generator for type Settings .*hours are not in order.* shop.settings"
        ):
            rows(shop, "settings")
