"""Seeds loaded into a database."""

import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace as replaced
from pathlib import Path
from typing import Any

import pytest

from seedbed.errors import (
    EnvironmentMismatch,
    InvalidSeedsFile,
    MissingTables,
    PooledConnection,
    ProtectedEnvironment,
    ReferencedRows,
    SeedError,
    TablesNotEmpty,
    UnmarkedDatabase,
)
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import TemporaryServer
from seedbed.postgres.environment_mark import change_mark
from seedbed.schema.creation import create_schema
from seedbed.seeding.loading.load import LoadedSeeds, load_seeds
from seedbed.seeding.planning.seed_plan import plan
from seedbed.settings import DatabaseUrl, Environment
from tests.support.patience import PATIENCE
from tests.support.projects import Project, execute, little_project, reference_copy

HERO = """
class Hero(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    name: str
"""
POWERS = (
    HERO
    + """
class Power(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    hero_id: int = Field(foreign_key="hero.id")
"""
)
MANY = "seeds.add(tables.Hero, 150_000)"


def seed(project: Project, database: Database, *, fresh: bool = False) -> LoadedSeeds:
    made = plan(project.settled, project.load_schema(), Environment.DEVELOPMENT)
    return load_seeds(made, database, revision=None, fresh=fresh)


def rows(database: Database, statement: str) -> list[tuple[Any, ...]]:
    return execute(database.direct, statement)


def count(database: Database, table: str = "hero") -> int:
    return int(rows(database, f"SELECT count(*) FROM {table}")[0][0])


