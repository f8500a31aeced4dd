"""Constraints on the values of single columns, taken from CHECKs, so that few rows need a redraw.

A condition counts as handled only if the constraints express all of it, with its meaning for the column's type. The
rest is evaluated, and what cannot be evaluated is left to PostgreSQL.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from sqlglot import exp

from seedbed.seeding.analysis.checks.constants import NOT_CONSTANT, read_constant
from seedbed.seeding.analysis.checks.table_checks import strip_parentheses
from seedbed.seeding.analysis.checks.text_functions import convert_similar_to, translate_regex
from seedbed.seeding.analysis.checks.vectors import UnsupportedExpression
from seedbed.seeding.analysis.value_constraints import ValueConstraints
from seedbed.seeding.core.postgres_types import INTEGERS, MOMENTS, ColumnType

_MIRRORED: dict[Any, Any] = {
    exp.GT: exp.LT, exp.GTE: exp.LTE, exp.LT: exp.GT, exp.LTE: exp.GTE, exp.EQ: exp.EQ,
}  # fmt: skip
_MAX_NUMERIC = Decimal(10) ** 1_000
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def narrow(
    condition: Any, column_types: Callable[[str], ColumnType | None], constraints: dict[str, ValueConstraints]
) -> bool:
    """Add a condition on one column to its constraints. Returns False if they cannot express all of it."""
    condition = strip_parentheses(condition)
    if isinstance(condition, exp.Or):
        return _narrow_disjunction(condition, column_types, constraints)
    if isinstance(condition, exp.Is) and isinstance(condition.expression, exp.Null) and condition.args.get("negate"):
        return _update(condition.this, column_types, constraints, lambda known, _: replace(known, not_null=True))
    if isinstance(condition, exp.Between):
        if condition.args.get("symmetric") or condition.args.get("negate"):
            return False
        low, high = (
            exp.GTE(this=condition.this, expression=condition.args["low"]),
            exp.LTE(this=condition.this, expression=condition.args["high"]),
        )
        is_narrowed = [narrow(side.copy(), column_types, constraints) for side in (low, high)]
        return all(is_narrowed)
    if isinstance(condition, exp.In) and not condition.args.get("query"):
        return _narrow_to_list(condition.this, condition.expressions, column_types, constraints)
    if isinstance(condition, exp.EQ) and isinstance(condition.expression, exp.Any):
        inner = strip_parentheses(condition.expression.this)
        inner = strip_parentheses(inner.this) if isinstance(inner, exp.Cast) else inner
        return isinstance(inner, exp.Array) and _narrow_to_list(
            condition.this, inner.expressions, column_types, constraints
        )
    if (
        isinstance(condition, exp.RegexpLike | exp.SimilarTo)
        and not condition.args.get("negate")
        and not condition.args.get("flag")
    ):
        return _narrow_to_pattern(condition, column_types, constraints)
    if type(condition) in _MIRRORED:
        return _narrow_by_comparison(condition, column_types, constraints)
    return False


def _update(
    target: exp.Expression,
    column_types: Callable[[str], ColumnType | None],
    constraints: dict[str, ValueConstraints],
    change: Callable[[ValueConstraints, ColumnType], ValueConstraints],
) -> bool:
    column, column_type = _find_column(target, column_types)
    if column_type is None:
        return False
    constraints[column] = change(constraints[column], column_type)
    return True


def _find_column(target: Any, column_types: Callable[[str], ColumnType | None]) -> tuple[str, ColumnType | None]:
    """A column as it is, or as a text where it is a text already."""
    target, as_text = strip_parentheses(target), False
    while isinstance(target, exp.Cast):
        if target.to.sql("postgres").lower() not in {"text", "varchar"}:
            return "", None
        target, as_text = strip_parentheses(target.this), True
    column_type = column_types(target.name) if isinstance(target, exp.Column) else None
    if column_type is None or (as_text and not (column_type.is_text or column_type.name == "enum")):
        return "", None
    return target.name, column_type


def find_suggested_texts(condition: Any) -> dict[str, list[Any]]:
    """Texts that a CHECK compares columns with: values worth having among those of a text."""
    texts = {
        name: [v for v in values if isinstance(v, str) and v]
        for name, values in find_compared_constants(condition).items()
    }
    return {name: values for name, values in texts.items() if values}


def find_compared_constants(condition: Any) -> dict[str, list[Any]]:
    """Constants that a CHECK says columns are or are not."""
    constants: dict[str, list[Any]] = {}
    for comparison in condition.find_all(exp.EQ, exp.NEQ):
        for target, other in ((comparison.left, comparison.right), (comparison.right, comparison.left)):
            column, value = strip_parentheses(target), read_constant(other)
            if isinstance(column, exp.Column) and value is not NOT_CONSTANT:
                constants.setdefault(column.name, []).append(value)
    return constants


def _narrow_disjunction(
    condition: Any, column_types: Callable[[str], ColumnType | None], constraints: dict[str, ValueConstraints]
) -> bool:
    alternatives = [strip_parentheses(way) for way in condition.flatten()]
    if (
        all(isinstance(way, exp.EQ) for way in alternatives)
        and len({strip_parentheses(way.left).name for way in alternatives}) == 1
    ):
        return _narrow_to_list(alternatives[0].left, [way.right for way in alternatives], column_types, constraints)
    for side, other in ((condition.left, condition.right), (condition.right, condition.left)):
        null_test = strip_parentheses(side)
        if (
            isinstance(null_test, exp.Is)
            and isinstance(null_test.expression, exp.Null)
            and not null_test.args.get("negate")
        ):
            columns = {column.name for column in condition.find_all(exp.Column)}
            if len(columns) == 1:
                return narrow(other, column_types, constraints)
    return False


def _narrow_to_list(
    target: exp.Expression,
    items: list[exp.Expression],
    column_types: Callable[[str], ColumnType | None],
    constraints: dict[str, ValueConstraints],
) -> bool:
    column_type = _find_column(target, column_types)[1]
    if column_type is None:
        return False
    values = [_convert_constant(read_constant(item), column_type) for item in items]
    if NOT_CONSTANT in values:
        return False
    return _update(target, column_types, constraints, lambda known, _: known.one_of([*dict.fromkeys(values)]))


def _convert_constant(value: Any, column_type: ColumnType) -> Any:
    """A constant as one of a column's values, where such a column can have just it."""
    if isinstance(value, str) and column_type.is_number:
        try:
            value = Decimal(value)
        except ArithmeticError:
            return NOT_CONSTANT
    if column_type.is_text or column_type.name == "enum":
        fits = isinstance(value, str)
    elif column_type.name == "bool":
        fits = isinstance(value, bool)
    elif column_type.is_number:
        fits = isinstance(value, int | Decimal) and not isinstance(value, bool) and Decimal(value).is_finite()
        fits = (
            fits
            and (column_type.name not in INTEGERS or value == int(value))
            and abs(value) < INTEGERS.get(column_type.name, _MAX_NUMERIC)
        )
    elif column_type.name in MOMENTS | {"date"}:
        value = convert_bound(value, column_type)
        fits = value is not None and isinstance(value, datetime) == (column_type.name in MOMENTS)
    elif column_type.name == "uuid":
        fits = isinstance(value, str) and _UUID.fullmatch(value) is not None
    else:
        fits = False
    return value if fits else NOT_CONSTANT


