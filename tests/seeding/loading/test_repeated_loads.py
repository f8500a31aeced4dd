"""Seeds loaded a second time, over rows that seeds, people or migrations have put there."""

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from distributed import LocalCluster

from seedbed.errors import (
    AppendConflict,
    DaskUnreachable,
    ExtensionNotCreated,
    SeedLockMismatch,
    TablesNotEmpty,
    UnseededRows,
)
from seedbed.postgres.database import Database
from seedbed.postgres.environment_mark import change_mark
from seedbed.seeding.loading.load import LoadedSeeds, load_seeds
from seedbed.seeding.loading.parallel import dask_executor, encode_locally, encode_with_executor, process_executor
from seedbed.seeding.planning.seed_plan import plan
from seedbed.settings import Environment
from tests.support.projects import Project, execute, little_project

TABLES = """
class Hero(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    email: str = Field(unique=True)

class Power(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    hero_id: int = Field(foreign_key="hero.id")

class Friend(Table, table=True):
    one_id: int = Field(primary_key=True, foreign_key="hero.id")
    other_id: int = Field(primary_key=True, foreign_key="hero.id")
"""


def seed(project: Project, database: Database, seeds: str | None = None, **options: Any) -> LoadedSeeds:
    if seeds is not None:
        project.write_seeds(seeds)
    made = plan(project.settled, project.load_schema(), Environment.DEVELOPMENT)
    return load_seeds(made, database, revision=None, **options)


def rows(database: Database, statement: str) -> list[tuple[Any, ...]]:
    return execute(database.direct, statement)


def count(database: Database, table: str = "hero") -> int:
    return int(rows(database, f"SELECT count(*) FROM {table}")[0][0])


def heroes(number: int) -> str:
    return f"seeds.add(tables.Hero, {number})\nseeds.add(tables.Power, per(tables.Hero, 2, 2))"


class TestAppend:
    def test_adds_the_rows_that_come_after(self, make: Callable[..., Project], database: Database) -> None:
        project = make(TABLES)
        seed(project, database, heroes(3))
        before = rows(database, "SELECT h, xmin::text FROM hero h ORDER BY id")

        seeded = seed(project, database, heroes(5), append=True)

        assert (seeded.loaded, seeded.rows) == (True, {"hero": 2, "power": 4})
        assert rows(database, "SELECT h, xmin::text FROM hero h ORDER BY id")[:3] == before
        appended = rows(database, "SELECT h, p FROM hero h JOIN power p ON h.id = hero_id ORDER BY p.id")
        seed(project, database, heroes(5), fresh=True)
        assert rows(database, "SELECT h, p FROM hero h JOIN power p ON h.id = hero_id ORDER BY p.id") == appended

    def test_remembers_the_most_rows_that_there_were(self, make: Callable[..., Project], database: Database) -> None:
        project = make(TABLES)
        seed(project, database, heroes(5))

        fewer = seed(project, database, heroes(3), append=True)
        mixed = seed(project, database, heroes(4).replace("2, 2", "3, 3"), append=True)
        more = seed(project, database, heroes(7).replace("2, 2", "3, 3"), append=True)

        assert (fewer.loaded, mixed.rows, more.rows) == (False, {"hero": 0, "power": 2}, {"hero": 2, "power": 9})
        assert (count(database), count(database, "power")) == (7, 21)

    def test_says_why_unique_keys_cannot_go_on(self, make: Callable[..., Project], database: Database) -> None:
        project = make(TABLES)
        seed(project, database, "seeds.add(tables.Hero, 4)\nseeds.add(tables.Friend, 14)")

        with pytest.raises(AppendConflict) as refused:
            seed(project, database, "seeds.add(tables.Hero, 5)\nseeds.add(tables.Friend, 20)", append=True)

        assert refused.value.message.startswith(
            "PostgreSQL rejected the rows of friend, and no row was kept: duplicate key value "
            "violates unique constraint"
        )
        assert refused.value.message.endswith("; they would come after the rows that were loaded before.")
        assert (count(database), count(database, "friend")) == (4, 14)

    @pytest.mark.parametrize(
        ("was", "now"), [("seed = 1", "seed = 2"), ("2026-11-01T00:00:00+00:00", "2026-12-01T00:00:00+00:00")]
    )
    def test_adds_nothing_to_rows_of_another_lock(
        self, make: Callable[..., Project], database: Database, was: str, now: str
    ) -> None:
        project = make(TABLES)
        seed(project, database, heroes(3))
        lock = project.root / "seeds/development.lock"
        lock.write_text(lock.read_text().replace(was, now))

        with pytest.raises(SeedLockMismatch) as refused:
            seed(project, database, heroes(5), append=True)

        assert was.rpartition(" = ")[2] in refused.value.message
        assert (count(database), count(database, "power")) == (3, 6)

    def test_adds_nothing_to_rows_of_others(self, make: Callable[..., Project], database: Database) -> None:
        project = make(TABLES)
        change_mark(database, Environment.DEVELOPMENT)
        rows(database, "INSERT INTO hero (email) VALUES ('ann@example.com')")

        with pytest.raises(TablesNotEmpty):
            seed(project, database, heroes(3), append=True)