class TestRun:
    def test_loads_what_the_seeds_plan(self, make: Callable[..., Project], database: Database) -> None:
        project = make(POWERS, "seeds.add(tables.Hero, 3)\nseeds.add(tables.Power, per(tables.Hero, 2, 2))")

        seeded = seed(project, database)

        assert (seeded.loaded, seeded.rows) == (True, {"hero": 3, "power": 6})
        assert rows(database, "SELECT hero_id, count(*) FROM power GROUP BY 1 ORDER BY 1") == [(1, 2), (2, 2), (3, 2)]
        assert rows(database, "SELECT name FROM seedbed.environment") == [("development",)]

    def test_loads_nothing_the_second_time(self, make: Callable[..., Project], database: Database) -> None:
        project = make(HERO, "seeds.add(tables.Hero, 3)")
        seed(project, database)
        before = rows(database, "SELECT xmin, * FROM hero")

        seeded = seed(project, database)

        assert not seeded.loaded
        assert rows(database, "SELECT xmin, * FROM hero") == before

    def test_refuses_to_add_to_other_rows(self, make: Callable[..., Project], database: Database) -> None:
        project = make(HERO, "seeds.add(tables.Hero, 3)")
        seed(project, database)
        project.write_seeds("seeds.add(tables.Hero, 4)")

        with pytest.raises(TablesNotEmpty) as refused:
            seed(project, database)

        assert refused.value.message == f"{database.name} has rows in hero that are not from these seeds."
        assert count(database) == 3

    def test_replaces_other_rows_when_told_to(self, make: Callable[..., Project], database: Database) -> None:
        project = make(POWERS, "seeds.add(tables.Hero, 3)")
        seed(project, database)
        project.write_seeds("seeds.add(tables.Hero, 4)")

        seeded = seed(project, database, fresh=True)

        assert (seeded.loaded, count(database)) == (True, 4)
        assert not seed(project, database).loaded

    def test_replaces_nothing_that_rows_beside_the_seeds_refer_to(
        self, make: Callable[..., Project], database: Database
    ) -> None:
        project = make(POWERS, "seeds.add(tables.Hero, 3)")
        seed(project, database)
        rows(database, "INSERT INTO power (hero_id) VALUES (1)")

        with pytest.raises(ReferencedRows) as refused:
            seed(project, database, fresh=True)

        assert refused.value.message == (
            "The rows of hero were not replaced: rows in power refer to them, and the seeds plan no such rows."
        )
        assert (count(database), count(database, "power")) == (3, 1)

    def test_loads_again_what_was_deleted(self, make: Callable[..., Project], database: Database) -> None:
        project = make(HERO, "seeds.add(tables.Hero, 3)")
        seed(project, database)
        rows(database, "DELETE FROM hero")

        seeded = seed(project, database)

        assert (seeded.loaded, count(database)) == (True, 3)

    def test_leaves_identities_and_serials_after_the_last_seeded_row(
        self, make: Callable[..., Project], database: Database
    ) -> None:
        project = make(
            """
            class Order(Table, table=True):
                id: int | None = Field(default=None, primary_key=True, sa_column_args=[Identity(always=True)])
                number: int | None = Field(
                    default=None, nullable=False, sa_column_args=[Identity(start=500, minvalue=500)]
                )

            class Line(Table, table=True):
                id: int | None = Field(default=None, primary_key=True)
            """,
            "seeds.add(tables.Order, 7)\nseeds.add(tables.Line, 1, id=11)",
        )

        seed(project, database)

        assert rows(database, 'INSERT INTO "order" DEFAULT VALUES RETURNING id, number') == [(8, 500)]
        assert rows(database, "INSERT INTO line DEFAULT VALUES RETURNING id") == [(12,)]

    def test_keeps_every_value_as_it_was_made(self, make: Callable[..., Project], database: Database) -> None:
        project = make(
            """
            class Colour(Enum):
                red = "rot"

            class Thing(Table, table=True):
                id: UUID = Field(default_factory=uuid4, primary_key=True)
                code: str = Field(unique=True, max_length=12)
                text: str
                colour: Colour
                price: Decimal = Field(max_digits=5, decimal_places=2)
                weight: float
                day: date
                at: datetime
                plain: bytes
                data: dict[str, str] = Field(sa_type=JSON)
                nothing: str | None = None
            """,
            r"""
            seeds.add(
                tables.Thing, 2, text="tab\t line\n return\r back\\slash \\N é \x01", plain=b"\x00'\\",
                data={"a": "b\n"}, nothing=None,
            )
            """,
        )

        seed(project, database)

        thing = plan(project.settled, project.load_schema(), Environment.DEVELOPMENT).tables[0]
        columns = {filling.name: filling.make(range(2)).tolist() for filling in thing.generators.values()}
        made = [{name: values[row] for name, values in columns.items()} for row in range(2)]
        stored = [dict(zip(columns, row, strict=True)) for row in rows(database, "SELECT * FROM thing")]
        assert [{**row, "plain": bytes(row["plain"])} for row in stored] == [
            {**row, "id": str(row["id"]), "colour": row["colour"].name} for row in made
        ]
        assert made[0]["text"] == "tab\t line\n return\r back\\slash \\N é \x01"

    def test_loads_letters_that_the_databases_own_encoding_writes_otherwise(
        self, make: Callable[..., Project], seedbed_server: TemporaryServer, database: Database
    ) -> None:
        project = make(HERO, "seeds.add(tables.Hero, 1, name='é')")
        latin = database.name + "_latin"
        execute(
            seedbed_server.url(),
            f"CREATE DATABASE {latin} TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'"
            + (" LOCALE_PROVIDER libc" if seedbed_server.binaries.major_version >= 15 else ""),
        )
        url = seedbed_server.url(latin)
        other = replaced(database, url=url, direct=url)
        with connect(other) as connection:
            create_schema(connection, project.load_schema())

        seed(project, other)

        assert rows(other, "SELECT name = chr(233) FROM hero") == [(True,)]
        execute(seedbed_server.url(), f"DROP DATABASE {latin}")


