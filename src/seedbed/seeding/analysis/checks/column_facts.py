"""Facts of single columns out of what CHECKs want, so that most rows need not be made twice.

A want is settled by facts only where they say all of it, with the meaning that it has for the column's type; what else
there is goes to the evaluation, and from there to PostgreSQL.
"""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import date, datetime, time
from decimal import Decimal
from typing import Any

from sqlglot import exp

from seedbed.seeding.analysis.checks.pattern_translation import from_similar_to, translate
from seedbed.seeding.analysis.checks.vectors import NotUnderstood
from seedbed.seeding.analysis.value_facts import Facts
from seedbed.seeding.core.column_types import INTEGERS, MOMENTS, ColumnType

_FLIPPED: dict[Any, Any] = {
    exp.GT: exp.LT, exp.GTE: exp.LTE, exp.LT: exp.GT, exp.LTE: exp.GTE, exp.EQ: exp.EQ,
}  # fmt: skip
_NOT_SAID = object()
_WHOLE, _DECIMAL = frozenset({"int", "bigint", "smallint"}), frozenset({"decimal", "numeric", "double precision"})
_MOST = Decimal(10) ** 1_000
_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE)


def narrowed(want: Any, kinds: Callable[[str], ColumnType | None], facts: dict[str, Facts]) -> bool:
    """Put what is wanted of one column into its facts; False where it is more than facts can say."""
    want = _bare(want)
    if isinstance(want, exp.Or):
        return _or_null(want, kinds, facts)
    if isinstance(want, exp.Is) and isinstance(want.expression, exp.Null) and want.args.get("negate"):
        return _update(want.this, kinds, facts, lambda known, _: replace(known, not_null=True))
    if isinstance(want, exp.Between):
        if want.args.get("symmetric") or want.args.get("negate"):
            return False
        low, high = (
            exp.GTE(this=want.this, expression=want.args["low"]),
            exp.LTE(this=want.this, expression=want.args["high"]),
        )
        said = [narrowed(side.copy(), kinds, facts) for side in (low, high)]
        return all(said)
    if isinstance(want, exp.In) and not want.args.get("query"):
        return _listed(want.this, want.expressions, kinds, facts)
    if isinstance(want, exp.EQ) and isinstance(want.expression, exp.Any):
        inner = _bare(want.expression.this)
        inner = _bare(inner.this) if isinstance(inner, exp.Cast) else inner
        return isinstance(inner, exp.Array) and _listed(want.this, inner.expressions, kinds, facts)
    if isinstance(want, exp.RegexpLike | exp.SimilarTo) and not want.args.get("negate") and not want.args.get("flag"):
        return _matching(want, kinds, facts)
    if type(want) in _FLIPPED:
        return _compared(want, kinds, facts)
    return False


def literal(want: Any) -> Any:
    """A constant of SQL as Python's value, or something that stands for none."""
    want = _bare(want)
    if isinstance(want, exp.Cast):
        return _literal_as(literal(want.this), want.to.sql("postgres").lower())
    if isinstance(want, exp.Neg):
        inner = literal(want.this)
        return -inner if isinstance(inner, int | Decimal) and not isinstance(inner, bool) else _NOT_SAID
    if isinstance(want, exp.Boolean):
        return bool(want.this)
    if isinstance(want, exp.Literal):
        if want.is_string:
            return str(want.this)
        number = Decimal(want.this)
        return int(number) if number == int(number) else number
    return _NOT_SAID


def _literal_as(inner: Any, words: str) -> Any:
    """A constant with a cast that changes nothing of what it says."""
    try:
        if isinstance(inner, str) and words == "date":
            return date.fromisoformat(inner)
        if isinstance(inner, str) and words.startswith("timestamp"):
            return datetime.fromisoformat(inner) if "(" not in words else _NOT_SAID
        if isinstance(inner, str) and words in _WHOLE:
            return int(inner)
        if isinstance(inner, str) and words in _DECIMAL:
            return Decimal(inner)
    except (ValueError, ArithmeticError):
        return _NOT_SAID
    if isinstance(inner, str):
        return inner if "(" not in words else _NOT_SAID
    plain = isinstance(inner, int) and not isinstance(inner, bool) and words in _WHOLE | _DECIMAL
    return inner if plain or (isinstance(inner, Decimal) and words in _DECIMAL) else _NOT_SAID


def _update(
    target: exp.Expression,
    kinds: Callable[[str], ColumnType | None],
    facts: dict[str, Facts],
    change: Callable[[Facts, ColumnType], Facts],
) -> bool:
    column, kind = _column(target, kinds)
    if kind is None:
        return False
    facts[column] = change(facts[column], kind)
    return True


def _column(target: Any, kinds: Callable[[str], ColumnType | None]) -> tuple[str, ColumnType | None]:
    """A column as it is, or as a text where it is a text already."""
    target, as_text = _bare(target), False
    while isinstance(target, exp.Cast):
        if target.to.sql("postgres").lower() not in {"text", "varchar"}:
            return "", None
        target, as_text = _bare(target.this), True
    kind = kinds(target.name) if isinstance(target, exp.Column) else None
    if kind is None or (as_text and not (kind.is_text or kind.name == "enum")):
        return "", None
    return target.name, kind


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


