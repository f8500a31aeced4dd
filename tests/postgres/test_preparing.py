"""A copy that is being made into a preview, and who may touch it meanwhile."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from seedbed.errors import EnvironmentMismatch, ProtectedEnvironment
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import ThrowawayServer
from seedbed.postgres.environment_mark import PREPARING, Destructive, agree, refuse_protected, write_mark
from seedbed.settings import Environment
from tests.projects import fresh_database


@pytest.fixture
def copied(seedbed_server: ThrowawayServer) -> Iterator[Database]:
    """A database marked `preparing`, as a preview."""
    with fresh_database(seedbed_server, Environment.PREVIEW) as database:
        with connect(database) as connection:
            write_mark(connection, PREPARING)
            connection.commit()
        yield database


class TestPreparing:
    def test_is_accepted_as_a_preview_by_migrating_and_by_seeding(self, copied: Database) -> None:
        with connect(copied) as connection:
            agree(connection, copied, "migrate")
            refuse_protected(connection, copied, Destructive.SEED)

    @pytest.mark.parametrize("environment", [Environment.DEVELOPMENT, Environment.PRODUCTION])
    def test_is_refused_as_anything_else(self, copied: Database, environment: Environment) -> None:
        database = replace(copied, environment=environment)

        with connect(database) as connection:
            with pytest.raises(EnvironmentMismatch):
                agree(connection, database, "migrate")
            with pytest.raises(EnvironmentMismatch):
                refuse_protected(connection, database, Destructive.SEED)

    def test_is_never_reset(self, copied: Database) -> None:
        with connect(copied) as connection, pytest.raises(ProtectedEnvironment) as refused:
            refuse_protected(connection, copied, Destructive.RESET)

        said = f"{copied.name} is marked preparing, and a preparing database is never reset."
        assert str(refused.value) == said
