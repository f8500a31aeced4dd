"""A copy that is being made into a preview, and who may touch it meanwhile."""

from collections.abc import Iterator

import pytest
from sqlalchemy import text

from seedbed.errors import MarkedOtherwise, ProtectedEnvironment
from seedbed.postgres.connecting import connect
from seedbed.postgres.databases import Database
from seedbed.postgres.embedded import ThrowawayServer
from seedbed.postgres.marks import PREPARING, Destructive, agree, refuse_protected, write_mark
from seedbed.settings import Environment, Origin
from seedbed.settings.sources import Kind


def seen_from(environment: Environment, server: ThrowawayServer) -> Database:
    url = server.url("preparing")
    return Database(url, url, environment, Origin(Kind.DERIVED, "a test"))


@pytest.fixture
def server(seedbed_server: ThrowawayServer) -> Iterator[ThrowawayServer]:
    """A server with a database marked `preparing`."""
    url = seedbed_server.url()
    with connect(
        Database(url, url, Environment.TESTING, Origin(Kind.DERIVED, "a test")), autocommit=True
    ) as administration:
        administration.execute(text("CREATE DATABASE preparing"))
        with connect(seen_from(Environment.PREVIEW, seedbed_server)) as connection:
            write_mark(connection, PREPARING)
            connection.commit()
        yield seedbed_server
        administration.execute(text("DROP DATABASE preparing"))


class TestPreparing:
    def test_is_accepted_as_a_preview_by_migrating_and_by_seeding(self, server: ThrowawayServer) -> None:
        database = seen_from(Environment.PREVIEW, server)

        with connect(database) as connection:
            agree(connection, database, "migrate")
            refuse_protected(connection, database, Destructive.SEED)

    @pytest.mark.parametrize("environment", [Environment.DEVELOPMENT, Environment.PRODUCTION])
    def test_is_refused_as_anything_else(self, server: ThrowawayServer, environment: Environment) -> None:
        database = seen_from(environment, server)

        with connect(database) as connection:
            with pytest.raises(MarkedOtherwise):
                agree(connection, database, "migrate")
            with pytest.raises(MarkedOtherwise):
                refuse_protected(connection, database, Destructive.SEED)

    def test_is_never_reset(self, server: ThrowawayServer) -> None:
        database = seen_from(Environment.PREVIEW, server)

        with connect(database) as connection, pytest.raises(ProtectedEnvironment) as refused:
            refuse_protected(connection, database, Destructive.RESET)

        assert str(refused.value) == "preparing is marked preparing, and a preparing database is never reset."
