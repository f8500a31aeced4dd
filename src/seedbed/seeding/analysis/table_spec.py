"""What the models and the seeds say of a table."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from sqlglot import exp

from seedbed.seeding.analysis.checks import Check, find_suggested_texts, narrow, read_checks
from seedbed.seeding.analysis.implied_checks import implied_checks
from seedbed.seeding.analysis.partitions import partitioned
from seedbed.seeding.analysis.table_definition import TableDefinition
from seedbed.seeding.analysis.timestamp_names import names_creation
from seedbed.seeding.analysis.unique_constraints import is_unique, nulls_not_distinct_columns
from seedbed.seeding.analysis.value_facts import Facts, field_facts
from seedbed.seeding.api.rules import Choice, Constant, FakerValues, Same
from seedbed.seeding.core.column_types import MOMENTS

JointCheck = tuple[Check, exp.Expression]


@dataclass(frozen=True, eq=False)
class TableSpec(TableDefinition):
    """A table with what its fields, its CHECKs and its constraints say of its columns.

    `joint_checks` are conditions on several columns, or on one in a way that its facts cannot say. `created` is the
    column that says when a row was created.
    """

    facts: Mapping[str, Facts]
    checks: tuple[Check, ...]
    joint_checks: tuple[JointCheck, ...]
    created: str | None

    def size(self, column: str) -> int:
        """How many different values a column can have, where these are few; 0 otherwise."""
        rule, kind = self.rules.get(column), self.kinds[column]
        if isinstance(rule, Choice):
            return len(dict.fromkeys(rule.values))
        if isinstance(rule, Constant):
            return 1
        if rule is not None and not isinstance(rule, Same | FakerValues):
            return 0
        facts = self.facts[column]
        if facts.values is not None:
            return len(facts.values)
        if kind.labels:
            return len(kind.labels)
        if kind.name == "bit":
            return 1 << min(kind.size or 1, 20)
        return 2 if kind.name == "bool" else 0


def analyse(table: TableDefinition) -> TableSpec:
    """Find out what the columns of a table may be."""
    checks = tuple(read_checks(table.sql))
    facts, joint = _facts(table, checks)
    return TableSpec(
        **values_of(table), facts=facts, checks=checks, joint_checks=joint, created=_creation_column(table)
    )


def values_of(table: TableDefinition) -> dict[str, Any]:
    """The fields of a dataclass, for one that has more."""
    return {field.name: getattr(table, field.name) for field in fields(table)}


def _facts(table: TableDefinition, checks: tuple[Check, ...]) -> tuple[Mapping[str, Facts], tuple[JointCheck, ...]]:
    """The facts of each column, and the conditions that say more than these."""
    facts = {str(column.name): field_facts(table.model, column) for column in table.sql.columns}
    if (part := partitioned(table)) is not None:
        facts[part[0]] = replace(facts[part[0]], low=part[1].low, high=part[1].high, values=part[1].values)
    for name in nulls_not_distinct_columns(table.sql):
        facts[name] = replace(facts[name], not_null=True)
    wants = [(check, want) for check in checks for want in check.conditions]
    left = [(check, want) for check, want in wants if not narrow(want, table.kinds.get, facts)]
    left += implied_checks(table, facts, [want for _, want in left])
    for _, want in left:
        for name, values in find_suggested_texts(want).items():
            known = facts.get(name)
            plain = known is not None and known.values is None and known.pattern is None and name not in table.rules
            if known is not None and plain and table.kinds[name].is_text and not is_unique(table.column(name)):
                words = [w for w in ("other", "plain") if known.longest is None or len(w) <= known.longest]
                facts[name] = known.one_of([*dict.fromkeys([*values, *words])])
    return facts, tuple(left)


def _creation_column(table: TableDefinition) -> str | None:
    names = [c.name for c in table.sql.columns if names_creation(c.name) and table.kind(c.name).name in MOMENTS]
    return names[0] if names else None
