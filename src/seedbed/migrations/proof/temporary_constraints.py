"""Constraints of the end of a change, held on its tables while sample rows are inserted."""

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
    """Add the checks, unique and foreign keys and NOT NULL of `after` for the length of a block.

    Constraints that do not fit the tables, since they name something that does not exist yet, are left out.
    """
    drop_statements = [
        drop_sql for add_sql, drop_sql in _constraint_statements(before, after) if _try_constraint(connection, add_sql)
    ]
    connection.connection.commit()
    try:
        yield
    finally:
        cursor: Any = connection.connection.cursor()
        for undo in reversed(drop_statements):
            cursor.execute(undo)
        cursor.close()
        connection.connection.commit()  # SQLAlchemy does not know of a transaction begun by a bare cursor


def _constraint_statements(before: Catalog, after: Catalog) -> Iterator[tuple[sql.Composable, sql.Composable]]:
    """The statements that add and drop each constraint."""
    numbers = count()
    for key, obj in after.objects.items():
        old_obj = before.objects.get(key)
        if isinstance(obj, Constraint) and old_obj != obj and obj.type in "ucf":
            table, constraint_name = (
                _alter_table(obj.schema, obj.table),
                sql.Identifier(f"seedbed_rule_{next(numbers)}"),
            )
            definition = sql.SQL(obj.definition.removesuffix(" NOT VALID"))
            yield (
                table + sql.SQL("ADD CONSTRAINT {} {}").format(constraint_name, definition),
                table + _DROP.format(constraint_name),
            )
        if isinstance(obj, Table) and isinstance(old_obj, Table):
            for column in obj.columns:
                old_column = old_obj.columns_by_name.get(column.name)
                if old_column is not None and column.not_null and not old_column.not_null:
                    alter_column = _alter_table(obj.schema, obj.name) + sql.SQL("ALTER COLUMN {} ").format(
                        sql.Identifier(column.name)
                    )
                    yield alter_column + sql.SQL("SET NOT NULL"), alter_column + sql.SQL("DROP NOT NULL")


def _alter_table(schema: str, name: str) -> sql.Composed:
    return sql.SQL("ALTER TABLE {} ").format(sql.Identifier(schema, name))


def _try_constraint(connection: Connection, statement: sql.Composable) -> bool:
    """Add a constraint; False where the table does not accept it."""
    cursor: Any = connection.connection.cursor()
    try:
        cursor.execute("SAVEPOINT rule")
        cursor.execute(statement)
        cursor.execute("RELEASE SAVEPOINT rule")
    except psycopg2.Error:
        cursor.execute("ROLLBACK TO SAVEPOINT rule")
        return False
    finally:
        cursor.close()
    return True
