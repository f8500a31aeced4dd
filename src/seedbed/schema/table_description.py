"""The tables of a schema in words: their columns, types, keys and what refers to what."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from sqlalchemy import CheckConstraint, Column, Table, UniqueConstraint

from seedbed.postgres.quoting import DIALECT, compile_expression
from seedbed.schema.loader import Schema


@dataclass(frozen=True)
class ColumnDescription:
    """`references` is what a foreign key points to, as `user.id`."""

    name: str
    type: str
    nullable: bool
    primary_key: bool
    unique: bool
    default: str | None
    references: str | None


@dataclass(frozen=True)
class TableDescription:
    """`constraints` are constraints over more than a column, in words; `model` is the class's name, where there is one."""

    name: str
    model: str | None
    columns: tuple[ColumnDescription, ...]
    constraints: tuple[str, ...]


def describe_tables(schema: Schema) -> list[TableDescription]:
    """Every table, parents first."""
    return [
        TableDescription(
            table.key,
            schema.classes[table.key].__name__ if table.key in schema.classes else None,
            tuple(map(_column, table.columns)),
            tuple(sorted(_rules(table))),
        )
        for table in schema.tables
    ]


def _column(column: Column[Any]) -> ColumnDescription:
    keys = sorted(key.target_fullname for key in column.foreign_keys)
    return ColumnDescription(
        name=str(column.name),
        type=column.type.compile(DIALECT).lower(),
        nullable=bool(column.nullable),
        primary_key=column.primary_key,
        unique=(str(column.name),) in _uniques(column.table),
        default=_default(column),
        references=keys[0] if keys else None,
    )


def _default(column: Column[Any]) -> str | None:
    if column.identity is not None:
        return "identity"
    if column.computed is not None:
        return f"generated: {compile_expression(column.computed.sqltext)}"
    argument = getattr(column.server_default, "arg", None)
    return None if argument is None else compile_expression(argument)


def _uniques(table: Any) -> list[tuple[str, ...]]:
    made = [tuple(c.name for c in key.columns) for key in table.constraints if isinstance(key, UniqueConstraint)]
    plain = [
        index for index in table.indexes if index.unique and index.dialect_options["postgresql"].get("where") is None
    ]
    return made + [tuple(column.name for column in index.columns) for index in plain]


def _rules(table: Table) -> Iterator[str]:
    for columns in _uniques(table):
        if len(columns) > 1:
            yield f"unique ({', '.join(columns)})"
    for constraint in table.constraints:
        if isinstance(constraint, CheckConstraint):
            yield f"check {compile_expression(constraint.sqltext) or constraint.name}"
