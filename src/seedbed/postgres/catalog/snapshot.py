"""A consistent snapshot of the system catalogs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection


@contextmanager
def catalog_cursor(connection: Connection) -> Iterator[Any]:
    """A driver's cursor whose queries see one snapshot, and for which PostgreSQL prints every name with its schema.

    The queries share one REPEATABLE READ transaction, which is rolled back at the end, unless the connection is in a
    transaction already. The search_path is empty within the block and restored afterwards.
    """
    own_transaction = not connection.in_transaction()
    driver: Any = connection.connection.cursor()
    try:
        if own_transaction:
            driver.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        driver.execute("SELECT current_setting('search_path'), set_config('search_path', %s, false)", ("",))
        path = driver.fetchone()[0]
        yield driver
        driver.execute("SELECT set_config('search_path', %s, false)", (path,))
    finally:
        driver.close()
        if own_transaction:
            connection.connection.rollback()