class TestRunAgain:
    def test_names_tables_that_have_other_rows_now(self, make: Callable[..., Project], database: Database) -> None:
        project = make(TABLES)
        seed(project, database, heroes(5))
        rows(database, "DELETE FROM power WHERE id < 4")
        rows(database, "INSERT INTO hero (email) SELECT g || '@example.com' FROM generate_series(1, 9) g")

        again = seed(project, database)

        assert (again.loaded, again.rows, again.changed) == (False, {"hero": 5, "power": 10}, {"hero": 6, "power": 7})
        assert (count(database), count(database, "power")) == (14, 7)

    def test_says_so_on_the_screen(self, make: Callable[..., Project], database: Database) -> None:
        project = make(TABLES, heroes(5))
        url = database.direct.reveal()
        project.run("seedbed", "seed", "run", DATABASE_URL=url)
        rows(database, "DELETE FROM power WHERE id < 4")
        rows(database, "INSERT INTO hero (email) VALUES ('ann@example.com')")

        again = project.run("seedbed", "seed", "run", DATABASE_URL=url)
        added = project.run("seedbed", "seed", "run", "--append", DATABASE_URL=url)

        assert again.stdout == "Nothing to do: these seeds are already loaded. Reload with --fresh.\n"
        assert added.stdout == "No rows to add.\n"
        assert again.stderr == (
            "hero had 5 rows when it was loaded, and now has more\n"
            "power had 10 rows when it was loaded, and now has 7\n"
        )

    def test_empties_partitions_with_their_table(self, make: Callable[..., Project], database: Database) -> None:
        project = make(
            TABLES
            + """
class Reading(Table, table=True):
    __table_args__ = {"postgresql_partition_by": "RANGE (day)"}
    hero_id: int = Field(primary_key=True, foreign_key="hero.id")
    day: date = Field(primary_key=True)

declare(metadata, "CREATE TABLE reading_all PARTITION OF reading DEFAULT")
""",
            "seeds.rest(9)",
        )
        seed(project, database)

        assert seed(project, database, fresh=True).rows["reading"] == 9
        assert count(database, "reading_all") == 9

    def test_deletes_no_rows_that_seeds_did_not_put_there(
        self, make: Callable[..., Project], database: Database
    ) -> None:
        project = make(TABLES)
        seed(project, database, "seeds.add(tables.Hero, 3)")
        rows(database, "INSERT INTO power (hero_id) VALUES (1)")

        with pytest.raises(UnseededRows) as refused:
            seed(project, database, heroes(3), fresh=True)

        assert (
            refused.value.message
            == f"{database.name} has rows in power that did not come from seeds, so they are not deleted."
        )
        assert (count(database), count(database, "power")) == (3, 1)


