"""Type changes over rows that do not fit: nothing is truncated, and rounding is named."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.exc import DBAPIError

from seedbed.errors import DraftProofFailure, UnknownTypeConversion
from seedbed.migrations.draft.decisions import Decisions
from seedbed.migrations.draft.revision_plans import build_candidate
from seedbed.migrations.proof.candidate import RevisionRun
from seedbed.migrations.proof.proof import Verdict, prove
from seedbed.postgres.connection import connect
from seedbed.postgres.embedded import TemporaryServer
from seedbed.schema import hint
from tests.migrations.changes.cases import SERIAL
from tests.migrations.changes.harness import TrialServer, draft_changes, prove_with_seedbed
from tests.migrations.changes.world import PLAIN, SampleSchema, col
from tests.support.projects import execute

pytestmark = pytest.mark.slow

BIG = (col("id", sa.BigInteger, primary_key=True), col("note", sa.Text))
IDENTITY = (col("id", sa.Integer, sa.Identity(), primary_key=True), col("note", sa.Text))


@pytest.fixture(scope="module")
def trial_server(seedbed_server: TemporaryServer) -> TrialServer:
    return TrialServer(seedbed_server)


def schema_with_column(kind: Any, **options: Any) -> SampleSchema:
    return SampleSchema(hero={"x": col("x", kind, **options)})


def schema_with_view(kind: Any, **options: Any) -> SampleSchema:
    """A column with a view on it is changed in place; no second column takes its place during an expansion."""
    return SampleSchema(hero={"x": col("x", kind, **options)}, sql=("CREATE VIEW seen AS SELECT x FROM hero",))


def run_upgrades(connection: Connection, revision_runs: list[RevisionRun]) -> None:
    for leg in revision_runs:
        leg.up(connection)


def run_downgrades(connection: Connection, revision_runs: list[RevisionRun]) -> None:
    for leg in reversed(revision_runs):
        assert leg.down is not None
        leg.down(connection)


class TestConversion:
    @pytest.mark.parametrize("world", [schema_with_column, schema_with_view])
    @pytest.mark.parametrize(
        ("old", "new", "value", "shown"),
        [
            (sa.String(50), sa.String(5), "'one two three'", "character varying(5)"),
            (sa.Text(), sa.CHAR(5), "'one two three'", "character(5)"),
            (sa.Integer(), sa.String(3), "123456", "character varying(3)"),
            (pg.JSONB(), sa.String(5), "'[1, 2, 3]'", "character varying(5)"),
            (pg.ARRAY(sa.String(20)), pg.ARRAY(sa.String(3)), "'{abcdef}'", "character varying(3)[]"),
            (pg.BIT(8), pg.BIT(4), "B'11111111'", "bit(4)"),
        ],
    )
    def test_values_that_do_not_fit_are_refused_and_not_truncated(
        self, trial_server: TrialServer, world: Any, old: Any, new: Any, value: str, shown: str
    ) -> None:
        with trial_server.database() as database:
            trial_server.build(database, world(old).metadata())
            change, revision_runs = draft_changes(trial_server, database, world(new).metadata(), Decisions())
            execute(database.direct, f"INSERT INTO hero (name, x) VALUES ('a', {value})")
            with connect(database) as connection, pytest.raises(DBAPIError, match=r"too long|does not match"):
                run_upgrades(connection, revision_runs)

        fits = [step.row_condition for step in change.upgrade if step.row_condition]
        assert fits == [f"hero.x as {shown}"]

    def test_values_of_a_shortened_domain_are_not_truncated(self, trial_server: TrialServer) -> None:
        def coded(size: int) -> SampleSchema:
            domain = f"CREATE DOMAIN code AS varchar({size})"
            return SampleSchema(sql=(domain, "CREATE TABLE thing (id int PRIMARY KEY, code code)"))

        with trial_server.database() as database:
            trial_server.build(database, coded(9).metadata())
            _, revision_runs = draft_changes(trial_server, database, coded(5).metadata(), Decisions())
            execute(database.direct, "INSERT INTO thing VALUES (1, 'A00.1234')")
            with connect(database) as connection, pytest.raises(DBAPIError, match="too long"):
                run_upgrades(connection, revision_runs)

    @pytest.mark.parametrize(
        ("old", "new", "loss"),
        [
            ("CREATE DOMAIN part AS numeric(5,2)|part", "CREATE DOMAIN part AS numeric(5,1)|part", "beyond 1 digit "),
            ("CREATE DOMAIN part AS numeric(5,2)|part", "|numeric(5,1)", "beyond 1 digit "),
            ("|numeric(5,2)", "CREATE DOMAIN part AS integer|part", ""),
        ],
    )
    def test_loss_of_a_domain_is_named(self, trial_server: TrialServer, old: str, new: str, loss: str) -> None:
        def made(said: str) -> SampleSchema:
            domain, _, kind = said.partition("|")
            tables = f"CREATE TABLE thing (id int PRIMARY KEY, x {kind})"
            return SampleSchema(sql=tuple(statement for statement in (domain, tables) if statement))

        proof = prove_with_seedbed(trial_server, made(old).metadata(), made(new).metadata(), Decisions())

        assert proof.losses == (f"what thing.x has {loss}after the point",)

    @pytest.mark.parametrize("world", [schema_with_column, schema_with_view])
    @pytest.mark.parametrize("old", [sa.Text(), sa.String(50)])
    def test_values_are_not_truncated_to_a_shorter_domain(
        self, trial_server: TrialServer, world: Any, old: Any
    ) -> None:
        code = pg.DOMAIN("code", sa.String(5))
        with trial_server.database() as database:
            trial_server.build(database, world(old).metadata())
            _, revision_runs = draft_changes(trial_server, database, world(code).metadata(), Decisions())
            execute(database.direct, "INSERT INTO hero (name, x) VALUES ('a', 'A00.1234')")
            with connect(database) as connection, pytest.raises(DBAPIError, match="too long"):
                run_upgrades(connection, revision_runs)

    @pytest.mark.parametrize("world", [schema_with_column, schema_with_view])
    def test_rounding_is_named_in_both_directions(self, trial_server: TrialServer, world: Any) -> None:
        there = prove_with_seedbed(
            trial_server, world(sa.Numeric(10, 4)).metadata(), world(sa.Integer).metadata(), Decisions()
        )
        back = prove_with_seedbed(
            trial_server, world(sa.Integer).metadata(), world(sa.Numeric(10, 4)).metadata(), Decisions()
        )

        assert there.losses == ("what hero.x has after the point",)
        assert back.losses == ()
        assert back.downgrade_losses == ("what hero.x has after the point",)

    def test_expanded_column_is_not_a_loss(self, trial_server: TrialServer) -> None:
        proof = prove_with_seedbed(
            trial_server,
            schema_with_column(sa.Integer).metadata(),
            schema_with_column(sa.BigInteger).metadata(),
            Decisions(),
        )

        assert (proof.losses, proof.downgrade_losses) == ((), ())
        assert proof.row_conditions == ("going down, hero.x as integer",)

    def test_loss_of_a_hinted_conversion_is_named(self, trial_server: TrialServer) -> None:
        said = schema_with_column(sa.Integer, info=hint(using="floor(x)::integer"))

        proof = prove_with_seedbed(
            trial_server, schema_with_column(sa.Numeric(10, 4)).metadata(), said.metadata(), Decisions()
        )

        assert proof.losses == ("values of hero.x such as '0.0010', which becomes '0.0000'",)
        assert proof.row_conditions == ("going down, hero.x as numeric(10,4)",)

    @pytest.mark.parametrize("world", [schema_with_column, schema_with_view])
    def test_hinted_reverse_conversion_is_used(self, trial_server: TrialServer, world: Any) -> None:
        said = hint(using="CASE WHEN x THEN 'done' ELSE 'todo' END::state", back="x = 'done'")

        with trial_server.database() as database:
            trial_server.build(database, world(sa.Boolean).metadata())
            after = world(sa.Enum("todo", "done", name="state"), info=said).metadata()
            _, revision_runs = draft_changes(trial_server, database, after, Decisions())
            execute(database.direct, "INSERT INTO hero (name, x) VALUES ('a', true), ('b', false), ('c', NULL)")
            with connect(database) as connection:
                run_upgrades(connection, revision_runs)
                there = execute(database.direct, "SELECT x FROM hero ORDER BY name")
                run_downgrades(connection, revision_runs)

            assert there == [("done",), ("todo",), ("todo",)]
            assert execute(database.direct, "SELECT x FROM hero ORDER BY name") == [(True,), (False,), (False,)]

    def test_hinted_reverse_conversion_is_used_in_an_expansion(self, trial_server: TrialServer) -> None:
        said = hint(using="x / 100.0", back="(x * 100)::integer")

        proof = prove_with_seedbed(
            trial_server,
            schema_with_column(sa.Integer).metadata(),
            schema_with_column(sa.Numeric(12, 2), info=said).metadata(),
            Decisions(),
        )

        assert (proof.losses, proof.downgrade_losses) == ((), ())

    @pytest.mark.parametrize("world", [schema_with_column, schema_with_view])
    @pytest.mark.parametrize("to_zone", [True, False])
    def test_times_without_a_zone_are_utc_in_any_session_time_zone(
        self, trial_server: TrialServer, world: Any, to_zone: bool
    ) -> None:
        with trial_server.database() as database:
            trial_server.build(database, world(sa.DateTime(timezone=not to_zone)).metadata())
            _, revision_runs = draft_changes(
                trial_server, database, world(sa.DateTime(timezone=to_zone)).metadata(), Decisions()
            )
            execute(database.direct, "INSERT INTO hero (name, x) VALUES ('a', '2026-01-02 03:04:05+00')")
            with connect(database) as connection:
                connection.exec_driver_sql("SET timezone = 'Asia/Tokyo'")
                connection.commit()
                run_upgrades(connection, revision_runs)

            said = "x AT TIME ZONE 'UTC'" if to_zone else "x"
            assert execute(database.direct, f"SELECT ({said})::text FROM hero") == [("2026-01-02 03:04:05",)]

    @pytest.mark.parametrize("world", [schema_with_column, schema_with_view])
    @pytest.mark.parametrize(
        ("old", "new", "value", "shown", "said"),
        [
            (sa.Date(), sa.DateTime(timezone=True), "2026-01-02", "x AT TIME ZONE 'UTC'", "2026-01-02 00:00:00"),
            (sa.DateTime(timezone=True), sa.Date(), "2026-01-02 23:04:05+00", "x", "2026-01-02"),
            (sa.DateTime(timezone=True), sa.Time(), "2026-01-02 23:04:05+00", "x", "23:04:05"),
        ],
    )
    def test_dates_are_utc_in_any_session_time_zone(
        self, trial_server: TrialServer, world: Any, old: Any, new: Any, value: str, shown: str, said: str
    ) -> None:
        with trial_server.database() as database:
            trial_server.build(database, world(old).metadata())
            _, revision_runs = draft_changes(trial_server, database, world(new).metadata(), Decisions())
            execute(database.direct, f"INSERT INTO hero (name, x) VALUES ('a', '{value}')")
            with connect(database) as connection:
                connection.exec_driver_sql("SET timezone = 'Asia/Tokyo'")
                connection.commit()
                run_upgrades(connection, revision_runs)

            assert execute(database.direct, f"SELECT ({shown})::text FROM hero") == [(said,)]

    @pytest.mark.parametrize(
        ("old", "new", "loss"),
        [
            (sa.String(10), sa.Integer(), "the zeros that hero.x begins with"),
            (
                sa.Text(),
                sa.Numeric(8, 2),
                "the zeros that hero.x begins with, and what hero.x has beyond 2 digits after the point",
            ),
            (sa.Text(), sa.DateTime(), "the time zone that hero.x names"),
            (sa.Interval(), sa.Time(), "the days of hero.x"),
        ],
    )
    def test_lossy_conversion_is_named(self, trial_server: TrialServer, old: Any, new: Any, loss: str) -> None:
        proof = prove_with_seedbed(
            trial_server, schema_with_column(old).metadata(), schema_with_column(new).metadata(), Decisions()
        )

        assert proof.losses == (loss,)

    @pytest.mark.parametrize("world", [schema_with_column, schema_with_view])
    def test_text_is_kept_as_utf8_bytes(self, trial_server: TrialServer, world: Any) -> None:
        with trial_server.database() as database:
            trial_server.build(database, world(sa.Text()).metadata())
            _, revision_runs = draft_changes(trial_server, database, world(sa.LargeBinary()).metadata(), Decisions())
            execute(database.direct, r"INSERT INTO hero (name, x) VALUES ('a', '\x41 \\ é')")
            with connect(database) as connection:
                run_upgrades(connection, revision_runs)
                there = execute(database.direct, "SELECT convert_from(x, 'UTF8') FROM hero")
                run_downgrades(connection, revision_runs)

            assert there == execute(database.direct, "SELECT x FROM hero") == [(r"\x41 \\ é",)]

    def test_array_becomes_a_json_array_with_every_element(self, trial_server: TrialServer) -> None:
        with trial_server.database() as database:
            trial_server.build(database, PLAIN.metadata())
            after = SampleSchema(hero={"tags": col("tags", pg.JSONB)}).metadata()
            _, revision_runs = draft_changes(trial_server, database, after, Decisions())
            execute(database.direct, "INSERT INTO hero (name, tags) VALUES ('a', '{one,two}')")
            with connect(database) as connection:
                run_upgrades(connection, revision_runs)

            assert execute(database.direct, "SELECT tags FROM hero") == [(["one", "two"],)]

    @pytest.mark.parametrize("world", [schema_with_column, schema_with_view])
    @pytest.mark.parametrize(
        ("old", "new", "value", "shown"),
        [
            (sa.Text(), pg.ARRAY(sa.Text), "a,b", '{"a,b"}'),
            (sa.String(20), pg.ARRAY(sa.String), "{a}", '{"{a}"}'),
            (sa.Integer(), pg.ARRAY(sa.BigInteger), "7", "{7}"),
            (pg.ARRAY(sa.Text), sa.Text(), '{NULL,"a,b"}', '{NULL,"a,b"}'),
            (pg.ARRAY(sa.Text), pg.JSONB(), '{a,NULL,"n\\\\"}', '["a", null, "n\\\\"]'),
            (pg.ARRAY(sa.Text), sa.JSON(), "{{a,b},{c,d}}", '[["a","b"],["c","d"]]'),
            (pg.ARRAY(sa.Integer), pg.JSONB(), "{}", "[]"),
            (pg.JSONB(), pg.ARRAY(sa.Text), '["a", "b\\nc", null]', '{a,"b\nc",NULL}'),
            (sa.JSON(), pg.ARRAY(sa.Text), '["1","null"]', '{1,"null"}'),
            (pg.JSONB(), pg.ARRAY(sa.Integer), "[1, 2]", "{1,2}"),
            (sa.Date(), pg.JSONB(), "2024-02-29", '"2024-02-29"'),
            (pg.JSONB(), sa.Boolean(), "true", "true"),
            (sa.SmallInteger(), pg.BIT(3), "5", "101"),
            (sa.Integer(), pg.BIT(32), "-1", "1" * 32),
            (sa.BigInteger(), pg.BIT(64), "-2", "1" * 63 + "0"),
            (sa.Text(), pg.BIT(3), "101", "101"),
            (sa.Boolean(), sa.SmallInteger(), "true", "1"),
            (sa.Text(), sa.DateTime(timezone=True), "2024-01-02 03:04:05+00", "2024-01-02 03:04:05+00"),
            (sa.Time(), sa.Time(timezone=True), "12:34:56", "12:34:56+00"),
            (sa.CHAR(8), sa.JSON(), '"x"', '"x"'),
        ],
    )
    def test_values_survive_upgrade_and_downgrade(
        self, trial_server: TrialServer, world: Any, old: Any, new: Any, value: str, shown: str
    ) -> None:
        with trial_server.database() as database:
            trial_server.build(database, world(old).metadata())
            _, revision_runs = draft_changes(trial_server, database, world(new).metadata(), Decisions())
            quoted = value.replace("'", "''")
            execute(database.direct, f"INSERT INTO hero (name, x) VALUES ('a', '{quoted}'), ('b', NULL)")
            with connect(database) as connection:
                run_upgrades(connection, revision_runs)
                there = execute(database.direct, "SELECT x::text FROM hero ORDER BY name")
                run_downgrades(connection, revision_runs)

            assert there == [(shown,), (None,)]
            assert execute(database.direct, "SELECT x::text FROM hero ORDER BY name") == [(value,), (None,)]

    @pytest.mark.parametrize("world", [schema_with_column, schema_with_view])
    @pytest.mark.parametrize(
        ("old", "new", "value"),
        [
            (sa.Integer(), pg.BIT(3), "8"),
            (sa.Integer(), pg.BIT(3), "-1"),
            (sa.Text(), pg.BIT(3), "x1"),
            (sa.Text(), pg.BIT(3), "1"),
            (pg.JSONB(), pg.ARRAY(sa.Text), '"{a}"'),
            (pg.JSONB(), pg.ARRAY(sa.Text), '{"a": 1}'),
            (pg.JSONB(), sa.Boolean(), "1"),
            (pg.JSONB(), sa.Integer(), "1.5"),
        ],
    )
    def test_revision_stops_at_a_value_that_the_new_type_lacks(
        self, trial_server: TrialServer, world: Any, old: Any, new: Any, value: str
    ) -> None:
        with trial_server.database() as database:
            trial_server.build(database, world(old).metadata())
            _, revision_runs = draft_changes(trial_server, database, world(new).metadata(), Decisions())
            execute(database.direct, f"INSERT INTO hero (name, x) VALUES ('a', '{value}')")
            with connect(database) as connection, pytest.raises(DBAPIError):
                run_upgrades(connection, revision_runs)

    @pytest.mark.parametrize("zone", ["UTC", "Asia/Tokyo"])
    def test_text_without_a_zone_is_utc(self, trial_server: TrialServer, zone: str) -> None:
        with trial_server.database() as database:
            trial_server.build(database, schema_with_view(sa.Text()).metadata())
            _, revision_runs = draft_changes(
                trial_server, database, schema_with_view(sa.DateTime(timezone=True)).metadata(), Decisions()
            )
            execute(database.direct, "INSERT INTO hero (name, x) VALUES ('a', '2026-01-02 03:04'), ('b', '2026-01-02')")
            with connect(database) as connection:
                connection.exec_driver_sql(f"SET timezone = '{zone}'")
                connection.commit()
                run_upgrades(connection, revision_runs)

            assert execute(database.direct, "SELECT (x AT TIME ZONE 'UTC')::text FROM hero ORDER BY name") == [
                ("2026-01-02 03:04:00",),
                ("2026-01-02 00:00:00",),
            ]

    @pytest.mark.parametrize(
        ("old", "new"),
        [(sa.Integer(), sa.Interval()), (sa.Uuid(), sa.LargeBinary()), (pg.BIT(varying=True), sa.Integer())],
    )
    def test_missing_cast_is_an_error(self, trial_server: TrialServer, old: Any, new: Any) -> None:
        with pytest.raises(UnknownTypeConversion, match=r"^hero\.x changes from"):
            prove_with_seedbed(
                trial_server, schema_with_column(old).metadata(), schema_with_column(new).metadata(), Decisions()
            )

    def test_missing_reverse_conversion_makes_the_revision_forward_only(self, trial_server: TrialServer) -> None:
        said = schema_with_column(sa.Interval(), info=hint(using="x * interval '1 day'"))

        proof = prove_with_seedbed(
            trial_server, schema_with_column(sa.Integer()).metadata(), said.metadata(), Decisions()
        )

        assert proof.verdict is Verdict.FORWARD_ONLY

    def test_example_shows_how_a_value_becomes_an_array(self, trial_server: TrialServer) -> None:
        proof = prove_with_seedbed(
            trial_server,
            schema_with_column(sa.Text()).metadata(),
            schema_with_column(pg.ARRAY(sa.Text)).metadata(),
            Decisions(),
        )

        assert proof.verdict is Verdict.VERIFIED
        assert proof.downgrade_losses == ("all but the first element of hero.x",)
        assert "hero.x: 'plain' is converted to '{plain}'" in proof.examples
        assert "On downgrade, hero.x: '{}' becomes NULL" in proof.examples

    @pytest.mark.parametrize(
        ("old", "new", "loss", "example"),
        [
            (sa.JSON(), pg.JSONB(), "keys that it repeats", "'[1,2]' becomes '[1, 2]'"),
            (sa.Text(), sa.Integer(), "zeros", "'+5' becomes '5'"),
            (sa.Text(), sa.CHAR(9), "spaces", "'  pad ' becomes '  pad'"),
            (sa.String(50), sa.String(9), "spaces", "becomes"),
            (pg.JSONB(), sa.Numeric(10, 2), "beyond 2 digits", "'null' becomes NULL"),
            (sa.Interval(), pg.INTERVAL(fields="DAY"), "beside day", "becomes"),
        ],
    )
    def test_loss_is_named_with_an_example(
        self, trial_server: TrialServer, old: Any, new: Any, loss: str, example: str
    ) -> None:
        proof = prove_with_seedbed(
            trial_server, schema_with_column(old).metadata(), schema_with_column(new).metadata(), Decisions()
        )

        assert loss in " ".join(proof.losses)
        assert any(example in one for one in proof.examples), proof.examples

    def test_text_to_enum_loses_nothing(self, trial_server: TrialServer) -> None:
        mood = sa.Enum("good", "bad", name="mood")

        proof = prove_with_seedbed(
            trial_server, schema_with_column(sa.Text()).metadata(), schema_with_column(mood).metadata(), Decisions()
        )

        assert (proof.losses, proof.downgrade_losses) == ((), ())

    @pytest.mark.parametrize(("up", "down"), [("0", "x"), ("x", "x + 1")])
    def test_proof_fails_if_the_steps_convert_differently(self, trial_server: TrialServer, up: str, down: str) -> None:
        def retype(kind: str, using: str) -> Callable[[Connection], None]:
            def run(connection: Connection) -> None:
                connection.exec_driver_sql(f"DROP VIEW seen; ALTER TABLE hero ALTER x TYPE {kind} USING {using}")
                connection.exec_driver_sql("CREATE VIEW seen AS SELECT x FROM hero")
                connection.commit()

            return run

        with trial_server.database() as database:
            trial_server.build(database, schema_with_view(sa.Integer).metadata())
            change, revision_runs = draft_changes(
                trial_server, database, schema_with_view(sa.BigInteger).metadata(), Decisions()
            )
            bad = replace(revision_runs[0], up=retype("bigint", up), down=retype("integer", down))
            step = "upgrade" if up == "0" else "downgrade"

            with pytest.raises(DraftProofFailure, match=f"rows kept by the {step}"):
                prove(build_candidate(change, [bad]), lambda: trial_server.copy_of(database))

    def test_proof_fails_if_no_value_can_be_converted(self, trial_server: TrialServer) -> None:
        mood = sa.Enum("good", "bad", name="mood")

        with pytest.raises(DraftProofFailure, match='invalid input value for enum mood: "1"'):
            prove_with_seedbed(
                trial_server,
                schema_with_column(sa.Integer).metadata(),
                schema_with_column(mood).metadata(),
                Decisions(),
            )


class TestExpandedColumn:
    @pytest.mark.parametrize(("trigger", "revisions"), [("aaa", 3), ("zzz", 1)])
    def test_column_is_not_expanded_if_a_later_trigger_changes_it(
        self, trial_server: TrialServer, trigger: str, revisions: int
    ) -> None:
        doubling = (
            "CREATE FUNCTION twice() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.x := NEW.x * 2; RETURN NEW; END'",
            f"CREATE TRIGGER {trigger} BEFORE INSERT ON hero FOR EACH ROW EXECUTE FUNCTION twice()",
        )

        def counted(kind: Any) -> SampleSchema:
            return SampleSchema(hero={"x": col("x", kind)}, sql=doubling)

        with trial_server.database() as database:
            trial_server.build(database, counted(sa.Integer).metadata())
            _, revision_runs = draft_changes(trial_server, database, counted(sa.BigInteger).metadata(), Decisions())
            with connect(database) as connection:
                run_upgrades(connection, revision_runs[:2])
            execute(database.direct, "INSERT INTO hero (name, x) VALUES ('a', 2)")
            with connect(database) as connection:
                run_upgrades(connection, revision_runs[2:])

            assert len(revision_runs) == revisions
            assert execute(database.direct, "SELECT x FROM hero") == [(4,)]


class TestSequence:
    @pytest.mark.parametrize("there", [True, False])
    @pytest.mark.parametrize(
        ("before", "after"),
        [
            (
                SampleSchema(tables={"note": SERIAL}),
                SampleSchema(tables={"remark": (*SERIAL, {"info": hint(renamed_from="note")})}),
            ),
            (SampleSchema(tables={"note": SERIAL}), SampleSchema(tables={"note": BIG})),
            (SampleSchema(tables={"note": SERIAL}), SampleSchema(tables={"note": IDENTITY})),
            (SampleSchema(tables={"note": IDENTITY}), SampleSchema(tables={"note": SERIAL})),
        ],
    )
    def test_sequence_continues_after_its_last_value(
        self, trial_server: TrialServer, before: SampleSchema, after: SampleSchema, there: bool
    ) -> None:
        table = "remark" if "remark" in after.tables else "note"
        with trial_server.database() as database:
            trial_server.build(database, before.metadata())
            _, revision_runs = draft_changes(trial_server, database, after.metadata(), Decisions())
            for _ in range(3 if there else 0):
                execute(database.direct, "INSERT INTO note (note) VALUES ('a')")
            execute(database.direct, "DELETE FROM note WHERE id = 3")
            with connect(database) as connection:
                run_upgrades(connection, revision_runs)

            assert execute(database.direct, f"INSERT INTO {table} (note) VALUES ('b') RETURNING id") == [
                (4 if there else 1,)
            ]

    def test_renamed_sequence_continues(self, trial_server: TrialServer) -> None:
        def counted(name: str) -> SampleSchema:
            default = sa.text(f"nextval('{name}')")
            return SampleSchema(
                team={"no": col("no", sa.BigInteger, server_default=default, unique=True)},
                declarations=(lambda metadata: sa.Sequence(name, metadata=metadata),),
            )

        with trial_server.database() as database:
            trial_server.build(database, counted("numbers").metadata())
            _, revision_runs = draft_changes(trial_server, database, counted("team_numbers").metadata(), Decisions())
            execute(database.direct, "INSERT INTO team (name) VALUES ('a'), ('b')")
            with connect(database) as connection:
                run_upgrades(connection, revision_runs)

            assert execute(database.direct, "INSERT INTO team (name) VALUES ('c') RETURNING no") == [(3,)]

    def test_dropping_a_sequence_is_a_loss(self, trial_server: TrialServer) -> None:
        plain = SampleSchema(tables={"note": (col("id", sa.Integer, primary_key=True, autoincrement=False), SERIAL[1])})

        proof = prove_with_seedbed(
            trial_server, SampleSchema(tables={"note": SERIAL}).metadata(), plain.metadata(), Decisions()
        )
        other = prove_with_seedbed(
            trial_server, SampleSchema(tables={"note": IDENTITY}).metadata(), plain.metadata(), Decisions()
        )

        assert proof.losses == ("where note_id_seq has counted to",)
        assert other.losses == ("where note.id has counted to",)

    def test_new_sequence_continues_after_the_largest_value(self, trial_server: TrialServer) -> None:
        with trial_server.database() as database:
            given = (col("id", sa.Integer, primary_key=True, autoincrement=False), col("note", sa.Text))
            trial_server.build(database, SampleSchema(tables={"note": given}).metadata())
            _, revision_runs = draft_changes(
                trial_server, database, SampleSchema(tables={"note": IDENTITY}).metadata(), Decisions()
            )
            execute(database.direct, "INSERT INTO note VALUES (7, 'a')")
            with connect(database) as connection:
                run_upgrades(connection, revision_runs)

            assert execute(database.direct, "INSERT INTO note (note) VALUES ('b') RETURNING id") == [(8,)]


class TestBackfill:
    def test_python_default_is_used_unchanged(self, trial_server: TrialServer) -> None:
        with trial_server.database() as database:
            trial_server.build(database, PLAIN.metadata())
            after = schema_with_column(sa.String(20), default="it's: 5 %", nullable=False).metadata()
            execute(database.direct, "INSERT INTO hero (name) VALUES ('a')")
            _, revision_runs = draft_changes(trial_server, database, after, Decisions())
            with connect(database) as connection:
                run_upgrades(connection, revision_runs)

            assert execute(database.direct, "SELECT x FROM hero") == [("it's: 5 %",)]
