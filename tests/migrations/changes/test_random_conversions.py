"""Random type changes over random values: every changed value must be named by the proof.

The values are compared without the proof's code: each is converted by the drafted ALTER TABLE on its own, and then all
of them by the revisions, in place and in an expansion.
"""

import os
import random
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

import psycopg2
import pytest
import sqlalchemy as sa
from sqlalchemy import MetaData
from sqlalchemy.types import UserDefinedType

from seedbed.errors import UnknownTypeConversion
from seedbed.migrations.diff.backfill_expressions import ValueSources
from seedbed.migrations.diff.types.using_expressions import find_using_expression
from seedbed.migrations.draft.decisions import Decisions, RolloutStrategy
from seedbed.migrations.draft.revision_plans import ChangeSet, build_candidate
from seedbed.migrations.proof.candidate import RevisionRun
from seedbed.migrations.proof.proof import Proof, prove
from seedbed.postgres.catalog.model import Table
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import Binaries, run_temporary_server
from seedbed.schema import declare
from tests.migrations.changes.conversion_values import TYPES, means_the_same
from tests.migrations.changes.harness import TrialServer, draft_changes
from tests.support.effort import repetitions
from tests.support.servers import each_major

PAIRS = repetitions("CONVERSION_PAIRS", usual=20, quick=4, thorough=1000)
"""How many pairs of types are converted. TEST_CONVERSION_SEED draws others."""
SEED = os.environ.get("TEST_CONVERSION_SEED", "1")
COLUMNS = repetitions("CONVERSION_COLUMNS", usual=20, quick=8)
VALUES = repetitions("CONVERSION_VALUES", usual=12, quick=6)

Difference = tuple[str, str | None, str | None]
"""A value, what it was converted to, and what came back, as texts."""


class Raw(UserDefinedType[Any]):
    """A type by PostgreSQL's own name for it."""

    cache_ok = True

    def __init__(self, name: str) -> None:
        self.name = name

    def get_col_spec(self, **_: Any) -> str:
        return self.name


@dataclass
class Column:
    """A column that changes its type, and what each convertible value becomes."""

    name: str
    old: str
    new: str
    values: list[Difference] = field(default_factory=list)


@pytest.fixture(scope="module", params=each_major())
def trial_server(request: pytest.FixtureRequest) -> Iterator[TrialServer]:
    binaries: Binaries = request.param
    with run_temporary_server(binaries) as server:
        yield TrialServer(server)


class TestConversion:
    def test_every_difference_between_random_types_is_named(self, trial_server: TrialServer) -> None:
        known, chance = _KnownPairs(trial_server), random.Random(SEED)
        tried, values, faults = 0, 0, []

        while tried < PAIRS:
            columns = _draw_columns(trial_server, known, chance)
            faults += _try_table(trial_server, columns)
            tried += len(columns)
            values += sum(len(column.values) for column in columns)
            sys.stderr.write(f"{tried} pairs with {values} values, {len(faults)} faults\n")

        assert "\n".join(faults) == ""


class _KnownPairs:
    """The pairs of types that have a conversion and a reverse one."""

    def __init__(self, trial_server: TrialServer) -> None:
        with trial_server.database() as database:
            columns = [Column(f"c{number}", kind, kind) for number, kind in enumerate(sorted(TYPES))]
            self._catalog = trial_server.build(database, _metadata(columns, after=False))
            with connect(database) as connection:
                casts = connection.execute(
                    sa.text("SELECT castsource::regtype, casttarget::regtype FROM pg_cast")
                ).all()
        table = self._catalog.objects["table", "public", "t"]
        assert isinstance(table, Table)
        self._table = table
        self._columns = {kind: table.columns_by_name[f"c{number}"] for number, kind in enumerate(sorted(TYPES))}
        self._knowledge = ValueSources(casts=frozenset((str(source), str(target)) for source, target in casts))

    def are_clear(self, old: str, new: str) -> bool:
        try:
            for one, other, restoring in ((old, new, False), (new, old, True)):
                knowledge = replace(self._knowledge, is_downgrade=restoring)
                types = (self._columns[one], self._columns[other])
                find_using_expression(self._table, *types, self._catalog, self._catalog, knowledge)
        except UnknownTypeConversion:
            return False
        return True


def _metadata(columns: Sequence[Column], *, after: bool) -> MetaData:
    metadata = MetaData()
    types = [sa.Column(column.name, Raw(column.new if after else column.old)) for column in columns]
    sa.Table("t", metadata, sa.Column("id", sa.Integer, primary_key=True), *types)
    declare(
        metadata,
        "CREATE TYPE mood AS ENUM ('good', 'bad', '1', 'true')",
        "CREATE DOMAIN code AS varchar(8)",
        "CREATE DOMAIN share AS numeric(5,2) CHECK (VALUE < 900)",
    )
    return metadata


def _draw_columns(trial_server: TrialServer, known: _KnownPairs, chance: random.Random) -> list[Column]:
    """Columns whose conversion is known, and succeeds for some of the values."""
    columns: list[Column] = []
    while len(columns) < COLUMNS:
        while len(columns) < COLUMNS:
            old, new = chance.sample(sorted(TYPES), 2)
            if known.are_clear(old, new):
                columns.append(Column(f"c{len(columns)}", old, new))
        with trial_server.database() as beginning:
            trial_server.build(beginning, _metadata(columns, after=False))
            change, _ = draft_changes(
                trial_server, beginning, _metadata(columns, after=True), Decisions(strategy=RolloutStrategy.PLAIN)
            )
            _convert_each(beginning, change, [column for column in columns if not column.values], chance)
        columns = [column for column in columns if column.values]
        for number, column in enumerate(columns):
            column.name = f"c{number}"
    return columns


