"""Whole rows, some thousands at a time: in binary where every column can be, else in text."""

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

import numpy as np

from seedbed.errors import NullNotAllowed, InvalidSeedsFile
from seedbed.seeding.core.batch import Batch, Coded, Objects, Pool, objects, pooled
from seedbed.seeding.core.column_types import own_processing, processor
from seedbed.seeding.encoding import binary, text
from seedbed.seeding.encoding.columns import Encoding, Piece, pieces, side_by_side, things

if TYPE_CHECKING:
    from seedbed.seeding.planning.table_plan import TablePlan

CHUNK = 8_192
"""Rows that are made at a time. The bytes are the same whatever it is."""

HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
"""The signature, no flags, no extension."""
TAIL = b"\xff\xff"


def in_binary(table: "TablePlan") -> bool:
    """Whether every column that is filled has a binary encoder."""
    return all(table.kind(name).has_binary for name in table.fillings)


def encoded(table: "TablePlan", rows: range) -> bytes:
    """Some rows as COPY takes them, without what stands before the first and after the last.

    Raises:
        InvalidSeedsFile: a value does not fit its column.
        NullNotAllowed: a rule of the seeds gives None for a column that is NOT NULL.
    """
    batches = table.batches(rows)
    for name, batch in batches:
        _check_nulls(table, name, batch, rows)
    if not in_binary(table):
        written = [[text.NULL if t is None else text.escaped(t) for t in _texts(table, n, b)] for n, b in batches]
        return "".join([f"{line}\n" for line in map("\t".join, zip(*written, strict=True))]).encode()
    found: list[Piece] = [np.array(len(batches), dtype=">i2")]
    for name, batch in batches:
        found += pieces(*_encoding(table, name, batch))
    together = _together(found, len(rows))
    if len(together) == 1 and together[0].dtype != object:
        return together[0].tobytes()
    return b"".join(_row_by_row(together))


def sample(table: "TablePlan", count: int) -> list[dict[str, str | None]]:
    """The first rows of a table, as PostgreSQL will be given them, by column.

    Raises:
        InvalidSeedsFile, TooFewUniqueValues: a value cannot be made, or does not fit its column.
    """
    batches = table.batches(range(min(count, table.count)))
    written = {name: _texts(table, name, batch) for name, batch in batches}
    return [dict(zip(written, row, strict=True)) for row in zip(*written.values(), strict=True)]


def _check_nulls(table: "TablePlan", name: str, batch: Batch, rows: range) -> None:
    if batch.nulls is None or table.column(name).nullable or not batch.nulls.any():
        return
    if name in table.rules:
        raise NullNotAllowed(table.name, name, table.source(name), table.place, row=rows[int(batch.nulls.argmax())] + 1)


def _together(found: list[Piece], rows: int) -> list[Piece]:
    """Columns of one width that stand side by side as one."""
    together: list[Piece] = []
    for fixed, group in groupby(found, lambda piece: piece.dtype != object):
        beside = list(group)
        together += [side_by_side(beside, rows)] if fixed else beside
    return together


def _row_by_row(columns: list[Piece]) -> list[bytes]:
    """All pieces of the first row, then those of the second; a third of the time of zip()."""
    made = [b""] * (len(columns) * len(columns[0]))
    for place, column in enumerate(columns):
        made[place :: len(columns)] = things(column)
    return made


def _encoding(table: "TablePlan", name: str, batch: Batch) -> tuple[Batch, Encoding]:
    """The batch as the database's own types have it, and how it is encoded."""
    kind = table.kind(name)
    batch = processed(table, name, batch)
    return batch, Encoding(f"{table.name}.{name}", kind, _guarded(table, name, binary.encoder(kind)))


def _texts(table: "TablePlan", name: str, batch: Batch) -> list[str | None]:
    kind = table.kind(name)
    write = _guarded(table, name, lambda value: text.written(value, kind))
    return [None if value is None else write(value) for value in processed(table, name, batch).tolist()]


def processed(table: "TablePlan", name: str, batch: Batch) -> Batch:
    """What SQLAlchemy would have made of the values, were it there: COPY goes past it.

    Numbers and texts that are made here are what the column's type has already, unless the project's own code stands
    between.
    """
    column = table.column(name)
    process = processor(column)
    if process is None:
        return batch
    guarded = _guarded(table, name, process)

    def once(value: Any) -> Any:
        return None if value is None else guarded(value)

    if isinstance(batch, Coded):
        pool = batch.pool
        processed = table.memory.pools.setdefault(
            (name, pool), Pool(f"{pool.name} of {name}", pool.size, lambda code: once(pool.entry(code)))
        )
        made = pooled(processed, batch.codes)
        return made if batch.nulls is None else made.without(batch.nulls)
    if isinstance(batch, Objects) or own_processing(column):
        return objects(map(once, batch.tolist()))
    return batch


def _guarded(table: "TablePlan", name: str, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def guarded(value: Any) -> Any:
        try:
            return function(value)
        except (AttributeError, TypeError) as error:
            reason = f"{table.name}.{name} cannot hold {value!r}, which is of type {type(value).__name__}"
            raise InvalidSeedsFile(table.place, reason) from error
        except Exception as error:
            reason = f"{table.name}.{name} cannot hold {value!r}: {type(error).__name__}: {error}"
            raise InvalidSeedsFile(table.place, reason) from error

    return guarded


def chunks(rows: range, size: int = CHUNK) -> Sequence[range]:
    """A range cut into ranges that are made one after another."""
    return [range(start, min(start + size, rows.stop)) for start in range(rows.start, rows.stop, size)]