PARENTS = """
class Tenant(Table, table=True):
    id: int = Field(primary_key=True)

class Project(Table, table=True):
    tenant_id: int = Field(primary_key=True, foreign_key="tenant.id")
    id: int = Field(primary_key=True)

class Issue(Table, table=True):
    __table_args__ = (ForeignKeyConstraint(["tenant_id", "project_id"], ["project.tenant_id", "project.id"]),)
    id: int | None = Field(default=None, primary_key=True)
    tenant_id: int
    project_id: int
"""


class TestRowsThatAreThere:
    @pytest.mark.parametrize("workers", [1, 2])
    def test_are_referred_to_whoever_makes_the_rows(
        self, make: Callable[..., Project], database: Database, workers: int
    ) -> None:
        project = make(PARENTS)
        rows(database, "INSERT INTO tenant VALUES (7), (11)")
        change_mark(database, Environment.DEVELOPMENT)

        with process_executor(workers) as executor:
            seed(project, database, "seeds.add(tables.Project, 6)\nseeds.add(tables.Issue, 30)", executor=executor)

        assert rows(database, "SELECT DISTINCT tenant_id FROM issue ORDER BY 1") == [(7,), (11,)]

    def test_and_are_none_are_missed(self, make: Callable[..., Project], database: Database) -> None:
        project = make(TABLES)

        with pytest.raises(Exception, match=r"power.hero_id needs rows of hero, and the seeds plan none\."):
            seed(project, database, "seeds.add(tables.Power, 3)")

    def test_are_not_promised_to_go_when_no_seeds_put_them_there(
        self, make: Callable[..., Project], database: Database
    ) -> None:
        project = make(TABLES)
        rows(database, "INSERT INTO hero (email) VALUES ('ada@example.com')")
        change_mark(database, Environment.DEVELOPMENT)

        with pytest.raises(TablesNotEmpty) as refused:
            seed(project, database, "seeds.add(tables.Hero, 3)")

        assert refused.value.remedy == (
            "The rows of hero did not come from seeds, so --fresh does not delete them: remove the "
            "table from the seeds "
            "file, or delete the rows yourself."
        )


class TestWorkers:
    def test_make_nothing_of_a_plan_that_they_were_not_told(
        self, make: Callable[..., Project], database: Database
    ) -> None:
        project = make(TABLES, "seeds.add(tables.Hero, 20, email=derive(lambda row: f'{row.id}@example.com'))")
        with process_executor(2) as executor:
            seed(project, database, executor=executor)
            project.write_seeds("seeds.add(tables.Hero, 20, email=derive(lambda row: f'{row.id}@example.org'))")
            seed(project, database, executor=executor, fresh=True)

        assert rows(database, "SELECT count(*) FROM hero WHERE email LIKE '%@example.org'") == [(20,)]


class TestCluster:
    def test_makes_the_same_rows_and_is_not_waited_for_once_it_is_gone(self, make: Callable[..., Project]) -> None:
        project = make(TABLES, "seeds.add(tables.Hero, 60_000)")
        planned = plan(project.settled, project.load_schema(), Environment.DEVELOPMENT)
        (table,) = planned.tables
        alone = b"".join(encode_locally(table, range(table.count)))

        with (
            LocalCluster(  # type: ignore[no-untyped-call]
                n_workers=1, threads_per_worker=1, processes=False, protocol="tcp", dashboard_address=None
            ) as dask,
            dask_executor(dask.scheduler_address) as executor,
        ):
            made = list(encode_with_executor(executor, planned, table, range(table.count)))
            half_way = encode_with_executor(executor, planned, table, range(table.count))
            first = next(half_way)
            dask.close()
            rest = list(half_way)

        assert b"".join(made) == alone
        assert b"".join([first, *rest]) == alone

    def test_is_said_not_to_answer(self) -> None:
        said = pytest.raises(DaskUnreachable, match=r"no Dask scheduler at nowhere://x: unknown address scheme")

        with said, dask_executor("nowhere://x"):
            pass


