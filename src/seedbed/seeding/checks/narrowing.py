"""Facts of single columns out of what CHECKs want, so that most rows need not be made twice."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime
from decimal import Decimal
from typing import Any

from sqlglot import exp

from seedbed.seeding.checks.expressions import from_postgres, from_similar_to
from seedbed.seeding.facts import Facts
from seedbed.seeding.kinds import MOMENTS, Kind

_FLIPPED: dict[Any, Any] = {
    exp.GT: exp.LT, exp.GTE: exp.LTE, exp.LT: exp.GT, exp.LTE: exp.GTE, exp.EQ: exp.EQ,
}  # fmt: skip
_NOT_SAID = object()


def narrowed(want: Any, kinds: Callable[[str], Kind | None], facts: dict[str, Facts]) -> bool:
    """Put what is wanted of one column into its facts; False where it is more than facts can say."""
    want = _bare(want)
    if isinstance(want, exp.Or):
        return _or_null(want, kinds, facts)
    if isinstance(want, exp.Is) and isinstance(want.expression, exp.Null) and want.args.get("negate"):
        return _update(want.this, kinds, facts, lambda known, _: replace(known, not_null=True))
    if isinstance(want, exp.Between):
        low, high = literal(want.args["low"]), literal(want.args["high"])
        if _NOT_SAID in (low, high):
            return False
        target = _bare(want.this)
        if isinstance(target, exp.Length):
            return _update(target.this, kinds, facts, lambda known, _: known.with_length(low, high))
        return _update(want.this, kinds, facts, lambda known, kind: _within(known, kind, low, high))
    if isinstance(want, exp.In) and not want.args.get("query"):
        return _listed(want.this, want.expressions, kinds, facts)
    if isinstance(want, exp.EQ) and isinstance(want.expression, exp.Any):
        inner = _bare(want.expression.this)
        inner = inner.this if isinstance(inner, exp.Cast) else inner
        return isinstance(inner, exp.Array) and _listed(want.this, inner.expressions, kinds, facts)
    if isinstance(want, exp.RegexpLike | exp.SimilarTo):
        return _matching(want, kinds, facts)
    if type(want) in _FLIPPED:
        return _compared(want, kinds, facts)
    return False


def literal(want: Any) -> Any:
    """A constant of SQL as Python's value, or something that stands for none."""
    want = _bare(want)
    if isinstance(want, exp.Cast):
        inner = literal(want.this)
        to = want.to.sql("postgres").lower()
        try:
            if isinstance(inner, str) and to == "date":
                return date.fromisoformat(inner)
            if isinstance(inner, str) and to.startswith("timestamp"):
                return datetime.fromisoformat(inner)
            if isinstance(inner, str) and to in {"int", "bigint", "smallint", "decimal", "numeric", "double precision"}:
                return Decimal(inner)
        except (ValueError, ArithmeticError):
            return _NOT_SAID
        return inner
    if isinstance(want, exp.Neg):
        inner = literal(want.this)
        return -inner if isinstance(inner, int | Decimal) else _NOT_SAID
    if isinstance(want, exp.Boolean):
        return bool(want.this)
    if isinstance(want, exp.Literal):
        if want.is_string:
            return str(want.this)
        number = Decimal(want.this)
        return int(number) if number == int(number) else number
    return _NOT_SAID


def _update(
    target: exp.Expression,
    kinds: Callable[[str], Kind | None],
    facts: dict[str, Facts],
    change: Callable[[Facts, Kind], Facts],
) -> bool:
    target = _bare(target)
    while isinstance(target, exp.Cast):
        target = _bare(target.this)
    if not isinstance(target, exp.Column):
        return False
    kind = kinds(target.name)
    if kind is None:
        return False
    facts[target.name] = change(facts[target.name], kind)
    return True


def suggested(want: Any) -> dict[str, list[Any]]:
    """Texts that a CHECK compares columns with: values worth having among those of a text."""
    texts = {name: [v for v in values if isinstance(v, str) and v] for name, values in compared(want).items()}
    return {name: values for name, values in texts.items() if values}


def compared(want: Any) -> dict[str, list[Any]]:
    """Constants that a CHECK says columns are or are not."""
    found: dict[str, list[Any]] = {}
    for comparison in want.find_all(exp.EQ, exp.NEQ):
        for target, other in ((comparison.left, comparison.right), (comparison.right, comparison.left)):
            column, value = _bare(target), literal(other)
            if isinstance(column, exp.Column) and value is not _NOT_SAID:
                found.setdefault(column.name, []).append(value)
    return found


