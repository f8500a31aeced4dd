"""Constraints on the values of a column: bounds, lengths, patterns and allowed values."""

import math
import types
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from sqlalchemy import Column

from seedbed.seeding.core.number_codec import encode_number
from seedbed.seeding.core.postgres_types import ColumnType, get_column_type

_FLOAT_TYPES = {"float4", "float8"}
_FLOAT_STEP = 2.0**-20
"""What is added to a bound of a real number that is not among the numbers itself."""


@dataclass(frozen=True)
class ValueConstraints:
    """What a column may hold. `low` and `high` are inclusive, in the units of a batch; `values` are the only values."""

    annotation: Any = None
    low: float | int | None = None
    high: float | int | None = None
    values: tuple[Any, ...] | None = None
    step: int | None = None
    shortest: int = 0
    longest: int | None = None
    pattern: str | None = None
    not_null: bool = False

    def at_least(self, value: Any, column_type: ColumnType, *, or_equal: bool = True) -> "ValueConstraints":
        bound = _round_bound(value, column_type, lower=True, or_equal=or_equal)
        return self if bound is None else replace(self, low=bound if self.low is None else max(self.low, bound))

    def at_most(self, value: Any, column_type: ColumnType, *, or_equal: bool = True) -> "ValueConstraints":
        bound = _round_bound(value, column_type, lower=False, or_equal=or_equal)
        return self if bound is None else replace(self, high=bound if self.high is None else min(self.high, bound))

    def one_of(self, values: Sequence[Any]) -> "ValueConstraints":
        common = tuple(values) if self.values is None else tuple(value for value in self.values if value in values)
        return replace(self, values=common)

    def with_length(self, shortest: int | None, longest: int | None) -> "ValueConstraints":
        least = max(self.shortest, shortest or 0)
        most = [length for length in (self.longest, longest) if length is not None]
        return replace(self, shortest=least, longest=min(most, default=None))


def read_field_constraints(model: type[Any] | None, column: Column[Any]) -> ValueConstraints:
    """Read the constraints of a column's type and Pydantic field."""
    column_type = get_column_type(column)
    constraints = ValueConstraints(
        longest=column_type.size if column_type.is_text else None, not_null=not column.nullable
    )
    if column_type.labels and column_type.name != "enum":
        constraints = constraints.one_of(column_type.labels)
    name = _find_attribute(model, column)
    field = None if name is None else getattr(model, "model_fields", {}).get(name)
    if field is None:
        return constraints
    annotation, metadata = unwrap_annotation(field.annotation)
    constraints = replace(constraints, annotation=annotation)
    if get_origin(annotation) is Literal:
        constraints = constraints.one_of(get_args(annotation))
    for item in [*field.metadata, *metadata]:
        constraints = _add_metadata(constraints, item, column_type)
    return constraints


def _find_attribute(model: type[Any] | None, column: Column[Any]) -> str | None:
    if model is None:
        return None
    for attribute in model.__mapper__.column_attrs:
        if attribute.columns[0] is column:
            return str(attribute.key)
    return None


def unwrap_annotation(annotation: Any) -> tuple[Any, list[Any]]:
    """A type without `| None` and `Annotated`, and the metadata of the latter."""
    metadata: list[Any] = []
    while True:
        if get_origin(annotation) is Annotated:
            annotation, *more = get_args(annotation)
            metadata += more
        elif get_origin(annotation) in {Union, types.UnionType}:
            members = [part for part in get_args(annotation) if part is not type(None)]
            if len(members) != 1:
                return annotation, metadata
            annotation = members[0]
        else:
            return annotation, metadata


def _add_metadata(constraints: ValueConstraints, item: Any, column_type: ColumnType) -> ValueConstraints:
    for name, or_equal in (("ge", True), ("gt", False)):
        if getattr(item, name, None) is not None:
            constraints = constraints.at_least(getattr(item, name), column_type, or_equal=or_equal)
    for name, or_equal in (("le", True), ("lt", False)):
        if getattr(item, name, None) is not None:
            constraints = constraints.at_most(getattr(item, name), column_type, or_equal=or_equal)
    constraints = constraints.with_length(getattr(item, "min_length", None), getattr(item, "max_length", None))
    if isinstance(getattr(item, "multiple_of", None), int) and column_type.is_number:
        constraints = replace(constraints, step=item.multiple_of)
    if isinstance(getattr(item, "pattern", None), str):
        constraints = replace(constraints, pattern=item.pattern)
    return constraints


def _round_bound(value: Any, column_type: ColumnType, *, lower: bool, or_equal: bool) -> float | int | None:
    """The lowest or highest allowed value, in the units of a batch."""
    if column_type.name in _FLOAT_TYPES:
        bound = encode_number(value, column_type)
        return None if bound is None else bound + (0 if or_equal else _FLOAT_STEP if lower else -_FLOAT_STEP)
    exact = _convert_bound(value, column_type)
    if exact is None:
        return None
    whole = math.ceil(exact) if lower else math.floor(exact)
    if or_equal or whole != exact:
        return whole
    return whole + 1 if lower else whole - 1


def _convert_bound(value: Any, column_type: ColumnType) -> Fraction | int | None:
    """A bound in the units of a batch, before rounding."""
    if isinstance(value, int | float | Decimal) and not isinstance(value, bool):
        if not math.isfinite(value):
            return None
        return Fraction(str(value)) * (10**column_type.decimals if column_type.name == "numeric" else 1)
    number = encode_number(value, column_type)
    return None if number is None else Fraction(number)
