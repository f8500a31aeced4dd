"""What the words of a seeds file fill columns with, worked out without a database."""

import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from seedbed.errors import InvalidSeedsFile, NullNotAllowed, SeedError, TooFewUniqueValues, UnsupportedUniqueConstraint
from seedbed.schema.description import describe_tables
from seedbed.seeding.planning.seed_plan import SeedPlan, plan
from seedbed.seeding.planning.table_plan import encode_rows
from seedbed.settings import Environment
from tests.support.projects import Project, little_project

pytestmark = pytest.mark.unit

HERO = """
class Hero(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
"""
ORDERS = """
class Person(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)

class Home(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    owner_id: int = Field(foreign_key="person.id")

class Order(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    buyer_id: int = Field(foreign_key="person.id")
    home_id: int = Field(foreign_key="home.id")
"""


@pytest.fixture
def make(tmp_path: Path) -> Iterator[Callable[..., Project]]:
    """Writes the project of a test."""
    with ExitStack() as stack:
        yield lambda tables, seeds: stack.enter_context(little_project(tmp_path, tables, seeds))


def planned(project: Project, *, as_of: datetime | None = None) -> SeedPlan:
    return plan(project.settled, project.load_schema(), Environment.DEVELOPMENT, as_of=as_of)


def values(made: SeedPlan, table: str, column: str) -> list[Any]:
    found = next(planned for planned in made.tables if planned.name == table)
    return found.batch(column, range(found.count)).tolist()


class TestNumbers:
    @pytest.mark.parametrize(
        ("column", "pattern"),
        [
            ("phone: str = Field(unique=True)", r"\+\d{1,3} \d{2,3} 555 \d{4}"),
            ("mobile: str = Field(unique=True, max_length=12)", r"\d{2,3} 555 \d{4}"),
            ("iban: str = Field(unique=True, max_length=34)", r"GB\d\d[A-Z]{4}\d{14}"),
            ("isbn: str = Field(unique=True)", r"978-[\d-]{13}"),
            ("ip_address: str = Field(unique=True)", r"10(\.(\d|[1-9]\d{1,2})){3}"),
            ("ssn: str = Field(unique=True, max_length=11)", r"\d{3}-\d\d-\d{4}"),
        ],
    )
    def test_are_numbers_each_of_which_is_another(
        self, make: Callable[..., Project], column: str, pattern: str
    ) -> None:
        project = make(f"{HERO}    {column}\n", "seeds.add(tables.Hero, 500)")

        made = values(planned(project), "hero", column.partition(":")[0])

        assert len(set(made)) == 500
        assert [value for value in made if re.fullmatch(pattern, value) is None] == []

    @pytest.mark.parametrize(
        ("column", "pattern"),
        [
            ("ip_address", r"\d+\.\d+\.\d+\.\d+"),
            ("mac_address", r"([0-9a-f]{2}:){5}[0-9a-f]{2}"),
            ("email_address", r".+@.+"),
        ],
    )
    def test_of_machines_are_no_streets(self, make: Callable[..., Project], column: str, pattern: str) -> None:
        project = make(f"{HERO}    {column}: str\n", "seeds.add(tables.Hero, 20)")

        assert all(re.fullmatch(pattern, value) for value in values(planned(project), "hero", column))


