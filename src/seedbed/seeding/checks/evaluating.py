"""What a CHECK says of many rows at once: true, false, or nothing where NULLs are in the way."""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import date, datetime
from decimal import Decimal
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlglot import exp

from seedbed.seeding.batches import Batch, Bools
from seedbed.seeding.checks.expressions import from_postgres, from_similar_to
from seedbed.seeding.checks.narrowing import literal
from seedbed.seeding.checks.vectors import Vector, all_of, any_of, divided, repeated, rounded, stored
from seedbed.seeding.folding import DAY, microseconds

_UNITS = {"SECOND": 1_000_000, "MINUTE": 60_000_000, "HOUR": 3_600_000_000, "DAY": DAY, "WEEK": 7 * DAY}


class NotUnderstood(ValueError):
    """A piece of a CHECK that is left to PostgreSQL."""


def evaluated(want: exp.Expression, row: Callable[[str], Batch], size: int, now: datetime) -> Vector:
    """The value of an expression for `size` rows, whose columns `row` gives.

    Raises:
        NotUnderstood: there is something in it that is not known here.
    """
    try:
        return _Evaluation(row, size, now).value(want)
    except OverflowError as error:  # a constant of more than 64 bits
        raise NotUnderstood(want.sql("postgres")) from error


def refused(want: exp.Expression, row: Callable[[str], Batch], size: int, now: datetime) -> Bools:
    """Which rows a CHECK would refuse: those of which it is false."""
    found = evaluated(want, row, size, now)
    return ~(found.data.astype(np.bool_) | found.nulls)


