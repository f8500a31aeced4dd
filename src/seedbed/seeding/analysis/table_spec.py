"""What the models and the seeds say of a table."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from sqlglot import exp

from seedbed.seeding.analysis.checks import Check, find_suggested_texts, narrow, read_checks
from seedbed.seeding.analysis.implied_checks import find_implied_checks
from seedbed.seeding.analysis.partitions import read_partition_constraints
from seedbed.seeding.analysis.table_definition import TableDefinition
from seedbed.seeding.analysis.timestamp_names import names_creation
from seedbed.seeding.analysis.unique_constraints import find_nulls_not_distinct_columns, is_unique
from seedbed.seeding.analysis.value_facts import ValueConstraints, read_field_constraints
from seedbed.seeding.api.rules import Choice, Constant, FakerValues, Same
from seedbed.seeding.core.column_types import MOMENTS

JointCheck = tuple[Check, exp.Expression]


@dataclass(frozen=True, eq=False)
class TableSpec(TableDefinition):
    """A table with what its fields, its CHECKs and its constraints say of its columns.

    `joint_checks` are conditions on several columns, or on one in a way that its facts cannot say. `created` is the
    column that says when a row was created.
    """

    value_constraints: Mapping[str, ValueConstraints]
    checks: tuple[Check, ...]
    joint_checks: tuple[JointCheck, ...]
    creation_column: str | None

    def count_possible_values(self, column: str) -> int:
        """How many different values a column can have, where these are few; 0 otherwise."""
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


def analyse(table: TableDefinition) -> TableSpec:
    """Find out what the columns of a table may be."""
    checks = tuple(read_checks(table.sql))
    constraints, joint = _find_constraints(table, checks)
    return TableSpec(
        **get_field_values(table),
        value_constraints=constraints,
        checks=checks,
        joint_checks=joint,
        creation_column=_find_creation_column(table),
    )


def get_field_values(table: TableDefinition) -> dict[str, Any]:
    """The fields of a dataclass, for one that has more."""
    return {field.name: getattr(table, field.name) for field in fields(table)}


def _find_constraints(
    table: TableDefinition, checks: tuple[Check, ...]
) -> tuple[Mapping[str, ValueConstraints], tuple[JointCheck, ...]]:
    """The facts of each column, and the conditions that say more than these."""
    constraints = {str(column.name): read_field_constraints(table.model, column) for column in table.sql.columns}
    if (partition := read_partition_constraints(table)) is not None:
        constraints[partition[0]] = replace(
            constraints[partition[0]], low=partition[1].low, high=partition[1].high, values=partition[1].values
        )
    for name in find_nulls_not_distinct_columns(table.sql):
        constraints[name] = replace(constraints[name], not_null=True)
    conditions = [(check, condition) for check in checks for condition in check.conditions]
    remaining = [
        (check, condition)
        for check, condition in conditions
        if not narrow(condition, table.column_types.get, constraints)
    ]
    remaining += find_implied_checks(table, constraints, [condition for _, condition in remaining])
    for _, condition in remaining:
        for name, values in find_suggested_texts(condition).items():
            known = constraints.get(name)
            is_unconstrained = (
                known is not None and known.values is None and known.pattern is None and name not in table.rules
            )
            if (
                known is not None
                and is_unconstrained
                and table.column_types[name].is_text
                and not is_unique(table.get_column(name))
            ):
                words = [w for w in ("other", "plain") if known.longest is None or len(w) <= known.longest]
                constraints[name] = known.one_of([*dict.fromkeys([*values, *words])])
    return constraints, tuple(remaining)


def _find_creation_column(table: TableDefinition) -> str | None:
    names = [c.name for c in table.sql.columns if names_creation(c.name) and table.get_type(c.name).name in MOMENTS]
    return names[0] if names else None
