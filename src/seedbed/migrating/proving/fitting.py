"""Rows that already keep the rules which a change will bring."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg2
from psycopg2 import sql
from sqlalchemy import Connection

from seedbed.postgres.catalogue import Catalogue
from seedbed.postgres.catalogue.model import Constraint, Table

_RULE = "seedbed_rule_{}"


@contextmanager
def keeping_rules(connection: Connection, before: Catalogue, after: Catalogue) -> Iterator[None]:
    """Put the rules of `after` on the tables for the length of a block: checks, unique and foreign keys, NOT NULL.

    Those that do not fit the tables as they are, since they name what is not there yet, are left out.
    """
    added = [undo for number, rule in enumerate(_rules(before, after)) if (undo := _added(connection, number, rule))]
    connection.connection.commit()
    try:
        yield
    finally:
        driver: Any = connection.connection.cursor()
        for undo in reversed(added):
            driver.execute(undo)
        driver.close()
        connection.connection.commit()  # what a bare cursor began, SQLAlchemy does not know of


Rule = tuple[sql.Composable, str]
"""The table, and what is to hold: a column's name after `NOT NULL `, or a constraint's definition."""


def _rules(before: Catalogue, after: Catalogue) -> Iterator[Rule]:
    for key, found in after.objects.items():
        if isinstance(found, Constraint) and before.objects.get(key) != found and found.type in "ucf":
            yield sql.Identifier(found.schema, found.table), found.definition.removesuffix(" NOT VALID")
        old = before.objects.get(key)
        if isinstance(found, Table) and isinstance(old, Table):
            for column in found.columns:
                was = old.column.get(column.name)
                if was is not None and column.not_null and not was.not_null:
                    yield sql.Identifier(found.schema, found.name), f"NOT NULL {column.name}"


def _added(connection: Connection, number: int, rule: Rule) -> sql.Composable | None:
    """Put one rule on its table; the statement that takes it off again, or None where the table does not take it."""
    table, said = rule
    name = sql.Identifier(_RULE.format(number))
    add = sql.SQL("ALTER TABLE {} ADD CONSTRAINT {} {}").format(table, name, sql.SQL(said))
    undo = sql.SQL("ALTER TABLE {} DROP CONSTRAINT {}").format(table, name)
    if said.startswith("NOT NULL "):
        column = sql.Identifier(said.removeprefix("NOT NULL "))
        add = sql.SQL("ALTER TABLE {} ALTER COLUMN {} SET NOT NULL").format(table, column)
        undo = sql.SQL("ALTER TABLE {} ALTER COLUMN {} DROP NOT NULL").format(table, column)
    driver: Any = connection.connection.cursor()
    try:
        driver.execute("SAVEPOINT rule")
        driver.execute(add)
        driver.execute("RELEASE SAVEPOINT rule")
    except psycopg2.Error:
        driver.execute("ROLLBACK TO SAVEPOINT rule")
        return None
    finally:
        driver.close()
    return undo
