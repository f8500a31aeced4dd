"""What a comparison cannot know, said beside the table or the column it is about."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import Column, MetaData, Table
from sqlalchemy.types import Enum

_KEY = "seedbed"


@dataclass(frozen=True)
class Hint:
    """The words of one table or column; a draft that has used them up leaves them without effect."""

    renamed_from: str | None = None
    using: str | None = None
    back: str | None = None
    backfill: str | None = None
    renamed_values: Mapping[str, str] = field(default_factory=dict)
    dropped: tuple[str, ...] = ()


def hint(
    *,
    renamed_from: str | None = None,
    using: str | None = None,
    back: str | None = None,
    backfill: str | None = None,
    renamed_values: Mapping[str, str] | None = None,
    dropped: tuple[str, ...] = (),
) -> dict[str, Any]:
    """Say in a table's or a column's `info` what the next draft is to know.

        title: str = Field(sa_column_kwargs={"info": hint(renamed_from="name")})
        __table_args__ = {"info": hint(renamed_from="todo")}

    `renamed_from` is the old name of a table or column, for a table with its old schema where that changes
    (`"public.task"`). `using` is the SQL expression that makes the new type's value from the old column, and `back` the
    one that makes the old value from the new, for the way down. `backfill` is the SQL expression that fills a new NOT
    NULL column in rows that exist, or the NULLs of one that becomes NOT NULL; it may name other columns of the row.
    `renamed_values` maps old labels of the column's enum to new ones. `dropped`
    names columns of a table, or on any table other tables, that go for good although something looks like them.

    A hint that has nothing left to say does no harm; `seedbed migrate check` lists it.
    """
    return {_KEY: Hint(renamed_from, using, back, backfill, dict(renamed_values or {}), tuple(dropped))}


def read_hint(thing: Table | Column[Any]) -> Hint:
    found = thing.info.get(_KEY)
    return found if isinstance(found, Hint) else Hint()


def find_hints(metadata: MetaData) -> Iterator[tuple[Table, Column[Any] | None, Hint]]:
    """Every table and column that has a hint."""
    for table in metadata.sorted_tables:
        things: list[tuple[Column[Any] | None, Table | Column[Any]]] = [(None, table), *((c, c) for c in table.columns)]
        for column, thing in things:
            if _KEY in thing.info:
                yield table, column, read_hint(thing)


def get_enum(column: Column[Any]) -> Enum | None:
    """The enum a column stores, itself or as an array's element."""
    kind = getattr(column.type, "item_type", column.type)
    return kind if isinstance(kind, Enum) else None