def _or_null(want: Any, kinds: Callable[[str], ColumnType | None], facts: dict[str, Facts]) -> bool:
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
    kinds: Callable[[str], ColumnType | None],
    facts: dict[str, Facts],
) -> bool:
    kind = _column(target, kinds)[1]
    if kind is None:
        return False
    values = [_typed(literal(item), kind) for item in items]
    if _NOT_SAID in values:
        return False
    return _update(target, kinds, facts, lambda known, _: known.one_of([*dict.fromkeys(values)]))


def _typed(value: Any, kind: ColumnType) -> Any:
    """A constant as one of a column's values, where such a column can have just it."""
    if isinstance(value, str) and kind.is_number:
        try:
            value = Decimal(value)
        except ArithmeticError:
            return _NOT_SAID
    if kind.is_text or kind.name == "enum":
        fits = isinstance(value, str)
    elif kind.name == "bool":
        fits = isinstance(value, bool)
    elif kind.is_number:
        fits = isinstance(value, int | Decimal) and not isinstance(value, bool) and Decimal(value).is_finite()
        fits = (
            fits and (kind.name not in INTEGERS or value == int(value)) and abs(value) < INTEGERS.get(kind.name, _MOST)
        )
    elif kind.name in MOMENTS | {"date"}:
        value = typed_bound(value, kind)
        fits = value is not None and isinstance(value, datetime) == (kind.name in MOMENTS)
    elif kind.name == "uuid":
        fits = isinstance(value, str) and _UUID.fullmatch(value) is not None
    else:
        fits = False
    return value if fits else _NOT_SAID


def _matching(
    want: exp.RegexpLike | exp.SimilarTo, kinds: Callable[[str], ColumnType | None], facts: dict[str, Facts]
) -> bool:
    pattern = literal(want.expression)
    column, kind = _column(want.this, kinds)
    if kind is None or not kind.is_text or not isinstance(pattern, str) or facts[column].pattern is not None:
        return False
    try:
        pattern, _ = translate(from_similar_to(pattern) if isinstance(want, exp.SimilarTo) else pattern)
        re.compile(pattern)
    except (NotUnderstood, re.error):
        return False
    facts[column] = replace(facts[column], pattern=pattern)
    return kind.name != "bpchar"  # blanks that fill it up count


def _compared(want: Any, kinds: Callable[[str], ColumnType | None], facts: dict[str, Facts]) -> bool:
    sign, target, bound = type(want), want.left, literal(want.right)
    if bound is _NOT_SAID:
        sign, target, bound = _FLIPPED[sign], want.right, literal(want.left)
    if bound is _NOT_SAID:
        return False
    target = _bare(target)
    if isinstance(target, exp.Length):
        kind = _column(target.this, kinds)[1]
        if kind is None or not kind.is_text or target.args.get("encoding") or type(bound) is not int:
            return False
        return _update(target.this, kinds, facts, lambda known, _: _long(known, sign, bound))
    if sign is exp.EQ:
        return _listed(target, [want.right if target is _bare(want.left) else want.left], kinds, facts)
    kind = _column(target, kinds)[1]
    if kind is None or not _bounds(bound, kind):
        return False
    settled = _update(target, kinds, facts, lambda known, kind: _beside(known, kind, sign, bound))
    return settled and kind.name != "float4"  # what is stored of a number beside the bound may be the bound


def _bounds(bound: Any, kind: ColumnType) -> bool:
    """Whether a constant is a bound of such a column, in the order of numbers or times."""
    if kind.is_number:
        return isinstance(bound, int | Decimal) and not isinstance(bound, bool)
    return kind.name in MOMENTS | {"date"} and typed_bound(bound, kind) is not None


def _beside(known: Facts, kind: ColumnType, sign: Any, bound: Any) -> Facts:
    bound = typed_bound(bound, kind)
    if sign in {exp.GT, exp.GTE}:
        return known.at_least(bound, kind, or_equal=sign is exp.GTE)
    return known.at_most(bound, kind, or_equal=sign is exp.LTE)


def typed_bound(bound: Any, kind: ColumnType) -> Any:
    """A constant beside a column: a text beside times is a time; None where it is none that is known here."""
    if kind.name not in MOMENTS | {"date"}:
        return bound
    try:
        if isinstance(bound, str):
            bound = datetime.fromisoformat(bound) if kind.name in MOMENTS else date.fromisoformat(bound)
    except ValueError:
        return None
    if isinstance(bound, datetime):
        return bound if kind.name in MOMENTS else None
    if isinstance(bound, date) and kind.name in MOMENTS:
        return datetime.combine(bound, time())
    return bound if isinstance(bound, date) else None


def _long(known: Facts, sign: Any, bound: int) -> Facts:
    least = {exp.GT: bound + 1, exp.GTE: bound, exp.EQ: bound}.get(sign)
    most = {exp.LT: bound - 1, exp.LTE: bound, exp.EQ: bound}.get(sign)
    return known.with_length(least, most)


def _bare(want: Any) -> Any:
    while isinstance(want, exp.Paren):
        want = want.this
    return want
