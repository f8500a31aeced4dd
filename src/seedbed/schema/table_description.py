"""Describe the tables of a schema: columns, types, keys and constraints."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import CheckConstraint, Column, Table, UniqueConstraint

from seedbed.postgres.quoting import DIALECT, compile_expression
from seedbed.schema.loader import Schema


@dataclass(frozen=True)
class ColumnDescription:
    """A column. `references` is the target of its foreign key, as `user.id`."""

    name: str
    type: str
    nullable: bool
    primary_key: bool
    unique: bool
    default: str | None
    references: str | None


@dataclass(frozen=True)
class TableDescription:
    """A table. `constraints` are those over several columns; `model` is the name of the mapped class, if any."""

    name: str
    model: str | None
    columns: tuple[ColumnDescription, ...]
    constraints: tuple[str, ...]


def describe_tables(schema: Schema) -> list[TableDescription]:
    """Return the description of every table, parents first."""
    return [
        TableDescription(
            table.key,
            schema.classes[table.key].__name__ if table.key in schema.classes else None,
            tuple(map(_describe_column, table.columns)),
            tuple(sorted(_describe_constraints(table))),
        )
        for table in schema.tables
    ]


def _describe_column(column: Column[Any]) -> ColumnDescription:
    targets = sorted(key.target_fullname for key in column.foreign_keys)
    return ColumnDescription(
        name=str(column.name),
        type=column.type.compile(DIALECT).lower(),
        nullable=bool(column.nullable),
        primary_key=column.primary_key,
        unique=(str(column.name),) in _find_unique_columns(column.table),
        default=_describe_default(column),
        references=targets[0] if targets else None,
    )


def _describe_default(column: Column[Any]) -> str | None:
    if column.identity is not None:
        return "identity"
    if column.computed is not None:
        return f"generated: {compile_expression(column.computed.sqltext)}"
    argument = getattr(column.server_default, "arg", None)
    return None if argument is None else compile_expression(argument)


def _find_unique_columns(table: Any) -> list[tuple[str, ...]]:
    constraint_columns = [
        tuple(column.name for column in constraint.columns)
        for constraint in table.constraints
        if isinstance(constraint, UniqueConstraint)
    ]
    unique_indexes = [
        index for index in table.indexes if index.unique and index.dialect_options["postgresql"].get("where") is None
    ]
    return constraint_columns + [tuple(column.name for column in index.columns) for index in unique_indexes]


def _describe_constraints(table: Table) -> Iterator[str]:
    for columns in _find_unique_columns(table):
        if len(columns) > 1:
            yield f"unique ({', '.join(columns)})"
    for constraint in table.constraints:
        if isinstance(constraint, CheckConstraint):
            yield f"check {compile_expression(constraint.sqltext) or constraint.name}"
