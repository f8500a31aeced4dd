"""CHECKs as they are understood here, compared with what PostgreSQL says of the same rows."""

import os
import random
import re
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import numpy as np
import psycopg2
import pytest
from sqlglot import exp

from seedbed.postgres.connection import open_connection
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import TemporaryServer
from seedbed.seeding.analysis.checks import UnsupportedExpression, Vector, evaluate, narrow, read_batch
from seedbed.seeding.analysis.checks.comparison import require_boolean
from seedbed.seeding.analysis.checks.table_checks import parse_sql
from seedbed.seeding.analysis.checks.vectors import ERROR, UNKNOWN
from seedbed.seeding.analysis.value_constraints import ValueConstraints
from seedbed.seeding.core.column_batch import Numbers, make_objects
from seedbed.seeding.core.number_codec import encode_number
from seedbed.seeding.core.postgres_types import MOMENTS, ColumnType, parse_type
from tests.support.effort import repetitions
from tests.support.postgres.expressions import COLUMNS, LABELS, Expressions, value
from tests.support.projects import fresh_database

CONDITIONS = repetitions("CHECKS", usual=600, quick=100, thorough=6_000)
SEED = int(os.environ.get("TEST_CHECKS_SEED", "1"))
ROWS = 40
KINDS = {
    name: ColumnType("enum", labels=LABELS) if words == "mood" else parse_type(words) for name, words in COLUMNS.items()
}
NOW = datetime(2026, 11, 1, tzinfo=UTC)
_VERDICTS = """
CREATE FUNCTION verdicts(rule text) RETURNS text[] LANGUAGE plpgsql AS $$
DECLARE found text[] := '{}'; verdict text; n int;
BEGIN
    FOR n IN SELECT no FROM tried ORDER BY no LOOP
        BEGIN
            EXECUTE 'SELECT CAST((' || rule || ') AS text) FROM tried WHERE no = ' || n INTO verdict;
        EXCEPTION WHEN data_exception OR program_limit_exceeded THEN verdict := 'error';
        END;
        found := found || coalesce(verdict, 'null');
    END LOOP;
    RETURN found;
END $$
"""


class World:
    """The same rows in a database and in batches."""

    def __init__(self, database: Database) -> None:
        chance = random.Random(7)
        self._connection = open_connection(database)
        self._connection.autocommit = True
        self.cursor = self._connection.cursor()
        self.cursor.execute("SET TimeZone TO 'UTC'")
        self.cursor.execute("CREATE EXTENSION citext")
        self.cursor.execute(f"CREATE TYPE mood AS ENUM {LABELS}")
        columns = ", ".join(f"{name} {words}" for name, words in COLUMNS.items())
        self.cursor.execute(f"CREATE TABLE tried (no int, {columns})")
        self.cursor.execute(_VERDICTS)
        self.rows = [{name: value(name, chance) for name in COLUMNS} for _ in range(ROWS)]
        for no, row in enumerate(self.rows):
            places = ", ".join(["%s"] * (len(row) + 1))
            self.cursor.execute(f"INSERT INTO tried VALUES ({places})", [no, *row.values()])
        self.vectors = {name: self._vector(name) for name in COLUMNS}

    def close(self) -> None:
        self._connection.close()

    def _vector(self, name: str) -> Vector:
        kind, held = KINDS[name], [row[name] for row in self.rows]
        plain = kind.name in {*MOMENTS, "date", "int2", "int4", "int8", "float4", "float8", "bool", "time", "interval"}
        if not plain and not (kind.name == "numeric" and kind.size != 60):
            return read_batch(make_objects(held), kind)
        numbers = np.array([0 if v is None else encode_number(v, kind) for v in held])
        return read_batch(Numbers(np.array([v is None for v in held]), numbers, kind), kind)

    def verdicts(self, rule: str) -> list[str] | None:
        """PostgreSQL's answers; None where it does not take the condition."""
        try:
            self.cursor.execute(f"SELECT coalesce(CAST(({rule}) AS text), 'null') FROM tried ORDER BY no")
        except psycopg2.Error as error:
            if str(error.pgcode).startswith(("22", "54")):
                self.cursor.execute("SELECT verdicts(%s)", [rule])
                found = list(self.cursor.fetchall()[0][0])
                return None if set(found) == {"error"} else found  # an error of constants, met in planning
            if str(error.pgcode).startswith(("42", "0A")):
                return None
            raise
        answers = [row[0] for row in self.cursor.fetchall()]
        return answers if set(answers) <= {"true", "false", "null"} else None

    def ours(self, rule: str) -> list[str] | None:
        """The same as it is understood here; None where it is not."""
        want = parse_sql(rule)
        if want is None:
            return None
        if any(not list(said.find_all(exp.Column)) for said in want.find_all(exp.Predicate)):
            return None  # PostgreSQL works it out beforehand, and then not what stands beside it
        try:
            found = require_boolean(evaluate(want, self._column, ROWS, NOW))
        except UnsupportedExpression:
            return None
        faults = found.faults if found.faults is not None else np.zeros(ROWS, dtype=np.uint8)
        shown = {UNKNOWN: "unknown", ERROR: "error"}
        return [
            shown.get(fault) or ("null" if gone else "true" if holds else "false")
            for fault, gone, holds in zip(faults.tolist(), found.nulls.tolist(), found.data.tolist(), strict=True)
        ]

    def _column(self, name: str) -> Vector:
        if name not in self.vectors:
            raise UnsupportedExpression(name)
        return self.vectors[name]


