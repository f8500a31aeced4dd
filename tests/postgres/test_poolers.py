"""A connection pooler recognised, and refused where locks and settings would leak."""

from collections.abc import Iterator

import pytest

from seedbed.errors import PooledConnection
from seedbed.postgres.database import Database, refuse_pooler
from seedbed.postgres.embedded import TemporaryServer
from seedbed.settings import DatabaseUrl, Environment, Origin
from seedbed.settings.sources import SourceKind
from tests.support.postgres.poolers import PGBOUNCER, pgbouncer

ORIGIN = Origin(SourceKind.PROCESS, "DATABASE_URL in the process's environment")


def database(url: DatabaseUrl) -> Database:
    return Database(url, url, Environment.DEVELOPMENT, ORIGIN)


@pytest.fixture
def pooler(seedbed_server: TemporaryServer) -> Iterator[DatabaseUrl]:
    """A PgBouncer in transaction mode before the test server."""
    if PGBOUNCER is None:
        pytest.skip("pgbouncer is not installed here; CI installs it")
    with pgbouncer(seedbed_server.url()) as url:
        yield url


class TestRefusePooler:
    def test_lets_a_direct_connection_pass(self, seedbed_server: TemporaryServer) -> None:
        refuse_pooler(database(seedbed_server.url()))

    def test_recognises_pgbouncer_by_the_backend_it_invents(self, pooler: DatabaseUrl) -> None:
        with pytest.raises(PooledConnection) as refused:
            refuse_pooler(database(pooler))

        assert str(refused.value).startswith(f"127.0.0.1:{pooler.port}/postgres (DATABASE_URL")

    def test_takes_a_url_that_was_set_as_unpooled_at_its_word(self, pooler: DatabaseUrl) -> None:
        refuse_pooler(database(pooler), trust_url=True)

    def test_recognises_neons_pooler_by_its_host(self) -> None:
        url = DatabaseUrl("app", "secret", "ep-cool-1-pooler.eu-central-1.aws.neon.tech", None, "shop")

        with pytest.raises(PooledConnection):
            refuse_pooler(database(url), trust_url=True)

    def test_asks_nothing_of_neons_direct_host(self) -> None:
        url = DatabaseUrl("app", "secret", "ep-cool-1.eu-central-1.aws.neon.tech", None, "shop")

        refuse_pooler(database(url))
