"""A table as its model and the seeds define it, with what is known of its columns."""

from collections.abc import Mapping
from dataclasses import dataclass, fields
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import Any

from sqlalchemy import Column, Table
from sqlglot import exp

from seedbed.seeding.analysis.checks import Check
from seedbed.seeding.analysis.value_constraints import ValueConstraints
from seedbed.seeding.api.rules import Choice, Constant, FakerValues, Rule, Same
from seedbed.seeding.api.seeds_file import RowsPerParent, TableRequest
from seedbed.seeding.core.postgres_types import ColumnType, get_column_type, has_custom_processing
from seedbed.seeding.core.random_stream import Stream
from seedbed.seeding.core.time_units import microseconds


@dataclass(frozen=True, eq=False)
class TableDefinition:
    """A table of the models and its request in the seeds.

    `rank` is its position in the loading order. `column_types` leaves out columns that the database computes. `seed`
    and `as_of` come from the lock file, and `root` is the project's folder.
    """

    sql: Table
    model: type[Any] | None
    request: TableRequest
    seed: int
    as_of: datetime
    root: Path
    rank: int
    column_types: Mapping[str, ColumnType]

    @property
    def name(self) -> str:
        return str(self.sql.key)

    @property
    def location(self) -> str:
        """The line of the seeds file that plans the table."""
        return self.request.location

    @property
    def rules(self) -> Mapping[str, Rule]:
        return self.request.rules

    @property
    def rows_per_parent(self) -> RowsPerParent | None:
        return self.request.rows if isinstance(self.request.rows, RowsPerParent) else None

    @property
    def is_empty(self) -> bool:
        return self.request.rows == 0

    @cached_property
    def latest(self) -> int:
        """`as_of` in microseconds since 1970: the latest time in any row."""
        return microseconds(self.as_of)

    def make_stream(self, column: str) -> Stream:
        return Stream(self.seed, f"{self.name}.{column}")

    def get_column(self, name: str) -> Column[Any]:
        return next(column for column in self.sql.columns if column.name == name)

    def get_type(self, column: str) -> ColumnType:
        return self.column_types[column] if column in self.column_types else get_column_type(self.get_column(column))

    def takes_model_instances(self, column: str) -> bool:
        """Tell whether a JSON column's Python type takes model instances instead of plain JSON values."""
        return has_custom_processing(self.get_column(column))

    def is_left_to_database(self, column: str) -> bool:
        """Tell whether the database fills a column, so that its values are unknown."""
        if column in self.rules or (column in self.column_types and self.column_types[column].is_generated):
            return False
        own = self.get_column(column)
        return own.computed is not None or own.server_default is not None or own.identity is not None


def read_column_types(table: Table) -> dict[str, ColumnType]:
    """The types of a table's columns, without those of columns that the database computes."""
    return {str(column.name): get_column_type(column) for column in table.columns if column.computed is None}


JointCheck = tuple[Check, exp.Expression]


@dataclass(frozen=True, eq=False)
class TableSpec(TableDefinition):
    """A table with the constraints on its columns' values, from fields, CHECKs and other constraints.

    `joint_checks` are conditions on several columns, or on one that `value_constraints` cannot express.
    `creation_column` holds the time at which a row was created.
    """

    value_constraints: Mapping[str, ValueConstraints]
    checks: tuple[Check, ...]
    joint_checks: tuple[JointCheck, ...]
    creation_column: str | None

    def count_possible_values(self, column: str) -> int:
        """Return the number of different values of a column if it is small, else 0."""
        rule, column_type = self.rules.get(column), self.column_types[column]
        if isinstance(rule, Choice):
            return len(dict.fromkeys(rule.values))
        if isinstance(rule, Constant):
            return 1
        if rule is not None and not isinstance(rule, Same | FakerValues):
            return 0
        constraints = self.value_constraints[column]
        if constraints.values is not None:
            return len(constraints.values)
        if column_type.labels:
            return len(column_type.labels)
        if column_type.name == "bit":
            return 1 << min(column_type.size or 1, 20)
        return 2 if column_type.name == "bool" else 0


def get_field_values(table: TableDefinition) -> dict[str, Any]:
    """Return the fields of a dataclass instance, to construct a subclass from them."""
    return {field.name: getattr(table, field.name) for field in fields(table)}
