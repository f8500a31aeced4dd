"""Generated columns that become ordinary ones, and back: their values are kept, or named as lost."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import MetaData

from seedbed.migrations.draft.decisions import Decisions, RolloutStrategy
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import run_temporary_server
from seedbed.schema import declare, hint
from tests.migrations.changes.harness import TrialServer, draft_changes, prove_with_seedbed
from tests.support.projects import execute
from tests.support.servers import installed

FORMS = [Decisions(strategy=form) for form in (RolloutStrategy.PLAIN, RolloutStrategy.ONLINE, RolloutStrategy.GRADUAL)]
ROWS = "INSERT INTO t (a) VALUES (1), (5), (NULL)"


@pytest.fixture(scope="module", params=installed(), ids=lambda binaries: f"postgres-{binaries.major_version}")
def trial_server(request: pytest.FixtureRequest) -> Iterator[TrialServer]:
    with run_temporary_server(request.param) as server:
        yield TrialServer(server)


@pytest.fixture(params=["stored", "virtual"])
def kind(request: pytest.FixtureRequest, trial_server: TrialServer) -> str:
    if request.param == "virtual" and trial_server.server.binaries.major_version < 18:
        pytest.skip("PostgreSQL has virtual generated columns from 18 on")
    return str(request.param)


def create_metadata(*parts: Any, sql: str = "") -> MetaData:
    metadata = MetaData()
    key = sa.Column("id", sa.Integer, sa.Identity(), primary_key=True)
    sa.Table("t", metadata, key, sa.Column("a", sa.Integer), *parts)
    if sql:
        declare(metadata, sql)
    return metadata


def generated_column(kind: str, expression: str = "a - 1", of: Any = sa.Integer, **options: Any) -> sa.Column[Any]:
    return sa.Column("x", of, sa.Computed(expression, persisted=kind == "stored"), **options)


def ordinary_column(of: Any = sa.Integer, **options: Any) -> sa.Column[Any]:
    return sa.Column("x", of, **options)


def upgrade_and_downgrade(
    trial_server: TrialServer, before: MetaData, after: MetaData, decisions: Decisions, rows: str = ROWS
) -> list[Any]:
    """The values of x, as text, after the change and after its downgrade."""
    with trial_server.database() as database:
        trial_server.build(database, before)
        _, revision_runs = draft_changes(trial_server, database, after, decisions)
        execute(database.direct, rows)
        with connect(database) as connection:
            for leg in revision_runs:
                leg.up(connection)
            up = _values(database)
            for leg in reversed(revision_runs):
                assert leg.down is not None
                leg.down(connection)
        return [up, _values(database)]


def _values(database: Database) -> list[str | None]:
    return [value for (value,) in execute(database.direct, "SELECT x::text FROM t ORDER BY id")]


class TestGeneratedColumn:
    @pytest.mark.parametrize("decisions", FORMS, ids=lambda decisions: decisions.strategy)
    def test_becoming_an_ordinary_column_keeps_values(
        self, trial_server: TrialServer, kind: str, decisions: Decisions
    ) -> None:
        before, after = create_metadata(generated_column(kind)), create_metadata(ordinary_column())

        assert upgrade_and_downgrade(trial_server, before, after, decisions) == [["0", "4", None], ["0", "4", None]]
        assert prove_with_seedbed(trial_server, before, after, decisions).losses == ()

    @pytest.mark.parametrize("decisions", FORMS, ids=lambda decisions: decisions.strategy)
    def test_becoming_an_ordinary_column_of_another_type_keeps_values(
        self, trial_server: TrialServer, kind: str, decisions: Decisions
    ) -> None:
        after = create_metadata(ordinary_column(sa.Text, info=hint(using="'n' || x")))

        assert upgrade_and_downgrade(trial_server, create_metadata(generated_column(kind)), after, decisions)[0] == [
            "n0",
            "n4",
            None,
        ]

    @pytest.mark.parametrize("decisions", FORMS, ids=lambda decisions: decisions.strategy)
    def test_becoming_not_null_with_a_default_keeps_values(
        self, trial_server: TrialServer, kind: str, decisions: Decisions
    ) -> None:
        after = create_metadata(ordinary_column(nullable=False, server_default="7", index=True, comment="what it was"))

        assert upgrade_and_downgrade(trial_server, create_metadata(generated_column(kind)), after, decisions)[0] == [
            "0",
            "4",
            "7",
        ]

    def test_values_are_kept_if_a_view_uses_the_column(self, trial_server: TrialServer, kind: str) -> None:
        seen = "CREATE VIEW seen AS SELECT x FROM t"
        before, after = create_metadata(generated_column(kind), sql=seen), create_metadata(ordinary_column(), sql=seen)

        assert upgrade_and_downgrade(trial_server, before, after, Decisions()) == [["0", "4", None], ["0", "4", None]]

    def test_values_are_kept_if_the_column_is_renamed(self, trial_server: TrialServer, kind: str) -> None:
        before = create_metadata(sa.Column("y", sa.Integer, sa.Computed("a - 1", persisted=kind == "stored")))
        after = create_metadata(ordinary_column(info=hint(renamed_from="y")))

        proof = prove_with_seedbed(trial_server, before, after, Decisions())

        assert proof.losses == ()

    def test_becoming_generated_loses_values_and_names_it(self, trial_server: TrialServer, kind: str) -> None:
        rows = "INSERT INTO t (a, x) VALUES (1, 70), (5, NULL)"
        before, after = create_metadata(ordinary_column()), create_metadata(generated_column(kind))

        assert upgrade_and_downgrade(trial_server, before, after, Decisions(), rows)[0] == ["0", "4"]
        assert prove_with_seedbed(trial_server, before, after, Decisions()).losses == ("t.x",)

    def test_new_expression_recomputes_the_column(self, trial_server: TrialServer, kind: str) -> None:
        other = "virtual" if kind == "stored" and trial_server.server.binaries.major_version >= 18 else "stored"
        after = create_metadata(generated_column(other, "a - 2"))

        assert upgrade_and_downgrade(trial_server, create_metadata(generated_column(kind)), after, Decisions()) == [
            ["-1", "3", None],
            ["0", "4", None],
        ]