class TestSeedRun:
    def test_as_of_today_moves_the_lock(self, make: Callable[..., Project], database: Database) -> None:
        project = make(TABLES.replace("email: str", "made_at: datetime\n    email: str"), "seeds.add(tables.Hero, 300)")
        today = datetime.now(UTC).replace(hour=0, minute=0, second=0, microsecond=0)

        project.run("seedbed", "seed", "run", "--as-of", "today", DATABASE_URL=database.direct.reveal())

        lock = (project.root / "seeds/development.lock").read_text()
        assert f"as_of = {today.isoformat()}" in lock
        latest = rows(database, "SELECT max(made_at) FROM hero")[0][0]
        assert (today - latest).days < 60
        assert latest <= datetime.now(UTC)

    def test_makes_the_same_rows_with_workers(self, make: Callable[..., Project], database: Database) -> None:
        project = make(
            TABLES,
            "seeds.add(tables.Hero, 20_000, email=derive(lambda row: f'{row.id}@example.com'))\n"
            "seeds.add(tables.Power, per(tables.Hero, 0, 3))",
        )
        digest = (
            "SELECT md5(string_agg(h::text || p::text, ',' ORDER BY p.id)) FROM hero h JOIN power p ON hero_id = h.id"
        )
        seed(project, database)
        alone = rows(database, digest)

        project.run("seedbed", "seed", "run", "--fresh", "--workers", "2", DATABASE_URL=database.direct.reveal())

        assert rows(database, digest) == alone

    def test_says_that_dask_is_missing(self, make: Callable[..., Project], database: Database) -> None:
        project = make(TABLES, "seeds.add(tables.Hero, 3)")
        project.write("distributed.py", "raise ModuleNotFoundError(name='distributed')")

        done = project.run(
            "seedbed", "seed", "run", "--dask", "tcp://127.0.0.1:1", code=1, DATABASE_URL=database.direct.reveal()
        )

        assert done.stderr == (
            "SB107 --dask needs the package distributed, which is not installed.\n"
            "      pip install 'seedbed[dask]', or use --workers N.\n"
        )

    def test_misses_the_extension_of_a_type(
        self, make: Callable[..., Project], database: Database, tmp_path: Path
    ) -> None:
        with (
            little_project(
                tmp_path / "other",
                "from sqlalchemy.dialects.postgresql import CITEXT\n"
                + TABLES.replace("email: str = Field(", "email: str = Field(sa_type=CITEXT, "),
                "seeds.add(tables.Hero, 3)",
            ) as project,
            pytest.raises(ExtensionNotCreated) as refused,
        ):
            seed(project, database)

        assert refused.value.message == f"{database.name} has no type citext."


class TestSeedCheck:
    def test_names_what_changed(self, make: Callable[..., Project]) -> None:
        project = make(TABLES, "seeds.add(tables.Hero, 3)")
        lock = project.root / "seeds/development.lock"
        fresh = project.run("seedbed", "seed", "check", code=1)
        accepted = project.run("seedbed", "seed", "check", "--accept")
        held = project.json("seedbed", "seed", "check")["content"]
        project.write_seeds("seeds.add(tables.Hero, 4)")
        project.write_revision("first", "op.execute('SELECT 1')")
        lock.write_text(
            lock.read_text()
            .replace('revision = ""', 'revision = "none"')
            .replace('faker = "', 'faker = "1')
            .replace('first_name/()" = "', 'first_name/()" = "0')
        )

        done = project.run("seedbed", "seed", "check", code=1)
        now = project.json("seedbed", "seed", "plan")["content"]
        project.run("seedbed", "seed", "check", "--accept")

        assert fresh.stderr == (
            "SB435 seeds/development.lock does not record the rows of the seeds yet, so nothing was compared.\n"
            "      Record the current rows: seedbed seed check --accept\n"
        )
        assert accepted.stdout == f"seeds/development.lock is up to date: content {held}\n"
        assert done.stderr.startswith(
            "SB413 seeds/development.lock is out of date, the seeds generate other rows: the newest "
            "revision is first, and was none, "
            f"the content is {now}, and was {held}, Faker is "
        )
        assert done.stderr.endswith(
            ", the values of en_US/first_name/() are others.\n"
            "      Undo the change, or accept it: seedbed seed check --accept\n"
        )
        assert project.json("seedbed", "seed", "check")["content"] == now
