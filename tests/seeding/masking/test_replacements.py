"""Masked values say nothing of the original ones, even to somebody who has all of these and this repository."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from random import Random

import pytest

from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.schema.creation import create_schema
from seedbed.seeding.core.faker_pool import FakerPools
from seedbed.seeding.masking import mask
from seedbed.seeding.masking.replacements import Replacements
from seedbed.seeding.planning.lock_file import get_today
from tests.support.projects import Project, execute, little_project

TABLES = """
class Person(Table, table=True):
    id: int | None = Field(default=None, primary_key=True)
    email: str = Field(max_length=60, sa_column_kwargs={"info": {"pii": "email"}})


class Newsletter(Table, table=True):
    __mapper_args__ = {"primary_key": ["email"]}
    email: str = Field(max_length=60, primary_key=True, sa_column_kwargs={"info": {"pii": "email"}})
"""
ROWS = 3000
BY_CHANCE = 25
"""The most rows that guessing names right: of a random permutation, one on average, and 25 in one of 10^25 trials."""

MARK = (
    "CREATE SCHEMA seedbed",
    "CREATE TABLE seedbed.environment (singleton boolean PRIMARY KEY DEFAULT true CHECK (singleton),"
    " name text NOT NULL, marked_at timestamptz NOT NULL DEFAULT now(), marked_by text NOT NULL)",
    "INSERT INTO seedbed.environment (name, marked_by) VALUES ('development', 'a test')",
)
LAYOUTS = {
    "rewritten": (),
    "loaded again": (
        "CREATE VIEW known AS SELECT email FROM person", "CREATE VIEW posted AS SELECT email FROM newsletter"
    ),
    "no primary key": (
        "ALTER TABLE person DROP CONSTRAINT person_pkey", "ALTER TABLE newsletter DROP CONSTRAINT newsletter_pkey"
    ),
}  # fmt: skip


@pytest.fixture
def project(tmp_path: Path) -> Iterator[Project]:
    with little_project(tmp_path, TABLES) as made:
        yield made


@pytest.fixture(params=[*LAYOUTS.values()], ids=[*LAYOUTS])
def filled(request: pytest.FixtureRequest, project: Project, given: Callable[..., Database]) -> Database:
    """Both tables were clustered by the addresses, so that the order of their rows is that of the original values."""
    database = given()
    with connect(database) as connection:
        create_schema(connection, project.load_schema())
        connection.commit()
    people = [(number, f"person{Random(number).randrange(10**9)}@real.org") for number in range(1, ROWS + 1)]
    values = ", ".join(f"({number}, '{email}')" for number, email in people)
    execute(
        database.direct,
        *MARK,
        f"INSERT INTO person VALUES {values}",
        "INSERT INTO newsletter SELECT email FROM person ORDER BY email",
        "CREATE INDEX ix_person ON person (email); CLUSTER person USING ix_person; ANALYZE",
        *request.param,
    )
    return database


def guesses(database: Database, table: str, originals: Sequence[str]) -> Iterator[tuple[str, dict[str, str]]]:
    """What an attacker takes each masked address for, by each way to put masked and original values side by side."""
    ranked = ranks_of_fakes(database)
    masked = {
        "sorted": f"SELECT email FROM {table} ORDER BY email",
        "sorted as bytes": f'SELECT email FROM {table} ORDER BY email COLLATE "C"',
        "order of the file": f"SELECT email FROM {table} ORDER BY ctid",
        "rank in the pool": f"SELECT email FROM {table}",
    }
    if table == "person":
        masked["primary key"] = "SELECT email FROM person ORDER BY id"
    known = {"sorted": sorted(originals), "as they came": list(originals)}
    for seed in (0, 1, 2):
        by_hash = 'SELECT value FROM unnest(%s) value ORDER BY hashtextextended(value COLLATE "C", {})'
        known[f"hash of seed {seed}"] = [value for (value,) in ask(database, by_hash.format(seed), originals)]
    for function in ("sha256(value::bytea)", "md5(value)"):
        known[function] = [
            v for (v,) in ask(database, f"SELECT value FROM unnest(%s) value ORDER BY {function}", originals)
        ]
    for order, query in masked.items():
        fakes = [email for (email,) in execute(database.direct, query)]
        if order == "rank in the pool":
            fakes.sort(key=ranked.__getitem__)
        for name, values in known.items():
            yield f"{order} against {name}", dict(zip(fakes, values, strict=True))
            yield f"{order} against {name} from the end", dict(zip(fakes, reversed(values), strict=True))


def ask(database: Database, query: str, values: Sequence[str]) -> list[tuple[str]]:
    listed = "ARRAY[" + ", ".join(f"'{value}'" for value in values) + "]"
    return execute(database.direct, query.replace("%s", listed))


def ranks_of_fakes(database: Database) -> dict[str, int]:
    """The repository's own values turned round: which rank each fake address has."""
    said = Replacements(FakerPools(get_today())).build_value("email", "n", count=ROWS, max_length=60)
    return dict(execute(database.direct, f"SELECT {said}, n FROM generate_series(0, {ROWS - 1}) n"))


