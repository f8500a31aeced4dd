"""Times in their order: a row is made after the row it refers to, changed after it was made, and all before `as_of`."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import numpy as np
from sqlalchemy import Column

from seedbed.seeding.filling import Filling
from seedbed.seeding.streams import Stream

if TYPE_CHECKING:
    from seedbed.seeding.plan import TablePlan

_SPAN = timedelta(days=730)
_UNTOUCHED = 0.4
"""How many rows were never changed after they were made."""
_MADE, _CHANGED = ("created",), ("updated", "modified")


def is_when_made(name: str) -> bool:
    return name.startswith(_MADE)


def is_when_changed(name: str) -> bool:
    return name.startswith(_CHANGED)


def times(table: "TablePlan", column: Column[Any]) -> Filling:
    """Times between what must come before and `as_of`, to the second."""
    stream, end, made = table.stream(column.name), table.as_of, table.made_at
    if is_when_changed(column.name) and made is not None:

        def changed(rows: range) -> list[datetime]:
            return _between(made_at(table, rows), end, _late(stream, rows))

        return Filling(column.name, f"at or after {made}", changed)

    anchor = table.anchor

    def somewhen(rows: range) -> list[datetime]:
        starts = anchor.made_at(rows) if anchor is not None else [end - _SPAN] * len(rows)
        return _between(starts, end, stream.fractions(rows).tolist())

    after = f"after its {anchor.parent.name} was made" if anchor is not None else "in the two years"
    return Filling(column.name, f"{after} before {end:%Y-%m-%d}" if anchor is None else after, somewhen)


def dates(table: "TablePlan", column: Column[Any]) -> Filling:
    """The days of such times."""
    filling = times(table, column)
    return Filling(column.name, filling.source, lambda rows: [time.date() for time in filling.make(rows)])


def made_at(table: "TablePlan", rows: range) -> list[datetime]:
    """When rows were made, by the column that says so; the earliest time there is where it says nothing."""
    earliest = table.as_of - _SPAN
    if table.made_at is None:
        return [earliest] * len(rows)
    return [_time(value, earliest) for value in table.fillings[table.made_at].make(rows)]


def _time(value: Any, otherwise: datetime) -> datetime:
    if not isinstance(value, datetime):
        return otherwise
    return value if value.tzinfo is not None else value.replace(tzinfo=UTC)


def _between(starts: Sequence[datetime], end: datetime, fractions: Sequence[float]) -> list[datetime]:
    return [
        start + timedelta(seconds=max(0, int((end - start).total_seconds() * fraction)))
        for start, fraction in zip(starts, fractions, strict=True)
    ]


def _late(stream: Stream, rows: range) -> list[float]:
    drawn = stream.fractions(rows)
    touched: list[float] = (np.clip((drawn - _UNTOUCHED) / (1 - _UNTOUCHED), 0.0, 1.0) ** 2).tolist()
    return touched
