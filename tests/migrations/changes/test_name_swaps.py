"""Names that are swapped: the rows move with the names, in both directions."""

from collections.abc import Iterator
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import MetaData

from seedbed.errors import AmbiguousSwap, InvalidHint, UnmatchedRename, UnsupportedChange
from seedbed.migrations.draft.decisions import Decisions, RolloutStrategy
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import run_temporary_server
from seedbed.schema import hint
from tests.migrations.changes.harness import TrialServer, draft_changes, prove_with_seedbed
from tests.support.projects import execute
from tests.support.servers import installed

PLAIN, ONLINE = Decisions(strategy=RolloutStrategy.PLAIN), Decisions()
BACKWARDS = {"a": "b", "b": "a"}


@pytest.fixture(scope="module", params=installed(), ids=lambda binaries: f"postgres-{binaries.major_version}")
def trial_server(request: pytest.FixtureRequest) -> Iterator[TrialServer]:
    with run_temporary_server(request.param) as server:
        yield TrialServer(server)


def table(*parts: Any, name: str = "t", metadata: MetaData | None = None, **options: Any) -> MetaData:
    metadata = metadata if metadata is not None else MetaData()
    sa.Table(name, metadata, sa.Column("id", sa.Integer, primary_key=True), *parts, **options)
    return metadata


def column(name: str, kind: Any = sa.Text, *, was: str | None = None, **options: Any) -> sa.Column[Any]:
    return sa.Column(name, kind, info=hint(renamed_from=was) if was else {}, **options)


def two_tables(*, swapped: bool, alike: bool = False) -> MetaData:
    """Tables a and b with serial keys, an index and a constraint each, and a foreign key to one of them."""
    metadata = MetaData()
    for name in ("a", "b"):
        content = BACKWARDS[name] if swapped else name
        info = hint(renamed_from=BACKWARDS[name]) if swapped else {}
        note = sa.Column("note" if alike else f"of_{content}", sa.Text, index=True)
        check = sa.CheckConstraint("id > 0", name=f"{name}_id")
        sa.Table(name, metadata, sa.Column("id", sa.Integer, primary_key=True), note, check, info=info)
    child = "b" if swapped else "a"
    sa.Table("child", metadata, sa.Column("id", sa.ForeignKey(f"{child}.id"), primary_key=True))
    return metadata


class ChangedDatabase:
    """A database in which a change was made, and can be downgraded."""

    def __init__(
        self, trial_server: TrialServer, database: Database, after: MetaData, decisions: Decisions, rows: str
    ) -> None:
        _, self.legs = draft_changes(trial_server, database, after, decisions)
        self.database = database
        execute(database.direct, rows)
        with connect(database) as connection:
            for leg in self.legs:
                leg.up(connection)

    def ask(self, statement: str) -> Any:
        return execute(self.database.direct, statement)

    def take_back(self) -> None:
        with connect(self.database) as connection:
            for leg in reversed(self.legs):
                assert leg.down is not None
                leg.down(connection)


