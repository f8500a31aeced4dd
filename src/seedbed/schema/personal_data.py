"""Personal data: which columns are marked as holding it, and which look as if they did."""

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
_PERSONAL_IDS = ("tax_id", "national_id")
"""Identifiers of people whose names end like foreign keys."""

_PERSON_COLUMNS = re.compile(r"e_?mail|phone|mobile|birth|(^|_)(born|dob)(_|$)|(first|last|given|family|sur)_?name$")
"""Beside such a column, `name` is the name of a person."""

_LOOKS_SECRET = re.compile(r"token|(api|access|private|signing)_?key|credential|(^|_)otp(_|$)")
"""Names of secrets, in columns of text or bytes: a number of such a name is a count."""


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
    if _KEY in column.info:
        return True, column.info[_KEY]
    model = schema.models.get(table.key)
    field = model.model_fields.get(column.key) if model is not None else None
    marks = [mark for mark in getattr(field, "metadata", ()) if isinstance(mark, Pii)]
    return (True, marks[0].category) if marks else (False, None)
