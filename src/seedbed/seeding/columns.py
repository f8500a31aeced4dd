"""How each column is filled: by its rule in the seeds, else by its keys, its name and its type."""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import Boolean, Column, Date, DateTime, Enum, Float, Integer, Numeric, String, Uuid
from sqlalchemy.sql.schema import ScalarElementColumnDefault

from seedbed.errors import NoGenerator
from seedbed.seeding.filling import Filling, constant, sometimes_empty, stored
from seedbed.seeding.numbers import decimals, floats, integers, uuids
from seedbed.seeding.texts import from_faker, texts
from seedbed.seeding.times import dates, is_when_changed, is_when_made, times
from seedbed.seeding.values import Choice, Constant, FakerValues, Rule

if TYPE_CHECKING:
    from seedbed.seeding.plan import TablePlan

_SECRETS = ("password", "secret", "token", "api_key")


def fillings(table: "TablePlan") -> tuple[Filling, ...]:
    """A filling for every column that is not left to the database.

    Raises:
        NoGenerator, DomainTooSmall, ParentNotPlanned, CyclicReference: a column can be neither filled nor left out.
    """
    found = [_filling(table, column) for column in table.sql.columns if column.computed is None]
    return tuple(filling for filling in found if filling is not None)


def _filling(table: "TablePlan", column: Column[Any]) -> Filling | None:
    rule = table.rules.get(column.name)
    if rule is not None:
        return _by_rule(table, column, rule)
    if column.name in table.references:
        return table.references[column.name].filling()
    if column.nullable and any(word in column.name for word in _SECRETS):
        return constant(column, None, ", as a secret")
    inferred = _by_type(table, column)
    if inferred is None:
        return _unmade(table, column)
    always = not column.nullable or is_when_made(column.name) or is_when_changed(column.name)
    return inferred if always else sometimes_empty(table, inferred)


def _by_rule(table: "TablePlan", column: Column[Any], rule: Rule) -> Filling:
    match rule:
        case Constant(value):
            return constant(column, value)
        case Choice(values, weights):
            return _chosen(table, column, values, weights)
        case FakerValues():
            return from_faker(table, column, rule)


def _by_type(table: "TablePlan", column: Column[Any]) -> Filling | None:
    match stored(column):
        case Boolean():
            return _booleans(table, column)
        case Integer():
            return integers(table, column)
        case Numeric():
            return decimals(table, column)
        case Float():
            return floats(table, column)
        case Uuid():
            return uuids(table, column)
        case DateTime():
            return times(table, column)
        case Date():
            return dates(table, column)
        case Enum() as kind:
            values = [*kind.enum_class] if kind.enum_class is not None else kind.enums
            return _chosen(table, column, values, [1.0] * len(values))
        case String():
            return texts(table, column)
    return None


def _unmade(table: "TablePlan", column: Column[Any]) -> Filling | None:
    """What is done with a type that no values are made for: its default, else NULL, else an error."""
    if column.server_default is not None or column.identity is not None:
        return None
    if isinstance(column.default, ScalarElementColumnDefault):
        return constant(column, column.default.arg, ", its default")
    if column.nullable:
        return constant(column, None, f", as nothing makes {stored(column)}")
    raise NoGenerator(table.name, column.name, str(stored(column)))


def _booleans(table: "TablePlan", column: Column[Any]) -> Filling:
    stream, share = table.stream(column.name), 0.9 if column.name.startswith("is_active") else 0.35
    return Filling(column.name, f"true in {share:.0%}", lambda rows: (stream.fractions(rows) < share).tolist())


def _chosen(table: "TablePlan", column: Column[Any], values: Sequence[Any], weights: Sequence[float]) -> Filling:
    stream, bounds = table.stream(column.name), np.cumsum(weights)
    bounds /= bounds[-1]  # not by sum(), which adds floats in another way since Python 3.12

    def make(rows: range) -> list[Any]:
        return [values[i] for i in np.searchsorted(bounds, stream.fractions(rows), side="right").tolist()]

    return Filling(column.name, f"one of {len(values)} values", make)
