"""Refuse revisions that create an object whose name another object has."""

import shutil
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import pytest
from sqlalchemy import Connection, text

from seedbed.errors import ObjectNameConflict
from seedbed.migrations.apply.name_clashes import refuse_name_clashes
from seedbed.migrations.apply.upgrade import apply
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import TemporaryServer
from tests.migrations.diff.test_online import GrowingProject
from tests.support.projects import execute

TABLES = """
CREATE TABLE person (id integer PRIMARY KEY, note text);
CREATE TABLE task (id integer PRIMARY KEY, a integer, b integer, "Title" text, person_id integer)
"""
GUARD = """DO $$ BEGIN
    IF NOT EXISTS (SELECT FROM pg_constraint WHERE conrelid = 'task'::regclass AND conname = '{name}') THEN
        ALTER TABLE task ADD CONSTRAINT {name} {definition};
    END IF;
END $$"""
Connecting = Callable[[str], AbstractContextManager[Connection]]
"""Has somebody do something by hand, and connects."""
POSITIVE, FOREIGN = "CHECK (a > 0) NOT VALID", "FOREIGN KEY (person_id) REFERENCES person(id) NOT VALID"


def wrap_in_existence_check(name: str, definition: str) -> str:
    return GUARD.format(name=name, definition=definition)


SAME = {
    "an index": ("CREATE INDEX ix ON task (b)", "CREATE INDEX CONCURRENTLY IF NOT EXISTS ix ON task (b)"),
    "a name in quotes": (
        'CREATE INDEX "Ix" ON task ("Title")',
        'CREATE INDEX IF NOT EXISTS "Ix" ON public.task USING btree ("Title")',
    ),
    "an expression with a percent sign": (
        'CREATE UNIQUE INDEX ix ON task (lower("Title")) WHERE "Title" LIKE \'a%\'',
        'CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS ix ON task (lower("Title")) WHERE "Title" ~~ \'a%\'::text',
    ),
    "a check": ("ALTER TABLE task ADD CONSTRAINT k CHECK (a > 0)", wrap_in_existence_check("k", POSITIVE)),
    "a foreign key": (f"ALTER TABLE task ADD CONSTRAINT k {FOREIGN}", wrap_in_existence_check("k", FOREIGN)),
    "a unique constraint": (
        "ALTER TABLE task ADD CONSTRAINT k UNIQUE (b)",
        wrap_in_existence_check("k", "UNIQUE USING INDEX k"),
    ),
    "the index of a unique constraint": (
        "ALTER TABLE task ADD CONSTRAINT k UNIQUE (b) DEFERRABLE",
        "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS k ON task (b)",
    ),
    "a column": ("SELECT 1", "ALTER TABLE task ADD COLUMN IF NOT EXISTS b integer NOT NULL DEFAULT 7"),
    "a table": ("SELECT 1", "CREATE TABLE IF NOT EXISTS person (id integer CONSTRAINT person_pkey PRIMARY KEY)"),
}
OTHER = {
    "an index over another column": (
        "CREATE INDEX ix ON task (a)",
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS ix ON task (b)",
        "already has another index public.ix: it has CREATE INDEX ix ON public.task USING btree (a), and the revision "
        "creates "
        "CREATE INDEX ix ON public.task USING btree (b).",
    ),
    "an index that is not unique": (
        "CREATE INDEX ix ON task (b)",
        "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS ix ON task (b)",
        "the revision creates CREATE UNIQUE INDEX ix ON public.task USING btree (b).",
    ),
    "an index of some rows": (
        "CREATE INDEX ix ON task (b) WHERE a > 0",
        "CREATE INDEX ix ON task (b)",
        "it has CREATE INDEX ix ON public.task USING btree (b) WHERE (a > 0), and",
    ),
    "an index of another table": (
        "CREATE INDEX ix ON person (note)",
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS ix ON task (b)",
        "it has CREATE INDEX ix ON public.person USING btree (note), and the revision creates "
        "CREATE INDEX ON task (b).",
    ),
    "a view": (
        "CREATE VIEW ix AS SELECT 1",
        "CREATE INDEX CONCURRENTLY IF NOT EXISTS ix ON task (b)",
        "already has another view public.ix: it has a view of that name, and",
    ),
    "a check": (
        "ALTER TABLE task ADD CONSTRAINT k CHECK (a > 1)",
        wrap_in_existence_check("k", POSITIVE),
        "already has another constraint k of task: it has CHECK ((a > 1)), and the revision creates CHECK ((a > 0)) "
        "NOT VALID.",
    ),
    "a check where a key was meant": (
        "ALTER TABLE task ADD CONSTRAINT k CHECK (a > 1)",
        wrap_in_existence_check("k", "UNIQUE USING INDEX k"),
        "it has CHECK ((a > 1)), and the revision creates UNIQUE USING INDEX k.",
    ),
    "a foreign key with another action": (
        "ALTER TABLE task ADD CONSTRAINT k FOREIGN KEY (person_id) REFERENCES person ON DELETE CASCADE",
        wrap_in_existence_check("k", FOREIGN),
        "it has FOREIGN KEY (person_id) REFERENCES person(id) ON DELETE CASCADE, and",
    ),
    "a constraint of a transaction": (
        "ALTER TABLE task ADD CONSTRAINT k CHECK (a > 1)",
        "ALTER TABLE task ADD CONSTRAINT k UNIQUE (b)",
        "it has CHECK ((a > 1)), and the revision creates UNIQUE (b).",
    ),
    "a column of another type": (
        "SELECT 1",
        "ALTER TABLE task ADD COLUMN IF NOT EXISTS c text, ADD COLUMN IF NOT EXISTS b text",
        "already has another column task.b: it has integer, and the revision creates text.",
    ),
    "a column that is not generated": (
        "SELECT 1",
        "ALTER TABLE task ADD COLUMN IF NOT EXISTS b integer GENERATED ALWAYS AS (a + 1) STORED",
        "it has integer, and the revision creates integer GENERATED ALWAYS AS ((a + 1)).",
    ),
    "a table without a column": (
        "SELECT 1",
        "CREATE TABLE IF NOT EXISTS person (id integer PRIMARY KEY, born date)",
        "it has id integer, note text, and the revision creates id integer, born date.",
    ),
}