def _try_table(trial_server: TrialServer, columns: Sequence[Column]) -> list[str]:
    faults: list[str] = []
    with trial_server.database() as beginning:
        trial_server.build(beginning, _metadata(columns, after=False))
        for form in (RolloutStrategy.PLAIN, RolloutStrategy.ONLINE):
            change, legs = draft_changes(
                trial_server, beginning, _metadata(columns, after=True), Decisions(strategy=form)
            )
            proof = prove(build_candidate(change, legs), lambda: trial_server.copy_of(beginning))
            faults += _unnamed(columns, proof)
            with trial_server.database(beginning.name) as copy:
                faults += _run(copy, legs, columns)
    return faults


def _convert_each(database: Database, change: ChangeSet, columns: Sequence[Column], chance: random.Random) -> None:
    """Convert each value by the ALTER TABLE of its column, up and down; rejected values are left out."""
    with closing(_session(database)) as connection, connection.cursor() as cursor:
        for column in columns:
            head = f"ALTER TABLE t ALTER COLUMN {column.name} TYPE "
            up, down = (
                next(step.sql for step in steps if step.sql.startswith(head))
                for steps in (change.upgrade, change.downgrade)
            )
            cursor.execute(f"CREATE TEMP TABLE t (id int, {column.name} {column.old})")
            for _ in range(VALUES):
                cursor.execute("SAVEPOINT value")
                try:
                    cursor.execute(f"INSERT INTO t VALUES (1, %s::{column.old})", (TYPES[column.old](chance),))
                    seen = [_only(cursor, column)]
                    for step in (up, down):
                        cursor.execute(step)
                        seen.append(_only(cursor, column))
                    column.values.append((str(seen[0]), seen[1], seen[2]))
                except psycopg2.Error:
                    pass
                cursor.execute("ROLLBACK TO SAVEPOINT value")
            cursor.execute("DROP TABLE pg_temp.t")


def _session(database: Database) -> Any:
    arguments: dict[str, Any] = {**database.direct.connect_arguments()}
    return psycopg2.connect(**arguments)


def _only(cursor: Any, column: Column) -> str | None:
    cursor.execute(f"SELECT {column.name}::text FROM t")
    (value,) = cursor.fetchone()
    return None if value is None else str(value)


def _unnamed(columns: Sequence[Column], proof: Proof) -> list[str]:
    """Differences that the proof does not name."""
    faults = []
    for column in columns:
        named = any(f"t.{column.name} " in f"{loss} " or f"t.{column.name}," in loss for loss in proof.losses)
        named_down = any(
            f"t.{column.name} " in f"{loss} " or f"t.{column.name}," in loss for loss in proof.downgrade_losses
        )
        for value, converted, returned in column.values:
            same = value == returned or (
                returned is not None
                and means_the_same(value, column.old, returned, column.old)
                and column.old in _SEVERAL_SPELLINGS
            )
            if not named and not means_the_same(value, column.old, converted, column.new):
                faults.append(f"{column.old} -> {column.new}: {value!r} becomes {converted!r} unnamed")
            elif not same and not (named or named_down):
                faults.append(
                    f"{column.old} -> {column.new}: {value!r} ({converted!r}) comes back as {returned!r} unnamed"
                )
    return faults


_SEVERAL_SPELLINGS = frozenset({"numeric"})
"""Types with several spellings of one value, as 1.5 and 1.50."""


def _run(database: Database, legs: Sequence[RevisionRun], columns: Sequence[Column]) -> list[str]:
    """Run the revisions over all values, and compare them with what each became on its own."""
    rows = max((len(column.values) for column in columns), default=0)
    faults = []
    with closing(_session(database)) as connection, connection.cursor() as cursor:
        names = ", ".join(column.name for column in columns)
        for row in range(rows):
            given = [column.values[row][0] if row < len(column.values) else None for column in columns]
            casts = ", ".join(f"%s::{column.old}" for column in columns)
            cursor.execute(f"INSERT INTO t (id, {names}) VALUES (%s, {casts})", (row, *given))
        connection.commit()
    with connect(database) as migrating:
        for leg in legs:
            leg.up(migrating)
        faults += _compare(database, columns, 1, "becomes")
        for leg in reversed(legs):
            assert leg.down is not None
            leg.down(migrating)
        faults += _compare(database, columns, 2, "comes back as")
    return faults


def _compare(database: Database, columns: Sequence[Column], at: int, words: str) -> list[str]:
    faults = []
    with closing(_session(database)) as connection, connection.cursor() as cursor:
        for column in columns:
            cursor.execute(f"SELECT {column.name}::text FROM t ORDER BY id")
            found = [value for (value,) in cursor.fetchall()]
            for value, got in zip(column.values, found, strict=False):
                if value[at] != got:
                    faults.append(f"{column.old} -> {column.new}: {value[0]!r} {words} {got!r}, alone {value[at]!r}")
    return faults
