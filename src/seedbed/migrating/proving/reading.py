"""Every row of a database, to be compared with what is there later."""

import json
from typing import Any

from psycopg2 import sql
from sqlalchemy import Connection

from seedbed.postgres.version_tables import IS_VERSION_TABLE

OWN_TABLES = f"""
c.relkind IN ('r', 'p') AND NOT c.relispartition AND n.nspname <> 'seedbed' AND NOT {IS_VERSION_TABLE}
  AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'
  AND NOT EXISTS (SELECT FROM pg_depend d WHERE d.objid = c.oid AND d.deptype = 'e')
"""
"""What of pg_class `c` in pg_namespace `n` holds a project's rows; a partition's are its parent's."""

_TABLES = f"""
SELECT n.nspname, c.relname, c.relkind = 'p' FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE {OWN_TABLES} ORDER BY 1, 2
"""


def read_rows(connection: Connection) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """Every row of every table as JSON objects, in an order that depends on their content alone."""
    found = {}
    driver: Any = connection.connection.cursor()
    try:
        driver.execute(_TABLES)
        for schema, name, partitioned in driver.fetchall():
            only = sql.SQL("" if partitioned else "ONLY ")
            driver.execute(sql.SQL("SELECT to_jsonb(t)::text FROM {}{} t").format(only, sql.Identifier(schema, name)))
            found[schema, name] = sorted((json.loads(row) for (row,) in driver.fetchall()), key=json.dumps)
    finally:
        driver.close()
    connection.connection.rollback()  # what a bare cursor began, SQLAlchemy does not know of
    return found
