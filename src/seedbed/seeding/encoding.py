"""Rows written as PostgreSQL's COPY reads them."""

import json
from collections.abc import Callable, Iterable, Iterator
from datetime import date, datetime, time
from typing import Any

from seedbed.errors import SeedsNotUsable
from seedbed.postgres.quoting import DIALECT
from seedbed.seeding.plan import TablePlan

_CHUNK = 10_000
_NULL = r"\N"
_ESCAPES = str.maketrans({"\\": "\\\\", "\t": "\\t", "\n": "\\n", "\r": "\\r"})

Encoder = Callable[[Any], str]


def lines(table: TablePlan) -> Iterator[bytes]:
    """All rows of a table, some thousands at a time, in COPY's text format and in UTF-8."""
    for start in range(0, table.count, _CHUNK):
        rows = _encoded(table, range(start, min(start + _CHUNK, table.count)))
        yield "".join([f"{line}\n" for line in map("\t".join, rows)]).encode()


def sample(table: TablePlan, count: int) -> list[dict[str, str | None]]:
    """The first rows of a table, as PostgreSQL will be given them, by column.

    Raises:
        SeedsNotUsable, DomainTooSmall: a value cannot be made, or does not fit its column.
    """
    rows = _encoded(table, range(min(count, table.count)))
    return [{n: None if text == _NULL else text for n, text in zip(table.fillings, row, strict=True)} for row in rows]


def _encoded(table: TablePlan, rows: range) -> Iterable[tuple[str, ...]]:
    types = {column.name: column.type for column in table.sql.columns}
    columns = (
        map(_encoder(table, name, types[name].bind_processor(DIALECT)), filling.make(rows))
        for name, filling in table.fillings.items()
    )
    return zip(*columns, strict=True)


def _encoder(table: TablePlan, name: str, process: Callable[[Any], Any] | None) -> Encoder:
    """COPY goes past SQLAlchemy, so a column type's own processing is applied here."""
    if process is None:
        return _written

    def encode(value: Any) -> str:
        try:
            return _written(process(value))
        except Exception as error:
            reason = f"{table.name}.{name} cannot hold {value!r}: {type(error).__name__}: {error}"
            raise SeedsNotUsable(table.place, reason) from error

    return encode


def _written(value: Any) -> str:
    match value:
        case None:
            return _NULL
        case str():
            return value.translate(_ESCAPES)
        case bool():
            return "t" if value else "f"
        case datetime() | date() | time():
            return value.isoformat()
        case dict() | list():
            return json.dumps(value).translate(_ESCAPES)
        case bytes():
            return rf"\\x{value.hex()}"
        case _:
            return str(value).translate(_ESCAPES)