class TestRules:
    def test_same_has_a_key_agree_with_another_column(self, make: Callable[..., Project]) -> None:
        project = make(
            ORDERS,
            """
            seeds.add(tables.Person, 30)
            seeds.add(tables.Home, per(tables.Person, 1, 3))
            seeds.add(tables.Order, 400, home_id=same(buyer_id="owner_id"))
            """,
        )

        made = planned(project)

        owners = dict(zip(values(made, "home", "id"), values(made, "home", "owner_id"), strict=True))
        homes, buyers = values(made, "order", "home_id"), values(made, "order", "buyer_id")
        assert [owners[home] for home in homes] == buyers
        assert len(set(homes)) > len(set(buyers)) > 20

    def test_fixed_gives_each_parent_the_same_number(self, make: Callable[..., Project]) -> None:
        project = make(ORDERS, "seeds.add(tables.Person, 5)\nseeds.add(tables.Home, fixed(tables.Person, 3))")

        assert values(planned(project), "home", "owner_id") == [owner for owner in range(1, 6) for _ in range(3)]

    def test_zipf_gives_few_parents_many(self, make: Callable[..., Project]) -> None:
        project = make(ORDERS, "seeds.add(tables.Person, 2000)\nseeds.add(tables.Home, zipf(tables.Person, 0, 500))")

        owners = values(planned(project), "home", "owner_id")

        counts = sorted(owners.count(owner) for owner in range(1, 2001))
        assert counts[1000] < 10
        assert counts[-1] > 100

    def test_derive_reads_other_columns_and_the_rows_number(self, make: Callable[..., Project]) -> None:
        project = make(
            HERO + "    shown: str\n    number: int\n",
            """
            seeds.add(
                tables.Hero, 3, name=choice(["Ann"]), shown=derive(lambda row: f"{row.name} {row.number}"),
                number=derive(lambda row: row.i * 10),
            )
            """,
        )

        assert values(planned(project), "hero", "shown") == ["Ann 0", "Ann 10", "Ann 20"]

    def test_derive_may_follow_what_derive_makes_but_not_itself(self, make: Callable[..., Project]) -> None:
        project = make(HERO, "seeds.add(tables.Hero, 3, name=derive(lambda row: row.nick))")

        with pytest.raises(InvalidSeedsFile) as raised:
            values(planned(project), "hero", "name")

        assert raised.value.message == ("seeds/development.py, line 6: name: AttributeError: hero has no column nick")

    def test_template_writes_columns_and_the_number_from_1(self, make: Callable[..., Project]) -> None:
        project = make(
            HERO + "    email: str\n",
            "seeds.add(tables.Hero, 2, name='Ann', email=template('{name}.{i:03}@example.com'))",
        )

        assert values(planned(project), "hero", "email") == ["Ann.001@example.com", "Ann.002@example.com"]

    @pytest.mark.parametrize(
        ("file", "held", "rule"),
        [
            ("seeds/names.csv", 'name,age\nAnn,3\n"Bo, jr",4\n', "from_file('seeds/names.csv')"),
            ("seeds/names.csv", 'n\nAnn\n"Bo, jr"\n', "from_file('seeds/names.csv', 'n')"),
            ("seeds/names.json", '["Ann", "Bo, jr"]', "from_file('seeds/names.json')"),
            ("seeds/names.json", '[{"name": "Ann"}, {"name": "Bo, jr"}]', "from_file('seeds/names.json')"),
        ],
    )
    def test_from_file_goes_round(self, make: Callable[..., Project], file: str, held: str, rule: str) -> None:
        project = make(HERO, f"seeds.add(tables.Hero, 3, name={rule})")
        project.write(file, held)

        assert values(planned(project), "hero", "name") == ["Ann", "Bo, jr", "Ann"]

    def test_faker_takes_a_locale_and_providers_of_ones_own(self, make: Callable[..., Project]) -> None:
        project = make(HERO + "    power: str\n    town: str\n", "pass")
        project.write(
            "seeds/development.py",
            """
            from faker.providers import BaseProvider

            import schema as tables
            from seedbed.seeding import Seeds, faker

            class Powers(BaseProvider):
                def power(self) -> str:
                    return self.random_element(["flight", "strength"])

            def plan(seeds: Seeds) -> None:
                seeds.provider(Powers)
                seeds.add(tables.Hero, 200, power=faker("power"), town=faker("city", locale="ja_JP"))
            """,
        )

        made = planned(project)

        assert set(values(made, "hero", "power")) == {"flight", "strength"}
        assert not any(town.isascii() for town in values(made, "hero", "town"))

    def test_faker_fills_a_short_unique_column_with_nothing_else(self, make: Callable[..., Project]) -> None:
        tables = HERO + "    ward: str = Field(unique=True, max_length=4)\n"
        seeds = """
from faker.providers import BaseProvider

class Wards(BaseProvider):
    def ward(self):
        return self.random_element("ABC") + str(self.random_int(1, 9))

seeds.provider(Wards)
seeds.add(tables.Hero, ROWS, ward=faker("ward"))
"""
        project = make(tables, seeds.replace("ROWS", "20"))
        found = values(planned(project), "hero", "ward")

        assert len(set(found)) == 20
        assert all(re.fullmatch("[ABC][1-9]", ward) for ward in found)
        project.write_seeds(seeds.replace("ROWS", "28"))
        with pytest.raises(TooFewUniqueValues, match="27"):
            planned(project)

    def test_faker_reckons_from_as_of(self, make: Callable[..., Project]) -> None:
        project = make(
            HERO + "    day: date\n", "seeds.add(tables.Hero, 50, day=faker('date_between', start_date='-7d'))"
        )

        early, late = (planned(project, as_of=datetime(year, 1, 9, tzinfo=UTC)) for year in (2001, 2031))

        assert {day.isoformat()[:8] for day in values(early, "hero", "day")} == {"2001-01-"}
        assert {day.isoformat()[:8] for day in values(late, "hero", "day")} == {"2031-01-"}


