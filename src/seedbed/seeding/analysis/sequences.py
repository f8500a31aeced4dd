"""The sequences that models number columns from."""

import re
from collections.abc import Iterator
from typing import Any

from sqlalchemy import Column, Sequence

from seedbed.postgres.quoting import compile_expression, quote_identifier
from seedbed.seeding.core.postgres_types import INTEGERS, get_column_type

_NEXTVAL = re.compile(
    r"^\s*nextval\s*\(\s*'(?P<name>(?:[^']|'')+)'\s*(?:::\s*(?:text|regclass)\s*)*\)\s*$", re.IGNORECASE
)


def find_sequence_position(column: Column[Any]) -> tuple[int, int]:
    """The position of a column among those that share its sequence, and how many share it.

    It depends on the schema alone, so a row keeps its number whichever tables are seeded and with however many rows.
    """
    name = find_sequence(column)
    if name is None:
        return 0, 1
    sharing = [
        other
        for _, table in sorted(column.table.metadata.tables.items())
        for other in table.columns
        if find_sequence(other) == name and get_column_type(other).name in INTEGERS
    ]
    return sharing.index(column), len(sharing)


def find_sequence(column: Column[Any]) -> str | None:
    """The quoted name of a column's sequence, or None where the column has one to itself."""
    names = list(_read_sequence_names(column))
    return None if not names else ".".join(quote_identifier(part) for part in names[0] if part and part != "public")


def _read_sequence_names(column: Column[Any]) -> Iterator[tuple[str, ...]]:
    argument = getattr(column.server_default, "arg", None)
    for default in (column.default, argument):
        sequence = getattr(default, "sequence", default)  # of Sequence.next_value()
        if isinstance(sequence, Sequence):
            yield (str(sequence.schema or ""), str(sequence.name))
    match = None if argument is None else _NEXTVAL.match(compile_expression(argument))
    if match is not None:
        name = match["name"].replace("''", "'")
        yield tuple(part.replace('"', "") if '"' in part else part.lower() for part in name.rsplit(".", 1))
