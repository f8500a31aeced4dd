"""A column's values of some rows as pieces of bytes, each with its length before it; vectors where they are numbers."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seedbed.seeding.core.batch import Batch, Bools, Coded, Joined, Numbers, Things, Uuids
from seedbed.seeding.core.binary_values import EPOCH_MICROSECONDS, GROUP
from seedbed.seeding.core.column_types import MOMENTS, ColumnType
from seedbed.seeding.core.random_stream import Ints
from seedbed.seeding.encoding import binary

_UNIX_DAYS = 10_957
"""From 1970 to 2000, where PostgreSQL's dates begin."""
_PLAIN = {"int2": ">i2", "int4": ">i4", "int8": ">i8", "float4": ">f4", "float8": ">f8"}
_MOST_GROUPS = 6
_MOST_DECIMALS = 16
"""Those of four whole groups: the digits after the point are shifted to fill their last group, in 64 bits."""


@dataclass(frozen=True, eq=False)
class Encoding:
    """How a column is encoded: `key` tells one way from another, `one` writes a single value without its length."""

    key: str
    kind: ColumnType
    one: Callable[[Any], bytes]


Piece = npt.NDArray[Any]
"""For each row a few bytes: all of one width, as a type that has just these, or each its own, as objects. What is the
same in all rows has no dimension.
"""


def pieces(batch: Batch, encoding: Encoding) -> list[Piece]:
    """A column's bytes; rows are joined from the pieces of all columns."""
    match batch:
        case Numbers() if not _is_wide(batch.data, encoding.kind):
            return _with_width(_numbers(batch.data, encoding.kind), batch.nulls)
        case Uuids():
            return _with_width(_whole(batch.data), batch.nulls)
        case Coded():
            key = f"{encoding.key} alone"
            return [batch.pool.encoded(key, _prefixed(encoding), batch.codes, batch.nulls, binary.NULL)[0]]
        case Joined() if encoding.kind.is_text:
            return _joined(batch, encoding)
    there = (value for value in batch.tolist() if value is not None) if batch.nulls is not None else batch.values()
    return [_missing([binary.with_length(encoding.one(value)) for value in there], batch.nulls)]


def things(piece: Piece) -> list[bytes]:
    """A piece row by row."""
    return list((piece if piece.dtype == object else piece.view(f"V{piece.dtype.itemsize}")).tolist())


def side_by_side(found: Sequence[Piece], rows: int) -> Piece:
    """Pieces of one width each as one."""
    made = np.empty(rows, dtype=[(str(place), piece.dtype) for place, piece in enumerate(found)])
    for place, piece in enumerate(found):
        made[str(place)] = piece
    return made


def _with_width(payload: Piece, nulls: Bools | None) -> list[Piece]:
    width = np.array(payload.dtype.itemsize, dtype=">i4")
    if nulls is None:
        return [width, payload]
    there = payload[~nulls]
    return [_missing(things(side_by_side([width, there], len(there))), nulls)]


def _missing(there: list[bytes], nulls: Bools | None) -> Things:
    """The rows that are there, and NULL where it belongs."""
    if nulls is None:
        nulls = np.zeros(len(there), dtype=np.bool_)
    made = np.empty(len(nulls), dtype=object)
    made[nulls] = binary.NULL
    made[~nulls] = there
    return made


def _numbers(data: npt.NDArray[Any], kind: ColumnType) -> Piece:
    if kind.name in _PLAIN:
        return data.astype(_PLAIN[kind.name])
    if kind.name == "bool":
        return data.astype(np.uint8)
    if kind.name == "date":
        return (data - _UNIX_DAYS).astype(">i4")
    if kind.name in MOMENTS:
        return (data - EPOCH_MICROSECONDS).astype(">i8")
    if kind.name == "time":
        return data.astype(">i8")
    if kind.name == "interval":
        return side_by_side([data.astype(">i8"), np.array(0, dtype=">i8")], len(data))
    return _numerics(data, kind)


def _numerics(data: Ints, kind: ColumnType) -> Piece:
    """As many groups of digits for every row as the type may need: the server takes leading zeros off itself."""
    scale = kind.decimals
    after = -(-scale // GROUP)
    before = _MOST_GROUPS - after if kind.size is None else max(1, -(-(kind.size - scale) // GROUP))
    before = min(before, 5)
    made = np.zeros((len(data), 4 + before + after), dtype=">i2")
    made[:, 0], made[:, 1], made[:, 3] = before + after, before - 1, scale
    made[:, 2] = np.where(data < 0, 0x4000, 0)
    left = np.abs(data)
    fraction, whole = left % 10**scale * 10 ** (after * GROUP - scale), left // 10**scale
    for places, number in ((range(after), fraction), (range(before), whole)):
        start = 3 + before + after if number is fraction else 3 + before
        for place in places:
            made[:, start - place] = number // 10 ** (GROUP * place) % 10**GROUP
    return _whole(made)


def _is_wide(data: npt.NDArray[Any], kind: ColumnType) -> bool:
    """Whether a numeric has more digits than are worked out side by side."""
    return data.dtype == object or (kind.name == "numeric" and kind.decimals > _MOST_DECIMALS)


def _whole(table: npt.NDArray[Any]) -> Piece:
    """Each row of a table as one thing."""
    rows, columns = table.shape
    return np.ascontiguousarray(table).view(f"V{columns * table.dtype.itemsize}").reshape(rows)


def _prefixed(encoding: Encoding) -> Callable[[Any], bytes]:
    return lambda entry: binary.with_length(encoding.one(entry))


def _joined(batch: Joined, encoding: Encoding) -> list[Piece]:
    """A length and then the parts; a word goes with the entry before it, so that there are fewer pieces to join."""
    lengths = np.zeros(len(batch), dtype=np.int64)
    found: list[Piece] = []
    parts = list(batch.parts)
    while parts:
        part = parts.pop(0)
        if isinstance(part, Coded):
            after = parts.pop(0) if parts and isinstance(parts[0], str) else ""
            key, encode = f"{encoding.key} then {after}", _followed(encoding, str(after))
            encoded, sizes = part.pool.encoded(key, encode, part.codes, batch.nulls, b"")
        elif isinstance(part, str):
            encoded, sizes = _repeated(part.encode(), batch)
        else:
            encoded, sizes = _digits(part, batch)
        lengths += sizes
        found.append(encoded)
    if batch.nulls is not None:
        lengths[batch.nulls] = -1
    return [lengths.astype(">i4"), *found]


def _followed(encoding: Encoding, after: str) -> Callable[[Any], bytes]:
    return lambda entry: encoding.one(entry) + after.encode()


def _repeated(word: bytes, batch: Joined) -> tuple[Things, Ints]:
    made = np.empty(len(batch), dtype=object)
    made[:] = word
    sizes = np.full(len(batch), len(word), dtype=np.int64)
    if batch.nulls is not None:
        made[batch.nulls], sizes[batch.nulls] = b"", 0
    return made, sizes


def _digits(numbers: Ints, batch: Joined) -> tuple[Things, Ints]:
    made, sizes = _repeated(b"", batch)
    there = numbers >= 0 if batch.nulls is None else (numbers >= 0) & ~batch.nulls
    for row in np.flatnonzero(there).tolist():
        made[row] = digits = str(numbers[row]).encode()
        sizes[row] = len(digits)
    return made, sizes
