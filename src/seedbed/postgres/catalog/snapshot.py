"""One consistent look at the system catalogs."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from sqlalchemy import Connection


@contextmanager
def catalog_cursor(connection: Connection) -> Iterator[Any]:
    """A driver's cursor that sees one state of the catalogs, and every name with its schema.

    The reads share one REPEATABLE READ transaction, which is rolled back at the end, unless the connection is in a
    transaction already. The search_path is empty meanwhile, so that PostgreSQL prints schemas, and restored afterwards.
    """
    own = not connection.in_transaction()
    driver: Any = connection.connection.cursor()
    try:
        if own:
            driver.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ READ ONLY")
        driver.execute("SELECT current_setting('search_path'), set_config('search_path', %s, false)", ("",))
        path = driver.fetchone()[0]
        yield driver
        driver.execute("SELECT set_config('search_path', %s, false)", (path,))
    finally:
        driver.close()
        if own:
            connection.connection.rollback()