def _or_null(want: Any, kinds: Callable[[str], Kind | None], facts: dict[str, Facts]) -> bool:
    ways = [_bare(way) for way in want.flatten()]
    if all(isinstance(way, exp.EQ) for way in ways) and len({_bare(way.left).name for way in ways}) == 1:
        return _listed(ways[0].left, [way.right for way in ways], kinds, facts)
    for one, other in ((want.left, want.right), (want.right, want.left)):
        nothing = _bare(one)
        if isinstance(nothing, exp.Is) and isinstance(nothing.expression, exp.Null) and not nothing.args.get("negate"):
            named = {column.name for column in want.find_all(exp.Column)}
            if len(named) == 1:
                return narrowed(other, kinds, facts)
    return False


def _listed(
    target: exp.Expression,
    items: list[exp.Expression],
    kinds: Callable[[str], Kind | None],
    facts: dict[str, Facts],
) -> bool:
    values = [literal(item) for item in items]
    if _NOT_SAID in values:
        return False
    return _update(target, kinds, facts, lambda known, _: known.one_of(values))


def _matching(want: Any, kinds: Callable[[str], Kind | None], facts: dict[str, Facts]) -> bool:
    said = literal(want.expression)
    if not isinstance(said, str):
        return False
    pattern = from_similar_to(said) if isinstance(want, exp.SimilarTo) else from_postgres(said)
    try:
        re.compile(pattern)
    except re.error:
        return False
    target = _bare(want.this)
    column = target.name if isinstance(target, exp.Column) else None
    if column is None or kinds(column) is None or facts[column].pattern is not None:
        return False
    return _update(want.this, kinds, facts, lambda known, _: replace(known, pattern=pattern))


def _compared(want: Any, kinds: Callable[[str], Kind | None], facts: dict[str, Facts]) -> bool:
    sign, target, bound = type(want), want.left, literal(want.right)
    if bound is _NOT_SAID:
        sign, target, bound = _FLIPPED[sign], want.right, literal(want.left)
    if bound is _NOT_SAID:
        return False
    target = _bare(target)
    if isinstance(target, exp.Length) and isinstance(bound, int):
        return _update(target.this, kinds, facts, lambda known, _: _long(known, sign, bound))
    if isinstance(target, exp.Length):
        return False

    def change(known: Facts, kind: Kind) -> Facts:
        if sign is exp.EQ:
            return known.one_of([bound])
        return _beside(known, kind, sign, bound)

    if sign is not exp.EQ and not _ordered(target, kinds):
        return False
    return _update(target, kinds, facts, change)


def _ordered(target: exp.Expression, kinds: Callable[[str], Kind | None]) -> bool:
    while isinstance(target, exp.Cast | exp.Paren):
        target = target.this
    kind = kinds(target.name) if isinstance(target, exp.Column) else None
    return kind is not None and (kind.is_number or kind.name in MOMENTS | {"date"})


def _beside(known: Facts, kind: Kind, sign: Any, bound: Any) -> Facts:
    bound = typed_bound(bound, kind)
    if sign in {exp.GT, exp.GTE}:
        return known.at_least(bound, kind, or_equal=sign is exp.GTE)
    return known.at_most(bound, kind, or_equal=sign is exp.LTE)


def _within(known: Facts, kind: Kind, low: Any, high: Any) -> Facts:
    return known.at_least(typed_bound(low, kind), kind).at_most(typed_bound(high, kind), kind)


def typed_bound(bound: Any, kind: Kind) -> Any:
    """A constant beside a column: a text beside times is a time."""
    if isinstance(bound, str) and kind.name in MOMENTS | {"date"}:
        return datetime.fromisoformat(bound) if kind.name in MOMENTS else date.fromisoformat(bound[:10])
    return bound


def _long(known: Facts, sign: Any, bound: int) -> Facts:
    least = {exp.GT: bound + 1, exp.GTE: bound, exp.EQ: bound}.get(sign)
    most = {exp.LT: bound - 1, exp.LTE: bound, exp.EQ: bound}.get(sign)
    return known.with_length(least, most)


def _bare(want: Any) -> Any:
    while isinstance(want, exp.Paren):
        want = want.this
    return want
