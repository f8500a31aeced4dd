"""Declare what SQLAlchemy's models cannot express: objects besides tables, and hints for the next draft."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from textwrap import dedent
from typing import Any

from sqlalchemy import Column, MetaData, Table
from sqlalchemy.types import Enum

_OBJECTS_KEY = "seedbed.objects"


def declare(metadata: MetaData, *statements: str) -> None:
    """Declare objects that SQLAlchemy's models cannot express: functions, views, triggers, policies, extensions and so
    on.

        declare(
            Table.metadata,
            "CREATE EXTENSION citext",
            "CREATE VIEW open_task AS SELECT * FROM task WHERE NOT is_completed",
            "ALTER TABLE task ENABLE ROW LEVEL SECURITY",
            "CREATE POLICY own ON task USING (user_id = current_setting('app.user_id')::bigint)",
        )

    Each argument is one SQL statement. PostgreSQL runs it, so every statement that PostgreSQL knows is supported, and a
    draft compares what PostgreSQL created. The order does not matter: a statement runs after the objects that it needs.
    """
    declarations: list[str] = metadata.info.setdefault(_OBJECTS_KEY, [])
    for statement in statements:
        cleaned = dedent(statement).strip().removesuffix(";")
        if cleaned not in declarations:
            declarations.append(cleaned)


def get_declarations(metadata: MetaData) -> tuple[str, ...]:
    """Return the statements passed to `declare`, in their order."""
    return tuple(metadata.info.get(_OBJECTS_KEY, ()))


_HINT_KEY = "seedbed"


@dataclass(frozen=True)
class Hint:
    """The hint of a table or a column. It has no effect once a draft has used it."""

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
    """Create the `info` of a table or a column with a hint for the next draft.

        title: str = Field(sa_column_kwargs={"info": hint(renamed_from="name")})
        __table_args__ = {"info": hint(renamed_from="todo")}

    `renamed_from` is the old name of a table or a column, with the old schema if a table changes its schema
    (`"public.task"`). `using` is the SQL expression that computes the new type's value from the old column. `back` is
    the SQL expression that computes the old value from the new one, for the downgrade. `backfill` is the SQL expression
    for a new NOT NULL column in existing rows, or for the NULLs of a column that becomes NOT NULL; it may name other
    columns of the row. `renamed_values` maps old labels of the column's enum to new ones. `dropped` lists columns of a
    table, or on any table other tables, that are dropped although a similar one was added.

    A hint that is no longer needed has no effect; `seedbed migrate check` lists it.
    """
    return {_HINT_KEY: Hint(renamed_from, using, back, backfill, dict(renamed_values or {}), tuple(dropped))}


def read_hint(item: Table | Column[Any]) -> Hint:
    """Return the hint of a table or a column, or an empty one."""
    stored = item.info.get(_HINT_KEY)
    return stored if isinstance(stored, Hint) else Hint()


def find_hints(metadata: MetaData) -> Iterator[tuple[Table, Column[Any] | None, Hint]]:
    """Yield every table and column that has a hint."""
    for table in metadata.sorted_tables:
        items: list[tuple[Column[Any] | None, Table | Column[Any]]] = [
            (None, table),
            *((table_column, table_column) for table_column in table.columns),
        ]
        for column, item in items:
            if _HINT_KEY in item.info:
                yield table, column, read_hint(item)


def get_enum(column: Column[Any]) -> Enum | None:
    """Return the enum type of a column, or of the elements of an array column."""
    element_type = getattr(column.type, "item_type", column.type)
    return element_type if isinstance(element_type, Enum) else None
