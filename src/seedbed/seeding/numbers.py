"""Numbers and identifiers of columns that the seeds say nothing of."""

from decimal import Decimal
from typing import TYPE_CHECKING, Any
from uuid import UUID

from sqlalchemy import Column, Uuid

from seedbed.seeding.filling import Filling, counted, is_unique, stored

if TYPE_CHECKING:
    from seedbed.seeding.plan import TablePlan

_MOST = 1_000
_DECIMALS = 2
_MOST_DECIMALS = 6
"""A draw has 32 bits, so a number up to 1,000 has room for six decimals."""
_RANDOM_UUID = ~((0xF000 << 64) | (0xC000 << 48)), (0x4000 << 64) | (0x8000 << 48)
"""What to clear and what to set in 128 bits to make them a UUID of version 4 (RFC 9562)."""


def integers(table: "TablePlan", column: Column[Any]) -> Filling:
    """The number of the row for keys, whatever else counts up, and what is unique; else one from 1 to 1,000."""
    if column.primary_key or column.identity is not None or is_unique(column):
        return counted(column)
    stream = table.stream(column.name)
    return Filling(column.name, f"1 to {_MOST:,}", lambda rows: (stream.below(_MOST, rows) + 1).tolist())


def decimals(table: "TablePlan", column: Column[Any]) -> Filling:
    """Numbers below 1,000, or below what the column's precision allows, with its decimals."""
    if is_unique(column):
        return counted(column)
    kind, stream = stored(column), table.stream(column.name)
    precision, decimals = getattr(kind, "precision", None), getattr(kind, "scale", None)
    scale = min(_DECIMALS if decimals is None else decimals, _MOST_DECIMALS)
    limit = _MOST if precision is None else min(10 ** (precision - (decimals or 0)), _MOST)

    def make(rows: range) -> list[Decimal]:
        return [Decimal(drawn).scaleb(-scale) for drawn in stream.below(limit * 10**scale, rows).tolist()]

    return Filling(column.name, f"below {limit:,}, {scale} decimals", make)


def floats(table: "TablePlan", column: Column[Any]) -> Filling:
    if is_unique(column):
        return counted(column)
    stream = table.stream(column.name)
    return Filling(column.name, f"below {_MOST:,}", lambda rows: (stream.below(_MOST * 100, rows) / 100).tolist())


def uuids(table: "TablePlan", column: Column[Any]) -> Filling:
    """Random UUIDs, as the database or uuid4() would make them, and still the same in every run."""
    kind, stream = stored(column), table.stream(column.name)
    clear, fixed = _RANDOM_UUID
    as_object = isinstance(kind, Uuid) and kind.as_uuid

    def make(rows: range) -> list[UUID] | list[str]:
        halves = zip(stream.part("high").words(rows).tolist(), stream.part("low").words(rows).tolist(), strict=True)
        made = [UUID(int=((high << 64 | low) & clear) | fixed) for high, low in halves]
        return made if as_object else [str(uuid) for uuid in made]

    return Filling(column.name, "a random UUID", make)