class TestAttacker:
    @pytest.mark.parametrize("table", ["person", "newsletter"])
    def test_with_the_set_of_originals_names_no_row_better_than_chance(
        self, project: Project, filled: Database, table: str
    ) -> None:
        truth = dict(execute(filled.direct, "SELECT id, email FROM person"))
        assert execute(filled.direct, "SELECT email FROM person ORDER BY ctid") == [
            (e,) for e in sorted(truth.values())
        ]

        mask(project.load_schema(), filled, FakerPools(get_today()))

        fakes = dict(execute(filled.direct, "SELECT email, id FROM person"))
        right = {
            name: sum(truth[fakes[fake]] == original for fake, original in guess.items())
            for name, guess in guesses(filled, table, list(truth.values()))
        }
        assert len(fakes) == ROWS
        assert len(right) > 50
        assert {name: count for name, count in right.items() if count >= BY_CHANCE} == {}
        assert sum(right.values()) < len(right) * 3

    def test_who_knows_some_rows_learns_nothing_of_the_others(self, project: Project, filled: Database) -> None:
        """Neighbours in the order of the original values, or of keys, are no neighbours in the order of the fakes."""
        truth = dict(execute(filled.direct, "SELECT id, email FROM person"))

        mask(project.load_schema(), filled, FakerPools(get_today()))

        ranked = ranks_of_fakes(filled)
        rank = {number: ranked[email] for number, email in execute(filled.direct, "SELECT id, email FROM person")}
        in_order = sorted(truth, key=truth.__getitem__)
        steps = [rank[after] - rank[before] for before, after in pairwise(in_order)]
        by_key = [rank[after] - rank[before] for before, after in pairwise(sorted(rank))]
        for found in (steps, by_key):
            assert abs(sum(step > 0 for step in found) - ROWS / 2) < 200  # 12 standard deviations
            assert sum(step == 1 for step in found) < BY_CHANCE

    def test_finds_another_assignment_in_each_copy(
        self, project: Project, filled: Database, given: Callable[..., Database]
    ) -> None:
        copy = given()
        with connect(copy) as connection:
            create_schema(connection, project.load_schema())
            connection.commit()
        values = ", ".join(f"({n}, '{e}')" for n, e in execute(filled.direct, "SELECT id, email FROM person"))
        execute(copy.direct, *MARK, f"INSERT INTO person VALUES {values}")

        for database in (filled, copy):
            mask(project.load_schema(), database, FakerPools(get_today()))

        first, second = (dict(execute(one.direct, "SELECT id, email FROM person")) for one in (filled, copy))
        assert set(first.values()) == set(second.values())
        assert sum(first[number] == second[number] for number in first) < BY_CHANCE
