"""The analysis of a table: what its fields, CHECKs, partitions and column names allow its columns to hold."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import sqlglot

from seedbed.schema.declarations import get_declarations
from seedbed.seeding.analysis.checks import (
    Check,
    convert_bound,
    find_columns,
    find_suggested_texts,
    narrow,
    read_checks,
)
from seedbed.seeding.analysis.table_spec import JointCheck, TableDefinition, TableSpec, get_field_values
from seedbed.seeding.analysis.timestamp_roles import names_creation
from seedbed.seeding.analysis.unique_constraints import find_nulls_not_distinct_columns, is_unique
from seedbed.seeding.analysis.value_constraints import ValueConstraints, read_field_constraints
from seedbed.seeding.core.postgres_types import INTEGERS, MOMENTS, ColumnType


def analyse(table: TableDefinition) -> TableSpec:
    """Determine what the columns of a table may hold."""
    checks = tuple(read_checks(table.sql))
    constraints, joint = _find_constraints(table, checks)
    return TableSpec(
        **get_field_values(table),
        value_constraints=constraints,
        checks=checks,
        joint_checks=joint,
        creation_column=_find_creation_column(table),
    )


def _find_constraints(
    table: TableDefinition, checks: tuple[Check, ...]
) -> tuple[Mapping[str, ValueConstraints], tuple[JointCheck, ...]]:
    """Return the constraints of each column, and the conditions that these cannot express."""
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


_PARTITION_KEY = re.compile(r'^(RANGE|LIST)\s*\(\s*"?(\w+)"?\s*\)$', re.IGNORECASE)
_PARTITION = re.compile(
    r'\sPARTITION\s+OF\s+"?(?P<of>[\w.]+)"?\s+(?:(?P<default>DEFAULT)|FOR\s+VALUES\s+'
    r"(?:IN\s*\((?P<values>.*)\)|FROM\s*\((?P<low>[^)]*)\)\s*TO\s*\((?P<high>[^)]*)\)))",
    re.IGNORECASE | re.DOTALL,
)


def read_partition_constraints(table: TableDefinition) -> tuple[str, ValueConstraints] | None:
    """The partition key with the values it may have, or None where any value is accepted.

    Ranges are taken for ones without a gap between them.
    """
    key = _PARTITION_KEY.match(str(table.sql.dialect_options["postgresql"]["partition_by"] or "").strip())
    if key is None or key[2] not in table.column_types:
        return None
    names = {table.sql.name, str(table.sql.key)}
    partitions = [
        part
        for statement in get_declarations(table.sql.metadata)
        if (part := _PARTITION.search(statement)) and part["of"] in names
    ]
    if not partitions or (key[1].upper() == "RANGE" and any(part["default"] for part in partitions)):
        return None
    column, column_type = table.get_column(key[2]), table.column_types[key[2]]
    constraints = ValueConstraints(not_null=not column.nullable)
    if key[1].upper() == "LIST":
        values = [value for part in partitions if part["values"] for value in _read_constants(part["values"])]
        is_text = column_type.is_text or column_type.name == "enum"
        return (
            (key[2], constraints.one_of(values if is_text else [int(v) for v in values if v.isdigit()]))
            if values
            else None
        )
    lows, highs = (
        [value for part in partitions for value in _read_constants(part[side] or "")] for side in ("low", "high")
    )
    if column_type.name not in MOMENTS | {"date"} or not lows or not highs or "" in (*lows, *highs):
        return None
    with_low = constraints.at_least(convert_bound(min(lows), column_type), column_type)
    return key[2], with_low.at_most(convert_bound(max(highs), column_type), column_type, or_equal=False)


def _read_constants(listed: str) -> list[str]:
    """Constants between commas, without quotes; nothing in the place of MINVALUE, MAXVALUE and expressions."""
    return [
        value[1:-1].replace("''", "'") if value[:1] == "'" else value if value.isdigit() else ""
        for value in (part.strip() for part in listed.split(","))
        if value.upper() != "NULL"
    ]


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
    """Yield conditions on totals, taxes and bounds that column names imply. Columns with a CHECK, a rule or an explicit
    value are left out.
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
