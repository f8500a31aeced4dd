"""Personal data replaced: nothing of it left, joins and unique columns as they were."""

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from seedbed.errors import (
    NoPersonalColumns,
    ProtectedEnvironment,
    RejectedMaskedValues,
    UnknownPersonalDataKind,
    UnmarkedPersonalColumns,
)
from seedbed.migrations.apply.upgrade import apply
from seedbed.migrations.draft.draft import draft
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import TemporaryServer
from seedbed.postgres.environment_mark import change_mark
from seedbed.postgres.psql import build_client_environment
from seedbed.schema import load_schema
from seedbed.schema.declarations import find_personal_columns, find_unmarked_columns
from seedbed.seeding.core.faker_pool import FakerPools
from seedbed.seeding.masking import MaskedDatabase, mask
from seedbed.seeding.masking.replacements import Replacements
from seedbed.seeding.planning.lock_file import get_today
from seedbed.settings import Environment
from tests.support.effort import repetitions
from tests.support.projects import Project, execute, fresh_database, little_project

TABLES = """
from typing import Annotated

from seedbed.schema import Pii


class Person(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    email: str = Field(max_length=60, unique=True, sa_column_kwargs={"info": {"pii": "email"}})
    first_name: Annotated[str, Pii("first_name")]
    phone: str | None = Field(default=None, max_length=12, sa_column_kwargs={"info": {"pii": "phone"}})
    note: str | None = Field(default=None, sa_column_kwargs={"info": {"pii": "null"}})
    city: str = "Oslo"


class Subscription(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    email: str = Field(foreign_key="person.email", max_length=60, sa_column_kwargs={"info": {"pii": "email"}})
"""
VIEW = """
declare(metadata, "CREATE VIEW known AS SELECT id, email FROM person")
declare(metadata, "CREATE MATERIALIZED VIEW counted AS SELECT first_name, count(*) AS people FROM person GROUP BY 1")
"""
ROWS = (
    "INSERT INTO person (id, email, first_name, phone, note, city) SELECT n, 'secret.person' || n || '@real.org',"
    " 'Realname' || n % 50, '+4790' || n, repeat('known only to me ' || n, 99), 'Oslo' FROM generate_series(1, 3000) n",
    "INSERT INTO subscription SELECT id, email FROM person WHERE id <= 900",
    "ANALYZE",
)
MANY = repetitions("MASK_ROWS", usual=10_000, quick=2_000, thorough=100_000)


@pytest.fixture(params=["", VIEW], ids=["tables", "views too"])
def project(request: pytest.FixtureRequest, tmp_path: Path, seedbed_server: TemporaryServer) -> Iterator[Project]:
    with little_project(tmp_path, TABLES + request.param) as made:
        draft(made.configuration(SHADOW_DATABASE_URL=seedbed_server.url().reveal()), "Create tables")
        yield made


@pytest.fixture
def filled(project: Project, seedbed_server: TemporaryServer) -> Iterator[Database]:
    with fresh_database(seedbed_server) as database:
        apply(project.settled, database)
        execute(database.direct, ";".join(ROWS))
        if execute(database.direct, "SELECT to_regclass('counted') IS NOT NULL")[0][0]:
            execute(database.direct, "REFRESH MATERIALIZED VIEW counted; ANALYZE counted")
        yield database


def masked(project: Project, database: Database) -> MaskedDatabase:
    return mask(project.load_schema(), database, FakerPools(get_today()))


def left_in_files(server: TemporaryServer, database: Database, words: tuple[bytes, ...]) -> list[str]:
    """The files of a database that hold one of some words, once everything is written down."""
    execute(server.url(), "CHECKPOINT")
    oid = execute(database.direct, "SELECT oid FROM pg_database WHERE datname = current_database()")[0][0]
    (folder,) = server.directory.rglob(f"base/{oid}")
    return [file.name for file in folder.iterdir() if any(word in file.read_bytes() for word in words)]


