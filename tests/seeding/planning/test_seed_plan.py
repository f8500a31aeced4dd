"""What seeds ask for, worked out without a database."""

import os
import shutil
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seedbed.errors import (
    CyclicReference,
    InvalidSeedsFile,
    NoGenerator,
    ParentNotPlanned,
    SeedError,
    SeedsFileNotFound,
    TooFewUniqueValues,
)
from seedbed.schema import load_schema
from seedbed.seeding.planning.seed_plan import SeedPlan, plan
from seedbed.seeding.planning.table_plan import TablePlan, make_sample
from seedbed.settings import Environment, find_project
from tests.support.projects import ROOT, Project, little_project

pytestmark = pytest.mark.unit

AS_OF = datetime(2026, 11, 1, tzinfo=UTC)
HERO = """
class Hero(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
"""


@pytest.fixture(scope="module")
def reference() -> SeedPlan:
    project = find_project(ROOT)
    return plan(project, load_schema(project), Environment.DEVELOPMENT)


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Project]]:
    """Writes the project of a test."""
    with ExitStack() as stack:
        yield lambda tables, seeds: stack.enter_context(little_project(tmp_path, tables, seeds))


def planned(project: Project) -> SeedPlan:
    return plan(project.settled, project.load_schema(), Environment.DEVELOPMENT)


def table(made: SeedPlan, name: str) -> TablePlan:
    return next(table for table in made.tables if table.name == name)


def values(table: TablePlan, column: str, rows: range | None = None) -> list[Any]:
    return table.batch(column, range(table.count) if rows is None else rows).tolist()


def rows(table: TablePlan, count: int) -> list[tuple[Any, ...]]:
    return list(zip(*(values(table, column, range(count)) for column in table.generators), strict=True))


class TestReferenceSeeds:
    def test_give_the_users_of_engine_2(self, reference: SeedPlan) -> None:
        assert rows(table(reference, "user"), 3) == [
            (1, "alexandra.arellano@example.com", None, True, datetime(2025, 3, 8, 3, 3, 34, tzinfo=UTC)),
            (2, "thomas.phelps@example.com", None, True, datetime(2025, 3, 22, 22, 55, 57, tzinfo=UTC)),
            (3, "daniel.knox@example.com", None, True, datetime(2026, 6, 1, 14, 25, 28, tzinfo=UTC)),
        ]

    def test_give_the_tasks_of_engine_2(self, reference: SeedPlan) -> None:
        assert rows(table(reference, "task"), 3) == [
            (
                1,
                "Redesign the landing page for the sales team this quarter",
                "Support gets questions about the help page every week."
                " Two customers have asked for it. The change is small.",
                False,
                1,
                datetime(2025, 6, 3, 12, 49, 25, tzinfo=UTC),
                datetime(2025, 12, 29, 0, 26, 21, tzinfo=UTC),
            ),
            (
                2,
                "Check the user profile for new customers on tablets",
                "The status page is slow on the old site."
                " I will look at it before the audit. Nobody else is blocked by it.",
                False,
                1,
                datetime(2026, 7, 3, 8, 21, 40, tzinfo=UTC),
                datetime(2026, 10, 29, 15, 27, 24, tzinfo=UTC),
            ),
            (
                3,
                "Document the tax table for resellers after the migration",
                "The invoice template still shows the old address. The change is small. It can wait until next week.",
                True,
                1,
                datetime(2025, 8, 13, 8, 50, 7, tzinfo=UTC),
                datetime(2025, 8, 13, 8, 50, 7, tzinfo=UTC),
            ),
        ]

    def test_keep_times_in_their_order(self, reference: SeedPlan) -> None:
        user, task = table(reference, "user"), table(reference, "task")

        joined = dict(zip(values(user, "id"), values(user, "created_at"), strict=True))
        times = zip(values(task, "user_id"), values(task, "created_at"), values(task, "updated_at"), strict=True)

        assert task.count == 3969
        assert all(joined[user_id] <= made <= changed <= AS_OF for user_id, made, changed in times)
        assert all(made <= AS_OF for made in joined.values())

    def test_give_each_user_up_to_forty_tasks_side_by_side(self, reference: SeedPlan) -> None:
        task = table(reference, "task")

        owners = values(task, "user_id")

        counts = [owners.count(user) for user in range(1, 201)]
        assert owners == sorted(owners)
        assert (min(counts), max(counts), sum(counts)) == (0, 40, task.count)

    @settings(max_examples=40, derandomize=True, deadline=None)
    @given(st.integers(0, 3969), st.integers(0, 3969), st.integers(0, 3969))
    def test_make_a_row_the_same_in_whichever_range_it_is_made(
        self, reference: SeedPlan, one: int, two: int, three: int
    ) -> None:
        task, (start, middle, stop) = table(reference, "task"), sorted((one, two, three))

        for column in task.generators:
            halves = [*values(task, column, range(start, middle)), *values(task, column, range(middle, stop))]
            assert halves == values(task, column, range(start, stop))


