"""Rows that already keep the rules which a change will bring."""

from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from typing import Any

import psycopg2
from psycopg2 import sql
from sqlalchemy import Connection

from seedbed.postgres.catalog import Catalog
from seedbed.postgres.catalog.model import Constraint, Table

_DROP = sql.SQL("DROP CONSTRAINT {}")


@contextmanager
def temporary_constraints(connection: Connection, before: Catalog, after: Catalog) -> Iterator[None]:
    """Put the rules of `after` on the tables for the length of a block: checks, unique and foreign keys, NOT NULL.

    Those that do not fit the tables as they are, since they name what is not there yet, are left out.
    """
    added = [off for on, off in _constraint_statements(before, after) if _try_constraint(connection, on)]
    connection.connection.commit()
    try:
        yield
    finally:
        driver: Any = connection.connection.cursor()
        for undo in reversed(added):
            driver.execute(undo)
        driver.close()
        connection.connection.commit()  # what a bare cursor began, SQLAlchemy does not know of


def _constraint_statements(before: Catalog, after: Catalog) -> Iterator[tuple[sql.Composable, sql.Composable]]:
    """The statements that put each rule on its table and take it off again."""
    numbers = count()
    for key, found in after.objects.items():
        old = before.objects.get(key)
        if isinstance(found, Constraint) and old != found and found.type in "ucf":
            table, rule = _alter_table(found.schema, found.table), sql.Identifier(f"seedbed_rule_{next(numbers)}")
            said = sql.SQL(found.definition.removesuffix(" NOT VALID"))
            yield table + sql.SQL("ADD CONSTRAINT {} {}").format(rule, said), table + _DROP.format(rule)
        if isinstance(found, Table) and isinstance(old, Table):
            for column in found.columns:
                was = old.columns_by_name.get(column.name)
                if was is not None and column.not_null and not was.not_null:
                    own = _alter_table(found.schema, found.name) + sql.SQL("ALTER COLUMN {} ").format(
                        sql.Identifier(column.name)
                    )
                    yield own + sql.SQL("SET NOT NULL"), own + sql.SQL("DROP NOT NULL")


def _alter_table(schema: str, name: str) -> sql.Composed:
    return sql.SQL("ALTER TABLE {} ").format(sql.Identifier(schema, name))


def _try_constraint(connection: Connection, rule: sql.Composable) -> bool:
    """Put a rule on its table; False where the table does not take it."""
    driver: Any = connection.connection.cursor()
    try:
        driver.execute("SAVEPOINT rule")
        driver.execute(rule)
        driver.execute("RELEASE SAVEPOINT rule")
    except psycopg2.Error:
        driver.execute("ROLLBACK TO SAVEPOINT rule")
        return False
    finally:
        driver.close()
    return True
