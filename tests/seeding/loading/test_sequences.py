"""Sequences after a load: past every number that they have given, or would give again."""

from collections.abc import Callable

from seedbed.postgres.database import Database
from seedbed.postgres.environment_mark import change_mark
from seedbed.seeding.loading.load import load_seeds
from seedbed.seeding.planning.seed_plan import plan
from seedbed.settings import Environment
from tests.support.projects import Project, execute

SHARED = """
from sqlalchemy import Integer, Sequence

numbers = Sequence("numbers", metadata=metadata)

class Person(Table, table=True):
    id: int | None = Field(default=None, sa_column=Column(Integer, {person}, primary_key=True))

class Firm(Table, table=True):
    id: int | None = Field(default=None, sa_column=Column(Integer, {firm}, primary_key=True))

class Visit(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    firm_id: int = Field(foreign_key="firm.id")
"""
DEFAULT, TEXT, ALONE = "server_default=numbers.next_value()", "server_default=text(\"nextval('numbers')\")", "numbers"


def seed(project: Project, database: Database, seeds: str, *, append: bool = False) -> None:
    project.write_seeds(seeds)
    made = plan(project.settled, project.load_schema(), Environment.DEVELOPMENT)
    load_seeds(made, database, revision=None, append=append)


class TestSharedSequence:
    def test_numbers_no_two_rows_alike_and_goes_on_after_them(
        self, make: Callable[..., Project], database: Database
    ) -> None:
        project = make(SHARED.format(person=DEFAULT, firm=TEXT))

        seed(
            project, database, "seeds.add(tables.Person, 10)\nseeds.add(tables.Firm, 300)\nseeds.add(tables.Visit, 50)"
        )

        numbers = execute(database.direct, "SELECT id FROM person UNION ALL SELECT id FROM firm")
        assert len(set(numbers)) == len(numbers) == 310
        assert execute(database.direct, "SELECT nextval('numbers')") == [(max(numbers)[0] + 1,)]

    def test_of_which_only_the_models_know_goes_on_as_well(
        self, make: Callable[..., Project], database: Database
    ) -> None:
        project = make(SHARED.format(person=ALONE, firm=ALONE))

        seed(project, database, "seeds.add(tables.Person, 10)\nseeds.add(tables.Firm, 300)")

        numbers = execute(database.direct, "SELECT id FROM person UNION ALL SELECT id FROM firm")
        assert len(set(numbers)) == 310
        assert execute(database.direct, "SELECT nextval('numbers')") == [(max(numbers)[0] + 1,)]

    def test_stands_past_the_rows_of_tables_that_are_not_seeded(
        self, make: Callable[..., Project], database: Database
    ) -> None:
        project = make(SHARED.format(person=DEFAULT, firm=DEFAULT))
        change_mark(database, database.environment)
        execute(database.direct, "INSERT INTO person VALUES (5000)")

        seed(project, database, "seeds.add(tables.Firm, 20)")

        assert execute(database.direct, "SELECT nextval('numbers')") == [(5001,)]

    def test_leaves_rows_their_numbers_when_more_are_added(
        self, make: Callable[..., Project], database: Database
    ) -> None:
        project = make(SHARED.format(person=DEFAULT, firm=DEFAULT))

        seed(project, database, "seeds.add(tables.Person, 10)\nseeds.add(tables.Firm, 10)")
        seed(project, database, "seeds.add(tables.Person, 40)\nseeds.add(tables.Firm, 30)", append=True)

        assert execute(
            database.direct, "SELECT count(DISTINCT id) FROM (SELECT id FROM person UNION ALL SELECT id FROM firm) AS f"
        ) == [(70,)]


class TestSequence:
    def test_that_falls_is_put_below_no_number_of_its_own(
        self, make: Callable[..., Project], database: Database
    ) -> None:
        project = make(
            """
            from sqlalchemy import Integer, Sequence

            down = Sequence("down", metadata=metadata, increment=-1)

            class Person(Table, table=True):
                id: int | None = Field(
                    default=None, sa_column=Column(Integer, server_default=down.next_value(), primary_key=True)
                )
            """
        )

        seed(project, database, "seeds.add(tables.Person, 20)")

        assert execute(database.direct, "INSERT INTO person DEFAULT VALUES RETURNING id") == [(-1,)]