class TestPlan:
    def test_plans_as_many_of_the_rest_as_unique_columns_allow(self, make: Callable[..., Project]) -> None:
        project = make(
            """
            class Answer(Table, table=True):
                id: int | None = Field(default=None, primary_key=True)
                yes: bool = Field(unique=True)

            class Note(Table, table=True):
                id: int | None = Field(default=None, primary_key=True)
            """,
            "seeds.rest(20)",
        )

        made = planned(project)

        assert {table.name: table.count for table in made.tables} == {"answer": 2, "note": 20}

    def test_makes_unique_emails_and_many_titles_for_many_users(self, make: Callable[..., Project]) -> None:
        project = make(
            """
            class Ticket(Table, table=True):
                id: int | None = Field(default=None, primary_key=True)
                email: str = Field(unique=True, max_length=320)
                title: str = Field(max_length=200)
            """,
            "seeds.add(tables.Ticket, 200_000)",
        )

        ticket = table(planned(project), "ticket")
        emails, titles = values(ticket, "email"), values(ticket, "title")

        assert len(set(emails)) == 200_000
        assert all(email.isascii() and email == email.lower() for email in emails)
        assert len(set(titles)) > 70_000

    def test_makes_emails_that_fit_their_column(self, make: Callable[..., Project]) -> None:
        project = make(HERO + "    email: str = Field(unique=True, max_length=24)\n", "seeds.add(tables.Hero, 20_000)")

        emails = values(table(planned(project), "hero"), "email")

        assert len(set(emails)) == 20_000
        assert max(map(len, emails)) <= 24

    def test_fills_every_ordinary_column(self, make: Callable[..., Project]) -> None:
        project = make(
            """
            class Colour(Enum):
                red = "red"
                green = "green"

            class Thing(Table, table=True):
                id: UUID = Field(default_factory=uuid4, primary_key=True)
                slug: str = Field(unique=True, max_length=30)
                code: str = Field(unique=True, max_length=3)
                number: int
                rank: int = Field(unique=True)
                price: Decimal = Field(max_digits=5, decimal_places=2)
                weight: float
                day: date
                colour: Colour
                note: str | None = None
                settings: dict[str, str] | None = Field(default=None, sa_type=JSON)
                options: dict[str, str] = Field(sa_type=JSON, sa_column_kwargs={"server_default": text("'{}'")})
                kind: bytes = Field(default=b"plain")
                api_token: str | None = None
            """,
            "seeds.add(tables.Thing, 5000)",
        )

        thing = table(planned(project), "thing")

        made = {column: values(thing, column) for column in thing.generators}
        assert {uuid.version for uuid in made["id"] if isinstance(uuid, UUID)} == {4}
        for unique in ("id", "slug", "code", "rank"):
            assert len(set(made[unique])) == 5000
        assert max(map(len, made["slug"])) <= 30
        assert set(map(len, made["code"])) == {3}
        assert (min(made["number"]), max(made["number"])) == (1, 1000)
        assert all(0 <= price < 1000 and price == round(price, 2) for price in made["price"])
        assert all(isinstance(price, Decimal) for price in made["price"])
        assert all(0 <= weight < 1000 for weight in made["weight"])
        assert all(date(2024, 11, 1) <= day <= AS_OF.date() for day in made["day"])
        assert {colour.name for colour in made["colour"]} == {"red", "green"}
        assert 0.15 < made["note"].count(None) / 5000 < 0.25
        assert set(made["api_token"]) == {None}
        assert 0.15 < made["settings"].count(None) / 5000 < 0.25
        assert all(isinstance(options, dict) for options in made["options"])
        assert all(isinstance(kind, bytes) for kind in made["kind"])

    def test_refers_to_keys_of_any_type(self, make: Callable[..., Project]) -> None:
        project = make(
            """
            class Country(Table, table=True):
                code: str = Field(primary_key=True, max_length=2)

            class City(Table, table=True):
                id: UUID = Field(default_factory=uuid4, primary_key=True)
                country_code: str = Field(foreign_key="country.code")
                created_at: datetime

            class Mayor(Table, table=True):
                city_id: UUID = Field(foreign_key="city.id", primary_key=True)
                deputy_of: UUID = Field(foreign_key="city.id")
                created_at: datetime
            """,
            """
            seeds.add(tables.Country, 20)
            seeds.add(tables.City, per(tables.Country, 1, 3))
            seeds.add(tables.Mayor, 20)
            """,
        )

        made = planned(project)

        country, city, mayor = (table(made, name) for name in ("country", "city", "mayor"))
        cities = dict(zip(values(city, "id"), values(city, "created_at"), strict=True))
        assert set(values(city, "country_code")) == set(values(country, "code"))
        assert len(set(values(mayor, "city_id"))) == 20
        assert set(values(mayor, "deputy_of")) <= set(cities)
        assert all(
            cities[city_id] <= made_at
            for city_id, made_at in zip(values(mayor, "city_id"), values(mayor, "created_at"), strict=True)
        )

    def test_keeps_the_columns_of_one_key_together(self, make: Callable[..., Project]) -> None:
        project = make(
            """
            class Seat(Table, table=True):
                row: str = Field(primary_key=True, max_length=8)
                number: int = Field(primary_key=True)

            class Ticket(Table, table=True):
                __table_args__ = (ForeignKeyConstraint(["seat_row", "seat_number"], ["seat.row", "seat.number"]),)
                id: int | None = Field(default=None, primary_key=True)
                seat_row: str
                seat_number: int
            """,
            "seeds.add(tables.Seat, 30)\nseeds.add(tables.Ticket, 200)",
        )

        made = planned(project)

        seat, ticket = table(made, "seat"), table(made, "ticket")
        seats = set(zip(values(seat, "row"), values(seat, "number"), strict=True))
        assert set(zip(values(ticket, "seat_row"), values(ticket, "seat_number"), strict=True)) <= seats

    def test_spreads_over_the_first_of_two_keys_to_one_table(self, make: Callable[..., Project]) -> None:
        project = make(
            HERO
            + """
class Duel(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    challenger_id: int = Field(foreign_key="hero.id")
    challenged_id: int = Field(foreign_key="hero.id")
""",
            "seeds.add(tables.Hero, 50)\nseeds.add(tables.Duel, per(tables.Hero, 2, 2))",
        )

        duel = table(planned(project), "duel")

        challengers, challenged = values(duel, "challenger_id"), values(duel, "challenged_id")
        assert challengers == [hero for hero in range(1, 51) for _ in range(2)]
        assert challengers != challenged
        assert len(set(challenged)) > 25

    def test_fills_as_the_seeds_say(self, make: Callable[..., Project]) -> None:
        project = make(
            """
            class Task(Table, table=True):
                id: int | None = Field(default=None, primary_key=True)
                title: str | None = None
                state: str = Field(sa_column=Column("status", nullable=False, type_=JSON))
                made: str | None = None
                created_at: datetime
                updated_at: datetime
            """,
            """
            seeds.add(
                tables.Task, 1000,
                title=faker("word"),
                state=choice({"open": 9, "closed": 1}),
                made=None,
                created_at=tables.datetime.fromisoformat("2026-01-01T00:00:00Z"),
            )
            """,
        )

        task = table(planned(project), "task")

        assert None not in values(task, "title")
        assert 850 < values(task, "status").count("open") < 950
        assert set(values(task, "made")) == {None}
        assert min(values(task, "updated_at")) == datetime(2026, 1, 1, tzinfo=UTC)

    def test_shows_rows_as_postgresql_is_given_them(self, make: Callable[..., Project]) -> None:
        project = make(HERO, 'seeds.add(tables.Hero, 1, name=constant("tab\\t, line\\n, back\\\\slash"))')

        assert make_sample(table(planned(project), "hero"), 2) == [{"id": "1", "name": "tab\t, line\n, back\\slash"}]

    @pytest.mark.parametrize(
        "changed",
        [
            "seeds.add(tables.Hero, 3, name=choice({'a': 2, 'b': 1}))",
            "seeds.add(tables.Hero, 3, name=choice(['a', 'c']))",
            "seeds.add(tables.Hero, 4, name=choice(['a', 'b']))",
            "seeds.add(tables.Hero, 3, name=faker('word'))",
            "seeds.add(tables.Hero, 3)",
        ],
    )
    def test_has_another_content_when_other_rows_would_be_loaded(
        self, make: Callable[..., Project], changed: str
    ) -> None:
        project = make(HERO, "seeds.add(tables.Hero, 3, name=choice(['a', 'b']))")
        before = planned(project).content

        project.write_seeds(changed)

        assert planned(project).content != before

    def test_has_the_same_content_every_time(self, make: Callable[..., Project]) -> None:
        project = make(HERO, "seeds.add(tables.Hero, 3, name=faker('sentence', nb_words=4))")
        before = planned(project).content

        project.write_seeds("\n# moved down\nseeds.add(tables.Hero, 3, name=faker('sentence', nb_words=4))")

        assert planned(project).content == before

    def test_reads_seeds_that_changed_within_a_second_to_the_same_length(
        self, make: Callable[..., Project], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(sys, "dont_write_bytecode", False)
        project = make(HERO, "seeds.add(tables.Hero, 3)")
        file = project.root / "seeds/development.py"
        planned(project)
        before = file.stat()

        project.write_seeds("seeds.add(tables.Hero, 4)")
        os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))

        assert (planned(project).rows, file.stat().st_size) == (4, before.st_size)

    def test_writes_a_lock_where_there_is_none(self, make: Callable[..., Project]) -> None:
        project = make(HERO, "seeds.add(tables.Hero, 3)")
        lock = project.root / "seeds/development.lock"
        lock.unlink()

        made = planned(project)

        assert lock.read_text().splitlines()[1:4] == [
            "engine = 4",
            "seed = 1",
            f"as_of = {made.lock.as_of.isoformat()}",
        ]
        assert planned(project).content == made.content

    def test_writes_nothing_where_there_are_no_seeds(self, make: Callable[..., Project]) -> None:
        project = make(HERO, "")
        shutil.rmtree(project.root / "seeds")

        with pytest.raises(SeedsFileNotFound):
            planned(project)

        assert not (project.root / "seeds").exists()


