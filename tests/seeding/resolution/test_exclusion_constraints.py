"""Rows that exclusion constraints keep apart, over ranges that are made of two columns."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from seedbed.errors import TooFewUniqueValues, UnsupportedUniqueConstraint
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.schema.creation import create_schema
from seedbed.seeding.loading.load import LoadedSeeds, load_seeds
from seedbed.seeding.planning.seed_plan import SeedPlan, plan
from seedbed.seeding.planning.table_plan import encode_rows
from seedbed.settings import Environment
from tests.support.projects import Project, execute, little_project

BOOKINGS = """
from datetime import time
from sqlalchemy import Computed, DateTime, column, func
from sqlalchemy.dialects.postgresql import ExcludeConstraint, TSTZRANGE

AWARE = DateTime(timezone=True)

class Room(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
    created_at: datetime = Field(sa_type=AWARE)

class Doctor(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str

class Booking(Table, table=True):
    __table_args__ = (
        CheckConstraint("ends_at > starts_at"),
        CheckConstraint("ends_at - starts_at >= interval '30 minutes'"),
        CheckConstraint("created_at <= starts_at"),
        ExcludeConstraint(
            (column("room_id"), "="), (func.tstzrange(column("starts_at"), column("ends_at")), "&&"),
            using="gist", where=text("status <> 'cancelled'"), name="one_in_a_room",
        ),
        ExcludeConstraint(
            (column("doctor_id"), "="), (text("tstzrange(starts_at, ends_at, '[]')"), "&&"), using="gist",
            name="one_each",
        ),
        UniqueConstraint("room_id", "starts_at"),
    )
    id: int | None = Field(default=None, primary_key=True)
    room_id: int = Field(foreign_key="room.id")
    doctor_id: int = Field(foreign_key="doctor.id")
    status: str
    starts_at: datetime = Field(sa_type=AWARE)
    ends_at: datetime = Field(sa_type=AWARE)
    created_at: datetime = Field(sa_type=AWARE)

class Price(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    room_id: int = Field(foreign_key="room.id")
    currency: str
    amount: Decimal = Field(max_digits=8, decimal_places=2)
    valid_from: date
    valid_to: date | None = None

class Tier(Table, table=True):
    __table_args__ = (
        ExcludeConstraint(
            (column("room_id"), "="), (func.int4range(column("from_hours"), column("to_hours")), "&&"), using="gist",
            name="tiers_apart",
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    room_id: int = Field(foreign_key="room.id")
    from_hours: int = Field(ge=0)
    to_hours: int | None = None

class Closing(Table, table=True):
    __table_args__ = (
        ExcludeConstraint(
            (text("tsrange(begins, coalesce(ends, 'infinity'))"), "&&"), using="gist", name="closed_once"
        ),
    )
    id: int | None = Field(default=None, primary_key=True)
    begins: datetime = Field(sa_type=DateTime)
    ends: datetime | None = Field(default=None, sa_type=DateTime)

class Lesson(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    room_id: int = Field(foreign_key="room.id")
    weekday: int = Field(ge=1, le=5)
    starts: time
    ends: time

class Visit(Table, table=True):
    __table_args__ = (
        ExcludeConstraint((column("room_id"), "="), (column("during"), "&&"), using="gist", name="visits_apart"),
    )
    id: int | None = Field(default=None, primary_key=True)
    room_id: int = Field(foreign_key="room.id")
    opened_at: datetime = Field(sa_type=AWARE)
    closed_at: datetime = Field(sa_type=AWARE)
    during: str | None = Field(
        default=None, sa_column=Column("during", TSTZRANGE, Computed("tstzrange(opened_at, closed_at)", persisted=True))
    )

declare(
    metadata,
    "CREATE EXTENSION btree_gist",
    "CREATE TYPE timerange AS RANGE (subtype = time)",
    "ALTER TABLE price ADD CONSTRAINT prices_apart EXCLUDE USING gist"
    " (room_id WITH =, currency WITH =, daterange(valid_from, valid_to, '[]') WITH &&)",
    "ALTER TABLE lesson ADD CONSTRAINT lessons_apart EXCLUDE USING gist"
    " (room_id WITH =, weekday WITH =, timerange(starts, ends) WITH &&)",
)
"""
SEEDS = """
seeds.add(tables.Room, 12)
seeds.add(tables.Doctor, 9)
seeds.add(tables.Booking, {bookings})
seeds.add(tables.Price, per(tables.Room, 1, 12), currency=choice(["EUR", "USD"]))
seeds.add(tables.Tier, per(tables.Room, 0, 5))
seeds.add(tables.Closing, 60)
seeds.add(tables.Lesson, 250)
seeds.add(tables.Visit, 300)
"""


@contextmanager
def bookings(folder: Path, database: Database, number: int = 900) -> Iterator[Project]:
    with little_project(folder, BOOKINGS, SEEDS.format(bookings=number)) as project:
        with connect(database) as connection:
            create_schema(connection, project.load_schema())
        yield project


def planned(project: Project) -> SeedPlan:
    return plan(project.settled, project.load_schema(), Environment.DEVELOPMENT)


def seed(project: Project, database: Database, **options: Any) -> LoadedSeeds:
    return load_seeds(planned(project), database, revision=None, **options)


def one(database: Database, statement: str) -> Any:
    return execute(database.direct, statement)[0][0]


class TestOverlaps:
    @pytest.mark.parametrize("drop_constraints", [False, True], ids=["in place", "constraints dropped"])
    def test_are_none_in_what_postgresql_accepts(
        self, given: Callable[..., Database], tmp_path: Path, drop_constraints: bool
    ) -> None:
        database = given()

        with bookings(tmp_path, database) as project:
            seeded = seed(project, database, drop_constraints=drop_constraints)

        assert seeded.rows["booking"] == 900
        late = "b.created_at < r.created_at OR b.starts_at < b.created_at OR b.starts_at > '2026-11-08'"
        assert one(database, f"SELECT count(*) FROM booking b JOIN room r ON r.id = room_id WHERE {late}") == 0
        early = "opened_at < r.created_at OR closed_at <= opened_at"
        assert one(database, f"SELECT count(*) FROM visit v JOIN room r ON r.id = room_id WHERE {early}") == 0
        hours = "extract(hour FROM starts_at AT TIME ZONE 'UTC') NOT BETWEEN 8 AND 17"
        assert one(database, f"SELECT count(*) FROM booking WHERE {hours}") == 0
        assert one(database, "SELECT count(DISTINCT ends_at - starts_at) FROM booking") == 3
        assert one(database, "SELECT count(*) FROM lesson WHERE starts < '08:00' OR ends > '18:00'") == 0

    def test_end_with_a_row_that_has_no_end(self, database: Database, tmp_path: Path) -> None:
        with bookings(tmp_path, database) as project:
            seed(project, database)

        endless = "SELECT count(*) FILTER (WHERE valid_to IS NULL) FROM price GROUP BY room_id, currency"
        assert {count for (count,) in execute(database.direct, endless)} == {0, 1}
        assert one(database, "SELECT count(*) FROM tier WHERE to_hours IS NULL") > 3
        assert one(database, "SELECT count(*) FROM closing WHERE ends IS NULL") == 0

    def test_are_none_with_rows_that_come_after(self, database: Database, tmp_path: Path) -> None:
        with bookings(tmp_path, database) as project:
            seed(project, database)
            before = execute(database.direct, "SELECT b FROM booking b ORDER BY id")
            project.write_seeds(SEEDS.format(bookings=1200).replace("Visit, 300", "Visit, 500"))

            added = seed(project, database, append=True)

            assert (added.rows["booking"], added.rows["visit"]) == (300, 200)
            assert execute(database.direct, "SELECT b FROM booking b ORDER BY id LIMIT 900") == before
            appended = execute(database.direct, "SELECT b FROM booking b ORDER BY id")
            seed(project, database, fresh=True)
            assert execute(database.direct, "SELECT b FROM booking b ORDER BY id") == appended

    def test_leave_each_row_a_function_of_its_number(self, tmp_path: Path) -> None:
        with little_project(tmp_path, BOOKINGS, SEEDS.format(bookings=500)) as project:
            for table in planned(project).tables:
                whole = encode_rows(table, range(table.count))
                other = next(other for other in planned(project).tables if other.name == table.name)
                third = table.count // 3
                last = encode_rows(other, range(third, table.count))
                assert encode_rows(other, range(third)) + last == whole

    def test_are_none_with_rows_that_are_written_out(self, database: Database, tmp_path: Path) -> None:
        with bookings(tmp_path, database) as project:
            aware = "datetime.fromisoformat('2026-10-{:02}T{:02}:20:00+00:00')"
            rows = "".join(
                f".known(room_id=1, created_at={aware.format(1, 0)},"
                f" starts_at={aware.format(day, hour)}, ends_at={aware.format(day, hour + 3)})"
                for day in range(5, 20)
                for hour in (8, 12)
            )
            project.write_seeds(
                "from datetime import datetime\n"
                + SEEDS.format(bookings=900).replace("Booking, 900)", f"Booking, 900){rows}")
            )

            seed(project, database)

        assert one(database, "SELECT count(*) FROM booking WHERE ends_at - starts_at = interval '3 hours'") == 30

    def test_are_none_of_a_day_that_is_too_full(self, tmp_path: Path) -> None:
        with little_project(tmp_path, BOOKINGS, "seeds.add(tables.Room, 1)\nseeds.add(tables.Tier, 99)") as project:
            project.write_tables(
                BOOKINGS.replace("from_hours: int = Field(ge=0)", "from_hours: int = Field(ge=0, le=50)")
            )

            with pytest.raises(TooFewUniqueValues) as refused:
                planned(project)

        assert refused.value.available == 51

    def test_of_other_kinds_are_refused_in_words_or_filled_by_the_seeds(self, tmp_path: Path) -> None:
        tables = BOOKINGS.replace(
            "tsrange(begins, coalesce(ends, 'infinity'))", "tsrange(begins, begins + interval '1 day')"
        )
        with little_project(tmp_path, tables, "seeds.add(tables.Closing, 9)") as project:
            with pytest.raises(UnsupportedUniqueConstraint) as refused:
                planned(project)
            project.write_seeds(
                "from datetime import datetime, timedelta\n"
                "seeds.add(tables.Closing, 9, begins=derive(lambda row: datetime(2026, 1, 1) + timedelta(row.i)))"
            )
            assert planned(project).rows == 9

        assert refused.value.message == (
            "Cannot generate rows of closing that do not overlap in TSRANGE(begins, begins + INTERVAL '1 DAY')."
        )
