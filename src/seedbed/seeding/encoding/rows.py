"""Rows as COPY takes them: in binary where every column can be, else in text."""

from collections.abc import Callable, Collection, Mapping, Sequence
from itertools import groupby
from typing import Any

import numpy as np
from sqlalchemy import Column

from seedbed.errors import InvalidSeedsFile, NullNotAllowed
from seedbed.seeding.core.batch import Batch, Coded, Objects, ValuePool, make_coded, make_objects
from seedbed.seeding.core.column_types import ColumnType, get_bind_processor, has_custom_processing
from seedbed.seeding.encoding import binary, text
from seedbed.seeding.encoding.columns import Encoding, Piece, pieces, side_by_side, things

CHUNK = 8_192
"""Rows that are made at a time. The bytes are the same whatever it is."""

HEAD = b"PGCOPY\n\xff\r\n\0" + bytes(8)
"""The signature, no flags, no extension."""
TAIL = b"\xff\xff"


class RowEncoder:
    """Encodes the rows of one table. `columns` are its columns with their types, by name.

    `ruled` are the columns that a rule of the seeds fills, with what fills them in words; `place` is the line of the
    seeds file that asks for the table.
    """

    def __init__(
        self,
        table: str,
        place: str,
        columns: Mapping[str, tuple[Column[Any], ColumnType]],
        ruled: Mapping[str, str],
    ) -> None:
        self._table, self._place, self._columns, self._ruled = table, place, columns, ruled
        self._pools: dict[tuple[str, ValuePool], ValuePool] = {}

    def in_binary(self, names: Collection[str]) -> bool:
        """Whether all of some columns have a binary encoder."""
        return all(self._columns[name][1].has_binary for name in names)

    def encoded(self, batches: Sequence[tuple[str, Batch]], rows: range) -> bytes:
        """Some rows as COPY takes them, without what stands before the first and after the last.

        Raises:
            InvalidSeedsFile: a value does not fit its column.
            NullNotAllowed: a rule of the seeds gives None for a column that is NOT NULL.
        """
        for name, batch in batches:
            self._check_nulls(name, batch, rows)
        if not self.in_binary([name for name, _ in batches]):
            written = [[text.NULL if t is None else text.escaped(t) for t in self.texts(n, b)] for n, b in batches]
            return "".join([f"{line}\n" for line in map("\t".join, zip(*written, strict=True))]).encode()
        found: list[Piece] = [np.array(len(batches), dtype=">i2")]
        for name, batch in batches:
            found += pieces(*self._encoding(name, batch))
        together = _together(found, len(rows))
        if len(together) == 1 and together[0].dtype != object:
            return together[0].tobytes()
        return b"".join(_row_by_row(together))

    def texts(self, name: str, batch: Batch) -> list[str | None]:
        """A column's values as PostgreSQL reads them from text."""
        kind = self._columns[name][1]
        write = self._guarded(name, lambda value: text.written(value, kind))
        return [None if value is None else write(value) for value in self.processed(name, batch).tolist()]

    def processed(self, name: str, batch: Batch) -> Batch:
        """What SQLAlchemy would have made of the values, were it there: COPY goes past it.

        Numbers and texts that are made here are what the column's type has already, unless the project's own code
        stands between.
        """
        column = self._columns[name][0]
        process = get_bind_processor(column)
        if process is None:
            return batch
        guarded = self._guarded(name, process)

        def once(value: Any) -> Any:
            return None if value is None else guarded(value)

        if isinstance(batch, Coded):
            pool = batch.pool
            processed = self._pools.setdefault(
                (name, pool), ValuePool(f"{pool.name} of {name}", pool.size, lambda code: once(pool.entry(code)))
            )
            made = make_coded(processed, batch.codes)
            return made if batch.nulls is None else made.with_nulls(batch.nulls)
        if isinstance(batch, Objects) or has_custom_processing(column):
            return make_objects(map(once, batch.tolist()))
        return batch

    def _check_nulls(self, name: str, batch: Batch, rows: range) -> None:
        if batch.nulls is None or self._columns[name][0].nullable or not batch.nulls.any():
            return
        if name in self._ruled:
            row = rows[int(batch.nulls.argmax())] + 1
            raise NullNotAllowed(self._table, name, self._ruled[name], self._place, row=row)

    def _encoding(self, name: str, batch: Batch) -> tuple[Batch, Encoding]:
        """The batch as the database's own types have it, and how it is encoded."""
        kind = self._columns[name][1]
        key = f"{self._table}.{name}"
        return self.processed(name, batch), Encoding(key, kind, self._guarded(name, binary.encoder(kind)))

    def _guarded(self, name: str, function: Callable[[Any], Any]) -> Callable[[Any], Any]:
        def guarded(value: Any) -> Any:
            try:
                return function(value)
            except (AttributeError, TypeError) as error:
                reason = f"{self._table}.{name} cannot hold {value!r}, which is of type {type(value).__name__}"
                raise InvalidSeedsFile(self._place, reason) from error
            except Exception as error:
                reason = f"{self._table}.{name} cannot hold {value!r}: {type(error).__name__}: {error}"
                raise InvalidSeedsFile(self._place, reason) from error

        return guarded


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


def chunks(rows: range, size: int = CHUNK) -> Sequence[range]:
    """A range cut into ranges that are made one after another."""
    return [range(start, min(start + size, rows.stop)) for start in range(rows.start, rows.stop, size)]