class TestMask:
    def test_leaves_no_value_in_tables_indexes_and_statistics(
        self, project: Project, filled: Database, seedbed_server: TemporaryServer
    ) -> None:
        words = (b"secret.person", b"Realname", b"known only to me")
        assert left_in_files(seedbed_server, filled, words) != []

        masked(project, filled)

        assert left_in_files(seedbed_server, filled, words) == []
        assert execute(filled.direct, "SELECT count(*) FROM pg_stats WHERE most_common_vals::text ~ 'real|Real'") == [
            (0,)
        ]

    def test_keeps_joins_and_what_is_unique(self, project: Project, filled: Database) -> None:
        done = masked(project, filled)

        assert execute(filled.direct, "SELECT count(DISTINCT email), count(DISTINCT first_name) FROM person") == [
            (3000, 50)
        ]
        assert execute(filled.direct, "SELECT count(*) FROM person JOIN subscription USING (id, email)") == [(900,)]
        assert execute(filled.direct, "SELECT count(*) FROM person WHERE note IS NOT NULL OR city <> 'Oslo'") == [(0,)]
        assert (done.columns["person.email"], done.columns["person.first_name"]) == (3000, 50)

    def test_draws_other_values_on_each_run(
        self, project: Project, filled: Database, seedbed_server: TemporaryServer
    ) -> None:
        masked(project, filled)
        with fresh_database(seedbed_server) as other:
            apply(project.settled, other)
            execute(other.direct, ";".join(ROWS))
            masked(project, other)

            emails = "SELECT email FROM person ORDER BY id"
            first, second = execute(filled.direct, emails), execute(other.direct, emails)

        assert sorted(first) == sorted(second)
        assert sum(one == another for one, another in zip(first, second, strict=True)) < 20

    def test_can_be_done_again(self, project: Project, filled: Database, seedbed_server: TemporaryServer) -> None:
        masked(project, filled)
        execute(
            filled.direct, "INSERT INTO person VALUES (0, 'secret.person@real.org', 'Realname', NULL, NULL, 'Oslo')"
        )
        masked(project, filled)

        assert left_in_files(seedbed_server, filled, (b"secret.person", b"Realname")) == []
        assert execute(filled.direct, "SELECT count(DISTINCT email) FROM person") == [(3001,)]

    def test_puts_every_constraint_back(self, project: Project, filled: Database) -> None:
        execute(filled.direct, "CREATE UNIQUE INDEX ix_lower ON person (lower(email)) WHERE city = 'Oslo'")
        constraints = "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint ORDER BY 1, 2"
        indexes = "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1"
        before = execute(filled.direct, constraints), execute(filled.direct, indexes)

        masked(project, filled)

        assert (execute(filled.direct, constraints), execute(filled.direct, indexes)) == before

    def test_keeps_every_value_when_a_rule_does_not_take_the_new_ones(self, project: Project, filled: Database) -> None:
        execute(filled.direct, "ALTER TABLE person ADD CHECK (email LIKE '%@real.org')")

        with pytest.raises(RejectedMaskedValues):
            masked(project, filled)

        assert execute(filled.direct, "SELECT count(*) FROM person WHERE email LIKE 'secret%'") == [(3000,)]

    def test_is_refused_for_production(self, project: Project, filled: Database) -> None:
        change_mark(filled, Environment.PRODUCTION)

        with pytest.raises(ProtectedEnvironment):
            masked(project, filled)


class TestManyRows:
    """More rows than a page of anything."""

    def test_leave_nothing_in_files_statistics_and_a_dump(
        self, tmp_path: Path, seedbed_server: TemporaryServer
    ) -> None:
        words = (b"secret.person", b"Realname", b"known only to me", b"+4790")
        with little_project(tmp_path, TABLES) as project, fresh_database(seedbed_server) as database:
            draft(project.configuration(SHADOW_DATABASE_URL=seedbed_server.url().reveal()), "Create tables")
            apply(project.settled, database)
            filling = ";".join(ROWS).replace("3000", str(MANY))
            execute(database.direct, filling)
            execute(database.direct, "UPDATE person SET note = md5(id::text) || note WHERE id % 100 = 0; ANALYZE")
            assert left_in_files(seedbed_server, database, words) != []

            masked(project, database)

            assert left_in_files(seedbed_server, database, words) == []
            stats = "SELECT string_agg(concat(most_common_vals, histogram_bounds), '') FROM pg_stats"
            said = execute(database.direct, f"{stats} WHERE schemaname = 'public'")[0][0].encode()
            dump = subprocess.run(
                [seedbed_server.binaries.program_path("pg_dump")],
                env=build_client_environment(database),
                capture_output=True,
                check=True,
            ).stdout
            assert [word for word in words if word in said or word in dump] == []
            assert execute(database.direct, "SELECT count(DISTINCT email), count(DISTINCT phone) FROM person") == [
                (MANY, MANY)
            ]
            assert execute(database.direct, "SELECT count(*) FROM person JOIN subscription USING (id, email)") == [
                (900,)
            ]


