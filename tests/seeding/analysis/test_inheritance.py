"""Rows of classes that inherit from one another, loaded by the ORM that mapped them."""

import sys
from collections import Counter
from collections.abc import Callable
from typing import Any

import pytest
from psycopg2 import connect
from sqlalchemy import create_engine, select
from sqlalchemy.orm import Session

from seedbed.errors import AppendConflict, UnsupportedInheritance
from seedbed.postgres.database import Database
from seedbed.seeding.loading.load import load_seeds
from seedbed.seeding.planning.seed_plan import SeedPlan, plan
from seedbed.settings import Environment
from tests.support.projects import Project, execute

BASE = """
from sqlalchemy import ForeignKey
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column

class Base(DeclarativeBase):
    metadata = Table.metadata

"""
VEHICLES = (
    BASE
    + """
class Vehicle(Base):
    __tablename__ = "vehicle"
    id: Mapped[int] = mapped_column(primary_key=True)
    kind: Mapped[str]
    __mapper_args__ = {"polymorphic_on": "kind", "polymorphic_identity": "vehicle"}

class Truck(Vehicle):
    payload_kg: Mapped[int | None]
    axles: Mapped[int | None]
    __mapper_args__ = {"polymorphic_identity": "truck"}

class Bus(Vehicle):
    seats: Mapped[int | None]
    __mapper_args__ = {"polymorphic_identity": "bus"}
"""
)
STAFF = (
    BASE
    + """
class Role(Enum):
    employee = "e"
    engineer = "g"
    manager = "m"
    director = "d"

class Employee(Base):
    __tablename__ = "employee"
    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str]
    role: Mapped[Role]
    __mapper_args__ = {"polymorphic_on": "role", "polymorphic_identity": Role.employee}

class Engineer(Employee):
    __tablename__ = "engineer"
    id: Mapped[int] = mapped_column(ForeignKey("employee.id"), primary_key=True)
    language: Mapped[str]
    __mapper_args__ = {"polymorphic_identity": Role.engineer}

class Manager(Employee):
    __tablename__ = "manager"
    id: Mapped[int] = mapped_column(ForeignKey("employee.id"), primary_key=True)
    budget: Mapped[int]
    __mapper_args__ = {"polymorphic_identity": Role.manager}

class Director(Manager):
    __tablename__ = "director"
    id: Mapped[int] = mapped_column(ForeignKey("manager.id"), primary_key=True)
    car: Mapped[str]
    __mapper_args__ = {"polymorphic_identity": Role.director}
"""
)


def planned(project: Project, seeds: str) -> SeedPlan:
    project.write_seeds(seeds)
    return plan(project.settled, project.load_schema(), Environment.DEVELOPMENT)


def loaded(project: Project, database: Database, name: str) -> list[Any]:
    """All instances of a class, with every attribute read."""
    model = getattr(sys.modules[project.schema], name)
    arguments: dict[str, Any] = {**database.direct.connect_arguments()}
    engine = create_engine("postgresql+psycopg2://", creator=lambda: connect(**arguments))
    with Session(engine) as session:
        found = list(session.scalars(select(model)))
        for instance in found:
            for attribute in type(instance).__mapper__.column_attrs:
                getattr(instance, attribute.key)
        return found


class TestSingleTable:
    def test_rows_are_of_the_mapped_classes(self, make: Callable[..., Project], database: Database) -> None:
        project = make(VEHICLES)

        load_seeds(planned(project, "seeds.add(tables.Vehicle, 300)"), database, revision=None)

        found = loaded(project, database, "Vehicle")
        classes = Counter(type(instance).__name__ for instance in found)
        assert classes.total() == 300
        assert min(classes[name] for name in ("Vehicle", "Truck", "Bus")) > 50

    def test_columns_of_a_subclass_are_null_elsewhere(self, make: Callable[..., Project], database: Database) -> None:
        project = make(VEHICLES)

        load_seeds(planned(project, "seeds.add(tables.Vehicle, 300)"), database, revision=None)

        assert execute(
            database.direct,
            "SELECT kind, count(axles) > 0, count(payload_kg) > 0, count(seats) > 0 FROM vehicle GROUP BY 1 ORDER BY 1",
        ) == [("bus", False, False, True), ("truck", True, True, False), ("vehicle", False, False, False)]

    def test_seeds_may_choose_the_class_and_fill_columns_of_subclasses(
        self, make: Callable[..., Project], database: Database
    ) -> None:
        project = make(VEHICLES)
        seeds = (
            "seeds.add(tables.Vehicle, 100, kind=choice({'truck': 3, 'bus': 1}),"
            " seats=derive(lambda row: 40 if row.kind == 'bus' else None))"
        )

        load_seeds(planned(project, seeds), database, revision=None)

        assert len(loaded(project, database, "Truck")) + len(loaded(project, database, "Bus")) == 100
        assert execute(
            database.direct, "SELECT kind, max(seats), count(axles) > 0 FROM vehicle GROUP BY 1 ORDER BY 1"
        ) == [("bus", 40, False), ("truck", None, True)]


