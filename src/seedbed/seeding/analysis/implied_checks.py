"""Conditions that the names of number columns imply: a line total, a tax, a minimum and a maximum."""

import re
from collections.abc import Collection, Iterator, Mapping
from decimal import Decimal
from typing import Any

import sqlglot

from seedbed.seeding.analysis.checks import Check, find_columns
from seedbed.seeding.analysis.table_definition import TableDefinition
from seedbed.seeding.analysis.unique_constraints import is_unique
from seedbed.seeding.analysis.value_facts import Facts
from seedbed.seeding.core.column_types import INTEGERS, ColumnType

_QUANTITY = re.compile(r"^(quantity|qty)$")
_UNIT_PRICE = re.compile(r"^(unit_)?price$")
_LINE = re.compile(r"^(line_total|line_amount|total|total_price|amount|subtotal)$")
_NET = re.compile(r"^(subtotal|sub_total|net_amount|net_total|items_total|total_net)$")
_TAX = re.compile(r"^(tax|vat|tax_amount|vat_amount|tax_total)$")
_TAX_RATE = re.compile(r"^(tax|vat)_rate$")
_SHIPPING = re.compile(r"^(shipping|delivery)(_cost|_fee|_amount|_total|_price)?$")
_DISCOUNT = re.compile(r"^discount(_amount|_total)?$")
_LESS = (
    (re.compile(r"^min_"), "max_"), (re.compile(r"_min$"), "_max"), (re.compile(r"^minimum_"), "maximum_"),
    (re.compile(r"^lowest_"), "highest_"), (re.compile(r"_available$"), "_total"),
)  # fmt: skip
_PAID = re.compile(r"^(amount_paid|paid_amount|paid)$")
_TOTAL = re.compile(r"^(total|grand_total|total_amount|amount_due|total_due|gross_amount|total_gross)$")


def implied_checks(
    table: TableDefinition, facts: Mapping[str, Facts], wanted: Collection[Any]
) -> Iterator[tuple[Check, Any]]:
    """What amounts of a table come to, as if CHECKs said it; unless one does say something of them, a rule, or a row
    that is written out.
    """
    said = {name for want in wanted for name in find_columns(want)} | {
        name for row in table.request.explicit_rows for name in row
    }
    amounts = {name.lower(): name for name in _free(table) if table.kinds[name].name in {"numeric", *INTEGERS}}
    for target, words in _equations(table, amounts):
        if target not in said:
            yield _check(f"what {target} comes to", f'"{target}" = {words}')
            for bound in _bounds(facts[target], table.kinds[target]):
                yield _check(f"the bounds of {target}", f'"{target}" {bound}')
    for less, more in _pairs(table):
        if not {less, more} & said:
            yield _check(f"{less} and {more}", f'"{less}" <= "{more}"')


def _check(name: str, sql: str) -> tuple[Check, Any]:
    return Check(name, sql, ()), sqlglot.parse_one(sql, dialect="postgres")


def _free(table: TableDefinition) -> list[str]:
    """Number columns that are neither keys nor filled by a rule."""
    found = []
    for name, kind in table.kinds.items():
        column = table.column(name)
        key = bool(column.foreign_keys or column.primary_key) or is_unique(column)
        if kind.is_number and name not in table.rules and not key and '"' not in name:
            found.append(name)
    return found


def _bounds(facts: Facts, kind: ColumnType) -> Iterator[str]:
    unit = 10**kind.decimals if kind.name == "numeric" else 1
    most = [high for high in (facts.high, None if kind.size is None else 10**kind.size - 1) if high is not None]
    if facts.low is not None:
        yield f">= {Decimal(str(facts.low)) / unit}"
    if most:
        yield f"<= {Decimal(str(min(most))) / unit}"


def _pairs(table: TableDefinition) -> Iterator[tuple[str, str]]:
    """Pairs of columns named as a minimum and a maximum, or as a part and its whole."""
    free = _free(table)
    for name in free:
        found = (pattern.sub(other, name) for pattern, other in _LESS)
        for more in found:
            if more != name and more in free and table.kinds[more] == table.kinds[name]:
                yield name, more


def _equations(table: TableDefinition, amounts: dict[str, str]) -> Iterator[tuple[str, str]]:
    def one(pattern: re.Pattern[str]) -> str | None:
        return next((name for lower, name in amounts.items() if pattern.search(lower)), None)

    quantity, price, line, net = one(_QUANTITY), one(_UNIT_PRICE), one(_LINE), one(_NET)
    tax, rate, shipping, discount, total = one(_TAX), one(_TAX_RATE), one(_SHIPPING), one(_DISCOUNT), one(_TOTAL)
    if quantity and price and line:
        yield line, f'"{quantity}" * "{price}"'
    if tax and rate and net:
        yield tax, f'round("{net}" * "{rate}", 2)'
    added = [name for name in (tax, shipping) if name]
    if total and net and total != net and (added or discount):
        more = "".join(f" + {_or_nothing(table, name)}" for name in added)
        less = f" - {_or_nothing(table, discount)}" if discount else ""
        yield total, f'"{net}"{more}{less}'
    paid, when = one(_PAID), next((name for name in ("paid_at", "paid_on") if name in table.kinds), None)
    if paid and total and when:
        yield paid, f'CASE WHEN "{when}" IS NULL THEN 0 ELSE "{total}" END'


def _or_nothing(table: TableDefinition, name: str) -> str:
    return f'coalesce("{name}", 0)' if table.column(name).nullable else f'"{name}"'