class TestChecks:
    def test_may_be_constructs_that_only_postgresql_has_words_for(self, make: Callable[..., Project]) -> None:
        project = make(
            """
            from sqlalchemy import Boolean, ColumnElement
            from sqlalchemy.ext.compiler import compiles

            class is_short(ColumnElement[bool]):
                inherit_cache = True
                type = Boolean()

            @compiles(is_short, "postgresql")
            def _of_postgresql(element, compiler, **kw):
                return "length(code) < 9"

            class Message(Table, table=True):
                __table_args__ = (CheckConstraint(is_short(), name="code_is_short"),)
                id: int | None = Field(default=None, primary_key=True)
                code: str
            """,
            "seeds.add(tables.Message, 50)",
        )

        codes = values(planned(project), "message", "code")
        shown = describe_tables(project.load_schema())

        assert max(map(len, codes)) == 8
        assert [rule for table in shown for rule in table.constraints] == ["check length(code) < 9"]


class TestUniques:
    def test_are_found_in_an_index_that_is_written_as_text(self, make: Callable[..., Project]) -> None:
        project = make(
            HERO.rstrip() + "\n    slug: str\n"
            "    __table_args__ = (Index('one_slug', text('lower(slug) DESC'), unique=True),)\n",
            "seeds.add(tables.Hero, 20_000)",
        )

        slugs = values(planned(project), "hero", "slug")

        assert len({slug.lower() for slug in slugs}) == 20_000


class TestKnown:
    def test_rows_come_first_and_the_rest_of_them_is_made(self, make: Callable[..., Project]) -> None:
        project = make(
            HERO + "    email: str = Field(unique=True)\n",
            'seeds.add(tables.Hero, 3).known(name="Ann", email="ann@example.com").known(name="Bo")',
        )

        made = planned(project)

        assert values(made, "hero", "name")[:2] == ["Ann", "Bo"]
        assert values(made, "hero", "email")[0] == "ann@example.com"
        assert len(set(values(made, "hero", "email"))) == 3

    def test_a_number_written_out_is_no_other_rows(self, make: Callable[..., Project]) -> None:
        project = make(
            ORDERS,
            "seeds.add(tables.Person, 6).known(id=4).known(id=900).known(id=1)\n"
            "seeds.add(tables.Home, fixed(tables.Person, 1))",
        )

        made = planned(project)

        assert values(made, "person", "id") == [4, 900, 1, 2, 5, 6]
        assert values(made, "home", "owner_id") == [4, 900, 1, 2, 5, 6]

    def test_refuses_more_rows_than_are_planned(self, make: Callable[..., Project]) -> None:
        project = make(HERO, "seeds.add(tables.Hero, 1).known(name='Ann').known(name='Bo')")

        with pytest.raises(InvalidSeedsFile) as raised:
            planned(project)

        assert raised.value.message == ("seeds/development.py, line 6: hero: 2 rows are written out, and 1 are planned")


FUNCTION = """
import schema as tables
from seedbed.seeding import Seeds, derive

RATE = {rate}

def taxed(row):  {comment}
    return [part * RATE for part in (row.i, {part})]

def plan(seeds: Seeds) -> None:
    many = {many}
    seeds.add(tables.Hero, 3, name=derive(lambda row: str([value * many for value in taxed(row)])))
"""


