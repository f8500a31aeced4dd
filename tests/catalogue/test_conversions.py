"""Changes of type over rows that do not fit: nothing is cut off, and what is rounded is named."""

from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects import postgresql as pg
from sqlalchemy.exc import DBAPIError

from seedbed.errors import DraftRefused
from seedbed.migrating.proving.proof import Leg
from seedbed.migrating.words import Words
from seedbed.modelling import hint
from seedbed.postgres.connecting import connect
from seedbed.postgres.embedded import ThrowawayServer
from tests.catalogue.harness import Ground, drafted, seedbed_proves
from tests.catalogue.world import PLAIN, World, col
from tests.projects import execute


@pytest.fixture(scope="module")
def ground(seedbed_server: ThrowawayServer) -> Ground:
    return Ground(seedbed_server)


def worn(kind: Any, **options: Any) -> World:
    return World(hero={"x": col("x", kind, **options)})


def keyed(kind: Any) -> World:
    """A column that a view looks at is changed in place, and no other column takes its place meanwhile."""
    return World(hero={"x": col("x", kind)}, sql=("CREATE VIEW seen AS SELECT x FROM hero",))


def climb(connection: Connection, legs: list[Leg]) -> None:
    for leg in legs:
        leg.up(connection)


class TestConversion:
    @pytest.mark.parametrize("world", [worn, keyed])
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
    def test_refuses_what_does_not_fit_and_cuts_nothing_off(
        self, ground: Ground, world: Any, old: Any, new: Any, value: str, shown: str
    ) -> None:
        with ground.database() as database:
            ground.build(database, world(old).metadata())
            change, legs = drafted(ground, database, world(new).metadata(), Words())
            execute(database.direct, f"INSERT INTO hero (name, x) VALUES ('a', {value})")
            with connect(database) as connection, pytest.raises(DBAPIError, match=r"too long|does not match"):
                climb(connection, legs)

        fits = [step.fits for step in change.upgrade if step.fits]
        assert fits == [f"hero.x as {shown}"]

    def test_cuts_nothing_off_for_a_domain_that_becomes_shorter(self, ground: Ground) -> None:
        def coded(size: int) -> World:
            domain = f"CREATE DOMAIN code AS varchar({size})"
            return World(sql=(domain, "CREATE TABLE thing (id int PRIMARY KEY, code code)"))

        with ground.database() as database:
            ground.build(database, coded(9).metadata())
            _, legs = drafted(ground, database, coded(5).metadata(), Words())
            execute(database.direct, "INSERT INTO thing VALUES (1, 'A00.1234')")
            with connect(database) as connection, pytest.raises(DBAPIError, match="too long"):
                climb(connection, legs)

    @pytest.mark.parametrize("world", [worn, keyed])
    def test_names_what_is_rounded_in_either_direction(self, ground: Ground, world: Any) -> None:
        there = seedbed_proves(ground, world(sa.Numeric(10, 4)).metadata(), world(sa.Integer).metadata(), Words())
        back = seedbed_proves(ground, world(sa.Integer).metadata(), world(sa.Numeric(10, 4)).metadata(), Words())

        assert there.losses == ("what hero.x has after the point",)
        assert back.losses == ()
        assert back.losses_down == ("what hero.x has after the point",)

    def test_does_not_name_a_shape_that_is_there_twice_as_lost(self, ground: Ground) -> None:
        proof = seedbed_proves(ground, worn(sa.Integer).metadata(), worn(sa.BigInteger).metadata(), Words())

        assert (proof.losses, proof.losses_down) == ((), ())
        assert proof.conditions == ("going down, hero.x as integer",)

    def test_leaves_what_a_person_says_to_that_person(self, ground: Ground) -> None:
        said = worn(sa.Integer, info=hint(using="floor(x)::integer"))

        proof = seedbed_proves(ground, worn(sa.Numeric(10, 4)).metadata(), said.metadata(), Words())

        assert (proof.losses, proof.conditions) == ((), ("going down, hero.x as numeric(10,4)",))

    @pytest.mark.parametrize("world", [worn, keyed])
    @pytest.mark.parametrize("to_zone", [True, False])
    def test_takes_times_without_a_zone_for_utc_in_whatever_zone_the_session_is(
        self, ground: Ground, world: Any, to_zone: bool
    ) -> None:
        with ground.database() as database:
            ground.build(database, world(sa.DateTime(timezone=not to_zone)).metadata())
            _, legs = drafted(ground, database, world(sa.DateTime(timezone=to_zone)).metadata(), Words())
            execute(database.direct, "INSERT INTO hero (name, x) VALUES ('a', '2026-01-02 03:04:05+00')")
            with connect(database) as connection:
                connection.exec_driver_sql("SET timezone = 'Asia/Tokyo'")
                connection.commit()
                climb(connection, legs)

            said = "x AT TIME ZONE 'UTC'" if to_zone else "x"
            assert execute(database.direct, f"SELECT ({said})::text FROM hero") == [("2026-01-02 03:04:05",)]

    def test_makes_an_array_a_json_array_with_every_element(self, ground: Ground) -> None:
        with ground.database() as database:
            ground.build(database, PLAIN.metadata())
            after = World(hero={"tags": col("tags", pg.JSONB)}).metadata()
            _, legs = drafted(ground, database, after, Words())
            execute(database.direct, "INSERT INTO hero (name, tags) VALUES ('a', '{one,two}')")
            with connect(database) as connection:
                climb(connection, legs)

            assert execute(database.direct, "SELECT tags FROM hero") == [(["one", "two"],)]

    def test_is_refused_where_no_value_could_ever_pass(self, ground: Ground) -> None:
        mood = sa.Enum("good", "bad", name="mood")

        with pytest.raises(DraftRefused, match='invalid input value for enum mood: "1"'):
            seedbed_proves(ground, worn(sa.Integer).metadata(), worn(mood).metadata(), Words())


class TestFilling:
    def test_has_a_python_default_as_it_is(self, ground: Ground) -> None:
        with ground.database() as database:
            ground.build(database, PLAIN.metadata())
            after = worn(sa.String(20), default="it's: 5 %", nullable=False).metadata()
            execute(database.direct, "INSERT INTO hero (name) VALUES ('a')")
            _, legs = drafted(ground, database, after, Words())
            with connect(database) as connection:
                climb(connection, legs)

            assert execute(database.direct, "SELECT x FROM hero") == [("it's: 5 %",)]
