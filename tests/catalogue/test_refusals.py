"""Revisions with a mistake in them: each is refused, at the step of the proof that is there to find it."""

from collections.abc import Callable
from dataclasses import replace

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from seedbed.errors import DraftRefused
from seedbed.migrating.changing import candidate_of
from seedbed.migrating.proving.proof import Leg, prove
from seedbed.migrating.words import Words
from seedbed.postgres.embedded import ThrowawayServer
from tests.catalogue.harness import Ground, drafted
from tests.catalogue.world import PLAIN, World, col

Run = Callable[[Connection], None]


def also(run: Run | None, statement: str) -> Run:
    def both(connection: Connection) -> None:
        if run is not None:
            run(connection)
        connection.exec_driver_sql(statement)
        connection.commit()

    return both


def up_also(statement: str) -> Callable[[Leg], Leg]:
    return lambda leg: replace(leg, up=also(leg.up, statement))


def down_also(statement: str) -> Callable[[Leg], Leg]:
    return lambda leg: replace(leg, down=also(leg.down, statement))


def down_skipped(leg: Leg) -> Leg:
    return replace(leg, down=lambda connection: None)


MISTAKES: dict[str, Callable[[Leg], Leg]] = {
    "upgrade": up_also("DROP TABLE nowhere"),
    "catalogue equals the models": up_also("ALTER TABLE hero ADD COLUMN more integer"),
    "rows kept by the upgrade": up_also("DELETE FROM hero"),
    "downgrade": down_also("DROP TABLE nowhere"),
    "catalogue equals the beginning": down_skipped,
    "rows kept by the downgrade": down_also("UPDATE hero SET name = 'other'"),
}
"""By the step that finds them."""


class TestProof:
    @pytest.mark.parametrize("step", MISTAKES)
    def test_refuses_a_mistake_at(self, seedbed_server: ThrowawayServer, step: str) -> None:
        ground = Ground(seedbed_server)
        with ground.database() as beginning:
            ground.build(beginning, PLAIN.metadata())
            after = World(hero={"x": col("x", sa.Integer)}).metadata()
            change, legs = drafted(ground, beginning, after, Words())

            with pytest.raises(DraftRefused) as refused:
                prove(candidate_of(change, list(map(MISTAKES[step], legs))), lambda: ground.copy_of(beginning))

            assert refused.value.message.startswith(f"The draft failed its proof at '{step}': ")
