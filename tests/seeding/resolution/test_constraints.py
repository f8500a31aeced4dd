"""Rules of a schema that rows are made to keep, or that are left to the load."""

from collections.abc import Callable

from seedbed.postgres.database import Database
from seedbed.seeding.loading.load import load_seeds
from seedbed.seeding.planning.seed_plan import plan
from seedbed.settings import Environment
from tests.support.projects import Project, execute


def seed(project: Project, database: Database, seeds: str) -> None:
    project.write_seeds(seeds)
    load_seeds(plan(project.settled, project.load_schema(), Environment.DEVELOPMENT), database, revision=None)


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

    def test_of_keys_that_are_drawn_again_have_times_follow_the_parents_in_the_end(
        self, make: Callable[..., Project], database: Database
    ) -> None:
        project = make(
            """
            class User(Table, table=True):
                id: int | None = Field(default=None, primary_key=True)
                created_at: datetime

            class Message(Table, table=True):
                __table_args__ = (
                    CheckConstraint("sender_id <> recipient_id"),
                    CheckConstraint("read_at >= created_at"),
                )
                id: int | None = Field(default=None, primary_key=True)
                read_at: datetime | None = None
                created_at: datetime
                recipient_id: int = Field(foreign_key="user.id")
                sender_id: int = Field(foreign_key="user.id")
            """
        )

        seed(project, database, "seeds.add(tables.User, 4)\nseeds.add(tables.Message, 1000)")

        assert execute(
            database.direct,
            "SELECT count(*), count(*) FILTER (WHERE m.created_at < greatest(s.created_at, r.created_at))"
            ' FROM message m JOIN "user" s ON s.id = sender_id JOIN "user" r ON r.id = recipient_id',
        ) == [(1000, 0)]

    def test_of_keys_of_two_columns_that_are_drawn_again_draw_both(
        self, make: Callable[..., Project], database: Database
    ) -> None:
        project = make(
            """
            from sqlalchemy import ForeignKeyConstraint

            class Place(Table, table=True):
                country: int = Field(primary_key=True)
                number: int = Field(primary_key=True)

            class Trip(Table, table=True):
                __table_args__ = (
                    ForeignKeyConstraint(["from_country", "from_number"], ["place.country", "place.number"]),
                    ForeignKeyConstraint(["to_country", "to_number"], ["place.country", "place.number"]),
                    CheckConstraint("from_number <> to_number"),
                )
                id: int | None = Field(default=None, primary_key=True)
                from_country: int
                from_number: int
                to_country: int
                to_number: int
            """
        )

        seed(project, database, "seeds.add(tables.Place, 6)\nseeds.add(tables.Trip, 500)")

        assert execute(database.direct, "SELECT count(*) FROM trip") == [(500,)]

    def test_of_unique_keys_to_the_same_table_leave_one_row_at_the_top(
        self, make: Callable[..., Project], database: Database
    ) -> None:
        project = make(
            """
            class Link(Table, table=True):
                __table_args__ = (UniqueConstraint("above_id", postgresql_nulls_not_distinct=True),)
                id: int | None = Field(default=None, primary_key=True)
                above_id: int | None = Field(default=None, foreign_key="link.id")

            class Folder(Table, table=True):
                __table_args__ = (UniqueConstraint("above_id", "name", postgresql_nulls_not_distinct=True),)
                id: int | None = Field(default=None, primary_key=True)
                above_id: int | None = Field(default=None, foreign_key="folder.id")
                name: str
            """
        )

        seed(project, database, "seeds.add(tables.Link, 200)\nseeds.add(tables.Folder, 200)")

        counted = (
            "SELECT count(*), count(*) FILTER (WHERE above_id IS NULL), count(*) FILTER (WHERE above_id = id) FROM "
        )
        assert execute(database.direct, counted + "link") == [(200, 1, 0)]
        (count, top, own) = execute(database.direct, counted + "folder")[0]
        assert (count, own) == (200, 0)
        assert 0 < top < 100

    def test_with_functions_that_mean_another_thing_for_another_type(
        self, make: Callable[..., Project], database: Database
    ) -> None:
        project = make(
            """
            from typing import Any

            from sqlalchemy import LargeBinary
            from sqlalchemy.dialects.postgresql import TSTZRANGE

            class Offer(Table, table=True):
                __table_args__ = (
                    CheckConstraint("lower(valid) IS NOT NULL"),
                    CheckConstraint("upper(valid) > lower(valid)"),
                    CheckConstraint("length(seal) > 0"),
                    CheckConstraint("name NOT LIKE 'x%'"),
                    CheckConstraint("ends <= starts + 3650"),
                )
                id: int | None = Field(default=None, primary_key=True)
                valid: Any = Field(sa_column=Column(TSTZRANGE, nullable=False))
                seal: bytes
                name: str
                starts: date
                ends: date
            """
        )

        seed(project, database, "seeds.add(tables.Offer, 300)")

        assert execute(database.direct, "SELECT count(*) FROM offer") == [(300,)]

    def test_of_which_one_computes_a_column_and_another_bounds_it(
        self, make: Callable[..., Project], database: Database
    ) -> None:
        project = make(
            """
            from sqlalchemy import Numeric

            class Bill(Table, table=True):
                __table_args__ = (
                    CheckConstraint("total = price * quantity"),
                    CheckConstraint("rest = price - paid"),
                    CheckConstraint("rest >= 0"),
                )
                id: int | None = Field(default=None, primary_key=True)
                price: Decimal = Field(sa_type=Numeric(4, 2))
                quantity: int = Field(gt=0, le=20)
                total: Decimal = Field(sa_type=Numeric(5, 2))
                paid: Decimal = Field(sa_type=Numeric(3, 2))
                rest: Decimal = Field(sa_type=Numeric(8, 2))
            """
        )

        seed(project, database, "seeds.add(tables.Bill, 300)")

        assert execute(database.direct, "SELECT count(*), count(DISTINCT total) > 100 FROM bill") == [(300, True)]


