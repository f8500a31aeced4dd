"""Declare what SQLAlchemy's models cannot express: other objects, hints for the next draft, and personal data."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, LargeBinary, MetaData, String, Table, TypeDecorator, Uuid
from sqlalchemy.types import Enum

if TYPE_CHECKING:
    from seedbed.schema.loader import Schema


_OBJECTS_KEY = "seedbed.objects"

_HINT_KEY = "seedbed"

_PII_KEY = "pii"
_LOOKS_PERSONAL = re.compile(
    r"e_?mail|phone|mobile|(^|_)(first|last|full|middle|given|family|sur|maiden|display|nick|user)_?name$|birth|(^|_)(born|dob)(_|$)|(^|_)ssn"
    r"|passport|street|address|post_?code|zip_?code|iban|card_number|password|secret|(^|_)ip(_|$)|tax_id|national_id"
    r"|latitude|longitude|avatar"
)
_PERSONAL_IDS = ("tax_id", "national_id")
"""Identifiers of people whose names end like foreign keys."""

_PERSON_COLUMNS = re.compile(r"e_?mail|phone|mobile|birth|(^|_)(born|dob)(_|$)|(first|last|given|family|sur)_?name$")
"""Beside such a column, `name` is the name of a person."""

_LOOKS_SECRET = re.compile(r"token|(api|access|private|signing)_?key|credential|(^|_)otp(_|$)")
"""Names of secrets, in columns of text or bytes: a number of such a name is a count."""


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


@dataclass(frozen=True)
class Pii:
    """Marks a column as personal data: `Annotated[str, Pii("email")]`, the same as `info={"pii": "email"}` on the
    column.

    `Pii(None)` marks a column that looks personal as not personal.
    """

    category: str | None


def find_personal_columns(schema: "Schema") -> Iterator[tuple[Table, Column[Any], str]]:
    """Yield the columns that are marked as personal data, each with its category."""
    for table in schema.metadata.sorted_tables:
        for column in table.columns:
            is_marked, category = _read_mark(schema, table, column)
            if is_marked and category is not None:
                yield table, column, category


def find_unmarked_columns(schema: "Schema") -> list[str]:
    """Return the columns that look personal and have no mark, as `user.email`."""
    return [
        f"{table.key}.{column.name}"
        for table in schema.metadata.sorted_tables
        for column in table.columns
        if not _read_mark(schema, table, column)[0] and not column.foreign_keys and _looks_personal(column)
    ]


def _looks_personal(column: Column[Any]) -> bool:
    name = column.name.lower()
    if name.endswith("_id") and not name.endswith(_PERSONAL_IDS):
        return False
    if name == "name":
        return any(_PERSON_COLUMNS.search(other.name.lower()) for other in column.table.columns)
    stored_type = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    is_secret = isinstance(stored_type, (String, LargeBinary, Uuid)) and _LOOKS_SECRET.search(name)
    return bool(is_secret or _LOOKS_PERSONAL.search(name))


def _read_mark(schema: "Schema", table: Table, column: Column[Any]) -> tuple[bool, str | None]:
    """Return whether a column has a mark, and its category."""
    if _PII_KEY in column.info:
        return True, column.info[_PII_KEY]
    model = schema.models.get(table.key)
    field = model.model_fields.get(column.key) if model is not None else None
    marks = [mark for mark in getattr(field, "metadata", ()) if isinstance(mark, Pii)]
    return (True, marks[0].category) if marks else (False, None)