class TestRunKeepsNothing:
    """Of a load that fails, whatever fails it."""

    @pytest.mark.parametrize(
        ("tables", "seeds", "said"),
        [
            (
                HERO + '    __table_args__ = (CheckConstraint("length(name) < 3", name="name_is_short"),)\n',
                "seeds.add(tables.Hero, 2, name='Ann')",
                "No generated row satisfies the CHECK name_is_short of hero; for example: (1, Ann)",
            ),
            (
                HERO + '    __table_args__ = (UniqueConstraint("name", name="one_name", deferrable=True, '
                'initially="DEFERRED"),)\n',
                "seeds.add(tables.Hero, 2, name=derive(lambda row: 'Ann'))",
                "PostgreSQL rejected the rows of hero, and no row was kept: duplicate key value violates unique "
                'constraint "one_name"; DETAIL:  Key (name)=(Ann) already exists',
            ),
            (
                HERO
                + """
declare(
    Table.metadata,
    "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no heroes today'; END $$",
    "CREATE TRIGGER no BEFORE INSERT ON hero FOR EACH ROW EXECUTE FUNCTION no()",
)
""",
                "seeds.add(tables.Hero, 2)",
                "PostgreSQL rejected the rows of hero, and no row was kept: no heroes today",
            ),
            (
                HERO + "    code: str = Field(max_length=2)\n",
                "seeds.add(tables.Hero, 2, code='abc')",
                (
                    "PostgreSQL rejected the rows of hero, and no row was kept: value too long for type "
                    "character varying(2)"
                ),
            ),
        ],
    )
    def test_when_postgresql_refuses_a_row(
        self, make: Callable[..., Project], database: Database, tables: str, seeds: str, said: str
    ) -> None:
        project = make(tables, seeds)

        with pytest.raises(SeedError) as refused:
            seed(project, database)

        assert refused.value.message == said
        assert count(database) == 0
        assert rows(database, "SELECT to_regclass('seedbed.seeds')") == [(None,)]

    def test_when_a_value_cannot_be_made(self, make: Callable[..., Project], database: Database) -> None:
        project = make(
            POWERS + "    name: str",
            "seeds.add(tables.Hero, 3)\nseeds.add(tables.Power, 3, name=faker('nobody'))",
        )

        with pytest.raises(InvalidSeedsFile) as refused:
            seed(project, database)

        assert refused.value.message == "seeds/development.py, line 7: Faker has no provider 'nobody'."
        assert count(database) == 0

    def test_when_it_is_killed_in_the_middle(self, make: Callable[..., Project], database: Database) -> None:
        project = make(HERO, MANY)
        process = project.start("seedbed", "seed", "run", DATABASE_URL=database.direct.reveal())
        copying = "SELECT pid FROM pg_stat_progress_copy WHERE tuples_processed > 10000"
        await_rows(database, copying)

        process.send_signal(signal.SIGKILL)
        process.communicate()

        await_rows(
            database,
            "SELECT 1 WHERE NOT EXISTS (SELECT FROM pg_stat_activity WHERE application_name = 'seedbed seed'"
            " AND datname = current_database())",
        )
        assert count(database) == 0
        assert seed(project, database).loaded
        assert count(database) == 150_000


def await_rows(database: Database, statement: str) -> None:
    until = time.monotonic() + PATIENCE
    while not rows(database, statement):
        assert time.monotonic() < until, statement
        time.sleep(0.005)


class TestRunRefuses:
    def test_a_database_that_lacks_tables_and_columns(self, make: Callable[..., Project], database: Database) -> None:
        project = make(HERO, "")
        project.write_tables(POWERS.replace("name: str", "name: str\n    age: int"))
        with (
            little_project(
                project.root / "grown",
                POWERS.replace("name: str", "name: str\n    age: int"),
                "seeds.add(tables.Hero, 3)\nseeds.add(tables.Power, 3)",
            ) as grown,
            pytest.raises(MissingTables) as refused,
        ):
            seed(grown, database)

        assert refused.value.message == (
            f"{database.name} is at the newest revision but has no hero.age, power: the models have "
            "changes without a migration."
        )
        assert refused.value.remedy == "Draft a revision: seedbed migrate draft -m TEXT"

    def test_a_database_marked_production(self, make: Callable[..., Project], database: Database) -> None:
        project = make(HERO, "seeds.add(tables.Hero, 3)")
        change_mark(database, Environment.PRODUCTION)

        with pytest.raises(ProtectedEnvironment):
            seed(project, database, fresh=True)

        assert count(database) == 0

    def test_a_database_of_another_environment(self, make: Callable[..., Project], database: Database) -> None:
        project = make(HERO, "seeds.add(tables.Hero, 3)")
        change_mark(database, Environment.TESTING)

        with pytest.raises(EnvironmentMismatch):
            seed(project, database)

        assert count(database) == 0

    def test_a_pooler_without_speaking_to_it(self, make: Callable[..., Project], database: Database) -> None:
        project = make(HERO, "seeds.add(tables.Hero, 3)")
        pooled = DatabaseUrl("app", "secret", "ep-cool-1-pooler.eu-central-1.aws.neon.tech", None, "shop")

        with pytest.raises(PooledConnection):
            seed(project, replaced(database, url=pooled, direct=pooled))

    def test_an_unmarked_database_with_rows(self, make: Callable[..., Project], database: Database) -> None:
        project = make(HERO, "seeds.add(tables.Hero, 3)")
        rows(database, "INSERT INTO hero (name) VALUES ('somebody real')")

        with pytest.raises(UnmarkedDatabase):
            seed(project, database, fresh=True)

        assert count(database) == 1


