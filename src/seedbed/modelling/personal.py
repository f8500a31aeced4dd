"""Which columns hold something about a person, said beside the column."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from sqlalchemy import Column, Table

if TYPE_CHECKING:
    from seedbed.modelling.loading import Schema

_KEY = "pii"
_LOOKS_PERSONAL = re.compile(
    r"e_?mail|phone|mobile|(^|_)(first|last|full|middle|given|family|sur|maiden|display|nick|user)_?name$|birth|(^|_)ssn"
    r"|passport|street|address|post_?code|zip_?code|iban|card_number|password|secret|(^|_)ip(_|$)|tax_id|national_id"
    r"|latitude|longitude|avatar"
)


@dataclass(frozen=True)
class Pii:
    """A mark for `Annotated[str, Pii("email")]`; the same as `info={"pii": "email"}` on the column.

    `None` says that a column which looks personal is not.
    """

    kind: str | None


def personal(schema: "Schema") -> Iterator[tuple[Table, Column[Any], str]]:
    """Every column that is marked, and as what."""
    for table in schema.metadata.sorted_tables:
        for column in table.columns:
            said, kind = _mark(schema, table, column)
            if said and kind is not None:
                yield table, column, kind


def unmarked(schema: "Schema") -> list[str]:
    """The columns whose names look personal and that nothing is said of, as `user.email`."""
    return [
        f"{table.key}.{column.name}"
        for table in schema.metadata.sorted_tables
        for column in table.columns
        if not _mark(schema, table, column)[0]
        and not column.foreign_keys
        and not column.name.endswith("_id")
        and _LOOKS_PERSONAL.search(column.name.lower())
    ]


def _mark(schema: "Schema", table: Table, column: Column[Any]) -> tuple[bool, str | None]:
    """Whether something is said of a column, and what."""
    if _KEY in column.info:
        return True, column.info[_KEY]
    model = schema.models.get(table.key)
    field = model.model_fields.get(column.key) if model is not None else None
    marks = [mark for mark in getattr(field, "metadata", ()) if isinstance(mark, Pii)]
    return (True, marks[0].kind) if marks else (False, None)
