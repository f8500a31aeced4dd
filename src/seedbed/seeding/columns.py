"""How each column is filled, worked out from its name, its type and its keys where the seeds say nothing."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import Boolean, Column, DateTime, Integer, String, UniqueConstraint
from sqlalchemy import Table as SqlTable
from sqlalchemy.types import TypeDecorator, TypeEngine

from seedbed.errors import DomainTooSmall, NoGenerator
from seedbed.seeding import pools
from seedbed.seeding.streams import Stream
from seedbed.seeding.values import Choice, Constant, FakerValues, Rule

if TYPE_CHECKING:
    from seedbed.seeding.plan import TablePlan

Maker = Callable[[range], Sequence[Any]]
"""Makes a column's values of a range of rows; each row's is the same in whichever range it is asked for."""

_POOL = 2048
_FIRST_NAMES, _LAST_NAMES = 256, 512
_SPAN = timedelta(days=730)
_UNTOUCHED = 0.4
"""How many rows were never changed after they were made."""
_SECRETS = ("password", "secret", "token", "api_key")


@dataclass(frozen=True)
class ColumnPlan:
    """A column, what fills it in words, and what makes its values."""

    name: str
    source: str
    make: Maker


def column_plans(table: "TablePlan", rules: Mapping[str, Rule]) -> tuple[ColumnPlan, ...]:
    """A filling for every column that is not left to the database."""
    plans = []
    for column in table.sql.columns:
        if column.computed is not None:
            continue
        rule = rules.get(column.name)
        plans.append(_by_rule(table, column, rule) if rule is not None else _inferred(table, column))
    return tuple(plans)


def _by_rule(table: "TablePlan", column: Column[Any], rule: Rule) -> ColumnPlan:
    stream = table.stream(column.name)
    match rule:
        case Constant(value):
            return ColumnPlan(column.name, f"always {value!r}", lambda rows: [value] * len(rows))
        case Choice(values, weights):
            bounds = np.cumsum(weights) / sum(weights)
            return ColumnPlan(
                column.name,
                f"one of {len(values)} values",
                lambda rows: [values[i] for i in np.searchsorted(bounds, stream.fractions(rows), side="right")],
            )
        case FakerValues(provider, arguments):
            return _pooled(column, stream, provider, dict(arguments))


def _inferred(table: "TablePlan", column: Column[Any]) -> ColumnPlan:
    stream = table.stream(column.name)
    kind = _stored(column.type)
    if column.foreign_keys:
        return _reference(table, column, stream)
    if column.primary_key and isinstance(kind, Integer):
        return ColumnPlan(column.name, "1, 2, 3 and so on", lambda rows: range(rows.start + 1, rows.stop + 1))
    if column.nullable and any(word in column.name for word in _SECRETS):
        return ColumnPlan(column.name, "NULL, as a secret", lambda rows: [None] * len(rows))
    if isinstance(kind, Boolean):
        share = 0.9 if column.name.startswith("is_active") else 0.35
        return ColumnPlan(column.name, f"true in {share:.0%}", lambda rows: (stream.fractions(rows) < share).tolist())
    if isinstance(kind, DateTime):
        return _time(table, column)
    if isinstance(kind, String):
        return _text(table, column, stream)
    raise NoGenerator(table.name, column.name, str(kind))


def _text(table: "TablePlan", column: Column[Any], stream: Stream) -> ColumnPlan:
    if "email" in column.name:
        return _email(table, column, stream)
    if _is_unique(table.sql, column):
        raise NoGenerator(table.name, column.name, "unique text")
    provider, arguments = _provider(column)
    return _pooled(column, stream, provider, arguments)


def _provider(column: Column[Any]) -> tuple[str, dict[str, Any]]:
    length = getattr(_stored(column.type), "length", None) or 400
    if column.name == "description":
        return "paragraph", {"nb_sentences": 2}
    if column.name.endswith("name"):
        return "name", {}
    return "sentence", {"nb_words": max(1, min(5, length // 12))}


def _pooled(column: Column[Any], stream: Stream, provider: str, arguments: Mapping[str, Any]) -> ColumnPlan:
    length = getattr(_stored(column.type), "length", None)
    empty = 0.2 if column.nullable else 0.0

    def make(rows: range) -> list[Any]:
        entries = pools.pool(provider, _POOL, arguments, longest=length)
        chosen = stream.below(len(entries), rows).tolist()
        missing = (stream.part("null").fractions(rows) < empty).tolist()
        return [None if gone else entries[i] for i, gone in zip(chosen, missing, strict=True)]

    shown = ", ".join([provider, *(f"{name}={value}" for name, value in arguments.items())])
    return ColumnPlan(column.name, f"faker({shown}){', NULL in 20%' if empty else ''}", make)


def _email(table: "TablePlan", column: Column[Any], stream: Stream) -> ColumnPlan:
    """First and last names in every combination, in a random order without repeats; then again with a number."""
    length = getattr(_stored(column.type), "length", None)

    def make(rows: range) -> list[str]:
        firsts = pools.words("first_name", _FIRST_NAMES)
        lasts = pools.words("last_name", _LAST_NAMES)
        size = len(firsts) * len(lasts)
        indices = np.arange(rows.start, rows.stop, dtype=np.int64)
        places = stream.permutation(size, indices % size).tolist()
        rounds = (indices // size).tolist()
        made = [
            f"{firsts[place // len(lasts)]}.{lasts[place % len(lasts)]}{turn or ''}@example.com"
            for place, turn in zip(places, rounds, strict=True)
        ]
        if length is not None and any(len(email) > length for email in made):
            raise DomainTooSmall(table.name, column.name, table.count, length)
        return made

    return ColumnPlan(column.name, "first.last@example.com, unique", make)


def _reference(table: "TablePlan", column: Column[Any], stream: Stream) -> ColumnPlan:
    parent = table.parent_of(column)
    spread = table.spread if table.spread is not None and table.spread.parent is parent else None

    def make(rows: range) -> list[int]:
        chosen = spread.parents(rows) if spread is not None else stream.below(parent.count, rows)
        keys: list[int] = (chosen + 1).tolist()
        return keys

    counted = f", {spread.low} to {spread.high} for each" if spread is not None else ""
    return ColumnPlan(column.name, f"a {parent.name}{counted}", make)


def _time(table: "TablePlan", column: Column[Any]) -> ColumnPlan:
    """Times in their order: a row is made after its parent, changed after it was made, and all before `as_of`."""
    if column.name.startswith(("updated", "modified")) and (made := table.made_at) is not None and made != column.name:
        stream = table.stream(column.name)

        def changed(rows: range) -> list[datetime]:
            return _between(table.times(made, rows), table.as_of, _late(stream, rows))

        return ColumnPlan(column.name, f"at or after {made}", changed)
    return ColumnPlan(column.name, table.words_for(column.name), lambda rows: table.times(column.name, rows))


def made_between(table: "TablePlan", column: str, rows: range) -> list[datetime]:
    """When rows were made: after their parent was, and before `as_of`."""
    fractions = table.stream(column).fractions(rows)
    earliest = table.as_of - _SPAN
    spread = table.spread
    if spread is None or spread.parent.made_at is None:
        return _between([earliest] * len(rows), table.as_of, fractions.tolist())
    parents = spread.parents(rows)
    starts = spread.parent.times_of(spread.parent.made_at, parents)
    return _between(starts, table.as_of, fractions.tolist())


def _between(starts: Sequence[datetime], end: datetime, fractions: Sequence[float]) -> list[datetime]:
    return [
        start + timedelta(seconds=int((end - start).total_seconds() * fraction))
        for start, fraction in zip(starts, fractions, strict=True)
    ]


def _late(stream: Stream, rows: range) -> list[float]:
    drawn = stream.fractions(rows)
    touched = np.clip((drawn - _UNTOUCHED) / (1 - _UNTOUCHED), 0.0, 1.0)
    return (touched**2).tolist()  # type: ignore[no-any-return]


def _is_unique(table: SqlTable, column: Column[Any]) -> bool:
    alone = (c for c in table.constraints if isinstance(c, UniqueConstraint) and [*c.columns] == [column])
    return bool(column.unique) or column.primary_key or any(True for _ in alone)


def _stored(kind: TypeEngine[Any]) -> TypeEngine[Any]:
    return kind.impl_instance if isinstance(kind, TypeDecorator) else kind
