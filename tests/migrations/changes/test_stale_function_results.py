"""Function bodies that change while tables store their results: the results are computed again, up and down."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import MetaData
from sqlalchemy.exc import DBAPIError

from seedbed.errors import UnsupportedChange
from seedbed.migrations.draft.decisions import Decisions, RolloutStrategy
from seedbed.migrations.hazards.rules import find_hazards
from seedbed.migrations.hazards.trace import ObservedRevision, trace_statements
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import run_temporary_server
from seedbed.schema import declare
from tests.migrations.changes.harness import TrialServer, draft_changes, prove_with_seedbed
from tests.support.projects import execute
from tests.support.servers import installed

FORMS = [Decisions(strategy=RolloutStrategy.PLAIN), Decisions()]
HEAD = "RETURNS int LANGUAGE sql IMMUTABLE"
CALLER = f"CREATE FUNCTION norm(x int) {HEAD} AS $$ SELECT public.inner_norm(x) $$"
ATOMIC = f"CREATE FUNCTION norm(x int) {HEAD} RETURN public.inner_norm(x)"


@pytest.fixture(scope="module", params=installed(), ids=lambda binaries: f"postgres-{binaries.major_version}")
def trial_server(request: pytest.FixtureRequest) -> Iterator[TrialServer]:
    with run_temporary_server(request.param) as server:
        yield TrialServer(server)


def define_function(factor: int, name: str = "norm", head: str = HEAD) -> str:
    return f"CREATE FUNCTION {name}(x int) {head} AS $$ SELECT x * {factor} $$"


def create_metadata(*parts: Any, sql: tuple[str, ...], **options: Any) -> MetaData:
    metadata = MetaData()
    declare(metadata, *sql)
    sa.Table(
        "t", metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("a", sa.Integer), *parts, **options
    )
    return metadata


def stored() -> tuple[Any, ...]:
    return (
        sa.Column("g", sa.Integer, sa.Computed("norm(a)", persisted=True), index=True, comment="of a"),
        sa.Index("ix_norm", sa.text("norm(a)")),
    )


class ChangedFunction:
    """A database with three rows in which a function's body changes."""

    def __init__(
        self, trial_server: TrialServer, database: Database, before: MetaData, after: MetaData, decisions: Decisions
    ) -> None:
        trial_server.build(database, before)
        self.change, self.legs = draft_changes(trial_server, database, after, decisions)
        self.database = database
        execute(database.direct, "INSERT INTO t (id, a) SELECT n, n FROM generate_series(1, 3) n")

    def up(self) -> None:
        with connect(self.database) as connection:
            for leg in self.legs:
                leg.up(connection)

    def down(self) -> None:
        with connect(self.database) as connection:
            for leg in reversed(self.legs):
                assert leg.down is not None
                leg.down(connection)

    def values(self) -> list[int]:
        return [value for (value,) in execute(self.database.direct, "SELECT g FROM t ORDER BY id")]

    def found(self, value: int) -> int:
        """Rows that the index over the function finds."""
        statement = f"SELECT count(*) FROM t WHERE norm(a) = {value}"
        return int(execute(self.database.direct, "SET enable_seqscan = off", statement)[0][0])


class TestChangedFunctionBody:
    @pytest.mark.parametrize("decisions", FORMS, ids=lambda decisions: decisions.strategy)
    def test_stored_columns_and_indexes_are_recomputed(self, trial_server: TrialServer, decisions: Decisions) -> None:
        before, after = (
            create_metadata(*stored(), sql=(define_function(2),)),
            create_metadata(*stored(), sql=(define_function(3),)),
        )

        with trial_server.database() as database:
            changed = ChangedFunction(trial_server, database, before, after, decisions)
            changed.up()
            assert (changed.values(), changed.found(9)) == ([3, 6, 9], 1)
            changed.down()
            assert (changed.values(), changed.found(6)) == ([2, 4, 6], 1)
        assert prove_with_seedbed(trial_server, before, after, decisions).losses == ()

    @pytest.mark.parametrize("caller", [CALLER, ATOMIC])
    def test_callers_of_the_function_are_followed(self, trial_server: TrialServer, caller: str) -> None:
        before = create_metadata(*stored(), sql=(define_function(2, "inner_norm"), caller))
        after = create_metadata(*stored(), sql=(define_function(3, "inner_norm"), caller))

        with trial_server.database() as database:
            changed = ChangedFunction(trial_server, database, before, after, Decisions())
            changed.up()
            assert (changed.values(), changed.found(9)) == ([3, 6, 9], 1)

    def test_function_may_read_a_new_table(self, trial_server: TrialServer) -> None:
        body = "CREATE FUNCTION most() RETURNS int LANGUAGE sql STABLE AS $$ SELECT max(id) FROM {} $$"
        before, after = create_metadata(sql=(body.format("t"),)), create_metadata(sql=(body.format("newer"),))
        sa.Table("newer", after, sa.Column("id", sa.Integer, primary_key=True))

        assert prove_with_seedbed(trial_server, before, after, Decisions())

    def test_checks_are_validated_again(self, trial_server: TrialServer) -> None:
        check = sa.CheckConstraint("norm(a) < 8", name="small")
        before, after = (
            create_metadata(check, sql=(define_function(2),)),
            create_metadata(sa.CheckConstraint("norm(a) < 8", name="small"), sql=(define_function(3),)),
        )

        with trial_server.database() as database:
            changed = ChangedFunction(trial_server, database, before, after, Decisions())
            with pytest.raises(DBAPIError, match=r"\"small\" of relation \"t\" is violated"):
                changed.up()
            execute(database.direct, "DELETE FROM t WHERE id = 3")
            changed.up()

    def test_partition_key_with_the_function_is_refused(self, trial_server: TrialServer) -> None:
        def parted(factor: int) -> MetaData:
            metadata = MetaData()
            parts = [sa.Column("a", sa.Integer)]
            declare(metadata, define_function(factor))
            sa.Table("t", metadata, *parts, postgresql_partition_by="RANGE (norm(a))")
            return metadata

        with pytest.raises(UnsupportedChange) as refused:
            prove_with_seedbed(trial_server, parted(2), parted(3), Decisions())

        assert refused.value.message == (
            "function norm(x integer) cannot be drafted: table t is partitioned by its results, and rows would be in "
            "the wrong partitions."
        )

    def test_unchanged_results_are_not_recomputed(self, trial_server: TrialServer) -> None:
        costly = define_function(2, head=f"{HEAD} COST 7 PARALLEL SAFE")
        before, after = create_metadata(*stored(), sql=(define_function(2),)), create_metadata(*stored(), sql=(costly,))

        with trial_server.database() as database:
            changed = ChangedFunction(trial_server, database, before, after, Decisions())

        assert [step.sql.partition("\n")[0] for step in changed.change.upgrade] == [
            "CREATE OR REPLACE FUNCTION public.norm(x integer)"
        ]

    def test_recomputing_is_not_a_loss(self, trial_server: TrialServer) -> None:
        before, after = (
            create_metadata(*stored(), sql=(define_function(2),)),
            create_metadata(*stored(), sql=(define_function(3),)),
        )

        with trial_server.database() as database:
            changed = ChangedFunction(trial_server, database, before, after, Decisions())
            with connect(database) as connection, trace_statements(connection, "x") as trace:
                changed.legs[0].up(connection)
            rules = {hazard.rule for hazard in find_hazards(ObservedRevision(trace, {}))}

        assert "rewrite" in rules
        assert "drop-column" not in rules