LINE = "seeds/development.py, line"
TREE = """
class Node(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    parent_id: int{optional} = Field(foreign_key="node.id")
"""
CYCLE = """
class Hen(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    egg_id: int | None = Field(foreign_key="egg.id")

class Egg(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    hen_id: int = Field(foreign_key="hen.id")
"""
TEAM = HERO + '    team_id: int = Field(foreign_key="team.id")\n' + HERO.replace("Hero", "Team")


class TestPlanRefuses:
    """Each case: the tables, the body of `plan(seeds)` from line 6 on, and the whole of what is said."""

    @pytest.mark.parametrize(
        ("tables", "seeds", "error", "said"),
        [
            (HERO, "1 / 0", InvalidSeedsFile, f"{LINE} 6: ZeroDivisionError: division by zero"),
            (
                HERO,
                "seeds.add(tables.Hero, 3, age=1)",
                InvalidSeedsFile,
                f"{LINE} 6: ValueError: Hero has no column age",
            ),
            (
                HERO,
                "seeds.add(tables.Hero, 3)\nseeds.add(tables.Hero, 3)",
                InvalidSeedsFile,
                f"{LINE} 7: ValueError: Hero is planned twice",
            ),
            (
                HERO,
                "seeds.add(tables.Hero, -3)",
                InvalidSeedsFile,
                f"{LINE} 6: ValueError: Hero: the number of rows is -3, and neither a number nor per(...)",
            ),
            (HERO, "seeds.add(Seeds, 3)", InvalidSeedsFile, f"{LINE} 6: ValueError: Seeds is no table of the schema"),
            (
                HERO,
                "seeds.add(tables.Hero, per(tables.Hero, 3, 1))",
                InvalidSeedsFile,
                f"{LINE} 6: ValueError: per(Hero, 3, 1): 0 <= low <= high is needed",
            ),
            (
                TEAM,
                "seeds.add(tables.Team, per(tables.Hero, 1, 3))",
                InvalidSeedsFile,
                f"{LINE} 6: ValueError: Team has no foreign key to Hero, so it has no rows per one",
            ),
            (
                HERO,
                "seeds.add(tables.Hero, 3, name=choice([]))",
                InvalidSeedsFile,
                f"{LINE} 6: ValueError: choice() has no values to choose from",
            ),
            (
                HERO,
                "seeds.add(tables.Hero, 3, name=choice({'a': 0}))",
                InvalidSeedsFile,
                f"{LINE} 6: ValueError: choice({{'a': 0}}): weights must not be negative, and one must be above 0",
            ),
            (
                TEAM,
                "seeds.add(tables.Hero, per(tables.Team, 1, 3))",
                ParentNotPlanned,
                "hero.team_id needs rows of team, and the seeds plan none.",
            ),
            (
                CYCLE.replace("egg_id: int | None", "egg_id: int"),
                "seeds.add(tables.Hen, 3)\nseeds.add(tables.Egg, 3)",
                CyclicReference,
                "egg.hen_id refers to hen, which in turn needs egg, so the rows cannot be created in any order.",
            ),
            (
                "from sqlalchemy.dialects.postgresql import TSQUERY\n"
                + HERO
                + "    asked: str = Field(sa_type=TSQUERY)",
                "seeds.add(tables.Hero, 3)",
                NoGenerator,
                "No generator for type TSQUERY of hero.asked.",
            ),
            (
                HERO + "    code: str = Field(unique=True, max_length=1)",
                "seeds.add(tables.Hero, 27)",
                TooFewUniqueValues,
                "hero.code is unique, and 27 rows are planned for 26 possible values.",
            ),
            (
                HERO + '    twin_id: int = Field(foreign_key="twin.id", unique=True)\n' + HERO.replace("Hero", "Twin"),
                "seeds.add(tables.Twin, 5)\nseeds.add(tables.Hero, 6)",
                TooFewUniqueValues,
                "hero.twin_id is unique, and 6 rows are planned for 5 possible values.",
            ),
        ],
    )
    def test_seeds_that_cannot_be_made(
        self, make: Callable[..., Project], tables: str, seeds: str, error: type[SeedError], said: str
    ) -> None:
        project = make(tables, seeds)

        with pytest.raises(error) as raised:
            planned(project)

        assert raised.value.message == said

    @pytest.mark.parametrize(
        ("tables", "seeds"),
        [
            (TREE.format(optional=" | None"), "seeds.add(tables.Node, 3, parent_id=None)"),
            (CYCLE, "seeds.add(tables.Hen, 3, egg_id=None)\nseeds.add(tables.Egg, per(tables.Hen, 2, 2))"),
        ],
    )
    def test_no_cycle_that_the_seeds_break(self, make: Callable[..., Project], tables: str, seeds: str) -> None:
        project = make(tables, seeds)

        assert planned(project).rows > 0

    @pytest.mark.parametrize(
        ("rule", "said"),
        [
            ("faker('nobody')", f"{LINE} 8: Faker has no provider 'nobody'."),
            (
                "faker('word', size=3)",
                f"{LINE} 8: faker('word'): TypeError: Provider.word() got an unexpected keyword argument 'size'",
            ),
            ("faker('date_between', start_date='soon')", None),
        ],
    )
    def test_a_faker_call_at_its_line_when_a_row_is_made(
        self, make: Callable[..., Project], rule: str, said: str | None
    ) -> None:
        project = make(HERO, f"seeds.add(\n    tables.Hero, 3,\n    name={rule},\n)")
        hero = table(planned(project), "hero")

        with pytest.raises(InvalidSeedsFile) as raised:
            make_sample(hero, 1)

        assert raised.value.message.startswith(said or f"{LINE} 8: faker('date_between'): ParseError: ")

    def test_one_value_in_every_row_of_a_unique_column(self, make: Callable[..., Project]) -> None:
        project = make(
            HERO.replace("name: str", "name: str = Field(unique=True)"), "seeds.add(tables.Hero, 3, name='a')"
        )

        with pytest.raises(TooFewUniqueValues) as raised:
            planned(project)

        assert raised.value.message == "hero.name is unique, and 3 rows are planned for 1 possible value."

    def test_a_value_that_its_column_cannot_hold(self, make: Callable[..., Project]) -> None:
        project = make(HERO + "    born_at: datetime", "seeds.add(tables.Hero, 3, born_at='soon')")
        hero = table(planned(project), "hero")

        with pytest.raises(InvalidSeedsFile) as raised:
            make_sample(hero, 1)

        assert raised.value.message == (f"{LINE} 6: hero.born_at cannot hold 'soon', which is of type str")

    @pytest.mark.parametrize(
        ("lock", "said"),
        [
            ("engine = 4\nseed = 1\n", "seeds/development.lock: It has no as_of."),
            (
                "engine = 1\nseed = 1\nas_of = 2026-11-01T00:00:00Z\n",
                "It is of engine 1, and this version of Seedbed makes rows by engine 4: write engine = 4 for those, ",
            ),
            ("engine = 4\nseed = 1\nas_of = 2026-11-01\n", "seeds/development.lock: as_of is not a time with a zone."),
            ("engine = 4\nseed = -1\nas_of = 2026-11-01T00:00:00Z\n", "seed is not between 0 and 9223372036854775807."),
            ("<<<<<<< HEAD\n", "seeds/development.lock: It cannot be read: "),
        ],
    )
    def test_a_lock_that_it_did_not_write(self, make: Callable[..., Project], lock: str, said: str) -> None:
        project = make(HERO, "seeds.add(tables.Hero, 3)")
        (project.root / "seeds/development.lock").write_text(lock)

        with pytest.raises(InvalidSeedsFile) as raised:
            planned(project)

        assert said in raised.value.message

    def test_a_file_without_a_plan(self, make: Callable[..., Project]) -> None:
        project = make(HERO, "pass")
        project.write("seeds/development.py", "rows = 3\n")

        with pytest.raises(InvalidSeedsFile) as raised:
            planned(project)

        assert raised.value.message == "seeds/development.py: It has no function plan(seeds)."

    def test_a_file_that_is_no_python(self, make: Callable[..., Project]) -> None:
        project = make(HERO, "pass")
        project.write("seeds/development.py", "\ndef plan(seeds:\n")

        with pytest.raises(InvalidSeedsFile) as raised:
            planned(project)

        assert raised.value.message == f"{LINE} 2: SyntaxError: '(' was never closed (development.py, line 2)"
