"""A copy that is being made into a preview, and who may touch it meanwhile."""

from collections.abc import Iterator
from dataclasses import replace

import pytest

from seedbed.errors import EnvironmentMismatch, ProtectedEnvironment
from seedbed.postgres.connection import connect
from seedbed.postgres.database import Database
from seedbed.postgres.embedded import TemporaryServer
from seedbed.postgres.environment_mark import (
    PREPARING,
    DestructiveAction,
    claim_environment,
    refuse_protected_database,
    write_mark,
)
from seedbed.settings import Environment
from tests.support.projects import fresh_database


@pytest.fixture
def copied(seedbed_server: TemporaryServer) -> Iterator[Database]:
    """A database marked `preparing`, as a preview."""
    with fresh_database(seedbed_server, Environment.PREVIEW) as database:
        with connect(database) as connection:
            write_mark(connection, PREPARING)
            connection.commit()
        yield database


class TestPreparing:
    def test_is_accepted_as_a_preview_by_migrating_and_by_seeding(self, copied: Database) -> None:
        with connect(copied) as connection:
            claim_environment(connection, copied, "migrate")
            refuse_protected_database(connection, copied, DestructiveAction.SEED)

    @pytest.mark.parametrize("environment", [Environment.DEVELOPMENT, Environment.PRODUCTION])
    def test_is_refused_as_anything_else(self, copied: Database, environment: Environment) -> None:
        database = replace(copied, environment=environment)

        with connect(database) as connection:
            with pytest.raises(EnvironmentMismatch):
                claim_environment(connection, database, "migrate")
            with pytest.raises(EnvironmentMismatch):
                refuse_protected_database(connection, database, DestructiveAction.SEED)

    def test_is_never_reset(self, copied: Database) -> None:
        with connect(copied) as connection, pytest.raises(ProtectedEnvironment) as refused:
            refuse_protected_database(connection, copied, DestructiveAction.RESET)

        said = f"{copied.name} is marked preparing, and a preparing database is never reset."
        assert str(refused.value) == said
