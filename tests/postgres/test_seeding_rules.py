"""Rules of a schema that rows are made to keep, or that are left to the load."""

from collections.abc import Callable

from seedbed.postgres.databases import Database
from seedbed.seeding.plan import plan
from seedbed.seeding.running import run
from seedbed.settings import Environment
from tests.projects import Project, execute


def seed(project: Project, database: Database, seeds: str) -> None:
    project.write_seeds(seeds)
    run(plan(project.settled, project.load_schema(), Environment.DEVELOPMENT), database, revision=None)


class TestRules:
    def test_of_unique_keys_that_take_no_second_null(self, make: Callable[..., Project], database: Database) -> None:
        project = make(
            """
            class Hero(Table, table=True):
                __table_args__ = (
                    UniqueConstraint("email", postgresql_nulls_not_distinct=True),
                    Index("one_rank", "rank", unique=True, postgresql_nulls_not_distinct=True),
                )
                id: int | None = Field(default=None, primary_key=True)
                email: str | None = None
                rank: int | None = None
                note: str | None = None
            """
        )

        seed(project, database, "seeds.add(tables.Hero, 200)")

        assert execute(database.direct, "SELECT count(email), count(rank), count(note) < 200 FROM hero") == [
            (200, 200, True)
        ]

    def test_of_partial_unique_keys_of_more_rows_than_parents(
        self, make: Callable[..., Project], database: Database
    ) -> None:
        project = make(
            """
class Hero(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)

class Address(Table, table=True):
    __table_args__ = (Index("one_default", "hero_id", unique=True, postgresql_where=text("is_default")),)
    id: int | None = Field(default=None, primary_key=True)
    hero_id: int = Field(foreign_key="hero.id")
    is_default: bool
"""
        )

        seed(project, database, "seeds.add(tables.Hero, 20)\nseeds.add(tables.Address, 300)")

        assert execute(database.direct, "SELECT count(*), count(DISTINCT hero_id) FROM address WHERE is_default") == [
            (20, 20)
        ]

    def test_of_partial_unique_keys_of_rows_that_another_key_orders(
        self, make: Callable[..., Project], database: Database
    ) -> None:
        project = make(
            """
class Hero(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)

class Town(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)

class Address(Table, table=True):
    __table_args__ = (Index("one_default", "hero_id", unique=True, postgresql_where=text("is_default")),)
    id: int | None = Field(default=None, primary_key=True)
    hero_id: int = Field(foreign_key="hero.id")
    town_id: int = Field(foreign_key="town.id")
    is_default: bool
"""
        )

        seed(
            project,
            database,
            "seeds.add(tables.Hero, 5)\nseeds.add(tables.Town, 5)\nseeds.add(tables.Address, fixed(tables.Town, 40))",
        )

        counted = "SELECT count(*), count(DISTINCT hero_id), bool_or(is_default) FROM address"
        assert execute(database.direct, counted) == [(200, 5, False)]

    def test_that_round_as_postgresql_does(self, make: Callable[..., Project], database: Database) -> None:
        project = make(
            """
            class Bill(Table, table=True):
                __table_args__ = (CheckConstraint("vat = round(net * share, 2) AND due = net + vat"),)
                id: int | None = Field(default=None, primary_key=True)
                net: Decimal = Field(max_digits=8, decimal_places=2)
                share: Decimal = Field(max_digits=3, decimal_places=2)
                vat: Decimal = Field(max_digits=8, decimal_places=2)
                due: Decimal = Field(max_digits=8, decimal_places=2)
            """
        )

        seed(project, database, "seeds.add(tables.Bill, 5000)")

        assert execute(database.direct, "SELECT count(*), count(DISTINCT due) > 1000 FROM bill") == [(5000, True)]

    def test_of_a_domain_that_is_declared(self, make: Callable[..., Project], database: Database) -> None:
        project = make(
            r"""
            from sqlalchemy.types import UserDefinedType

            class Plate(UserDefinedType):
                cache_ok = True

                def get_col_spec(self, **_):
                    return "plate"

            class Car(Table, table=True):
                id: int | None = Field(default=None, primary_key=True)
                plate: str = Field(sa_type=Plate, unique=True)

            declare(metadata, "CREATE DOMAIN plate AS varchar(8) NOT NULL CHECK (VALUE ~ '^[A-Z]{2}-[0-9]{4}$')")
            """
        )

        seed(project, database, "seeds.add(tables.Car, 300)")

        assert execute(database.direct, "SELECT count(DISTINCT plate) FROM car") == [(300,)]

    def test_with_numbers_of_more_than_64_bits(self, make: Callable[..., Project], database: Database) -> None:
        project = make(
            """
            from sqlalchemy import Numeric

            class Hero(Table, table=True):
                __table_args__ = (CheckConstraint("a + b < 99999999999999999999999", name="not_much"),)
                id: int | None = Field(default=None, primary_key=True)
                a: Decimal = Field(sa_type=Numeric(30))
                b: Decimal = Field(sa_type=Numeric(30))
            """
        )

        seed(project, database, "seeds.add(tables.Hero, 300)")

        assert execute(database.direct, "SELECT count(*) FROM hero") == [(300,)]

    def test_that_a_trigger_sees_to(self, make: Callable[..., Project], database: Database) -> None:
        project = make(
            """
            class Hero(Table, table=True):
                __table_args__ = (CheckConstraint("left(code, 2) = 'H-'", name="marked"),)
                id: int | None = Field(default=None, primary_key=True)
                code: str

            declare(
                metadata,
                "CREATE FUNCTION mark() RETURNS trigger LANGUAGE plpgsql AS"
                " $$ BEGIN NEW.code := 'H-' || NEW.code; RETURN NEW; END $$",
                "CREATE TRIGGER marks BEFORE INSERT ON hero FOR EACH ROW EXECUTE FUNCTION mark()",
            )
            """
        )

        seed(project, database, "seeds.add(tables.Hero, 300)")

        assert execute(database.direct, "SELECT count(*) FROM hero WHERE code LIKE 'H-%'") == [(300,)]

    def test_that_a_column_which_is_mostly_empty_has_to_be_there(
        self, make: Callable[..., Project], database: Database
    ) -> None:
        project = make(
            """
            class Hero(Table, table=True):
                __table_args__ = (
                    CheckConstraint("updated_at IS NULL OR deleted_at IS NOT NULL"),
                    CheckConstraint("NOT flag OR updated_at IS NOT NULL"),
                )
                id: int | None = Field(default=None, primary_key=True)
                flag: bool
                updated_at: datetime | None = None
                deleted_at: datetime | None = None
            """
        )

        seed(project, database, "seeds.add(tables.Hero, 3000)")

        assert execute(database.direct, "SELECT count(*) FROM hero") == [(3000,)]
