"""What the columns of a table may be, by their fields, the table's CHECKs and its constraints together."""

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

from sqlglot import exp

from seedbed.seeding.analysis.checks import Check, narrowed, suggested
from seedbed.seeding.analysis.partitions import partitioned
from seedbed.seeding.analysis.unique_constraints import where_nulls_meet
from seedbed.seeding.analysis.value_facts import Facts, field_facts
from seedbed.seeding.generators.column_generator import is_unique
from seedbed.seeding.generators.totals import sums

if TYPE_CHECKING:
    from seedbed.seeding.planning.table_plan import TablePlan


def known_rules(table: "TablePlan") -> tuple[Mapping[str, Facts], tuple[tuple[Check, exp.Expression], ...]]:
    """The facts of each column, and what CHECKs want beyond them."""
    facts = {str(column.name): field_facts(table.model, column) for column in table.sql.columns}
    if (part := partitioned(table)) is not None:
        facts[part[0]] = replace(facts[part[0]], low=part[1].low, high=part[1].high, values=part[1].values)
    for name in where_nulls_meet(table.sql):
        facts[name] = replace(facts[name], not_null=True)
    wants = [(check, want) for check in table.checks for want in check.wants]
    left = [(check, want) for check, want in wants if not narrowed(want, table.kinds.get, facts)]
    left += sums(table, facts, [want for _, want in left])
    for _, want in left:
        for name, values in suggested(want).items():
            known = facts.get(name)
            plain = known is not None and known.values is None and known.pattern is None and name not in table.rules
            if known is not None and plain and table.kinds[name].is_text and not is_unique(table.column(name)):
                words = [w for w in ("other", "plain") if known.longest is None or len(w) <= known.longest]
                facts[name] = known.one_of([*dict.fromkeys([*values, *words])])
    return facts, tuple(left)
