"""NOT NULL constraints that are NOT VALID, on PostgreSQL 18: compared, drafted, validated, and downgraded."""

from collections.abc import Iterator

import pytest
import sqlalchemy as sa
from sqlalchemy import MetaData

from seedbed.migrations.draft.decisions import Decisions, RolloutStrategy
from seedbed.postgres.catalog import find_differences, read_catalog
from seedbed.postgres.connection import connect
from seedbed.postgres.embedded import run_temporary_server
from seedbed.schema import declare, hint
from tests.migrations.changes.harness import TrialServer, draft_changes, prove_with_seedbed
from tests.support.projects import execute
from tests.support.servers import installed

MAJORS = [binaries for binaries in installed() if binaries.major_version >= 18]
FORMS = [Decisions(strategy=RolloutStrategy.PLAIN), Decisions()]
NOT_VALID = "ALTER TABLE t ADD CONSTRAINT t_a_set NOT NULL a NOT VALID"


@pytest.fixture(scope="module", params=MAJORS, ids=lambda binaries: f"postgres-{binaries.major_version}")
def trial_server(request: pytest.FixtureRequest) -> Iterator[TrialServer]:
    with run_temporary_server(request.param) as server:
        yield TrialServer(server)


def create_metadata(column: sa.Column[int] | None = None, sql: str = "") -> MetaData:
    metadata = MetaData()
    parts = [] if column is None else [column]
    sa.Table("t", metadata, sa.Column("id", sa.Integer, primary_key=True), *parts)
    if sql:
        declare(metadata, sql)
    return metadata


def nullable() -> MetaData:
    return create_metadata(sa.Column("a", sa.Integer))


def not_valid() -> MetaData:
    return create_metadata(sa.Column("a", sa.Integer), NOT_VALID)


def not_null() -> MetaData:
    return create_metadata(sa.Column("a", sa.Integer, nullable=False, info=hint(backfill="0")))


WORLDS = {"nullable": nullable, "of new rows": not_valid, "required": not_null, "nowhere": create_metadata}


class TestNotValidNotNull:
    def test_difference_is_found(self, trial_server: TrialServer) -> None:
        with trial_server.database() as one, trial_server.database() as other:
            wanted = trial_server.build(one, not_null())
            trial_server.build(other, not_valid())
            with connect(other) as connection:
                found = find_differences(read_catalog(connection), wanted)

        assert list(map(str, found)) == ["column t.a: unvalidated_not_null is t_a_set, should be none"]

    @pytest.mark.parametrize("decisions", FORMS, ids=lambda decisions: decisions.strategy)
    @pytest.mark.parametrize("other", ["nullable", "required", "nowhere"])
    def test_change_is_proven_in_both_directions(
        self, trial_server: TrialServer, decisions: Decisions, other: str
    ) -> None:
        assert prove_with_seedbed(trial_server, WORLDS[other](), not_valid(), decisions)
        assert prove_with_seedbed(trial_server, not_valid(), WORLDS[other](), decisions)

    def test_new_table_is_proven(self, trial_server: TrialServer) -> None:
        assert prove_with_seedbed(trial_server, MetaData(), not_valid(), Decisions())

    @pytest.mark.parametrize("decisions", FORMS, ids=lambda decisions: decisions.strategy)
    def test_existing_nulls_stay_until_a_backfill_validates_the_constraint(
        self, trial_server: TrialServer, decisions: Decisions
    ) -> None:
        with trial_server.database() as database:
            trial_server.build(database, nullable())
            _, revision_runs = draft_changes(trial_server, database, not_valid(), decisions)
            execute(database.direct, "INSERT INTO t VALUES (1, NULL)")
            with connect(database) as connection:
                for leg in revision_runs:
                    leg.up(connection)
            names = execute(database.direct, "SELECT conname FROM pg_constraint WHERE NOT convalidated")

            _, revision_runs = draft_changes(trial_server, database, not_null(), decisions)
            with connect(database) as connection:
                for leg in revision_runs:
                    leg.up(connection)

            assert names == [("t_a_set",)]
            assert execute(database.direct, "SELECT a FROM t") == [(0,)]
            assert execute(database.direct, "SELECT conname FROM pg_constraint WHERE NOT convalidated") == []