class TestMarks:
    @pytest.mark.parametrize(
        ("column", "refusal"),
        [
            ('    mobile: str = ""', UnmarkedPersonalColumns),
            (
                '    mobile: str = Field(default="", sa_column_kwargs={"info": {"pii": "shoe size"}})',
                UnknownPersonalDataKind,
            ),
        ],
    )
    def test_are_needed_and_known(
        self, tmp_path: Path, database: Database, column: str, refusal: type[Exception]
    ) -> None:
        tables = TABLES.replace('    city: str = "Oslo"', column)
        with little_project(tmp_path, tables) as project, pytest.raises(refusal):
            masked(project, database)

    def test_are_found_in_info_and_in_annotated_types(self, tmp_path: Path) -> None:
        tables = TABLES.replace('"Oslo"', '"Oslo"\n    birthday: str = ""\n    street: Annotated[str, Pii(None)] = ""')
        with little_project(tmp_path, tables) as project:
            schema = load_schema(project.settled)

            assert [
                (column.name, kind) for table, column, kind in find_personal_columns(schema) if table.name == "person"
            ] == [
                ("email", "email"),
                ("first_name", "first_name"),
                ("phone", "phone"),
                ("note", "null"),
            ]
            assert find_unmarked_columns(schema) == ["person.birthday"]

    def test_are_wanted_of_names_beside_a_person_and_of_what_opens_doors(self, tmp_path: Path) -> None:
        tables = """
            class Customer(Table, table=True):
                id: int | None = Field(default=None, primary_key=True)
                name: str
                born: date
                tax_id: str
                partner_id: int
                api_key: str
                reset_token: bytes
                tokens_used: int
                token_expires_at: datetime

            class Product(Table, table=True):
                id: int | None = Field(default=None, primary_key=True)
                name: str
        """
        with little_project(tmp_path, tables) as project:
            found = find_unmarked_columns(load_schema(project.settled))

        assert found == [f"customer.{name}" for name in ("name", "born", "tax_id", "api_key", "reset_token")]

    def test_are_missing_where_nothing_is_personal(self, tmp_path: Path, database: Database) -> None:
        tables = "class Plain(Table, table=True):\n    id: int | None = Field(default=None, primary_key=True)\n"
        with little_project(tmp_path, tables) as project, pytest.raises(NoPersonalColumns):
            masked(project, database)


class TestReplacements:
    @pytest.mark.parametrize(
        "kind", [k for k in Replacements(FakerPools(get_today())).kinds if k not in {"date", "ip"}]
    )
    @pytest.mark.parametrize("longest", [None, 12])
    def test_differ_for_every_number(self, seedbed_server: TemporaryServer, kind: str, longest: int | None) -> None:
        said = Replacements(FakerPools(get_today())).build_value(kind, "n", count=600_000, max_length=longest)

        found = execute(
            seedbed_server.url(),
            f"SELECT count(DISTINCT said), max(length(said)), count(*) FROM ("
            f" SELECT {said} FROM generate_series(0, 599999, 97) n UNION ALL SELECT {said} FROM (SELECT NULL::int) _(n)"
            ") _(said)",
        )

        different, length, rows = found[0]
        assert (different, rows) == (6186, 6187)
        assert length <= (longest or 64)

    def test_of_names_are_pairs_that_share_neither_half(self, seedbed_server: TemporaryServer) -> None:
        said = Replacements(FakerPools(get_today())).build_value("name", "n", count=200, max_length=None)

        halves = "count(DISTINCT split_part(said, ' ', 1)), count(DISTINCT split_part(said, ' ', 2))"
        found = execute(
            seedbed_server.url(), f"SELECT {halves} FROM (SELECT {said} FROM generate_series(0, 199) n) _(said)"
        )

        assert found == [(200, 200)]
