"""Constraints and indexes that a load takes off and puts back: as they were, whatever they were."""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg2
import pytest

from seedbed.errors import TablesNotEmpty
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.schema.creation import create_schema
from seedbed.seeding.loading import load
from seedbed.seeding.loading.load import LoadedSeeds, load_seeds
from seedbed.seeding.loading.target_tables import LockedTables, lock_tables
from seedbed.seeding.planning.seed_plan import plan
from seedbed.settings import Environment
from tests.support.projects import Project, execute, little_project

TABLES = """
class Hero(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    email: str = Field(unique=True)
    rank: int
    __table_args__ = (
        Index("by_rank", text("rank DESC"), postgresql_include=["email"], postgresql_where=text("rank > 0")),
        UniqueConstraint("rank", "email", name="both", deferrable=True, initially="DEFERRED"),
    )

class Power(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    hero_id: int = Field(foreign_key="hero.id", ondelete="CASCADE")
    second_id: int | None = Field(default=None, foreign_key="hero.id")

class Note(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    hero_id: int = Field(foreign_key="hero.id")
"""
SEEDS = "seeds.add(tables.Hero, 50)\nseeds.add(tables.Power, per(tables.Hero, 0, 4))"
STATE = """
    SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid), convalidated::text,
           obj_description(oid, 'pg_constraint'), obj_description(conindid, 'pg_class'), NULL::text
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace AND conrelid > 0
    UNION ALL
    SELECT i.indrelid::regclass::text, i.indexrelid::regclass::text, pg_get_indexdef(i.indexrelid),
           concat_ws(' ', i.indisreplident, i.indisclustered, i.indisvalid), obj_description(i.indexrelid, 'pg_class'),
           (SELECT string_agg(coalesce(attstattarget, -1)::text, ',' ORDER BY attnum) FROM pg_attribute
             WHERE attrelid = i.indexrelid), t.relreplident::text
    FROM pg_index i JOIN pg_class t ON t.oid = i.indrelid WHERE t.relnamespace = 'public'::regnamespace
    ORDER BY 1, 2, 3
"""
"""Every constraint and index there is."""


@pytest.fixture
def make(tmp_path: Path, given: Callable[..., Database]) -> Iterator[Callable[..., tuple[Project, Database]]]:
    """Writes a project, and makes its tables and what else a test wants in a database of its own."""
    with ExitStack() as stack:

        def made(*more: str) -> tuple[Project, Database]:
            project = stack.enter_context(little_project(tmp_path, TABLES, SEEDS))
            database = given()
            with connect(database) as connection:
                create_schema(connection, project.load_schema())
            if more:
                execute(database.direct, *more)
            return project, database

        yield made


def seed(project: Project, database: Database) -> LoadedSeeds:
    made = plan(project.settled, project.load_schema(), Environment.DEVELOPMENT)
    return load_seeds(made, database, revision=None, drop_constraints=True)


def rows(database: Database, statement: str) -> list[tuple[Any, ...]]:
    return execute(database.direct, statement)


def filled(database: Database) -> bool:
    return bool(rows(database, "SELECT count(*) = 50 FROM hero")[0][0])