class TestJoinedTables:
    def test_a_row_has_the_rows_of_its_class_and_no_others(
        self, make: Callable[..., Project], database: Database
    ) -> None:
        project = make(STAFF)
        seeds = """
        seeds.add(tables.Employee, 200)
        seeds.add(tables.Engineer, 80)
        seeds.add(tables.Manager, 50)
        seeds.add(tables.Director, 10)
        """

        load_seeds(planned(project, seeds), database, revision=None)

        assert execute(
            database.direct,
            "SELECT role::text, count(*), count(g.id), count(m.id), count(d.id) FROM employee e LEFT JOIN engineer g"
            " USING (id) LEFT JOIN manager m USING (id) LEFT JOIN director d USING (id) GROUP BY 1 ORDER BY 1",
        ) == [
            ("director", 10, 0, 10, 10),
            ("employee", 70, 0, 0, 0),
            ("engineer", 80, 80, 0, 0),
            ("manager", 40, 0, 40, 0),
        ]
        classes = Counter(type(instance).__name__ for instance in loaded(project, database, "Employee"))
        assert classes == {"Director": 10, "Employee": 70, "Engineer": 80, "Manager": 40}

    def test_the_rest_is_shared_out_among_the_classes(self, make: Callable[..., Project], database: Database) -> None:
        project = make(STAFF)

        load_seeds(planned(project, "seeds.rest(60)"), database, revision=None)

        found = Counter(type(instance).__name__ for instance in loaded(project, database, "Employee"))
        assert found.total() == 60
        assert set(found) == {"Employee", "Engineer", "Manager", "Director"}

    def test_rows_do_not_depend_on_the_range_they_are_made_in(
        self, make: Callable[..., Project], database: Database
    ) -> None:
        made = planned(make(STAFF), "seeds.rest(60)")

        for table in made.tables:
            for name in table.generators:
                assert table.batch(name, range(5, 9)).tolist() == table.batch(name, range(table.count)).tolist()[5:9]

    def test_more_of_them_are_not_appended(self, make: Callable[..., Project], database: Database) -> None:
        project = make(STAFF)
        load_seeds(
            planned(project, "seeds.add(tables.Employee, 20)\nseeds.add(tables.Engineer, 5)"), database, revision=None
        )

        more = planned(project, "seeds.add(tables.Employee, 40)\nseeds.add(tables.Engineer, 10)")
        with pytest.raises(AppendConflict, match="employee"):
            load_seeds(more, database, revision=None, append=True)

    @pytest.mark.parametrize(
        ("seeds", "said", "remedy"),
        [
            (
                "seeds.add(tables.Employee, 10)\nseeds.add(tables.Engineer, 20)",
                "seeds/development.py, line 6: engineer have 20 rows, each of which is one of employee too, and"
                " that has 10.",
                "Plan at least 20 rows of employee.",
            ),
            (
                "seeds.add(tables.Engineer, 20)",
                "seeds/development.py, line 6: a row of engineer is one of employee too, of which no rows are planned.",
                "Plan at least 20 rows of employee.",
            ),
            (
                "seeds.add(tables.Employee, 10, role='engineer')\nseeds.add(tables.Engineer, 5)",
                "seeds/development.py, line 6: employee.role says which rows have one in engineer, and the seeds fill"
                " it by a rule.",
                "Leave role out of the seeds: it follows from how many rows engineer have.",
            ),
            (
                "seeds.add(tables.Employee, 10)\nseeds.add(tables.Engineer, per(tables.Employee, 0, 1))",
                "seeds/development.py, line 7: a row of engineer is one of employee too, and the seeds say themselves"
                " of which.",
                "Plan a number of rows of engineer, and leave its primary key out.",
            ),
        ],
    )
    def test_numbers_that_no_class_fits_are_refused(
        self, make: Callable[..., Project], seeds: str, said: str, remedy: str
    ) -> None:
        with pytest.raises(UnsupportedInheritance) as raised:
            planned(make(STAFF), seeds)

        assert raised.value.message == said
        assert raised.value.remedy == remedy

    def test_a_base_without_an_identity_has_no_rows_alone(self, make: Callable[..., Project]) -> None:
        project = make(STAFF.replace(', "polymorphic_identity": Role.employee', ""))

        with pytest.raises(UnsupportedInheritance, match="no class is mapped for a row of employee alone"):
            planned(project, "seeds.add(tables.Employee, 10)\nseeds.add(tables.Engineer, 5)")


class TestDiscriminators:
    @pytest.mark.parametrize("rule", ["'lorry'", "choice(['truck', 'lorry'])"])
    def test_of_no_class_are_refused(self, make: Callable[..., Project], rule: str) -> None:
        with pytest.raises(UnsupportedInheritance) as raised:
            planned(make(VEHICLES), f"seeds.add(tables.Vehicle, 10, kind={rule})")

        assert "vehicle.kind is filled with 'lorry'" in raised.value.message
        assert raised.value.remedy == "kind=choice(['vehicle', 'truck', 'bus'])"