class TestColumns:
    @pytest.mark.parametrize("decisions", [PLAIN, ONLINE])
    def test_hints_swap_two(self, trial_server: TrialServer, decisions: Decisions) -> None:
        before = table(column("price", sa.Integer), column("stock", sa.BigInteger))
        after = table(column("stock", sa.Integer, was="price"), column("price", sa.BigInteger, was="stock"))

        with trial_server.database() as database:
            trial_server.build(database, before)
            moved = ChangedDatabase(
                trial_server, database, after, decisions, "INSERT INTO t (id, price, stock) VALUES (1, 10, 20)"
            )

            assert moved.ask("SELECT stock, price FROM t") == [(10, 20)]
            moved.take_back()
            assert moved.ask("SELECT price, stock FROM t") == [(10, 20)]
        assert prove_with_seedbed(trial_server, before, after, decisions).losses == ()

    def test_options_swap_two(self, trial_server: TrialServer) -> None:
        before = table(column("home"), column("work"))
        decisions = Decisions(renames={"t.home": "t.work", "t.work": "t.home"})

        with trial_server.database() as database:
            trial_server.build(database, before)
            moved = ChangedDatabase(
                trial_server, database, before, decisions, "INSERT INTO t (id, home, work) VALUES (1, 'h', 'w')"
            )

            assert moved.ask("SELECT home, work FROM t") == [("w", "h")]
            moved.take_back()
            assert moved.ask("SELECT home, work FROM t") == [("h", "w")]

    def test_three_names_rotate(self, trial_server: TrialServer) -> None:
        before = table(column("a", sa.Integer), column("b", sa.Text), column("c", sa.Date))
        after = table(column("b", sa.Integer, was="a"), column("c", sa.Text, was="b"), column("a", sa.Date, was="c"))
        rows = "INSERT INTO t (id, a, b, c) VALUES (1, 7, 'x', '2020-01-01')"

        with trial_server.database() as database:
            trial_server.build(database, before)
            moved = ChangedDatabase(trial_server, database, after, ONLINE, rows)

            assert moved.ask("SELECT b, c, a::text FROM t") == [(7, "x", "2020-01-01")]
            moved.take_back()
            assert moved.ask("SELECT a, b, c::text FROM t") == [(7, "x", "2020-01-01")]

    def test_swap_and_another_rename_together(self, trial_server: TrialServer) -> None:
        before = table(column("a", sa.Integer), column("b", sa.Text), column("c", sa.Date))
        after = table(column("b", sa.Integer, was="a"), column("a", sa.Text, was="b"), column("d", sa.Date, was="c"))
        rows = "INSERT INTO t (id, a, b, c) VALUES (1, 7, 'x', '2020-01-01')"

        with trial_server.database() as database:
            trial_server.build(database, before)
            moved = ChangedDatabase(trial_server, database, after, ONLINE, rows)

            assert moved.ask("SELECT b, a, d::text FROM t") == [(7, "x", "2020-01-01")]

    @pytest.mark.parametrize("decisions", [PLAIN, ONLINE])
    def test_indexes_and_unique_keys_equal_the_models(self, trial_server: TrialServer, decisions: Decisions) -> None:
        before = table(column("a", sa.Integer, index=True), column("b", sa.Text, unique=True))
        after = table(column("b", sa.Integer, was="a", index=True), column("a", sa.Text, was="b", unique=True))

        assert prove_with_seedbed(trial_server, before, after, decisions).losses == ()

    def test_followed_hints_have_no_effect(self, trial_server: TrialServer) -> None:
        after = table(column("stock", sa.Integer, was="price"), column("price", sa.BigInteger, was="stock"))

        with trial_server.database() as database:
            trial_server.build(database, after)
            change, _ = draft_changes(trial_server, database, after, ONLINE)

        assert change.upgrade == []

    def test_ambiguous_hints_are_refused(self, trial_server: TrialServer) -> None:
        before = table(column("home"), column("work"))
        after = table(column("home", was="work"), column("work", was="home"))

        with pytest.raises(AmbiguousSwap) as refused:
            prove_with_seedbed(trial_server, before, after, ONLINE)

        assert refused.value.remedy == (
            "If it has, remove the hints. If not, use options once instead of the hints: "
            "--rename t.work=t.home --rename t.home=t.work"
        )

    def test_half_a_swap_is_refused(self, trial_server: TrialServer) -> None:
        before = table(column("home"), column("work"))

        with pytest.raises(UnmatchedRename):
            prove_with_seedbed(trial_server, before, before, Decisions(renames={"t.home": "t.work"}))

    def test_a_gradual_swap_is_refused(self, trial_server: TrialServer) -> None:
        before = table(column("home"), column("work"))
        decisions = Decisions(renames={"t.home": "t.work", "t.work": "t.home"}, strategy=RolloutStrategy.GRADUAL)

        with pytest.raises(UnsupportedChange):
            prove_with_seedbed(trial_server, before, before, decisions)

    def test_two_hints_with_one_source_are_refused(self, trial_server: TrialServer) -> None:
        before = table(column("a"))
        after = table(column("b", was="a"), column("c", was="a"))

        with pytest.raises(InvalidHint) as refused:
            prove_with_seedbed(trial_server, before, after, ONLINE)

        assert refused.value.message == (
            "hint(renamed_from=...) of t.c cannot be used: t.b is also said to have been t.a."
        )

    def test_source_still_in_the_models_is_refused_without_an_option(self, trial_server: TrialServer) -> None:
        before = table(column("a"))

        with pytest.raises(InvalidHint) as refused:
            prove_with_seedbed(trial_server, before, table(column("a"), column("b", was="a")), ONLINE)
        with trial_server.database() as database:
            trial_server.build(database, before)
            decisions = Decisions(renames={"t.a": "t.b"})
            moved = ChangedDatabase(
                trial_server, database, table(column("a"), column("b")), decisions, "INSERT INTO t VALUES (1, 'x')"
            )

            assert moved.ask("SELECT a, b FROM t") == [(None, "x")]
        assert "--rename t.a=t.b" in refused.value.remedy

    def test_missing_source_is_refused(self, trial_server: TrialServer) -> None:
        with pytest.raises(InvalidHint) as refused:
            prove_with_seedbed(
                trial_server, table(column("name")), table(column("title", sa.Integer, was="nmae")), ONLINE
            )

        assert refused.value.message == (
            "hint(renamed_from=...) of t.title cannot be used: t has no column nmae in the migrations."
        )