class TestContent:
    """Whether seeds have changed must be known, or the next run takes other rows for loaded."""

    def test_follows_what_a_function_says_calls_and_uses(self, make: Callable[..., Project]) -> None:
        project = make(HERO, "pass")
        said = {"rate": "2", "comment": "", "part": "1", "many": "3"}

        def content(**other: str) -> str:
            project.write("seeds/development.py", FUNCTION.format(**said | other))
            return planned(project).content

        first = content()

        assert content() == content(comment="# taxes") == first
        assert len({first, content(rate="4"), content(part="2"), content(many="5")}) == 4

    def test_follows_what_a_file_holds(self, make: Callable[..., Project]) -> None:
        project = make(HERO, "seeds.add(tables.Hero, 3, name=from_file('seeds/names.csv'))")
        project.write("seeds/names.csv", "name\nAnn\n")
        before = planned(project).content

        project.write("seeds/names.csv", "name\nBo\n")

        assert planned(project).content != before

    @pytest.mark.parametrize(
        ("one", "other"),
        [
            ("kind: Literal['a', 'b'] = Field(sa_type=String)", "kind: Literal['a', 'c'] = Field(sa_type=String)"),
            ("age: int = Field(ge=3)", "age: int = Field(ge=4)"),
            ("day: date = Field(ge=date(2020, 1, 1))", "day: date = Field(ge=date(2021, 1, 1))"),
        ],
    )
    def test_follows_what_a_field_allows(
        self, make: Callable[..., Project], one: str, other: str, tmp_path: Path
    ) -> None:
        start = "from typing import Literal\nfrom sqlalchemy import String\n" + HERO + "    "
        before = planned(make(start + one, "seeds.add(tables.Hero, 3)")).content

        with little_project(tmp_path / "other", start + other, "seeds.add(tables.Hero, 3)") as changed:
            after = planned(changed).content

        assert before != after


class TestPlanRefuses:
    @pytest.mark.parametrize(
        ("tables", "seeds", "error", "said"),
        [
            (
                HERO + "    code: str = Field(unique=True)",
                "seeds.add(tables.Hero, 5, code=choice(['a', 'b', 'c']))",
                TooFewUniqueValues,
                "hero.code is unique, and 5 rows are planned for 3 possible values.",
            ),
            (
                "class Mood(Enum):\n    calm = 'calm'\n    wild = 'wild'\n"
                + HERO
                + "    mood: Mood = Field(unique=True)\n",
                "seeds.add(tables.Hero, 3)",
                TooFewUniqueValues,
                "hero.mood is unique, and 3 rows are planned for 2 possible values.",
            ),
            (
                ORDERS
                + "\nclass Friend(Table, table=True):\n"
                + "    one_id: int = Field(primary_key=True, foreign_key='person.id')\n"
                + "    other_id: int = Field(primary_key=True, foreign_key='person.id')\n",
                "seeds.add(tables.Person, 3)\nseeds.add(tables.Friend, 10)",
                TooFewUniqueValues,
                "friend.one_id, other_id is unique, and 10 rows are planned for 9 possible values.",
            ),
            (
                ORDERS.replace(
                    "class Order(Table, table=True):",
                    "class Seat(Table, table=True):\n"
                    "    __table_args__ = (UniqueConstraint('a', 'b'), UniqueConstraint('b', 'c'))\n"
                    "    id: int | None = Field(default=None, primary_key=True)\n"
                    "    a: int = Field(foreign_key='person.id')\n"
                    "    b: int = Field(foreign_key='person.id')\n"
                    "    c: int = Field(foreign_key='person.id')\n\n"
                    "class Order(Table, table=True):",
                ),
                "seeds.add(tables.Person, 9)\nseeds.add(tables.Seat, 10)",
                UnsupportedUniqueConstraint,
                "Cannot generate rows of seat with unique b, c: b already follows another constraint.",
            ),
        ],
    )
    def test_what_cannot_be_unique(
        self, make: Callable[..., Project], tables: str, seeds: str, error: type[SeedError], said: str
    ) -> None:
        with pytest.raises(error) as raised:
            planned(make(tables, seeds))

        assert raised.value.message == said


NICKS = HERO + "    nick: str | None = None\n    age: int | None = None\n    born: date | None = None\n"