class TestSetAside:
    def test_comes_back_with_all_that_was_said_of_it(self, make: Callable[..., tuple[Project, Database]]) -> None:
        project, database = make(
            "COMMENT ON CONSTRAINT \"both\" ON hero IS 'it''s both'",
            "COMMENT ON INDEX by_rank IS 'the best first'",
            "COMMENT ON INDEX hero_pkey IS 'a key''s own index'",
            "COMMENT ON CONSTRAINT power_hero_id_fkey ON power IS 'whose'",
            "ALTER TABLE hero REPLICA IDENTITY USING INDEX hero_email_key",
            "ALTER TABLE power CLUSTER ON power_pkey",
            'CREATE INDEX words ON hero (upper(email) COLLATE "C" text_pattern_ops, (rank + 1)) WITH (fillfactor=50)',
            "ALTER INDEX words ALTER COLUMN 2 SET STATISTICS 250",
            "ALTER TABLE power ADD CONSTRAINT later FOREIGN KEY (second_id) REFERENCES hero (id) NOT VALID",
            'CREATE UNIQUE INDEX "Odd ""name" ON power (id, hero_id)',
        )
        before = rows(database, STATE)

        seeded = seed(project, database)

        assert rows(database, STATE) == before
        assert filled(database)
        assert set(seeded.kept) == {"hero_pkey"}
        assert len(before) > 12

    def test_leaves_in_place_what_a_view_or_a_table_beside_the_load_needs(
        self, make: Callable[..., tuple[Project, Database]]
    ) -> None:
        project, database = make(
            "CREATE VIEW best AS SELECT id, email, max(rank) FROM hero GROUP BY id",
            "ALTER TABLE note DROP CONSTRAINT note_hero_id_fkey",
        )
        before = rows(database, STATE)

        seeded = seed(project, database)

        assert seeded.kept == {"hero_pkey": "an object outside the load depends on it"}
        assert (rows(database, STATE), filled(database)) == (before, True)
        assert rows(database, "SELECT count(*) FROM best") == [(50,)]

    def test_leaves_in_place_what_a_trigger_may_look_things_up_by(
        self, make: Callable[..., tuple[Project, Database]]
    ) -> None:
        project, database = make(
            "CREATE TABLE seen (email text)",
            "CREATE FUNCTION see() RETURNS trigger LANGUAGE plpgsql AS"
            " $$ BEGIN INSERT INTO seen VALUES (new.email); RETURN new; END $$",
            "CREATE TRIGGER see AFTER INSERT ON hero FOR EACH ROW EXECUTE FUNCTION see()",
        )

        seeded = seed(project, database)

        assert rows(database, "SELECT count(*) FROM seen") == [(50,)]
        assert seeded.kept["hero_email_key"] == "triggers of its table may need it for lookups"
        assert not any(name.startswith("power") for name in seeded.kept)

    def test_is_nothing_while_somebody_uses_a_table(self, make: Callable[..., tuple[Project, Database]]) -> None:
        project, database = make()
        arguments: dict[str, Any] = {**database.direct.connect_arguments()}
        reader = psycopg2.connect(**arguments)
        with reader.cursor() as cursor:
            cursor.execute("SELECT FROM power")

            seeded = seed(project, database)

        reader.close()
        assert seeded.kept == {"everything": "another session is using the tables"}
        assert filled(database)

    def test_leaves_disabled_triggers_disabled(self, make: Callable[..., tuple[Project, Database]]) -> None:
        project, database = make(
            "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$",
            "CREATE TRIGGER no BEFORE INSERT ON hero FOR EACH ROW EXECUTE FUNCTION no()",
            "ALTER TABLE hero DISABLE TRIGGER no",
        )

        seed(project, database)

        assert filled(database)
        assert rows(database, "SELECT tgenabled::text FROM pg_trigger WHERE tgname = 'no'") == [("D",)]

    def test_puts_nothing_into_partitions_asunder(self, make: Callable[..., tuple[Project, Database]]) -> None:
        project, database = make(
            "DROP TABLE power",
            "CREATE TABLE power (id int, hero_id int NOT NULL REFERENCES hero, second_id int, PRIMARY KEY (id))"
            " PARTITION BY RANGE (id)",
            "CREATE TABLE power_low PARTITION OF power FOR VALUES FROM (0) TO (20)",
            "CREATE TABLE power_high PARTITION OF power DEFAULT",
        )
        before = rows(database, STATE)

        seeded = seed(project, database)

        assert (rows(database, STATE), filled(database)) == (before, True)
        assert seeded.kept["power_pkey"] == "its table is partitioned or has inheritance"
        assert rows(database, "SELECT count(*) > 0 FROM power_high") == [(True,)]


FROZEN = "SELECT relname::text FROM pg_class WHERE relname IN ('hero', 'power') AND relallvisible = relpages ORDER BY 1"
"""Tables that a vacuum has nothing to do in."""


class TestTablesMadeAnew:
    def test_hold_frozen_rows(self, make: Callable[..., tuple[Project, Database]]) -> None:
        project, database = make("ALTER TABLE note DROP CONSTRAINT note_hero_id_fkey")

        seed(project, database)

        assert filled(database)
        assert rows(database, FROZEN) == [("hero",), ("power",)]

    def test_are_none_without_the_right(self, make: Callable[..., tuple[Project, Database]]) -> None:
        project, database = make(
            "ALTER TABLE note DROP CONSTRAINT note_hero_id_fkey", "REVOKE TRUNCATE ON hero FROM current_user"
        )

        seed(project, database)

        assert filled(database)
        assert rows(database, FROZEN) == [("power",)]

    def test_are_none_that_others_refer_to(self, make: Callable[..., tuple[Project, Database]]) -> None:
        project, database = make()

        seed(project, database)

        assert filled(database)
        assert rows(database, FROZEN) == [("power",)]

    def test_are_none_with_a_trigger_for_it(self, make: Callable[..., tuple[Project, Database]]) -> None:
        project, database = make(
            "ALTER TABLE note DROP CONSTRAINT note_hero_id_fkey",
            "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE 'no'; END $$",
            "CREATE TRIGGER no BEFORE TRUNCATE ON power FOR EACH STATEMENT EXECUTE FUNCTION no()",
        )

        seed(project, database)

        assert filled(database)
        assert rows(database, FROZEN) == []

    def test_lose_no_row_that_came_before_the_lock(
        self, make: Callable[..., tuple[Project, Database]], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        project, database = make()

        def late(*arguments: Any) -> LockedTables | None:
            execute(database.direct, "INSERT INTO hero (id, email, rank) VALUES (1, 'ada@example.com', 1)")
            return lock_tables(*arguments)

        monkeypatch.setattr(load, "lock_tables", late)
        with pytest.raises(TablesNotEmpty, match="hero"):
            seed(project, database)

        assert rows(database, "SELECT email FROM hero") == [("ada@example.com",)]