class TestSeedRun:
    """The command."""

    def test_loads_once_when_several_start_together(self, tmp_path: Path, database: Database) -> None:
        url = database.direct.reveal()
        with reference_copy(tmp_path) as project:
            project.run("seedbed", "migrate", "apply", DATABASE_URL=url)

            with ThreadPoolExecutor() as pool:
                starts = [pool.submit(project.json, "seedbed", "seed", "run", DATABASE_URL=url) for _ in range(4)]
            loaded = [start.result()["loaded"] for start in starts]

        assert sorted(loaded) == [False, False, False, True]
        assert count(database, "task") == 3969

    def test_says_what_it_loaded_and_that_it_had(self, tmp_path: Path, database: Database) -> None:
        url = database.direct.reveal()
        with reference_copy(tmp_path) as project:
            behind = project.run("seedbed", "seed", "run", code=1, DATABASE_URL=url)
            head = project.json("seedbed", "migrate", "apply", DATABASE_URL=url)["head"]
            first = project.run("seedbed", "seed", "run", DATABASE_URL=url)
            second = project.run("seedbed", "seed", "run", DATABASE_URL=url)

        assert behind.stderr == (
            f"SB207 {database.name} is at no revision; the newest is {head}.\n"
            "      Apply the pending revisions: seedbed migrate apply\n"
        )
        assert first.stdout == "user  200 rows\ntask  3,969 rows\n"
        assert second.stdout == "Nothing to do: these seeds are already loaded. Reload with --fresh.\n"
        assert rows(database, "SELECT revision FROM seedbed.seeds") == [(head,)]


class TestSeedPlan:
    """The command, here since its twin is."""

    def test_shows_tables_columns_and_rows(self, tmp_path: Path) -> None:
        with little_project(
            tmp_path, POWERS, "seeds.add(tables.Hero, 3)\nseeds.add(tables.Power, per(tables.Hero, 1, 1))"
        ) as project:
            done = project.run("seedbed", "seed", "plan")
            facts = project.json("seedbed", "seed", "plan")

        assert done.stdout == (
            "hero  3 rows\n"
            "  id    1, 2, 3 and so on  1                2\n"
            "  name  First Last         Crystal Bradley  Jerry Stevens\n"
            "power  3 rows\n"
            "  id       1, 2, 3 and so on        1  2\n"
            "  hero_id  a hero, 1 to 1 for each  1  2\n"
            "6 rows, about 0.0 MB and 0.0 s\n"
            f"content {facts['content']}\n"
        )
        assert facts["tables"][1] == {
            "name": "power",
            "rows": 3,
            "columns": {"id": "1, 2, 3 and so on", "hero_id": "a hero, 1 to 1 for each"},
            "sample": [{"id": "1", "hero_id": "1"}, {"id": "2", "hero_id": "2"}],
        }

    def test_finds_a_faker_provider_that_there_is_not(self, tmp_path: Path) -> None:
        with little_project(tmp_path, HERO, "seeds.add(tables.Hero, 3, name=faker('nobody'))") as project:
            done = project.run("seedbed", "seed", "plan", code=1)

        assert done.stderr == (
            "SB402 seeds/development.py, line 6: Faker has no provider 'nobody'.\n"
            "      Fix that file; seedbed seed plan shows the resulting plan.\n"
        )