class TestNone:
    @pytest.mark.parametrize(
        ("column", "rule"),
        [
            ("nick", "choice(['a', None])"),
            ("nick", "choice({'a': 2, None: 1})"),
            ("age", "choice([1, None])"),
            ("born", "choice([date(2020, 1, 1), None])"),
            ("nick", "from_file('seeds/nicks.csv')"),
            ("age", "from_file('seeds/nicks.csv')"),
            ("nick", "from_file('seeds/nicks.json')"),
            ("nick", "derive(lambda row: None if row.i % 2 else 'a')"),
            ("nick", "template('{born} {i}')"),
            ("nick", "faker('nick')"),
        ],
    )
    def test_is_null_in_every_rule(self, make: Callable[..., Project], column: str, rule: str) -> None:
        project = make(NICKS, "pass")
        project.write("seeds/nicks.csv", "nick,age\na,3\n,\n")
        project.write("seeds/nicks.json", '[{"nick": "a"}, {"nick": null}]')
        project.write_seeds(
            "from datetime import date\n"
            "from faker.providers import BaseProvider\n"
            "class Nicks(BaseProvider):\n"
            "    def nick(self):\n"
            "        return self.random_element(['a', None])\n"
            "seeds.provider(Nicks)\n"
            f"seeds.add(tables.Hero, 60, **{{{column!r}: {rule}}})"
        )

        made = planned(project)

        found = values(made, "hero", column)
        assert None in found
        assert "None" not in map(str, [value for value in found if value is not None])
        assert len({value for value in found if value is not None}) > 0
        (hero,) = made.tables
        assert b"None" not in encode_rows(hero, range(60))

    def test_of_a_column_that_is_not_null_is_refused(self, make: Callable[..., Project]) -> None:
        project = make(HERO, "seeds.add(tables.Hero, 5, name=choice(['a', None]))")

        with pytest.raises(NullNotAllowed) as raised:
            planned(project)

        assert raised.value.message == (
            "seeds/development.py, line 6: choice(...) gives None for hero.name, which is NOT NULL."
        )
        assert raised.value.remedy == "Give name a value in every row, or make it nullable in the model."

    @pytest.mark.parametrize(
        "seeds",
        [
            "seeds.add(tables.Hero, 5, name=None)",
            "seeds.add(tables.Hero, 5).known(name=None)",
            "seeds.add(tables.Hero, 5, name=from_file('seeds/names.json'))",
        ],
    )
    def test_is_refused_when_rows_are_planned(self, make: Callable[..., Project], seeds: str) -> None:
        project = make(HERO, seeds)
        project.write("seeds/names.json", '["a", null]')

        with pytest.raises(NullNotAllowed, match=r"hero\.name, which is NOT NULL"):
            planned(project)

    @pytest.mark.parametrize("rule", ["derive(lambda row: 'a' if row.i != 3 else None)", "template('{nick}')"])
    def test_that_only_a_row_gives_is_refused_with_the_row(self, make: Callable[..., Project], rule: str) -> None:
        nick = "nick=derive(lambda row: 'a' if row.i != 3 else None)"
        made = planned(make(NICKS, f"seeds.add(tables.Hero, 9, name={rule}, {nick})"))

        with pytest.raises(NullNotAllowed, match=r"gives None for hero\.name in row 4"):
            encode_rows(made.tables[0], range(9))


class TestFiles:
    def test_empty_cells_are_empty_texts_where_a_text_must_be(self, make: Callable[..., Project]) -> None:
        project = make(HERO, "seeds.add(tables.Hero, 2, name=from_file('seeds/names.csv'))")
        project.write("seeds/names.csv", "id,name\n1,\n2,Bo\n")

        assert values(planned(project), "hero", "name") == ["", "Bo"]

    def test_may_begin_with_a_byte_order_mark(self, make: Callable[..., Project]) -> None:
        project = make(HERO, "seeds.add(tables.Hero, 1, name=from_file('seeds/names.csv'))")
        project.write("seeds/names.csv", "\ufeffname\nAnn\n")

        assert values(planned(project), "hero", "name") == ["Ann"]

    def test_hold_booleans_as_postgresql_writes_them(self, make: Callable[..., Project]) -> None:
        project = make(
            HERO + "    on_call: bool | None = None\n",
            "seeds.add(tables.Hero, 5, on_call=from_file('seeds/calls.csv'))",
        )
        project.write("seeds/calls.csv", "id,on_call\n1,yes\n2,f\n3,\n4,1\n5,TRUE\n")

        assert values(planned(project), "hero", "on_call") == [True, False, None, True, True]

    def test_with_a_line_that_lacks_a_cell_are_refused(self, make: Callable[..., Project]) -> None:
        project = make(HERO, "seeds.add(tables.Hero, 2, name=from_file('seeds/names.csv'))")
        project.write("seeds/names.csv", "id,name\n1,Ann\n2\n")

        with pytest.raises(InvalidSeedsFile, match="line 3 has no cell for name"):
            planned(project)