def _narrow_to_pattern(
    condition: exp.RegexpLike | exp.SimilarTo,
    column_types: Callable[[str], ColumnType | None],
    constraints: dict[str, ValueConstraints],
) -> bool:
    pattern = read_constant(condition.expression)
    column, column_type = _find_column(condition.this, column_types)
    if (
        column_type is None
        or not column_type.is_text
        or not isinstance(pattern, str)
        or constraints[column].pattern is not None
    ):
        return False
    try:
        pattern, _ = translate_regex(convert_similar_to(pattern) if isinstance(condition, exp.SimilarTo) else pattern)
        re.compile(pattern)
    except (UnsupportedExpression, re.error):
        return False
    constraints[column] = replace(constraints[column], pattern=pattern)
    return column_type.name != "bpchar"  # blanks that fill it up count


def _narrow_by_comparison(
    condition: Any, column_types: Callable[[str], ColumnType | None], constraints: dict[str, ValueConstraints]
) -> bool:
    operator, target, bound = type(condition), condition.left, read_constant(condition.right)
    if bound is NOT_CONSTANT:
        operator, target, bound = _MIRRORED[operator], condition.right, read_constant(condition.left)
    if bound is NOT_CONSTANT:
        return False
    target = strip_parentheses(target)
    if isinstance(target, exp.Length):
        column_type = _find_column(target.this, column_types)[1]
        if column_type is None or not column_type.is_text or target.args.get("encoding") or type(bound) is not int:
            return False
        return _update(target.this, column_types, constraints, lambda known, _: _add_length(known, operator, bound))
    if operator is exp.EQ:
        return _narrow_to_list(
            target,
            [condition.right if target is strip_parentheses(condition.left) else condition.left],
            column_types,
            constraints,
        )
    column_type = _find_column(target, column_types)[1]
    if column_type is None or not _is_bound(bound, column_type):
        return False
    is_narrowed = _update(
        target, column_types, constraints, lambda known, column_type: _add_bound(known, column_type, operator, bound)
    )
    return is_narrowed and column_type.name != "float4"  # what is stored of a number beside the bound may be the bound


def _is_bound(bound: Any, column_type: ColumnType) -> bool:
    """Whether a constant is a bound of such a column, in the order of numbers or times."""
    if column_type.is_number:
        return isinstance(bound, int | Decimal) and not isinstance(bound, bool)
    return column_type.name in MOMENTS | {"date"} and convert_bound(bound, column_type) is not None


def _add_bound(known: ValueConstraints, column_type: ColumnType, operator: Any, bound: Any) -> ValueConstraints:
    bound = convert_bound(bound, column_type)
    if operator in {exp.GT, exp.GTE}:
        return known.at_least(bound, column_type, or_equal=operator is exp.GTE)
    return known.at_most(bound, column_type, or_equal=operator is exp.LTE)


def convert_bound(bound: Any, column_type: ColumnType) -> Any:
    """A constant beside a column: a text beside times is a time; None where it is none that is known here."""
    if column_type.name not in MOMENTS | {"date"}:
        return bound
    try:
        if isinstance(bound, str):
            bound = datetime.fromisoformat(bound) if column_type.name in MOMENTS else date.fromisoformat(bound)
    except ValueError:
        return None
    if isinstance(bound, datetime):
        return bound if column_type.name in MOMENTS else None
    if isinstance(bound, date) and column_type.name in MOMENTS:
        return datetime.combine(bound, time())
    return bound if isinstance(bound, date) else None


def _add_length(known: ValueConstraints, operator: Any, bound: int) -> ValueConstraints:
    least = {exp.GT: bound + 1, exp.GTE: bound, exp.EQ: bound}.get(operator)
    most = {exp.LT: bound - 1, exp.LTE: bound, exp.EQ: bound}.get(operator)
    return known.with_length(least, most)
