"""The unique constraints and indexes of a table."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Column, Table, TextClause, UniqueConstraint
from sqlalchemy.sql import visitors

from seedbed.postgres.quoting import compile_expression
from seedbed.seeding.analysis.table_definition import TableDefinition


@dataclass(frozen=True)
class Unique:
    """Columns that are unique together; `where` is the condition of a partial index."""

    columns: tuple[str, ...]
    where: str | None = None


def find_unique_constraints(table: TableDefinition) -> list[Unique]:
    """The unique constraints and indexes of a table whose columns are all filled here, always in the same order."""
    constraints = [Unique(tuple(str(c.name) for c in table.sql.primary_key.columns))] if table.sql.primary_key else []
    constraints += [
        Unique(tuple(str(c.name) for c in constraint.columns))
        for constraint in sorted(
            (c for c in table.sql.constraints if isinstance(c, UniqueConstraint)),
            key=lambda c: (str(c.name), c.columns.keys()),
        )
    ]
    constraints += [Unique((str(column.name),)) for column in table.sql.columns if column.unique]
    for index in sorted(table.sql.indexes, key=lambda index: (str(index.name), index.columns.keys())):
        if index.unique:
            where = index.dialect_options["postgresql"]["where"]
            columns = [
                name for expression in index.expressions for name in _find_columns(table.column_types, expression)
            ]
            constraints.append(
                Unique(tuple(dict.fromkeys(columns)), None if where is None else compile_expression(where))
            )
    return [
        unique
        for unique in dict.fromkeys(constraints)
        if unique.columns and set(unique.columns) <= set(table.column_types)
    ]


def is_unique(column: Column[Any]) -> bool:
    """Whether a column is unique by itself."""
    table = column.table
    if column.primary_key and len(table.primary_key) == 1:
        return True
    keys = [c.columns.keys() for c in table.constraints if isinstance(c, UniqueConstraint)]
    return bool(column.unique) or [column.key] in keys


def find_expression_columns(table: Table) -> set[str]:
    """Columns that a unique index has in an expression, such as lower(email)."""
    expressions = [e for index in table.indexes if index.unique for e in index.expressions if not isinstance(e, Column)]
    return {name for expression in expressions for name in _find_columns(table.columns.keys(), expression)}


def _find_columns(names: Iterable[str], expression: Any) -> list[str]:
    """The columns of an index expression: generated texts differ even in lower case, so lower(email) is as email."""
    if isinstance(expression, TextClause):
        return [name for name in names if re.search(rf"\b{re.escape(name)}\b", expression.text)]
    return [str(part.name) for part in visitors.iterate(expression) if hasattr(part, "name") and hasattr(part, "table")]


def find_nulls_not_distinct_columns(table: Table) -> set[str]:
    """Columns of constraints to which two NULLs are the same: a second one is refused, so none is made.

    A key to the same table is left NULL all the same where a row has nothing above it: see `has_one_root`.
    """
    own = {key.parent.name for c in table.foreign_key_constraints if c.referred_table is table for key in c.elements}
    return {name for names in _read_nulls_not_distinct_keys(table) for name in names if name not in own}


def allows_one_root(table: Table, columns: Sequence[str]) -> bool:
    """Whether a unique constraint allows one NULL in a key to the same table."""
    return any(set(names) <= set(columns) for names in _read_nulls_not_distinct_keys(table))


def _read_nulls_not_distinct_keys(table: Table) -> Iterator[list[str]]:
    for constraint in (*table.constraints, *table.indexes):
        if constraint.dialect_options["postgresql"].get("nulls_not_distinct") and len(constraint.columns):  # type: ignore[attr-defined]
            yield [str(column.name) for column in constraint.columns]  # type: ignore[attr-defined]
