"""What a CHECK says of many rows at once: true, false, or nothing where NULLs are in the way."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from functools import reduce
from typing import Any

import numpy as np
import numpy.typing as npt
from sqlglot import exp

from seedbed.seeding.batches import Batch, Bools, Numbers
from seedbed.seeding.checks.narrowing import literal
from seedbed.seeding.folding import folded, microseconds
from seedbed.seeding.kinds import Kind

_DAY = 86_400_000_000
_UNITS = {"SECOND": 1_000_000, "MINUTE": 60_000_000, "HOUR": 3_600_000_000, "DAY": _DAY, "WEEK": 7 * _DAY}


class NotUnderstood(ValueError):
    """A piece of a CHECK that is left to PostgreSQL."""


@dataclass(frozen=True, eq=False)
class Truth:
    """A vector of SQL's values: `nulls` says where there is none."""

    data: npt.NDArray[Any]
    nulls: Bools


def evaluated(want: exp.Expression, row: Callable[[str], Batch], size: int, now: datetime) -> Truth:
    """The value of an expression for `size` rows, whose columns `row` gives.

    Times are counted in microseconds, and dates are their midnights.

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

    def value(self, want: Any) -> Truth:
        for kind, method in self._methods().items():
            if isinstance(want, kind):
                return method(want)
        constant = literal(want)
        if isinstance(constant, str | bool | int | Decimal | date):
            return self._constant(constant)
        raise NotUnderstood(want.sql("postgres"))

    def _methods(self) -> Mapping[Any, Callable[[Any], Truth]]:
        return {
            exp.Paren: lambda e: self.value(e.this),
            exp.Column: self._column,
            exp.And: lambda e: self._both(e, all_of=True),
            exp.Or: lambda e: self._both(e, all_of=False),
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
            exp.Div: lambda e: self._compare(e, _divided),
            exp.Neg: lambda e: self._map(e.this, np.negative),
            exp.Round: self._round,
            exp.Abs: lambda e: self._map(e.this, np.abs),
            exp.Length: lambda e: self._texts(e.this, len, np.int64),
            exp.Lower: lambda e: self._texts(e.this, str.lower, object),
            exp.Upper: lambda e: self._texts(e.this, str.upper, object),
            exp.Trim: lambda e: self._texts(e.this, lambda text: text.strip(" "), object),
            exp.RegexpLike: lambda e: self._pattern(e, 0),
            exp.RegexpILike: lambda e: self._pattern(e, re.IGNORECASE),
            exp.Like: lambda e: self._like(e, 0),
            exp.ILike: lambda e: self._like(e, re.IGNORECASE),
            exp.Coalesce: self._coalesce,
            exp.Case: self._case,
            exp.Cast: self._cast,
            exp.Null: lambda _: Truth(np.zeros(self._size), np.ones(self._size, dtype=np.bool_)),
            exp.CurrentDate: lambda _: self._constant(self._now.date()),
            exp.CurrentTimestamp: lambda _: self._constant(self._now),
            exp.Interval: self._interval,
            exp.Anonymous: self._function,
        }

    def _column(self, want: exp.Column) -> Truth:
        batch = self._row(want.name)
        nulls = np.zeros(len(batch), dtype=np.bool_) if batch.nulls is None else batch.nulls
        if isinstance(batch, Numbers):
            return Truth(_natural(batch.data, batch.kind), nulls)
        data = np.empty(len(batch), dtype=object)
        data[:] = [_plain(value) for value in batch.values()]
        known = [value for value, gone in zip(data, nulls, strict=True) if not gone]
        if known and all(isinstance(value, int | float | bool) for value in known):
            data[nulls] = 0
            return Truth(data.astype(np.float64), nulls)
        return Truth(data, nulls)

    def _constant(self, value: Any) -> Truth:
        plain = _plain(value)
        data = np.empty(self._size, dtype=object) if isinstance(plain, str) else np.empty(self._size, type(plain))
        data[:] = plain
        return Truth(data, np.zeros(self._size, dtype=np.bool_))

    def _both(self, want: Any, *, all_of: bool) -> Truth:
        """Three values: false AND NULL is false, true OR NULL is true."""
        left, right = self.value(want.left), self.value(want.right)
        a, b = left.data.astype(np.bool_), right.data.astype(np.bool_)
        if all_of:
            false = (~a & ~left.nulls) | (~b & ~right.nulls)
            return Truth(a & b & ~false, (left.nulls | right.nulls) & ~false)
        true = (a & ~left.nulls) | (b & ~right.nulls)
        return Truth(true, (left.nulls | right.nulls) & ~true)

    def _not(self, want: exp.Not) -> Truth:
        inner = self.value(want.this)
        return Truth(~inner.data.astype(np.bool_), inner.nulls)

    def _is(self, want: exp.Is) -> Truth:
        inner, wanted = self.value(want.this), not want.args.get("negate")
        none = np.zeros(self._size, dtype=np.bool_)
        if isinstance(want.expression, exp.Null):
            return Truth(inner.nulls == wanted, none)
        if isinstance(want.expression, exp.Boolean):
            holds = (inner.data.astype(np.bool_) == bool(want.expression.this)) & ~inner.nulls
            return Truth(holds == wanted, none)
        raise NotUnderstood(want.sql("postgres"))

    def _same(self, want: Any, *, wanted: bool) -> Truth:
        left, right = self._pair(want)
        equal = np.where(left.nulls | right.nulls, left.nulls & right.nulls, left.data == right.data)
        return Truth(equal.astype(np.bool_) == wanted, np.zeros(self._size, dtype=np.bool_))

    def _equal(self, want: exp.EQ) -> Truth:
        if isinstance(want.expression, exp.Any):
            inner = want.expression.this
            while isinstance(inner, exp.Paren | exp.Cast):
                inner = inner.this
            if isinstance(inner, exp.Array):
                return self._any(self.value(want.this), inner.expressions)
            raise NotUnderstood(want.sql("postgres"))
        return self._compare(want, np.equal)

    def _compare(self, want: Any, function: Callable[[Any, Any], Any]) -> Truth:
        left, right = self._pair(want)
        nulls = left.nulls | right.nulls
        a, b = left.data, right.data
        if a.dtype == object and nulls.any():
            a, b = a.copy(), b.copy()
            a[nulls], b[nulls] = "", ""
        try:
            return Truth(function(a, b), nulls)
        except TypeError as error:
            raise NotUnderstood(want.sql("postgres")) from error

    def _pair(self, want: Any) -> tuple[Truth, Truth]:
        """Both sides; a text beside times is a time."""
        left, right = self.value(want.left), self.value(want.right)
        if left.data.dtype == object and right.data.dtype != object:
            left = Truth(self._moments(left.data), left.nulls)
        elif right.data.dtype == object and left.data.dtype != object:
            right = Truth(self._moments(right.data), right.nulls)
        return left, right

    def _moments(self, data: npt.NDArray[Any]) -> npt.NDArray[Any]:
        try:
            return np.array([microseconds(datetime.fromisoformat(text)) if text else 0 for text in data])
        except (TypeError, ValueError) as error:
            raise NotUnderstood(str(data[:1])) from error

    def _between(self, want: exp.Between) -> Truth:
        low = exp.GTE(this=want.this, expression=want.args["low"])
        return self.value(exp.And(this=low, expression=exp.LTE(this=want.this, expression=want.args["high"])))

    def _any(self, value: Truth, items: Sequence[exp.Expression]) -> Truth:
        found = [self.value(item) for item in items]
        hits = reduce(np.logical_or, [(value.data == item.data).astype(np.bool_) for item in found])
        return Truth(hits, value.nulls)

    def _map(self, want: exp.Expression, function: Callable[[Any], Any]) -> Truth:
        inner = self.value(want)
        return Truth(function(inner.data), inner.nulls)

    def _round(self, want: exp.Round) -> Truth:
        inner, digits = self.value(want.this), want.args.get("decimals")
        unit = 10.0 ** (0 if digits is None else int(literal(digits)))
        return Truth(rounded(inner.data * unit) / unit, inner.nulls)

    def _texts(self, want: exp.Expression, function: Callable[[Any], Any], kind: Any) -> Truth:
        inner = self.value(want)
        if inner.data.dtype != object:
            raise NotUnderstood(want.sql("postgres"))
        data = np.empty(self._size, dtype=kind)
        data[:] = [function("" if gone else text) for text, gone in zip(inner.data, inner.nulls.tolist(), strict=True)]
        return Truth(data, inner.nulls)

    def _pattern(self, want: Any, flags: int) -> Truth:
        pattern = literal(want.expression)
        try:
            compiled = re.compile(pattern, flags)
        except (TypeError, re.error) as error:
            raise NotUnderstood(want.sql("postgres")) from error
        return self._texts(want.this, lambda text: compiled.search(text) is not None, np.bool_)

    def _like(self, want: Any, flags: int) -> Truth:
        pattern = literal(want.expression)
        if not isinstance(pattern, str):
            raise NotUnderstood(want.sql("postgres"))
        words = re.escape(pattern).replace("%", ".*").replace("_", ".")
        compiled = re.compile(words, flags | re.DOTALL)
        return self._texts(want.this, lambda text: compiled.fullmatch(text) is not None, np.bool_)

    def _coalesce(self, want: exp.Coalesce) -> Truth:
        found = [self.value(item) for item in (want.this, *want.expressions)]
        result = found[-1]
        for item in reversed(found[:-1]):
            result = Truth(np.where(item.nulls, result.data, item.data), item.nulls & result.nulls)
        return result

    def _case(self, want: exp.Case) -> Truth:
        default = want.args.get("default")
        result = self.value(default if default is not None else exp.Null())
        for branch in reversed(want.args["ifs"]):
            test = branch.this if want.this is None else exp.EQ(this=want.this, expression=branch.this)
            when, then = self.value(test), self.value(branch.args["true"])
            holds = when.data.astype(np.bool_) & ~when.nulls
            result = Truth(np.where(holds, then.data, result.data), np.where(holds, then.nulls, result.nulls))
        return result

    def _cast(self, want: exp.Cast) -> Truth:
        constant = literal(want)
        if isinstance(constant, str | int | Decimal | date):
            return self._constant(constant)
        inner = self.value(want.this)
        to = want.to.sql("postgres").lower()
        if to == "date":
            return Truth(inner.data // _DAY * _DAY, inner.nulls)
        if to.startswith(("int", "bigint", "smallint")) and inner.data.dtype == np.bool_:
            return Truth(inner.data.astype(np.int64), inner.nulls)
        return inner

    def _interval(self, want: exp.Interval) -> Truth:
        words = f"{literal(want.this)} {want.args.get('unit') or ''}".upper().split()
        if len(words) != 2 or words[1].removesuffix("S") not in _UNITS:  # noqa: PLR2004 - a number and a unit
            raise NotUnderstood(want.sql("postgres"))
        return self._constant(int(words[0]) * _UNITS[words[1].removesuffix("S")])

    def _function(self, want: exp.Anonymous) -> Truth:
        found = [self.value(item) for item in want.expressions]
        counted = {"NUM_NONNULLS": False, "NUM_NULLS": True}.get(want.name.upper())
        if counted is None:
            raise NotUnderstood(want.sql("postgres"))
        total = sum((item.nulls == counted).astype(np.int64) for item in found)
        return Truth(np.asarray(total), np.zeros(self._size, dtype=np.bool_))


def rounded(data: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """Halves away from nought, as PostgreSQL rounds a numeric; what is a half but for a float's last bits is one."""
    return np.asarray(np.copysign(np.floor(np.abs(data) + 0.5 + 1e-6), data))


def _natural(data: npt.NDArray[Any], kind: Kind) -> npt.NDArray[Any]:
    if kind.name == "numeric":
        return data / 10.0**kind.decimals
    return data * _DAY if kind.name == "date" else data


def _plain(value: Any) -> Any:
    match value:
        case bool() | str() | int() | float():
            return value
        case Decimal():
            return float(value)
        case datetime():
            return microseconds(value)
        case date():
            return (folded(value, Kind("date")) or 0) * _DAY
        case timedelta():
            return folded(value, Kind("interval"))
    name = getattr(value, "name", None)
    return name if isinstance(name, str) else value


def _divided(a: npt.NDArray[Any], b: npt.NDArray[Any]) -> npt.NDArray[Any]:
    with np.errstate(divide="ignore", invalid="ignore"):
        if a.dtype.kind == "i" and b.dtype.kind == "i":
            return np.fmod(a, 1) if not len(b) else np.trunc(a / np.where(b == 0, 1, b)).astype(np.int64)
        return np.asarray(a / np.where(b == 0, np.nan, b))
