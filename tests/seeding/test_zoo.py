"""A schema with one of everything, seeded without overrides and judged by PostgreSQL and by its own models.

A scale of 20 is about 15,000 rows. At a scale of 140, which is 100,000, every row is read through its model.
"""

from collections.abc import Callable, Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.schema.creation import create_schema
from seedbed.seeding.loading.load import load_seeds
from seedbed.seeding.planning.seed_plan import SeedPlan, plan
from seedbed.settings import Environment
from tests.support.effort import repetitions
from tests.support.projects import Project, execute, little_project
from tests.support.zoo import SEEDS, TABLES

pytestmark = pytest.mark.slow

ORDINARY = 20
SCALE = repetitions("ZOO_SCALE", usual=ORDINARY, thorough=140)


@pytest.fixture
def zoo(tmp_path: Path) -> Iterator[Project]:
    with little_project(tmp_path, TABLES, SEEDS.format(scale=SCALE)) as project:
        yield project


def seeded(project: Project, database: Database, *, drop_constraints: bool) -> SeedPlan:
    schema = project.load_schema()
    with connect(database) as connection:
        create_schema(connection, schema)
    made = plan(project.settled, schema, Environment.DEVELOPMENT)
    load_seeds(made, database, revision=None, drop_constraints=drop_constraints)
    return made


def one(database: Database, statement: str) -> Any:
    return execute(database.direct, statement)[0][0]


class TestZoo:
    @pytest.mark.parametrize("drop_constraints", [False, True], ids=["in place", "constraints dropped"])
    def test_is_accepted_by_postgresql_and_by_its_models(
        self, zoo: Project, given: Callable[..., Database], drop_constraints: bool
    ) -> None:
        database = given()

        made = seeded(zoo, database, drop_constraints=drop_constraints)

        assert len(made.tables) >= 40
        for table in made.tables:
            quoted = f'"{table.sql.schema or "public"}"."{table.sql.name}"'
            assert one(database, f"SELECT count(*) FROM {quoted}") == table.count > 0, table.name
        with connect(database) as connection, Session(connection) as session:
            for model in zoo.load_schema().models.values():
                for row in session.scalars(select(model).limit(300 if SCALE == ORDINARY else None)):
                    model.model_validate({name: getattr(row, name) for name in model.model_fields})

    def test_keeps_times_in_order_and_keys_in_agreement(self, zoo: Project, given: Callable[..., Database]) -> None:
        database = given()

        seeded(zoo, database, drop_constraints=True)

        for broken in (
            "moments WHERE created_at > updated_at OR updated_at > deleted_at OR ends_at <= starts_at",
            "person WHERE created_at > updated_at",
            "passport JOIN person p ON p.id = person_id WHERE passport.created_at < p.created_at",
            "issue JOIN tenant t ON t.id = tenant_id WHERE issue.created_at < t.created_at",
            "comment c JOIN issue i ON i.id = issue_id WHERE c.created_at < i.created_at",
            "comment c JOIN comment r ON r.id = c.reply_to WHERE c.created_at < r.created_at",
            "comment c JOIN comment r ON r.id = c.reply_to WHERE c.issue_id <> r.issue_id",
            "tree c JOIN tree p ON p.id = c.parent_id WHERE c.created_at < p.created_at",
            "purchase JOIN home h ON h.id = home_id WHERE purchase.person_id <> h.person_id",
            "teammember m JOIN team t ON t.id = team_id WHERE m.tenant_id <> t.tenant_id",
            "teammember m JOIN account a ON a.id = account_id WHERE m.tenant_id <> a.tenant_id",
        ):
            assert one(database, f"SELECT count(*) FROM {broken}") == 0, broken
        assert one(database, "SELECT count(*) FROM tree WHERE parent_id IS NOT NULL") > 100
        assert one(database, "SELECT max(n) FROM (SELECT count(*) n FROM comment GROUP BY issue_id) c") > 20
        assert one(database, "SELECT count(*) FROM issue WHERE assignee_id IS NOT NULL") > 100

    def test_comes_back_with_every_constraint_and_index(self, zoo: Project, given: Callable[..., Database]) -> None:
        whole, bare = given(), given()
        with connect(bare) as connection:
            create_schema(connection, zoo.load_schema())

        seeded(zoo, whole, drop_constraints=True)

        assert definitions(whole) == definitions(bare)
        assert sum(1 for _ in groupby(definitions(bare))) > 100


def definitions(database: Database) -> list[tuple[Any, ...]]:
    return execute(
        database.direct,
        "SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE conrelid > 0"
        " AND connamespace::regnamespace::text NOT IN ('pg_catalog', 'information_schema', 'seedbed')"
        " UNION ALL SELECT tablename, indexname, indexdef FROM pg_indexes"
        " WHERE schemaname NOT IN ('pg_catalog', 'information_schema', 'seedbed') ORDER BY 1, 2, 3",
    )