@pytest.fixture(params=["in a transaction", "as they run"])
def connect_to(request: pytest.FixtureRequest, given: Callable[..., Database]) -> Connecting:
    """Connect to a database that contains manually created objects."""
    database = given()
    execute(database.direct, TABLES)

    @contextmanager
    def connecting(by_hand: str) -> Iterator[Connection]:
        execute(database.direct, by_hand)
        with connect(database, autocommit=request.param == "as they run") as connection:
            yield connection

    return connecting


def run(connection: Connection, statement: str) -> None:
    """Run a statement as `op.execute` does."""
    with refuse_name_clashes(connection, "shop"):
        connection.execute(text(statement.replace(":", r"\:")))


class TestRefuseNameClashes:
    @pytest.mark.parametrize("case", SAME)
    def test_accepts_an_object_with_the_same_definition(self, connect_to: Connecting, case: str) -> None:
        by_hand, statement = SAME[case]
        with connect_to(by_hand) as connection:
            if "CONCURRENTLY" in statement and not connection.connection.autocommit:
                statement = statement.replace("CONCURRENTLY", "")

            run(connection, statement)

            assert connection.execute(text("SELECT to_regclass('seedbed_scratch')")).scalar() is None

    @pytest.mark.parametrize("case", OTHER)
    def test_refuses_an_object_with_another_definition(self, connect_to: Connecting, case: str) -> None:
        by_hand, statement, message = OTHER[case]
        with connect_to(by_hand) as connection:
            with pytest.raises(ObjectNameConflict) as error:
                run(connection, statement)

            assert message in error.value.message
            assert error.value.remedy.startswith("Rename it: ALTER ")
            assert error.value.remedy.endswith(" Then run seedbed migrate apply again.")

    def test_the_remedy_resolves_the_clash(self, connect_to: Connecting) -> None:
        with connect_to("CREATE INDEX ix ON task (a)") as connection:
            statement = "CREATE INDEX IF NOT EXISTS ix ON task (b)"
            with pytest.raises(ObjectNameConflict) as error:
                run(connection, statement)
            connection.execute(text(error.value.remedy.removeprefix("Rename it: ").partition(";")[0]))

            run(connection, statement)

            created = connection.execute(text("SELECT indexdef FROM pg_indexes WHERE indexname = 'ix'")).scalar()
            assert created == "CREATE INDEX ix ON public.task USING btree (b)"

    @pytest.mark.parametrize("constraint", ["CHECK (a > 1)", "CHECK (a > 0)"])
    def test_compares_for_a_role_that_cannot_create_tables(
        self, given: Callable[..., Database], given_server: TemporaryServer, constraint: str
    ) -> None:
        database = given()
        execute(database.direct, TABLES, f"ALTER TABLE task ADD CONSTRAINT k {constraint}")
        execute(given_server.url(database.name), "REVOKE CREATE ON SCHEMA public FROM PUBLIC, pg_database_owner")
        with connect(database, autocommit=True) as connection:
            if "> 0" in constraint:
                run(connection, wrap_in_existence_check("k", POSITIVE))
            else:
                with pytest.raises(ObjectNameConflict):
                    run(connection, wrap_in_existence_check("k", POSITIVE))


TASK = """
class Task(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    a: int
    b: int{more}
"""
CHANGES = {
    "CREATE INDEX ix_task_b ON task (a)": " = Field(index=True)",
    "ALTER TABLE task ADD CONSTRAINT k CHECK (b > 5)": '\n    __table_args__ = (CheckConstraint("b > 0", name="k"),)',
    "CREATE UNIQUE INDEX task_b_key ON task (a)": " = Field(unique=True)",
    "ALTER TABLE task ADD CONSTRAINT task_b_key CHECK (b > 5)": " = Field(unique=True)",
}


class TestApply:
    @pytest.mark.parametrize("by_hand", CHANGES)
    def test_stops_at_a_taken_name_and_continues_once_it_is_free(
        self, tmp_path: Path, seedbed_server: TemporaryServer, database: Database, by_hand: str
    ) -> None:
        grown = GrowingProject(tmp_path, seedbed_server)
        with (
            grown.with_tables(TASK.format(more="")) as first,
            grown.with_tables(TASK.format(more=CHANGES[by_hand]), first) as project,
        ):
            grown.draft(first, "Create task")
            apply(first.settled, database)
            execute(database.direct, by_hand)
            shutil.copytree(first.root / "migrations", project.root / "migrations", dirs_exist_ok=True)
            grown.draft(project, "Change task")

            with pytest.raises(ObjectNameConflict) as error:
                apply(project.settled, database)
            execute(database.direct, error.value.remedy.removeprefix("Rename it: ").partition(";")[0])
            applied = apply(project.settled, database)

        assert applied.pending_contract == ()