class TestNumerics:
    def test_of_any_precision_spread_over_their_range(self, make: Callable[..., Project], database: Database) -> None:
        project = make(
            """
            from sqlalchemy import Numeric

            class Sample(Table, table=True):
                __table_args__ = (
                    CheckConstraint("large > 1000000000000000000000"),
                    CheckConstraint("sum = large * 2"),
                    CheckConstraint("small > 0 AND small < 1"),
                )
                id: Decimal = Field(sa_column=Column(Numeric(60, 20), primary_key=True))
                wide: Decimal = Field(sa_type=Numeric(60, 20))
                large: Decimal = Field(sa_type=Numeric(60, 20))
                sum: Decimal = Field(sa_type=Numeric(70, 21))
                small: Decimal = Field(sa_column=Column(Numeric(30, 20), unique=True, nullable=False))
                deep: Decimal = Field(sa_type=Numeric(20, 17))
                longest: Decimal = Field(sa_type=Numeric(1000, 0))
                tiny: Decimal = Field(sa_column=Column(Numeric(3, 5), unique=True, nullable=False))
                free: Decimal = Field(sa_type=Numeric)
                price: Decimal = Field(sa_type=Numeric(38, 10))

            class Part(Table, table=True):
                id: int | None = Field(default=None, primary_key=True)
                sample_id: Decimal = Field(sa_column=Column(Numeric(60, 20), ForeignKey("sample.id"), nullable=False))
            """.replace("import Numeric", "import ForeignKey, Numeric")
        )

        seed(project, database, "seeds.add(tables.Sample, 300)\nseeds.add(tables.Part, 500)")

        for column in ("wide", "deep", "longest", "free", "price"):
            assert execute(
                database.direct,
                f"SELECT count(DISTINCT {column}) > 200, max({column}) > 900, min({column}) < 100 FROM sample",
            ) == [(True, True, True)], column
        assert execute(
            database.direct, "SELECT max(scale(wide)), count(DISTINCT sample_id) > 100 FROM sample, part"
        ) == [(20, True)]
