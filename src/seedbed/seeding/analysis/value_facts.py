"""Bounds, lengths and allowed values of a column, from its Pydantic field and its own CHECKs."""

import math
import types
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from sqlalchemy import Column

from seedbed.seeding.core.column_types import ColumnType, get_column_type
from seedbed.seeding.core.number_codec import encode_number

_REAL = {"float4", "float8"}
_TINY = 2.0**-20
"""What is added to a bound of a real number that is not among the numbers itself."""


@dataclass(frozen=True)
class Facts:
    """`low` and `high` are both allowed, and counted as batches of numbers count; `values` are the only ones."""

    annotation: Any = None
    low: float | int | None = None
    high: float | int | None = None
    values: tuple[Any, ...] | None = None
    step: int | None = None
    shortest: int = 0
    longest: int | None = None
    pattern: str | None = None
    not_null: bool = False

    def at_least(self, value: Any, kind: ColumnType, *, or_equal: bool = True) -> "Facts":
        bound = _bound(value, kind, lower=True, or_equal=or_equal)
        return self if bound is None else replace(self, low=bound if self.low is None else max(self.low, bound))

    def at_most(self, value: Any, kind: ColumnType, *, or_equal: bool = True) -> "Facts":
        bound = _bound(value, kind, lower=False, or_equal=or_equal)
        return self if bound is None else replace(self, high=bound if self.high is None else min(self.high, bound))

    def one_of(self, values: Sequence[Any]) -> "Facts":
        kept = tuple(values) if self.values is None else tuple(value for value in self.values if value in values)
        return replace(self, values=kept)

    def with_length(self, shortest: int | None, longest: int | None) -> "Facts":
        least = max(self.shortest, shortest or 0)
        most = [length for length in (self.longest, longest) if length is not None]
        return replace(self, shortest=least, longest=min(most, default=None))


def field_facts(model: type[Any] | None, column: Column[Any]) -> Facts:
    """Read the facts that a column's Pydantic field states."""
    kind = get_column_type(column)
    facts = Facts(longest=kind.size if kind.is_text else None, not_null=not column.nullable)
    if kind.labels and kind.name != "enum":
        facts = facts.one_of(kind.labels)
    name = _attribute(model, column)
    field = None if name is None else getattr(model, "model_fields", {}).get(name)
    if field is None:
        return facts
    annotation, found = unwrapped(field.annotation)
    facts = replace(facts, annotation=annotation)
    if get_origin(annotation) is Literal:
        facts = facts.one_of(get_args(annotation))
    for said in [*field.metadata, *found]:
        facts = _with(facts, said, kind)
    return facts


def _attribute(model: type[Any] | None, column: Column[Any]) -> str | None:
    if model is None:
        return None
    for attribute in model.__mapper__.column_attrs:
        if attribute.columns[0] is column:
            return str(attribute.key)
    return None


def unwrapped(annotation: Any) -> tuple[Any, list[Any]]:
    """A type without `| None` and `Annotated`, and the metadata of the latter."""
    said: list[Any] = []
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            said += more
        elif get_origin(annotation) in {Union, types.UnionType}:
            kept = [part for part in get_args(annotation) if part is not type(None)]
            if len(kept) != 1:
                return annotation, said
            annotation = kept[0]
        else:
            return annotation, said


def _with(facts: Facts, said: Any, kind: ColumnType) -> Facts:
    for name, or_equal in (("ge", True), ("gt", False)):
        if getattr(said, name, None) is not None:
            facts = facts.at_least(getattr(said, name), kind, or_equal=or_equal)
    for name, or_equal in (("le", True), ("lt", False)):
        if getattr(said, name, None) is not None:
            facts = facts.at_most(getattr(said, name), kind, or_equal=or_equal)
    facts = facts.with_length(getattr(said, "min_length", None), getattr(said, "max_length", None))
    if isinstance(getattr(said, "multiple_of", None), int) and kind.is_number:
        facts = replace(facts, step=said.multiple_of)
    if isinstance(getattr(said, "pattern", None), str):
        facts = replace(facts, pattern=said.pattern)
    return facts


def _bound(value: Any, kind: ColumnType, *, lower: bool, or_equal: bool) -> float | int | None:
    """The lowest or highest allowed value, in the units of a batch."""
    if kind.name in _REAL:
        bound = encode_number(value, kind)
        return None if bound is None else bound + (0 if or_equal else _TINY if lower else -_TINY)
    exact = _exact(value, kind)
    if exact is None:
        return None
    whole = math.ceil(exact) if lower else math.floor(exact)
    if or_equal or whole != exact:
        return whole
    return whole + 1 if lower else whole - 1


def _exact(value: Any, kind: ColumnType) -> Fraction | int | None:
    """A bound in the units of a batch, before rounding."""
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        if not math.isfinite(value):
            return None
        return Fraction(str(value)) * (10**kind.decimals if kind.name == "numeric" else 1)
    number = encode_number(value, kind)
    return None if number is None else Fraction(number)
