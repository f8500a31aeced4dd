"""The catalog that is read from a database."""

from seedbed.postgres.catalog import read_catalog
from seedbed.postgres.catalog.model import Index
from seedbed.postgres.connection import connect
from seedbed.postgres.embedded import TemporaryServer
from tests.support.projects import execute, fresh_database


class TestReadCatalog:
    def test_indexes_have_one_order_however_they_were_created(self, seedbed_server: TemporaryServer) -> None:
        with fresh_database(seedbed_server) as database:
            execute(database.direct, "CREATE TABLE task (title text, done boolean)", "CREATE TABLE app (id integer)")
            for name, columns in (
                ("app_id", "app (id)"),
                ("b", "task (done)"),
                ("c", "task (title)"),
                ("a", "task (title)"),
            ):
                execute(database.direct, f"CREATE INDEX {name} ON {columns}")

            with connect(database) as connection:
                objects = read_catalog(connection).objects.values()

        assert [index.name for index in objects if isinstance(index, Index)] == ["a", "c", "b", "app_id"]
