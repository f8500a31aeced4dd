"""Conditions that the names of number columns imply: a line total, a tax, a minimum and a maximum."""

import re
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from typing import Any

import sqlglot

from seedbed.seeding.analysis.checks import Check, find_columns
from seedbed.seeding.analysis.table_definition import TableDefinition
from seedbed.seeding.analysis.unique_constraints import is_unique
from seedbed.seeding.analysis.value_facts import ValueConstraints
from seedbed.seeding.core.column_types import INTEGERS, ColumnType

_QUANTITY = re.compile(r"^(quantity|qty)$")
_UNIT_PRICE = re.compile(r"^(unit_)?price$")
_LINE = re.compile(r"^(line_total|line_amount|total|total_price|amount|subtotal)$")
_NET = re.compile(r"^(subtotal|sub_total|net_amount|net_total|items_total|total_net)$")
_TAX = re.compile(r"^(tax|vat|tax_amount|vat_amount|tax_total)$")
_TAX_RATE = re.compile(r"^(tax|vat)_rate$")
_SHIPPING = re.compile(r"^(shipping|delivery)(_cost|_fee|_amount|_total|_price)?$")
_DISCOUNT = re.compile(r"^discount(_amount|_total)?$")
_UPPER_BOUND_NAMES = (
    (re.compile(r"^min_"), "max_"), (re.compile(r"_min$"), "_max"), (re.compile(r"^minimum_"), "maximum_"),
    (re.compile(r"^lowest_"), "highest_"), (re.compile(r"_available$"), "_total"),
)  # fmt: skip
_PAID = re.compile(r"^(amount_paid|paid_amount|paid)$")
_TOTAL = re.compile(r"^(total|grand_total|total_amount|amount_due|total_due|gross_amount|total_gross)$")


def find_implied_checks(
    table: TableDefinition, constraints: Mapping[str, ValueConstraints], conditions: Collection[Any]
) -> Iterator[tuple[Check, Any]]:
    """What amounts of a table come to, as if CHECKs said it; unless one does say something of them, a rule, or a row
    that is written out.
    """
    constrained = {name for condition in conditions for name in find_columns(condition)} | {
        name for row in table.request.explicit_rows for name in row
    }
    amounts = {
        name.lower(): name
        for name in _find_free_columns(table)
        if table.column_types[name].name in {"numeric", *INTEGERS}
    }
    for target, expression in _find_equations(table, amounts):
        if target not in constrained:
            yield _make_check(f"what {target} comes to", f'"{target}" = {expression}')
            for bound in _format_bounds(constraints[target], table.column_types[target]):
                yield _make_check(f"the bounds of {target}", f'"{target}" {bound}')
    for less, more in _find_bound_pairs(table):
        if not {less, more} & constrained:
            yield _make_check(f"{less} and {more}", f'"{less}" <= "{more}"')


def _make_check(name: str, sql: str) -> tuple[Check, Any]:
    return Check(name, sql, ()), sqlglot.parse_one(sql, dialect="postgres")


def _find_free_columns(table: TableDefinition) -> list[str]:
    """Number columns that are neither keys nor filled by a rule."""
    names = []
    for name, column_type in table.column_types.items():
        column = table.get_column(name)
        key = bool(column.foreign_keys or column.primary_key) or is_unique(column)
        if column_type.is_number and name not in table.rules and not key and '"' not in name:
            names.append(name)
    return names


def _format_bounds(constraints: ValueConstraints, column_type: ColumnType) -> Iterator[str]:
    unit = 10**column_type.decimals if column_type.name == "numeric" else 1
    upper_bounds = [
        high
        for high in (constraints.high, None if column_type.size is None else 10**column_type.size - 1)
        if high is not None
    ]
    if constraints.low is not None:
        yield f">= {Decimal(str(constraints.low)) / unit}"
    if upper_bounds:
        yield f"<= {Decimal(str(min(upper_bounds))) / unit}"


def _find_bound_pairs(table: TableDefinition) -> Iterator[tuple[str, str]]:
    """Pairs of columns named as a minimum and a maximum, or as a part and its whole."""
    free = _find_free_columns(table)
    for name in free:
        candidates = (pattern.sub(other, name) for pattern, other in _UPPER_BOUND_NAMES)
        for upper in candidates:
            if upper != name and upper in free and table.column_types[upper] == table.column_types[name]:
                yield name, upper


def _find_equations(table: TableDefinition, amounts: dict[str, str]) -> Iterator[tuple[str, str]]:
    def find(pattern: re.Pattern[str]) -> str | None:
        return next((name for lower, name in amounts.items() if pattern.search(lower)), None)

    quantity, price, line, net = find(_QUANTITY), find(_UNIT_PRICE), find(_LINE), find(_NET)
    tax, rate, shipping, discount, total = find(_TAX), find(_TAX_RATE), find(_SHIPPING), find(_DISCOUNT), find(_TOTAL)
    if quantity and price and line:
        yield line, f'"{quantity}" * "{price}"'
    if tax and rate and net:
        yield tax, f'round("{net}" * "{rate}", 2)'
    added = [name for name in (tax, shipping) if name]
    if total and net and total != net and (added or discount):
        more = "".join(f" + {_coalesce_zero(table, name)}" for name in added)
        less = f" - {_coalesce_zero(table, discount)}" if discount else ""
        yield total, f'"{net}"{more}{less}'
    paid, when = find(_PAID), next((name for name in ("paid_at", "paid_on") if name in table.column_types), None)
    if paid and total and when:
        yield paid, f'CASE WHEN "{when}" IS NULL THEN 0 ELSE "{total}" END'


def _coalesce_zero(table: TableDefinition, name: str) -> str:
    return f'coalesce("{name}", 0)' if table.get_column(name).nullable else f'"{name}"'