@pytest.fixture(scope="module")
def world(seedbed_server: TemporaryServer) -> Iterator[World]:
    with fresh_database(seedbed_server) as database:
        made = World(database)
        yield made
        made.close()


class TestConditions:
    def test_mean_what_postgresql_means_or_are_not_understood(self, world: World) -> None:
        drawn, counts = Expressions(random.Random(SEED)), Counter[str]()

        for _ in range(CONDITIONS):
            rule = drawn.condition()
            ours, theirs = world.ours(rule), world.verdicts(rule)
            counts["understood" if ours and theirs else "left" if theirs else "no condition"] += 1
            if ours is None or theirs is None:
                continue
            for no, (here, there) in enumerate(zip(ours, theirs, strict=True)):
                counts["verdicts"] += 1
                assert here in {there, "unknown"}, f"{rule}\nis {here} here, {there} there, of {world.rows[no]}"

        assert counts["understood"] > CONDITIONS / 3, counts

    @pytest.mark.parametrize(
        "rule", ["coalesce(c, 'ab') ~ '^[a-z]+$'", "CASE WHEN c IS NULL THEN 'ab' ELSE c END ~ 'b$'"]
    )
    def test_a_constant_beside_a_char_column_is_not_padded_with_blanks(self, world: World, rule: str) -> None:
        ours, theirs = world.ours(rule), world.verdicts(rule)

        assert theirs is not None
        assert ours is None or all(here in {there, "unknown"} for here, there in zip(ours, theirs, strict=True))


class TestFacts:
    def test_an_infinite_number_in_a_list_is_no_value_of_an_integer(self) -> None:
        facts = {name: ValueConstraints() for name in COLUMNS}
        want = parse_sql("i4 IN (1, 'Infinity'::numeric)")

        assert want is not None
        narrow(want, KINDS.get, facts)

        assert facts["i4"].values in {None, (1,)}

    def test_say_no_less_than_the_condition_that_they_stand_for(self, world: World) -> None:
        drawn, counts = Expressions(random.Random(SEED)), Counter[str]()

        for _ in range(3 * CONDITIONS):
            rule = drawn.of_one_column()
            want, theirs = parse_sql(rule), world.verdicts(rule)
            facts = {name: ValueConstraints() for name in COLUMNS}
            if want is None or theirs is None or not narrow(want, KINDS.get, facts):
                counts["left"] += 1
                continue
            counts["narrowed"] += 1
            name = next(iter(column.name for column in want.find_all(exp.Column)))
            for row, verdict in zip(world.rows, theirs, strict=True):
                if _allowed(facts[name], row[name], KINDS[name]):
                    counts["allowed"] += 1
                    assert verdict != "false", f"{rule}\nis false of {row[name]!r}, which {facts[name]} allow"

        assert counts["narrowed"] > CONDITIONS / 5, counts
        assert counts["allowed"] > CONDITIONS, counts


def _allowed(facts: ValueConstraints, held: Any, kind: ColumnType) -> bool:
    """Whether a value is one that rows may be made with."""
    if held is None:
        return not facts.not_null
    number = encode_number(held, kind)
    if facts.low is not None and not (number is not None and number >= facts.low):
        return False
    if facts.high is not None and not (number is not None and number <= facts.high):
        return False
    if facts.values is not None and not _is_one_of(held, facts.values, kind):
        return False
    if facts.pattern is not None and re.search(facts.pattern, str(held)) is None:
        return False
    length = len(str(held).rstrip(" ") if kind.name == "bpchar" else str(held))
    return facts.shortest <= length <= (length if facts.longest is None else facts.longest)


def _is_one_of(held: Any, values: tuple[Any, ...], kind: ColumnType) -> bool:
    return any(
        held == value
        or (encode_number(value, kind) is not None and encode_number(held, kind) == encode_number(value, kind))
        for value in values
    )
