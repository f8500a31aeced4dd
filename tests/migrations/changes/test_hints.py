"""Hints and options of a draft: each is followed, refused, or listed as unused."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import MetaData

from seedbed.errors import AmbiguousRename, InvalidHint, UnusedDraftOption
from seedbed.migrations.draft.decisions import Decisions, RolloutStrategy
from seedbed.postgres.connection import connect
from seedbed.postgres.embedded import run_temporary_server
from seedbed.schema import hint
from tests.migrations.changes.harness import TrialServer, draft_changes, prove_with_seedbed
from tests.support.projects import execute
from tests.support.servers import installed

FORMS = [Decisions(strategy=form) for form in RolloutStrategy]
GRADUAL = Decisions(strategy=RolloutStrategy.GRADUAL)
MAPPED = "CASE color::text WHEN 'RED' THEN 'BLUE' ELSE color::text END"


@pytest.fixture(scope="module", params=installed(), ids=lambda binaries: f"postgres-{binaries.major_version}")
def trial_server(request: pytest.FixtureRequest) -> Iterator[TrialServer]:
    with run_temporary_server(request.param) as server:
        yield TrialServer(server)


def create_metadata(*parts: Any, info: dict[str, Any] | None = None) -> MetaData:
    metadata = MetaData()
    sa.Table("t", metadata, sa.Column("id", sa.Integer, primary_key=True), *parts, info=info or {})
    return metadata


def column(name: str, kind: Any = sa.Text, *, nullable: bool = True, **hints: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, nullable=nullable, info=hint(**hints) if hints else {})


def enum(*labels: str, array: bool = False, **hints: Any) -> sa.Column[Any]:
    kind = sa.Enum(*labels, name="color")
    return column("color", sa.ARRAY(kind) if array else kind, **hints)


def read_values(
    trial_server: TrialServer, before: MetaData, after: MetaData, decisions: Decisions, rows: str, query: str
) -> list[Any]:
    """The result of a query after a change, in a database that had rows before it."""
    with trial_server.database() as database:
        trial_server.build(database, before)
        _, revision_runs = draft_changes(trial_server, database, after, decisions)
        execute(database.direct, rows)
        with connect(database) as connection:
            for leg in revision_runs:
                leg.up(connection)
        return [value for (value,) in execute(database.direct, query)]


class TestUsing:
    @pytest.mark.parametrize("decisions", FORMS, ids=lambda decisions: decisions.strategy)
    def test_using_maps_removed_labels(self, trial_server: TrialServer, decisions: Decisions) -> None:
        before = create_metadata(enum("RED", "GREEN", "BLUE"))
        after = create_metadata(enum("GREEN", "BLUE", using=MAPPED))
        rows = "INSERT INTO t (id, color) VALUES (1, 'RED'), (2, 'GREEN'), (3, NULL)"

        found = read_values(trial_server, before, after, decisions, rows, "SELECT color::text FROM t ORDER BY id")

        assert found == ["BLUE", "GREEN", None]
        losses = prove_with_seedbed(trial_server, before, after, decisions).losses
        assert losses == (f"what t.color was, where {MAPPED} makes another value of it",)

    def test_using_maps_renamed_labels_without_a_question(self, trial_server: TrialServer) -> None:
        after = create_metadata(
            enum("GREEN", "CRIMSON", using="CASE color WHEN 'RED' THEN 'CRIMSON' ELSE color::text END")
        )
        rows = "INSERT INTO t (id, color) VALUES (1, 'RED'), (2, 'GREEN')"

        found = read_values(
            trial_server,
            create_metadata(enum("RED", "GREEN")),
            after,
            Decisions(),
            rows,
            "SELECT color::text FROM t ORDER BY id",
        )

        assert found == ["CRIMSON", "GREEN"]

    def test_using_maps_labels_of_an_array(self, trial_server: TrialServer) -> None:
        after = create_metadata(enum("GREEN", "BLUE", array=True, using="array_replace(color::text[], 'RED', 'BLUE')"))
        rows = "INSERT INTO t (id, color) VALUES (1, '{RED,GREEN}')"

        before = create_metadata(enum("RED", "GREEN", "BLUE", array=True))
        found = read_values(trial_server, before, after, Decisions(), rows, "SELECT color::text FROM t")

        assert found == ["{BLUE,GREEN}"]

    def test_back_hint_converts_in_the_downgrade(self, trial_server: TrialServer) -> None:
        back = "CASE color::text WHEN 'BLUE' THEN 'RED' ELSE color::text END"
        before, after = (
            create_metadata(enum("RED", "GREEN")),
            create_metadata(enum("GREEN", "BLUE", using=MAPPED, back=back)),
        )

        with trial_server.database() as database:
            trial_server.build(database, before)
            _, revision_runs = draft_changes(trial_server, database, after, Decisions())
            execute(database.direct, "INSERT INTO t (id, color) VALUES (1, 'RED')")
            with connect(database) as connection:
                for leg in revision_runs:
                    leg.up(connection)
                for leg in reversed(revision_runs):
                    assert leg.down is not None
                    leg.down(connection)
            assert execute(database.direct, "SELECT color::text FROM t") == [("RED",)]

    @pytest.mark.parametrize("decisions", FORMS, ids=lambda decisions: decisions.strategy)
    @pytest.mark.parametrize("name", ["age", "years"])
    def test_renamed_column_is_known_by_both_names(
        self, trial_server: TrialServer, decisions: Decisions, name: str
    ) -> None:
        told: dict[str, Any] = {"using": f"nullif({name}, 'age')::integer", "back": f"{name}::text"}
        before = create_metadata(column("age"))
        after = create_metadata(column("years", sa.Integer, renamed_from="age", **told))
        rows = "INSERT INTO t (id, age) VALUES (1, '41'), (2, 'age')"

        found = read_values(trial_server, before, after, decisions, rows, "SELECT years FROM t ORDER BY id")

        assert found == [41, None]


class TestHint:
    REFUSED: tuple[tuple[MetaData, str], ...] = (
        (
            create_metadata(info=hint(using="1")),
            "hint(using=...) of t cannot be used: it applies to a column, and is set on a table.",
        ),
        (
            create_metadata(column("a"), info=hint(dropped=("a",))),
            "hint(dropped=...) of t cannot be used: a is still in the models.",
        ),
        (
            create_metadata(column("a", dropped=("b",))),
            "hint(dropped=...) of t.a cannot be used: it names columns or tables to drop, and is set on a column: "
            "put it into the table's info.",
        ),
        (
            create_metadata(column("a", renamed_values={"x": "y"})),
            "hint(renamed_values=...) of t.a cannot be used: the column's type is not a database enum.",
        ),
        (
            create_metadata(column("a", sa.Enum("x", "y", name="e", native_enum=False), renamed_values={"x": "y"})),
            "hint(renamed_values=...) of t.a cannot be used: the column's type is not a database enum.",
        ),
        (
            create_metadata(column("a"), column("b", using="a || 'x'")),
            "hint(using=...) of t.b cannot be used: the column is new, so there is no old value; "
            "hint(backfill=...) fills it.",
        ),
    )

    @pytest.mark.parametrize("case", range(len(REFUSED)))
    def test_hint_that_cannot_be_followed_is_refused(self, trial_server: TrialServer, case: int) -> None:
        after, said = self.REFUSED[case]

        with pytest.raises(InvalidHint) as refused:
            prove_with_seedbed(trial_server, create_metadata(column("a")), after, Decisions())

        assert refused.value.message == said

    def test_unused_hint_is_listed(self, trial_server: TrialServer) -> None:
        after = create_metadata(
            column("a", using="a::text", back="a"),
            column("b", renamed_from="was", backfill="''"),
            column("c", nullable=False, backfill="''"),
            info=hint(renamed_from="u", dropped=("gone",)),
        )

        with trial_server.database() as database:
            trial_server.build(database, create_metadata(column("a"), column("b")))
            change, _ = draft_changes(trial_server, database, after, GRADUAL)

        assert change.unused_hints == (
            "t: renamed_from",
            "t: dropped",
            "t.a: using",
            "t.a: back",
            "t.b: renamed_from",
            "t.b: backfill",
            "--gradual: no column has another name",
        )

    def test_used_hint_is_not_listed(self, trial_server: TrialServer) -> None:
        before = create_metadata(enum("RED"), column("a"), column("n", sa.Text), column("gone", sa.Date))
        after = create_metadata(
            enum("CRIMSON", renamed_values={"RED": "CRIMSON"}),
            column("b", renamed_from="a", nullable=False, backfill="''"),
            column("n", sa.Integer, using="n::integer", back="n::text"),
            info=hint(dropped=("gone",)),
        )

        with trial_server.database() as database:
            trial_server.build(database, before)
            change, _ = draft_changes(trial_server, database, after, Decisions())

        assert change.unused_hints == ()


class TestOption:
    @pytest.mark.parametrize(
        ("decisions", "said"),
        [
            (
                Decisions(dropped=frozenset({"t.a"})),
                "--drop t.a has no effect: the migrations have nothing of that name",
            ),
            (
                Decisions(backfills={"t.a": "''"}),
                "--backfill t.a has no effect: the column is neither new in an existing table",
            ),
            (
                Decisions(backfills={"t.z": "''"}),
                "--backfill t.z has no effect: the models have no column of that name.",
            ),
        ],
    )
    def test_option_without_effect_is_refused(self, trial_server: TrialServer, decisions: Decisions, said: str) -> None:
        with pytest.raises(UnusedDraftOption) as refused:
            prove_with_seedbed(
                trial_server, create_metadata(column("a")), create_metadata(column("a"), column("b")), decisions
            )

        assert refused.value.message.startswith(said)


class TestRenameCandidates:
    def asked(
        self, trial_server: TrialServer, before: MetaData, after: MetaData, decisions: Decisions | None = None
    ) -> AmbiguousRename:
        with pytest.raises(AmbiguousRename) as query:
            prove_with_seedbed(trial_server, before, after, decisions or Decisions())
        return query.value

    def test_most_similar_name_comes_first(self, trial_server: TrialServer) -> None:
        before = create_metadata(column("workflow_id", nullable=False), column("sequential_key"))
        after = create_metadata(
            column("workflow_id", nullable=False), column("approval", nullable=False), column("serial_key")
        )

        query = self.asked(trial_server, before, after)

        assert (query.old, query.candidates) == ("t.sequential_key", ("t.serial_key", "t.approval"))
        assert query.question == "What is the new name of column t.sequential_key?"
        assert query.answers == (
            "--rename t.sequential_key=t.serial_key",
            "--rename t.sequential_key=t.approval",
            "--drop t.sequential_key",
        )

    def test_similar_name_of_another_type_comes_before_a_different_name(self, trial_server: TrialServer) -> None:
        query = self.asked(
            trial_server,
            create_metadata(column("unit_price", sa.Integer)),
            create_metadata(column("rank", sa.Integer), column("unit_prize", sa.BigInteger)),
        )

        assert query.candidates == ("t.unit_prize", "t.rank")

    def test_type_and_nullability_decide_between_equally_similar_names(self, trial_server: TrialServer) -> None:
        after = create_metadata(column("bx", nullable=False), column("by"), column("bz", sa.Date))

        assert self.asked(trial_server, create_metadata(column("a")), after).candidates == ("t.by", "t.bx")

    def test_likeliest_pair_is_asked_about_first(self, trial_server: TrialServer) -> None:
        before = create_metadata(column("alpha"), column("first_name"))
        after = create_metadata(column("given_name"), column("first_names"))

        first = self.asked(trial_server, before, after)
        second = self.asked(trial_server, before, after, Decisions(renames={first.old: first.candidates[0]}))

        assert (first.old, first.candidates[0]) == ("t.first_name", "t.first_names")
        assert (second.old, second.candidates) == ("t.alpha", ("t.given_name",))

    def test_tables_are_compared_by_name_and_columns(self, trial_server: TrialServer) -> None:
        def tables(*names: str) -> MetaData:
            metadata = MetaData()
            for name in names:
                sa.Table(name, metadata, sa.Column("id", sa.Integer, primary_key=True), sa.Column("note", sa.Text))
            return metadata

        query = self.asked(trial_server, tables("invoice_line"), tables("ledger", "invoice_lines"))

        assert query.candidates == ("invoice_lines", "ledger")

    def test_labels_are_compared_by_name(self, trial_server: TrialServer) -> None:
        query = self.asked(
            trial_server, create_metadata(enum("draft", "done")), create_metadata(enum("sent", "drafted", "done"))
        )

        assert query.candidates == ("color.drafted", "color.sent")