class TestTables:
    @pytest.mark.parametrize("decisions", [PLAIN, ONLINE])
    def test_swapped_tables_keep_indexes_and_sequences(self, trial_server: TrialServer, decisions: Decisions) -> None:
        before, after = two_tables(swapped=False), two_tables(swapped=True)
        rows = "INSERT INTO a (of_a) SELECT 'a' FROM generate_series(1, 3); INSERT INTO b (of_b) VALUES ('b')"

        with trial_server.database() as database:
            trial_server.build(database, before)
            moved = ChangedDatabase(trial_server, database, after, decisions, rows)
            last = moved.ask("SELECT last_value FROM b_id_seq"), moved.ask("SELECT last_value FROM a_id_seq")

            assert moved.ask("SELECT count(*) FROM b WHERE of_a = 'a'") == [(3,)]
            assert last == ([(3,)], [(1,)])
            assert moved.ask("SELECT pg_get_serial_sequence('b', 'id')") == [("public.b_id_seq",)]
            moved.take_back()
            assert moved.ask("SELECT count(*) FROM a WHERE of_a = 'a'") == [(3,)]
            assert moved.ask("SELECT last_value FROM a_id_seq") == [(3,)]
        assert prove_with_seedbed(trial_server, before, after, decisions).losses == ()

    def test_options_swap_similar_tables(self, trial_server: TrialServer) -> None:
        before = two_tables(swapped=False, alike=True)
        after = two_tables(swapped=True, alike=True)
        decisions = Decisions(renames={"a": "b", "b": "a"})

        with pytest.raises(AmbiguousSwap):
            prove_with_seedbed(trial_server, before, after, ONLINE)
        assert prove_with_seedbed(trial_server, before, after, decisions).losses == ()

    def test_followed_hints_have_no_effect(self, trial_server: TrialServer) -> None:
        with trial_server.database() as database:
            trial_server.build(database, two_tables(swapped=True))
            change, _ = draft_changes(trial_server, database, two_tables(swapped=True), ONLINE)

        assert change.upgrade == []

    def test_table_and_its_columns_are_renamed_together(self, trial_server: TrialServer) -> None:
        before = table(column("a", sa.Integer), column("b", sa.Text))
        after = table(
            column("b", sa.Integer, was="a"),
            column("a", sa.Text, was="b"),
            name="u",
            info=hint(renamed_from="t"),
        )

        with trial_server.database() as database:
            trial_server.build(database, before)
            moved = ChangedDatabase(
                trial_server, database, after, ONLINE, "INSERT INTO t (id, a, b) VALUES (1, 7, 'x')"
            )

            assert moved.ask("SELECT b, a FROM u") == [(7, "x")]
            moved.take_back()
            assert moved.ask("SELECT a, b FROM t") == [(7, "x")]

    def test_missing_source_is_refused(self, trial_server: TrialServer) -> None:
        with pytest.raises(InvalidHint) as refused:
            prove_with_seedbed(trial_server, table(), table(name="u", info=hint(renamed_from="tt")), ONLINE)

        assert refused.value.message == (
            "hint(renamed_from=...) of u cannot be used: no table is called tt in the migrations."
        )


class TestLabels:
    def enum(self, *labels: str, **renamed: str) -> MetaData:
        info = hint(renamed_values=renamed) if renamed else {}
        return table(sa.Column("color", sa.Enum(*labels, name="color"), info=info))

    def test_labels_are_swapped_once(self, trial_server: TrialServer) -> None:
        after = self.enum("GREEN", "RED", RED="GREEN", GREEN="RED")

        with trial_server.database() as database:
            trial_server.build(database, self.enum("RED", "GREEN"))
            moved = ChangedDatabase(
                trial_server, database, after, ONLINE, "INSERT INTO t (id, color) VALUES (1, 'RED')"
            )
            again, _ = draft_changes(trial_server, database, after, ONLINE)

            assert moved.ask("SELECT color::text FROM t") == [("GREEN",)]
            assert again.upgrade == []
            moved.take_back()
            assert moved.ask("SELECT color::text FROM t") == [("RED",)]

    def test_label_missing_from_the_models_is_refused(self, trial_server: TrialServer) -> None:
        with pytest.raises(InvalidHint) as refused:
            prove_with_seedbed(trial_server, self.enum("RED"), self.enum("CRIMSON", RED="CRIMSO"), ONLINE)

        assert refused.value.message == (
            "hint(renamed_values=...) of t.color cannot be used: color has no label CRIMSO in the models."
        )
