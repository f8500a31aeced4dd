"""What a CHECK says of many rows at once: true, false, or nothing where NULLs are in the way."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import reduce
from typing import Any

import numpy as np
from sqlglot import exp

from seedbed.seeding.analysis.checks import arithmetic, text_functions
from seedbed.seeding.analysis.checks.pattern_translation import from_similar_to
from seedbed.seeding.analysis.checks.type_coercion import (
    DATE,
    INTERVAL,
    TEXT,
    TIMESTAMPTZ,
    cast,
    common,
    constant,
    converted,
    length,
    together,
    typed,
)
from seedbed.seeding.analysis.checks.vectors import (
    BOOL,
    ERROR,
    UNKNOWN,
    NotUnderstood,
    Vector,
    all_of,
    any_of,
    chosen,
    family,
    faults_of,
    repeated,
    untyped,
)
from seedbed.seeding.core import big_integers
from seedbed.seeding.core.batch import Bools
from seedbed.seeding.core.column_types import ColumnType, parse_type
from seedbed.seeding.core.time_units import microseconds

_PLAIN = frozenset({"this", "expression", "expressions"})
_MORE: Mapping[Any, frozenset[str]] = {
    exp.Is: frozenset({"negate"}), exp.Like: frozenset({"negate"}), exp.ILike: frozenset({"negate"}),
    exp.Between: frozenset({"low", "high", "negate"}), exp.In: frozenset({"negate"}), exp.Div: frozenset({"typed"}),
    exp.Round: frozenset({"decimals"}), exp.Trim: frozenset({"position"}), exp.Case: frozenset({"ifs", "default"}),
    exp.Cast: frozenset({"to"}), exp.Interval: frozenset({"unit"}), exp.Literal: frozenset({"is_string"}),
    exp.RegexpLike: frozenset({"negate"}), exp.RegexpILike: frozenset({"negate"}),
}  # fmt: skip
"""What a piece of SQL may say beside its operands; another word in it has another meaning."""


def evaluated(want: exp.Expression, row: Callable[[str], Vector], size: int, now: datetime) -> Vector:
    """The value of an expression for `size` rows, whose columns `row` gives.

    Raises:
        NotUnderstood: there is something in it that is not known here, or not for the types of its columns.
    """
    return _Evaluation(row, size, now).value(want)


def refused(want: exp.Expression, row: Callable[[str], Vector], size: int, now: datetime) -> Bools:
    """Which rows a CHECK would refuse: those of which it is false, or cannot be computed by PostgreSQL either."""
    found = condition(evaluated(want, row, size, now))
    false = ~(found.data | found.nulls)
    return false if found.faults is None else (false & (found.faults == 0)) | (found.faults == ERROR)


def equal(left: Vector, right: Vector) -> Bools:
    """Where two values are the same, be they of different types."""
    return np.asarray(_compared(*together(left, right), np.equal).data)


def condition(value: Vector) -> Vector:
    """A value that is true or false.

    Raises:
        NotUnderstood: it is of another type.
    """
    if value.kind.name == "unknown":
        return constant(value, BOOL)
    if value.kind.name != "bool":
        raise NotUnderstood(f"{value.kind} as a condition")
    return value


class _Evaluation:
    def __init__(self, row: Callable[[str], Vector], size: int, now: datetime) -> None:
        self._row, self._size, self._now = row, size, now
        self._methods: Mapping[Any, Callable[[Any], Vector]] = {
            exp.Paren: lambda e: self.value(e.this),
            exp.Column: lambda e: self._row(e.name),
            exp.Literal: self._literal,
            exp.Boolean: lambda e: repeated(bool(e.this), size, BOOL),
            exp.Null: lambda _: untyped(None, size),
            exp.And: lambda e: all_of(self._condition(e.left), self._condition(e.right)),
            exp.Or: lambda e: any_of(self._condition(e.left), self._condition(e.right)),
            exp.Not: lambda e: _not(self._condition(e.this)),
            exp.NullSafeEQ: self._same,
            exp.NullSafeNEQ: lambda e: _not(self._same(e)),
            exp.Is: self._is,
            exp.EQ: self._equal,
            exp.NEQ: lambda e: self._compare(e, np.not_equal),
            exp.GT: lambda e: self._compare(e, np.greater),
            exp.GTE: lambda e: self._compare(e, np.greater_equal),
            exp.LT: lambda e: self._compare(e, np.less),
            exp.LTE: lambda e: self._compare(e, np.less_equal),
            exp.Between: self._between,
            exp.In: lambda e: self._any(self.value(e.this), [self.value(item) for item in e.expressions]),
            exp.Add: lambda e: arithmetic.add(self.value(e.left), self.value(e.right)),
            exp.Sub: lambda e: arithmetic.subtract(self.value(e.left), self.value(e.right)),
            exp.Mul: lambda e: arithmetic.multiply(self.value(e.left), self.value(e.right)),
            exp.Mod: lambda e: arithmetic.remainder(self.value(e.left), self.value(e.right)),
            exp.Div: lambda e: arithmetic.divide(self.value(e.left), self.value(e.right)),
            exp.Neg: lambda e: arithmetic.negative(self.value(e.this)),
            exp.Round: lambda e: arithmetic.round_half_away(self.value(e.this), _places(e.args.get("decimals"))),
            exp.Abs: lambda e: arithmetic.absolute(self.value(e.this)),
            exp.Length: lambda e: text_functions.length(self.value(e.this)),
            exp.Lower: lambda e: text_functions.lower(self.value(e.this)),
            exp.Upper: lambda e: text_functions.upper(self.value(e.this)),
            exp.Trim: self._trim,
            exp.RegexpLike: lambda e: text_functions.matches(
                self.value(e.this), _words(e.expression), ignore_case=False
            ),
            exp.RegexpILike: lambda e: text_functions.matches(
                self.value(e.this), _words(e.expression), ignore_case=True
            ),
            exp.Like: lambda e: text_functions.is_like(self.value(e.this), _words(e.expression), ignore_case=False),
            exp.ILike: lambda e: text_functions.is_like(self.value(e.this), _words(e.expression), ignore_case=True),
            exp.SimilarTo: lambda e: text_functions.matches(
                self.value(e.this), from_similar_to(_words(e.expression)), ignore_case=False
            ),
            exp.Coalesce: self._coalesce,
            exp.Case: self._case,
            exp.Cast: self._cast,
            exp.CurrentDate: lambda _: cast(self._moment(), DATE, "date"),
            exp.CurrentTimestamp: lambda _: self._moment(),
            exp.Interval: self._interval,
            exp.Anonymous: self._function,
        }

    def value(self, want: Any) -> Vector:
        method = self._methods.get(type(want))
        allowed = _PLAIN | _MORE.get(type(want), frozenset())
        if method is None or any(said for word, said in want.args.items() if word not in allowed):
            raise NotUnderstood(want.sql("postgres"))
        found = method(want)
        return _not(found) if want.args.get("negate") and not isinstance(want, exp.Is) else found

    def _condition(self, want: Any) -> Vector:
        return condition(self.value(want))

    def _moment(self) -> Vector:
        return repeated(microseconds(self._now), self._size, TIMESTAMPTZ)

    def _literal(self, want: exp.Literal) -> Vector:
        text = str(want.this)
        return untyped(text, self._size) if want.is_string else typed(text, self._size)

    def _is(self, want: exp.Is) -> Vector:
        inner, expected = self.value(want.this), not want.args.get("negate")
        none = np.zeros(self._size, dtype=np.bool_)
        if isinstance(want.expression, exp.Null):
            return Vector(inner.nulls == expected, none, BOOL, inner.faults)
        if isinstance(want.expression, exp.Boolean):
            inner = condition(inner)
            holds = (inner.data == bool(want.expression.this)) & ~inner.nulls
            return Vector(holds == expected, none, BOOL, inner.faults)
        raise NotUnderstood(want.sql("postgres"))

    def _same(self, want: Any) -> Vector:
        """IS NOT DISTINCT FROM."""
        for one, other in ((want.left, want.right), (want.right, want.left)):
            if isinstance(other, exp.Null):
                return self._is(exp.Is(this=one, expression=other))
        left, right = together(self.value(want.left), self.value(want.right))
        equal = _compared(left, right, np.equal)
        holds = np.where(left.nulls | right.nulls, left.nulls & right.nulls, equal.data)
        return Vector(holds, np.zeros(self._size, dtype=np.bool_), BOOL, equal.faults)

    def _equal(self, want: exp.EQ) -> Vector:
        if not isinstance(want.expression, exp.Any):
            return self._compare(want, np.equal)
        inner, kind = want.expression.this, None
        while isinstance(inner, exp.Paren | exp.Cast):
            if isinstance(inner, exp.Cast) and kind is None:
                kind = parse_type(inner.to.sql("postgres")).element
                if kind is None or kind.size is not None:
                    raise NotUnderstood(want.sql("postgres"))
            inner = inner.this
        value = self.value(want.this)
        if not isinstance(inner, exp.Array) or value.kind.name == "citext":
            raise NotUnderstood(want.sql("postgres"))
        items = [self.value(item) for item in inner.expressions]
        _see_one_float(items)
        shared = kind or reduce(common, [item.kind for item in items])
        shared = TEXT if shared.name == "unknown" else shared
        return self._any(value, [cast(item, shared, shared.name) for item in items])

    def _compare(self, want: Any, function: Callable[[Any, Any], Any]) -> Vector:
        return _compared(*together(self.value(want.left), self.value(want.right)), function)

    def _between(self, want: exp.Between) -> Vector:
        low = exp.GTE(this=want.this, expression=want.args["low"])
        return self.value(exp.And(this=low, expression=exp.LTE(this=want.this, expression=want.args["high"])))

    def _any(self, value: Vector, items: Sequence[Vector]) -> Vector:
        if not items:
            raise NotUnderstood("IN ()")
        _see_one_float([value, *items])
        return reduce(any_of, [_compared(*together(value, item), np.equal) for item in items])

    def _trim(self, want: exp.Trim) -> Vector:
        position = str(want.args.get("position") or "BOTH").upper()
        signs = " " if want.expression is None else _words(want.expression)
        if position not in {"BOTH", "LEADING", "TRAILING"}:
            raise NotUnderstood(want.sql("postgres"))
        return text_functions.trim(self.value(want.this), position, signs)

    def _coalesce(self, want: exp.Coalesce) -> Vector:
        found = [self.value(item) for item in (want.this, *want.expressions)]
        found = _alike(found)
        result = found[-1]
        for item in reversed(found[:-1]):
            made = chosen(~item.nulls, item, result)
            result = replace(made, faults=_first_fault(item, made))
        return result

    def _case(self, want: exp.Case) -> Vector:
        default, branches = want.args.get("default"), want.args["ifs"]
        tests = [
            self._condition(
                branch.this if want.this is None else exp.EQ(this=want.this.copy(), expression=branch.this.copy())
            )
            for branch in branches
        ]
        *results, result = _alike(
            [
                *(self.value(branch.args["true"]) for branch in branches),
                self.value(default if default is not None else exp.Null()),
            ]
        )
        for test, then in zip(reversed(tests), reversed(results), strict=True):
            made = chosen(test.data & ~test.nulls, then, result)
            result = replace(made, faults=_first_fault(test, made))
        return result

    def _cast(self, want: exp.Cast) -> Vector:
        words = want.to.sql("postgres").lower()
        if words == "bpchar":  # of any length, unlike char
            raise NotUnderstood(want.sql("postgres"))
        return cast(self.value(want.this), parse_type(words), words)

    def _interval(self, want: exp.Interval) -> Vector:
        words = f"{_words(want.this)} {want.args.get('unit') or ''}"
        if want.args.get("unit") is not None and not re.fullmatch(r"-?\d+", _words(want.this)):
            raise NotUnderstood(want.sql("postgres"))
        try:
            return repeated(length(words.strip()), self._size, INTERVAL)
        except ValueError as error:
            raise NotUnderstood(want.sql("postgres")) from error

    def _function(self, want: exp.Anonymous) -> Vector:
        counted = {"NUM_NONNULLS": False, "NUM_NULLS": True}.get(want.name.upper())
        if counted is None:
            raise NotUnderstood(want.sql("postgres"))
        found = [self.value(item) for item in want.expressions]
        total = sum((item.nulls == counted).astype(np.int64) for item in found)
        return Vector(np.asarray(total), np.zeros(self._size, dtype=np.bool_), ColumnType("int4"), faults_of(*found))


def _not(value: Vector) -> Vector:
    return replace(value, data=~value.data)


def _compared(left: Vector, right: Vector, function: Callable[[Any, Any], Any]) -> Vector:
    """Two values of one type compared as PostgreSQL compares them."""
    held, nulls, faults = family(left.kind), left.nulls | right.nulls, faults_of(left, right)
    ordered = function not in {np.equal, np.not_equal}
    a, b = left.data, right.data
    if ordered and held in {"text", "citext"}:
        raise NotUnderstood("an order of texts, which is the collation's")
    if ordered and held == "enum":
        places = {label: place for place, label in enumerate(left.kind.labels)}
        a, b = (np.array([places.get(label, 0) for label in data], dtype=np.int64) for data in (a, b))
    if held == "citext":
        strange = np.array([not (x.isascii() and y.isascii()) for x, y in zip(a, b, strict=True)], dtype=np.bool_)
        a, b = (np.array([*(text.lower() for text in data), None], dtype=object)[:-1] for data in (a, b))
        return Vector(big_integers.compare(function, a, b), nulls, BOOL, faults).with_faults(strange & ~nulls, UNKNOWN)
    if held == "float" and (np.isnan(a).any() or np.isnan(b).any()):
        a, b = _ranked(a, b)
    return Vector(big_integers.compare(function, a, b), nulls, BOOL, faults)


def _ranked(a: Any, b: Any) -> tuple[Any, Any]:
    """Floats by their order, in which NaN is itself and more than any number."""
    places = np.unique(np.concatenate([a, b]), return_inverse=True, equal_nan=True)[1]
    return places[: len(a)], places[len(a) :]


def _alike(found: Sequence[Vector]) -> list[Vector]:
    """Values of which one is taken, as the type that they have together.

    Raises:
        NotUnderstood: PostgreSQL chooses it in a way that is not known here.
    """
    _see_one_float(found)
    names = {vector.kind.name for vector in found}
    if "bpchar" in names and names - {"bpchar", "unknown"}:
        raise NotUnderstood("char beside other texts")
    if names == {"unknown"}:
        return [constant(vector, TEXT) for vector in found]
    known = reduce(common, [vector.kind for vector in found if vector.kind.name != "unknown"])
    if known.name == "bpchar" and "unknown" in names:
        known = ColumnType("bpchar")  # a constant is not filled up with blanks as a column's values are
    made = [constant(v, known) if v.kind.name == "unknown" else v for v in found]
    known = reduce(common, [vector.kind for vector in made])
    return [converted(vector, known) for vector in made]


def _see_one_float(found: Sequence[Vector]) -> None:
    """Beside a real and no double precision, PostgreSQL makes reals of other numbers in a list.

    Raises:
        NotUnderstood: that is so here.
    """
    names = {vector.kind.name for vector in found} - {"unknown"}
    if "float4" in names and names != {"float4"}:
        raise NotUnderstood("a real beside other numbers")


def _first_fault(first: Vector, then: Vector) -> Any:
    """What is computed first fails first."""
    if first.faults is None:
        return then.faults
    return first.faults if then.faults is None else np.where(first.faults > 0, first.faults, then.faults)


def _words(want: Any) -> str:
    if not isinstance(want, exp.Literal) or not want.is_string:
        raise NotUnderstood("a pattern that is no constant")
    return str(want.this)


def _places(want: Any) -> int | None:
    if want is None:
        return None
    sign, inner = (-1, want.this) if isinstance(want, exp.Neg) else (1, want)
    if not isinstance(inner, exp.Literal) or inner.is_string or not str(inner.this).isdigit() or len(inner.this) > 3:  # noqa: PLR2004
        raise NotUnderstood("decimals that are no constant")
    return sign * int(inner.this)
