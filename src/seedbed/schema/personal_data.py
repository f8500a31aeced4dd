"""Which columns hold something about a person, said beside the column."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, LargeBinary, String, Table, TypeDecorator, Uuid

if TYPE_CHECKING:
    from seedbed.schema.loader import Schema

_KEY = "pii"
_LOOKS_PERSONAL = re.compile(
    r"e_?mail|phone|mobile|(^|_)(first|last|full|middle|given|family|sur|maiden|display|nick|user)_?name$|birth|(^|_)(born|dob)(_|$)|(^|_)ssn"
    r"|passport|street|address|post_?code|zip_?code|iban|card_number|password|secret|(^|_)ip(_|$)|tax_id|national_id"
    r"|latitude|longitude|avatar"
)
_NOT_A_KEY = ("tax_id", "national_id")
"""Numbers of people that end as the keys of rows do."""

_OF_A_PERSON = re.compile(r"e_?mail|phone|mobile|birth|(^|_)(born|dob)(_|$)|(first|last|given|family|sur)_?name$")
"""Beside such a column, `name` alone is somebody's."""

_OPENS_DOORS = re.compile(r"token|(api|access|private|signing)_?key|credential|(^|_)otp(_|$)")
"""Where it is text or bytes: a number of that name counts something."""


@dataclass(frozen=True)
class Pii:
    """A mark for `Annotated[str, Pii("email")]`; the same as `info={"pii": "email"}` on the column.

    `None` says that a column which looks personal is not.
    """

    category: str | None


def find_personal_columns(schema: "Schema") -> Iterator[tuple[Table, Column[Any], str]]:
    """Every column that is marked, and as what."""
    for table in schema.metadata.sorted_tables:
        for column in table.columns:
            said, kind = _mark(schema, table, column)
            if said and kind is not None:
                yield table, column, kind


def find_unmarked_columns(schema: "Schema") -> list[str]:
    """The columns whose names look personal and that nothing is said of, as `user.email`."""
    return [
        f"{table.key}.{column.name}"
        for table in schema.metadata.sorted_tables
        for column in table.columns
        if not _mark(schema, table, column)[0] and not column.foreign_keys and _looks_personal(column)
    ]


def _looks_personal(column: Column[Any]) -> bool:
    name = column.name.lower()
    if name.endswith("_id") and not name.endswith(_NOT_A_KEY):
        return False
    if name == "name":
        return any(_OF_A_PERSON.search(other.name.lower()) for other in column.table.columns)
    kept = column.type.impl_instance if isinstance(column.type, TypeDecorator) else column.type
    opens = isinstance(kept, (String, LargeBinary, Uuid)) and _OPENS_DOORS.search(name)
    return bool(opens or _LOOKS_PERSONAL.search(name))


def _mark(schema: "Schema", table: Table, column: Column[Any]) -> tuple[bool, str | None]:
    """Whether something is said of a column, and what."""
    if _KEY in column.info:
        return True, column.info[_KEY]
    model = schema.models.get(table.key)
    field = model.model_fields.get(column.key) if model is not None else None
    marks = [mark for mark in getattr(field, "metadata", ()) if isinstance(mark, Pii)]
    return (True, marks[0].category) if marks else (False, None)
