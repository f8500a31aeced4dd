"""Seeds loaded into tables whose row level security holds for the role that loads them."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from seedbed.errors import RowSecurityActive, UnsatisfiedCheck
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.environment_mark import change_mark
from seedbed.schema.creation import create_schema
from seedbed.seeding.loading.load import LoadedSeeds, load_seeds
from seedbed.seeding.planning.seed_plan import plan
from seedbed.settings import DatabaseUrl, Environment
from tests.support.projects import Project, execute, little_project

TABLES = """
class Tenant(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str

class Note(Table, table=True):
    __table_args__ = (CheckConstraint("rank <> 7"),)
    id: int | None = Field(default=None, primary_key=True)
    tenant_id: int = Field(foreign_key="tenant.id")
    rank: int

declare(metadata, "ALTER TABLE note ENABLE ROW LEVEL SECURITY")
declare(metadata, "ALTER TABLE note FORCE ROW LEVEL SECURITY")
declare(metadata, "CREATE POLICY nobodys ON note AS RESTRICTIVE USING (false)")
"""
SEEDS = "seeds.add(tables.Tenant, 5)\nseeds.add(tables.Note, 300{rule})"
STATE = "SELECT relrowsecurity, relforcerowsecurity FROM pg_class WHERE oid = 'note'::regclass"


def load(project: Project, database: Database, *, fresh: bool = False) -> LoadedSeeds:
    made = plan(project.settled, project.load_schema(), Environment.DEVELOPMENT)
    return load_seeds(made, database, revision=None, fresh=fresh)


def rows(database: Database) -> int:
    """All rows, which the owner sees only without the force."""
    return int(
        execute(
            database.direct,
            "ALTER TABLE note NO FORCE ROW LEVEL SECURITY",
            "SELECT count(*) FROM note",
        )[0][0]
    )


def marked(database: Database) -> Database:
    """A database that says which environment it is: one that does not is looked through for rows first."""
    change_mark(database, database.environment)
    return database


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Callable[..., Project]]:
    """Writes tables of which one has row level security."""
    with little_project(tmp_path, TABLES) as made:

        def write(rule: str = "") -> Project:
            made.write_seeds(SEEDS.format(rule=rule))
            return made

        yield write


class TestForcedRowSecurity:
    def test_of_the_owner_is_lifted_for_the_load_and_put_back(
        self, given: Callable[..., Database], project: Callable[..., Project]
    ) -> None:
        database, made = marked(given()), project()
        with connect(database) as connection:
            create_schema(connection, made.load_schema())

        first, second, third = load(made, database), load(made, database), load(made, database, fresh=True)

        assert (first.loaded, second.loaded, third.loaded) == (True, False, True)
        assert execute(database.direct, STATE) == [(True, True)]
        assert rows(database) == 300

    def test_is_as_it_was_after_a_load_that_failed(
        self, given: Callable[..., Database], project: Callable[..., Project]
    ) -> None:
        database, made = marked(given()), project(", rank=constant(7)")
        with connect(database) as connection:
            create_schema(connection, made.load_schema())

        with pytest.raises(UnsatisfiedCheck):
            load(made, database)

        assert execute(database.direct, STATE) == [(True, True)]
        assert rows(database) == 0

    def test_of_somebody_else_is_refused_by_name(
        self, given: Callable[..., Database], project: Callable[..., Project]
    ) -> None:
        owner, other, made = marked(given()), given(), project()
        with connect(owner) as connection:
            create_schema(connection, made.load_schema())
        role, target = str(other.direct.username), owner.direct
        execute(
            target,
            f"GRANT ALL ON ALL TABLES IN SCHEMA public TO {role}",
            f"GRANT CREATE ON DATABASE {target.database} TO {role}",
            f"GRANT USAGE ON SCHEMA seedbed TO {role}",
            f"GRANT ALL ON ALL TABLES IN SCHEMA seedbed TO {role}",
        )
        guest = DatabaseUrl(role, "secret", target.host, target.port, target.database, parameters=target.parameters)

        with pytest.raises(RowSecurityActive) as refusal:
            load(made, Database(guest, guest, owner.environment, owner.origin))

        assert refusal.value.message == (
            f"Row level security of note applies to the role {role}, and COPY cannot load through it."
        )
        assert refusal.value.remedy == (
            f"Load as the owner, {target.username}, or exempt the role: ALTER ROLE {role} BYPASSRLS"
        )
