"""Evaluation of a CHECK for many rows at once: true, false or NULL."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import reduce
from typing import Any

import numpy as np
from sqlglot import exp

from seedbed.seeding.analysis.checks import arithmetic, text_functions
from seedbed.seeding.analysis.checks.comparison import (
    and_,
    compare,
    keep_first_fault,
    not_,
    or_,
    require_boolean,
    select,
)
from seedbed.seeding.analysis.checks.constants import parse_interval, parse_number
from seedbed.seeding.analysis.checks.text_functions import convert_similar_to
from seedbed.seeding.analysis.checks.type_coercion import (
    cast,
    check_float_mix,
    coerce_to_common_type,
    convert_to_common_type,
    find_common_type,
)
from seedbed.seeding.analysis.checks.vectors import (
    BOOL,
    DATE,
    ERROR,
    INTERVAL,
    TEXT,
    TIMESTAMPTZ,
    UnsupportedExpression,
    Vector,
    make_unknown,
    merge_faults,
    repeat,
)
from seedbed.seeding.core.column_batch import Bools
from seedbed.seeding.core.postgres_types import ColumnType, parse_type
from seedbed.seeding.core.time_units import microseconds

_OPERANDS = frozenset({"this", "expression", "expressions"})
_SUPPORTED_ARGUMENTS: Mapping[Any, frozenset[str]] = {
    exp.Is: frozenset({"negate"}), exp.Like: frozenset({"negate"}), exp.ILike: frozenset({"negate"}),
    exp.Between: frozenset({"low", "high", "negate"}), exp.In: frozenset({"negate"}), exp.Div: frozenset({"typed"}),
    exp.Round: frozenset({"decimals"}), exp.Trim: frozenset({"position"}), exp.Case: frozenset({"ifs", "default"}),
    exp.Cast: frozenset({"to"}), exp.Interval: frozenset({"unit"}), exp.Literal: frozenset({"is_string"}),
    exp.RegexpLike: frozenset({"negate"}), exp.RegexpILike: frozenset({"negate"}),
}  # fmt: skip
"""The supported arguments of an expression besides its operands."""


def evaluate(expression: exp.Expression, row: Callable[[str], Vector], size: int, now: datetime) -> Vector:
    """Evaluate an expression for `size` rows. `row` returns the vector of a column.

    Raises:
        UnsupportedExpression: there is something in it that is not known here, or not for the types of its columns.
    """
    return _Evaluation(row, size, now).evaluate(expression)


def find_violations(condition: exp.Expression, row: Callable[[str], Vector], size: int, now: datetime) -> Bools:
    """Find the rows that violate a CHECK: it is false, or PostgreSQL cannot compute it either."""
    result = require_boolean(evaluate(condition, row, size, now))
    false = ~(result.data | result.nulls)
    return false if result.faults is None else (false & (result.faults == 0)) | (result.faults == ERROR)


class _Evaluation:
    def __init__(self, row: Callable[[str], Vector], size: int, now: datetime) -> None:
        self._row, self._size, self._now = row, size, now
        self._methods: Mapping[Any, Callable[[Any], Vector]] = {
            exp.Paren: lambda e: self.evaluate(e.this),
            exp.Column: lambda e: self._row(e.name),
            exp.Literal: self._evaluate_literal,
            exp.Boolean: lambda e: repeat(bool(e.this), size, BOOL),
            exp.Null: lambda _: make_unknown(None, size),
            exp.And: lambda e: and_(self._evaluate_condition(e.left), self._evaluate_condition(e.right)),
            exp.Or: lambda e: or_(self._evaluate_condition(e.left), self._evaluate_condition(e.right)),
            exp.Not: lambda e: not_(self._evaluate_condition(e.this)),
            exp.NullSafeEQ: self._evaluate_not_distinct,
            exp.NullSafeNEQ: lambda e: not_(self._evaluate_not_distinct(e)),
            exp.Is: self._evaluate_is,
            exp.EQ: self._evaluate_equality,
            exp.NEQ: lambda e: self._compare(e, np.not_equal),
            exp.GT: lambda e: self._compare(e, np.greater),
            exp.GTE: lambda e: self._compare(e, np.greater_equal),
            exp.LT: lambda e: self._compare(e, np.less),
            exp.LTE: lambda e: self._compare(e, np.less_equal),
            exp.Between: self._evaluate_between,
            exp.In: lambda e: self._equals_any(self.evaluate(e.this), [self.evaluate(item) for item in e.expressions]),
            exp.Add: lambda e: arithmetic.add(self.evaluate(e.left), self.evaluate(e.right)),
            exp.Sub: lambda e: arithmetic.subtract(self.evaluate(e.left), self.evaluate(e.right)),
            exp.Mul: lambda e: arithmetic.multiply(self.evaluate(e.left), self.evaluate(e.right)),
            exp.Mod: lambda e: arithmetic.compute_remainder(self.evaluate(e.left), self.evaluate(e.right)),
            exp.Div: lambda e: arithmetic.divide(self.evaluate(e.left), self.evaluate(e.right)),
            exp.Neg: lambda e: arithmetic.negate(self.evaluate(e.this)),
            exp.Round: lambda e: arithmetic.round_half_away(
                self.evaluate(e.this), _read_digit_count(e.args.get("decimals"))
            ),
            exp.Abs: lambda e: arithmetic.compute_absolute(self.evaluate(e.this)),
            exp.Length: lambda e: text_functions.length(self.evaluate(e.this)),
            exp.Lower: lambda e: text_functions.lower(self.evaluate(e.this)),
            exp.Upper: lambda e: text_functions.upper(self.evaluate(e.this)),
            exp.Trim: self._evaluate_trim,
            exp.RegexpLike: lambda e: text_functions.matches(
                self.evaluate(e.this), _read_text_constant(e.expression), ignore_case=False
            ),
            exp.RegexpILike: lambda e: text_functions.matches(
                self.evaluate(e.this), _read_text_constant(e.expression), ignore_case=True
            ),
            exp.Like: lambda e: text_functions.is_like(
                self.evaluate(e.this), _read_text_constant(e.expression), ignore_case=False
            ),
            exp.ILike: lambda e: text_functions.is_like(
                self.evaluate(e.this), _read_text_constant(e.expression), ignore_case=True
            ),
            exp.SimilarTo: lambda e: text_functions.matches(
                self.evaluate(e.this), convert_similar_to(_read_text_constant(e.expression)), ignore_case=False
            ),
            exp.Coalesce: self._evaluate_coalesce,
            exp.Case: self._evaluate_case,
            exp.Cast: self._evaluate_cast,
            exp.CurrentDate: lambda _: cast(self._get_now(), DATE, "date"),
            exp.CurrentTimestamp: lambda _: self._get_now(),
            exp.Interval: self._evaluate_interval,
            exp.Anonymous: self._evaluate_function,
        }

    def evaluate(self, expression: Any) -> Vector:
        method = self._methods.get(type(expression))
        allowed = _OPERANDS | _SUPPORTED_ARGUMENTS.get(type(expression), frozenset())
        if method is None or any(value for argument, value in expression.args.items() if argument not in allowed):
            raise UnsupportedExpression(expression.sql("postgres"))
        result = method(expression)
        return not_(result) if expression.args.get("negate") and not isinstance(expression, exp.Is) else result

    def _evaluate_condition(self, expression: Any) -> Vector:
        return require_boolean(self.evaluate(expression))

    def _get_now(self) -> Vector:
        return repeat(microseconds(self._now), self._size, TIMESTAMPTZ)

    def _evaluate_literal(self, literal: exp.Literal) -> Vector:
        text = str(literal.this)
        return make_unknown(text, self._size) if literal.is_string else parse_number(text, self._size)

    def _evaluate_is(self, expression: exp.Is) -> Vector:
        inner, expected = self.evaluate(expression.this), not expression.args.get("negate")
        no_nulls = np.zeros(self._size, dtype=np.bool_)
        if isinstance(expression.expression, exp.Null):
            return Vector(inner.nulls == expected, no_nulls, BOOL, inner.faults)
        if isinstance(expression.expression, exp.Boolean):
            inner = require_boolean(inner)
            holds = (inner.data == bool(expression.expression.this)) & ~inner.nulls
            return Vector(holds == expected, no_nulls, BOOL, inner.faults)
        raise UnsupportedExpression(expression.sql("postgres"))

    def _evaluate_not_distinct(self, expression: Any) -> Vector:
        """IS NOT DISTINCT FROM."""
        for one, other in ((expression.left, expression.right), (expression.right, expression.left)):
            if isinstance(other, exp.Null):
                return self._evaluate_is(exp.Is(this=one, expression=other))
        left, right = coerce_to_common_type(self.evaluate(expression.left), self.evaluate(expression.right))
        equal = compare(left, right, np.equal)
        holds = np.where(left.nulls | right.nulls, left.nulls & right.nulls, equal.data)
        return Vector(holds, np.zeros(self._size, dtype=np.bool_), BOOL, equal.faults)

    def _evaluate_equality(self, expression: exp.EQ) -> Vector:
        if not isinstance(expression.expression, exp.Any):
            return self._compare(expression, np.equal)
        inner, column_type = expression.expression.this, None
        while isinstance(inner, exp.Paren | exp.Cast):
            if isinstance(inner, exp.Cast) and column_type is None:
                column_type = parse_type(inner.to.sql("postgres")).element
                if column_type is None or column_type.size is not None:
                    raise UnsupportedExpression(expression.sql("postgres"))
            inner = inner.this
        value = self.evaluate(expression.this)
        if not isinstance(inner, exp.Array) or value.column_type.name == "citext":
            raise UnsupportedExpression(expression.sql("postgres"))
        items = [self.evaluate(item) for item in inner.expressions]
        check_float_mix(items)
        shared = column_type or reduce(find_common_type, [item.column_type for item in items])
        shared = TEXT if shared.name == "unknown" else shared
        return self._equals_any(value, [cast(item, shared, shared.name) for item in items])

    def _compare(self, expression: Any, function: Callable[[Any, Any], Any]) -> Vector:
        return compare(
            *coerce_to_common_type(self.evaluate(expression.left), self.evaluate(expression.right)), function
        )

    def _evaluate_between(self, expression: exp.Between) -> Vector:
        low = exp.GTE(this=expression.this, expression=expression.args["low"])
        return self.evaluate(
            exp.And(this=low, expression=exp.LTE(this=expression.this, expression=expression.args["high"]))
        )

    def _equals_any(self, value: Vector, items: Sequence[Vector]) -> Vector:
        if not items:
            raise UnsupportedExpression("IN ()")
        check_float_mix([value, *items])
        return reduce(or_, [compare(*coerce_to_common_type(value, item), np.equal) for item in items])

    def _evaluate_trim(self, expression: exp.Trim) -> Vector:
        position = str(expression.args.get("position") or "BOTH").upper()
        characters = " " if expression.expression is None else _read_text_constant(expression.expression)
        if position not in {"BOTH", "LEADING", "TRAILING"}:
            raise UnsupportedExpression(expression.sql("postgres"))
        return text_functions.trim(self.evaluate(expression.this), position, characters)

    def _evaluate_coalesce(self, expression: exp.Coalesce) -> Vector:
        values = [self.evaluate(item) for item in (expression.this, *expression.expressions)]
        values = convert_to_common_type(values)
        result = values[-1]
        for item in reversed(values[:-1]):
            selected = select(~item.nulls, item, result)
            result = replace(selected, faults=keep_first_fault(item, selected))
        return result

    def _evaluate_case(self, expression: exp.Case) -> Vector:
        default, branches = expression.args.get("default"), expression.args["ifs"]
        tests = [
            self._evaluate_condition(
                branch.this
                if expression.this is None
                else exp.EQ(this=expression.this.copy(), expression=branch.this.copy())
            )
            for branch in branches
        ]
        *results, result = convert_to_common_type(
            [
                *(self.evaluate(branch.args["true"]) for branch in branches),
                self.evaluate(default if default is not None else exp.Null()),
            ]
        )
        for test, then in zip(reversed(tests), reversed(results), strict=True):
            selected = select(test.data & ~test.nulls, then, result)
            result = replace(selected, faults=keep_first_fault(test, selected))
        return result

    def _evaluate_cast(self, expression: exp.Cast) -> Vector:
        type_name = expression.to.sql("postgres").lower()
        if type_name == "bpchar":  # of any length, unlike char
            raise UnsupportedExpression(expression.sql("postgres"))
        return cast(self.evaluate(expression.this), parse_type(type_name), type_name)

    def _evaluate_interval(self, expression: exp.Interval) -> Vector:
        text = f"{_read_text_constant(expression.this)} {expression.args.get('unit') or ''}"
        if expression.args.get("unit") is not None and not re.fullmatch(r"-?\d+", _read_text_constant(expression.this)):
            raise UnsupportedExpression(expression.sql("postgres"))
        try:
            return repeat(parse_interval(text.strip()), self._size, INTERVAL)
        except ValueError as error:
            raise UnsupportedExpression(expression.sql("postgres")) from error

    def _evaluate_function(self, expression: exp.Anonymous) -> Vector:
        counts_nulls = {"NUM_NONNULLS": False, "NUM_NULLS": True}.get(expression.name.upper())
        if counts_nulls is None:
            raise UnsupportedExpression(expression.sql("postgres"))
        arguments = [self.evaluate(item) for item in expression.expressions]
        total = sum((item.nulls == counts_nulls).astype(np.int64) for item in arguments)
        return Vector(
            np.asarray(total), np.zeros(self._size, dtype=np.bool_), ColumnType("int4"), merge_faults(*arguments)
        )


def _read_text_constant(expression: Any) -> str:
    if not isinstance(expression, exp.Literal) or not expression.is_string:
        raise UnsupportedExpression("a pattern that is no constant")
    return str(expression.this)


def _read_digit_count(expression: Any) -> int | None:
    if expression is None:
        return None
    sign, inner = (-1, expression.this) if isinstance(expression, exp.Neg) else (1, expression)
    if not isinstance(inner, exp.Literal) or inner.is_string or not str(inner.this).isdigit() or len(inner.this) > 3:  # noqa: PLR2004
        raise UnsupportedExpression("decimals that are no constant")
    return sign * int(inner.this)