class _Evaluation:
    def __init__(self, row: Callable[[str], Batch], size: int, now: datetime) -> None:
        self._row, self._size, self._now = row, size, now

    def value(self, want: Any) -> Vector:
        for kind, method in self._methods().items():
            if isinstance(want, kind):
                return method(want)
        constant = literal(want)
        if isinstance(constant, str | bool | int | Decimal | date):
            return repeated(constant, self._size)
        raise NotUnderstood(want.sql("postgres"))

    def _methods(self) -> Mapping[Any, Callable[[Any], Vector]]:
        return {
            exp.Paren: lambda e: self.value(e.this),
            exp.Column: lambda e: stored(self._row(e.name)),
            exp.And: lambda e: all_of(self.value(e.left), self.value(e.right)),
            exp.Or: lambda e: any_of(self.value(e.left), self.value(e.right)),
            exp.Not: self._not,
            exp.NullSafeEQ: lambda e: self._same(e, wanted=True),
            exp.NullSafeNEQ: lambda e: self._same(e, wanted=False),
            exp.Is: self._is,
            exp.EQ: self._equal,
            exp.NEQ: lambda e: self._compare(e, np.not_equal),
            exp.GT: lambda e: self._compare(e, np.greater),
            exp.GTE: lambda e: self._compare(e, np.greater_equal),
            exp.LT: lambda e: self._compare(e, np.less),
            exp.LTE: lambda e: self._compare(e, np.less_equal),
            exp.Between: self._between,
            exp.In: lambda e: self._any(self.value(e.this), e.expressions),
            exp.Add: lambda e: self._compare(e, np.add),
            exp.Sub: lambda e: self._compare(e, np.subtract),
            exp.Mul: lambda e: self._compare(e, np.multiply),
            exp.Mod: lambda e: self._compare(e, np.fmod),
            exp.Div: lambda e: self._compare(e, divided),
            exp.Neg: lambda e: self._map(e.this, np.negative),
            exp.Round: self._round,
            exp.Abs: lambda e: self._map(e.this, np.abs),
            exp.Length: lambda e: self._texts(e.this, len, np.int64),
            exp.Lower: lambda e: self._texts(e.this, str.lower, object),
            exp.Upper: lambda e: self._texts(e.this, str.upper, object),
            exp.Trim: lambda e: self._texts(e.this, lambda text: text.strip(" "), object),
            exp.RegexpLike: lambda e: self._pattern(e, 0),
            exp.RegexpILike: lambda e: self._pattern(e, re.IGNORECASE),
            exp.SimilarTo: lambda e: self._pattern(e, re.DOTALL),
            exp.Like: lambda e: self._like(e, 0),
            exp.ILike: lambda e: self._like(e, re.IGNORECASE),
            exp.Coalesce: self._coalesce,
            exp.Case: self._case,
            exp.Cast: self._cast,
            exp.Null: lambda _: Vector(np.zeros(self._size), np.ones(self._size, dtype=np.bool_)),
            exp.CurrentDate: lambda _: repeated(self._now.date(), self._size),
            exp.CurrentTimestamp: lambda _: repeated(self._now, self._size),
            exp.Interval: self._interval,
            exp.Anonymous: self._function,
        }

    def _not(self, want: exp.Not) -> Vector:
        inner = self.value(want.this)
        return Vector(~inner.data.astype(np.bool_), inner.nulls)

    def _is(self, want: exp.Is) -> Vector:
        inner, wanted = self.value(want.this), not want.args.get("negate")
        none = np.zeros(self._size, dtype=np.bool_)
        if isinstance(want.expression, exp.Null):
            return Vector(inner.nulls == wanted, none)
        if isinstance(want.expression, exp.Boolean):
            holds = (inner.data.astype(np.bool_) == bool(want.expression.this)) & ~inner.nulls
            return Vector(holds == wanted, none)
        raise NotUnderstood(want.sql("postgres"))

    def _same(self, want: Any, *, wanted: bool) -> Vector:
        left, right = self._pair(want)
        equal = np.where(left.nulls | right.nulls, left.nulls & right.nulls, left.data == right.data)
        return Vector(equal.astype(np.bool_) == wanted, np.zeros(self._size, dtype=np.bool_))

    def _equal(self, want: exp.EQ) -> Vector:
        if isinstance(want.expression, exp.Any):
            inner = want.expression.this
            while isinstance(inner, exp.Paren | exp.Cast):
                inner = inner.this
            if isinstance(inner, exp.Array):
                return self._any(self.value(want.this), inner.expressions)
            raise NotUnderstood(want.sql("postgres"))
        return self._compare(want, np.equal)

    def _compare(self, want: Any, function: Callable[[Any, Any], Any]) -> Vector:
        left, right = self._pair(want)
        nulls = left.nulls | right.nulls
        a, b = left.data, right.data
        if a.dtype == object and nulls.any():
            a, b = a.copy(), b.copy()
            a[nulls], b[nulls] = "", ""
        try:
            return Vector(function(a, b), nulls)
        except TypeError as error:
            raise NotUnderstood(want.sql("postgres")) from error

    def _pair(self, want: Any) -> tuple[Vector, Vector]:
        """Both sides; a text beside times is a time."""
        left, right = self.value(want.left), self.value(want.right)
        if left.data.dtype == object and right.data.dtype != object:
            left = Vector(self._moments(left.data), left.nulls)
        elif right.data.dtype == object and left.data.dtype != object:
            right = Vector(self._moments(right.data), right.nulls)
        return left, right

    def _moments(self, data: npt.NDArray[Any]) -> npt.NDArray[Any]:
        try:
            return np.array([microseconds(datetime.fromisoformat(text)) if text else 0 for text in data])
        except (TypeError, ValueError) as error:
            raise NotUnderstood(str(data[:1])) from error

    def _between(self, want: exp.Between) -> Vector:
        low = exp.GTE(this=want.this, expression=want.args["low"])
        return self.value(exp.And(this=low, expression=exp.LTE(this=want.this, expression=want.args["high"])))

    def _any(self, value: Vector, items: Sequence[exp.Expression]) -> Vector:
        found = [self.value(item) for item in items]
        hits = reduce(np.logical_or, [(value.data == item.data).astype(np.bool_) for item in found])
        return Vector(hits, value.nulls)

    def _map(self, want: exp.Expression, function: Callable[[Any], Any]) -> Vector:
        inner = self.value(want)
        return Vector(function(inner.data), inner.nulls)

    def _round(self, want: exp.Round) -> Vector:
        inner, digits = self.value(want.this), want.args.get("decimals")
        unit = 10.0 ** (0 if digits is None else int(literal(digits)))
        return Vector(rounded(inner.data * unit) / unit, inner.nulls)

    def _texts(self, want: exp.Expression, function: Callable[[Any], Any], kind: Any) -> Vector:
        inner = self.value(want)
        if inner.data.dtype != object:
            raise NotUnderstood(want.sql("postgres"))
        data = np.empty(self._size, dtype=kind)
        data[:] = [function("" if gone else text) for text, gone in zip(inner.data, inner.nulls.tolist(), strict=True)]
        return Vector(data, inner.nulls)

    def _pattern(self, want: Any, flags: int) -> Vector:
        said = literal(want.expression)
        read = from_similar_to if isinstance(want, exp.SimilarTo) else from_postgres
        try:
            compiled = re.compile(read(said), flags)
        except (TypeError, re.error) as error:
            raise NotUnderstood(want.sql("postgres")) from error
        return self._texts(want.this, lambda text: compiled.search(text) is not None, np.bool_)

    def _like(self, want: Any, flags: int) -> Vector:
        pattern = literal(want.expression)
        if not isinstance(pattern, str):
            raise NotUnderstood(want.sql("postgres"))
        words = re.escape(pattern).replace("%", ".*").replace("_", ".")
        compiled = re.compile(words, flags | re.DOTALL)
        return self._texts(want.this, lambda text: compiled.fullmatch(text) is not None, np.bool_)

    def _coalesce(self, want: exp.Coalesce) -> Vector:
        found = [self.value(item) for item in (want.this, *want.expressions)]
        result = found[-1]
        for item in reversed(found[:-1]):
            result = Vector(np.where(item.nulls, result.data, item.data), item.nulls & result.nulls)
        return result

    def _case(self, want: exp.Case) -> Vector:
        default = want.args.get("default")
        result = self.value(default if default is not None else exp.Null())
        for branch in reversed(want.args["ifs"]):
            test = branch.this if want.this is None else exp.EQ(this=want.this, expression=branch.this)
            when, then = self.value(test), self.value(branch.args["true"])
            holds = when.data.astype(np.bool_) & ~when.nulls
            result = Vector(np.where(holds, then.data, result.data), np.where(holds, then.nulls, result.nulls))
        return result

    def _cast(self, want: exp.Cast) -> Vector:
        constant = literal(want)
        if isinstance(constant, str | int | Decimal | date):
            return repeated(constant, self._size)
        inner = self.value(want.this)
        to = want.to.sql("postgres").lower()
        if to == "date":
            return Vector(inner.data // DAY * DAY, inner.nulls)
        if to.startswith(("int", "bigint", "smallint")) and inner.data.dtype == np.bool_:
            return Vector(inner.data.astype(np.int64), inner.nulls)
        return inner

    def _interval(self, want: exp.Interval) -> Vector:
        words = f"{literal(want.this)} {want.args.get('unit') or ''}".upper().split()
        if len(words) != 2 or words[1].removesuffix("S") not in _UNITS:  # noqa: PLR2004 - a number and a unit
            raise NotUnderstood(want.sql("postgres"))
        return repeated(int(words[0]) * _UNITS[words[1].removesuffix("S")], self._size)

    def _function(self, want: exp.Anonymous) -> Vector:
        found = [self.value(item) for item in want.expressions]
        counted = {"NUM_NONNULLS": False, "NUM_NULLS": True}.get(want.name.upper())
        if counted is None:
            raise NotUnderstood(want.sql("postgres"))
        total = sum((item.nulls == counted).astype(np.int64) for item in found)
        return Vector(np.asarray(total), np.zeros(self._size, dtype=np.bool_))
