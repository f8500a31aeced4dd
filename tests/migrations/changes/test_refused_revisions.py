"""Revisions with a mistake in them: each fails at the step of the proof that checks for it."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from seedbed.errors import DraftProofFailure
from seedbed.migrations.draft.decisions import Decisions
from seedbed.migrations.draft.revision_plans import build_candidate
from seedbed.migrations.proof.candidate import RevisionRun
from seedbed.migrations.proof.proof import Verdict, prove
from seedbed.postgres.embedded import TemporaryServer
from seedbed.schema import hint
from tests.migrations.changes.harness import TrialServer, draft_changes, prove_with_seedbed
from tests.migrations.changes.world import PLAIN, SampleSchema, col

Run = Callable[[Connection], None]


def append_statement(run: Run | None, statement: str) -> Run:
    def both(connection: Connection) -> None:
        if run is not None:
            run(connection)
        connection.exec_driver_sql(statement)
        connection.commit()

    return both


def append_to_upgrade(statement: str) -> Callable[[RevisionRun], RevisionRun]:
    return lambda leg: replace(leg, up=append_statement(leg.up, statement))


def append_to_downgrade(statement: str) -> Callable[[RevisionRun], RevisionRun]:
    return lambda leg: replace(leg, down=append_statement(leg.down, statement))


def skip_downgrade(leg: RevisionRun) -> RevisionRun:
    return replace(leg, down=lambda connection: None)


MISTAKES: dict[str, Callable[[RevisionRun], RevisionRun]] = {
    "upgrade": append_to_upgrade("DROP TABLE nowhere"),
    "catalog equals the models": append_to_upgrade("ALTER TABLE hero ADD COLUMN more integer"),
    "rows kept by the upgrade": append_to_upgrade("DELETE FROM hero"),
    "sequences kept by the upgrade": append_to_upgrade("ALTER TABLE hero ALTER COLUMN id RESTART WITH 5"),
    "downgrade": append_to_downgrade("DROP TABLE nowhere"),
    "catalog equals the beginning": skip_downgrade,
    "rows kept by the downgrade": append_to_downgrade("UPDATE hero SET name = 'other'"),
}
"""By the step that finds them."""


class TestProof:
    @pytest.mark.parametrize("step", MISTAKES)
    def test_mistake_fails_the_proof(self, seedbed_server: TemporaryServer, step: str) -> None:
        trial_server = TrialServer(seedbed_server)
        with trial_server.database() as beginning:
            trial_server.build(beginning, PLAIN.metadata())
            after = SampleSchema(hero={"x": col("x", sa.Integer)}).metadata()
            change, legs = draft_changes(trial_server, beginning, after, Decisions())

            with pytest.raises(DraftProofFailure) as refused:
                prove(build_candidate(change, list(map(MISTAKES[step], legs))), lambda: trial_server.copy_of(beginning))

            assert refused.value.message.startswith(f"The generated migration failed its verification at '{step}': ")

    def test_trigger_with_an_old_column_name_fails_the_proof(self, seedbed_server: TemporaryServer) -> None:
        body = "BEGIN NEW.name := upper(NEW.name); RETURN NEW; END"
        watched = (
            f"CREATE FUNCTION shout() RETURNS trigger LANGUAGE plpgsql AS $$ {body} $$",
            "CREATE TRIGGER shout BEFORE INSERT ON hero FOR EACH ROW EXECUTE FUNCTION shout()",
        )
        title = col("title", sa.String(50), nullable=False, info=hint(renamed_from="name"))
        after = SampleSchema(hero={"name": title}, sql=watched)

        with pytest.raises(DraftProofFailure) as refused:
            prove_with_seedbed(
                TrialServer(seedbed_server), SampleSchema(sql=watched).metadata(), after.metadata(), Decisions()
            )

        assert refused.value.message == (
            "The generated migration failed its verification at 'inserting rows after the upgrade': "
            'hero rejects every row: record "new" has no field "name"'
        )

    def test_cached_plan_of_a_session_does_not_fail_the_proof(self, seedbed_server: TemporaryServer) -> None:
        watched = (
            "CREATE FUNCTION late() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.age := NEW.age + 1; RETURN NEW; "
            "END $$",
            "CREATE TRIGGER zzz BEFORE INSERT ON hero FOR EACH ROW EXECUTE FUNCTION late()",
        )
        after = SampleSchema(hero={"age": col("age", sa.BigInteger)}, sql=watched)

        proof = prove_with_seedbed(
            TrialServer(seedbed_server), SampleSchema(sql=watched).metadata(), after.metadata(), Decisions()
        )

        assert proof.verdict is Verdict.VERIFIED

    def test_columns_that_triggers_write_during_a_backfill_are_named(self, seedbed_server: TemporaryServer) -> None:
        watched = (
            "CREATE FUNCTION age() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN NEW.age := 99; RETURN NEW; END $$",
            "CREATE TRIGGER age BEFORE UPDATE ON hero FOR EACH ROW EXECUTE FUNCTION age()",
        )
        slug = col("slug", sa.Text, nullable=False, info=hint(backfill="lower(name)"))
        after = SampleSchema(hero={"slug": slug}, sql=watched)

        proof = prove_with_seedbed(
            TrialServer(seedbed_server), SampleSchema(sql=watched).metadata(), after.metadata(), Decisions()
        )

        assert proof.verdict is Verdict.DATA_LOSS
        assert proof.losses == ("what hero.age was, which a trigger writes anew",)
