"""Binary encoding of whole columns, vectorized with NumPy where possible."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from seedbed.seeding.core.binary_values import EPOCH_MICROSECONDS, GROUP
from seedbed.seeding.core.column_batch import Batch, Bools, Coded, Joined, Numbers, Things, Uuids
from seedbed.seeding.core.postgres_types import MOMENTS, ColumnType
from seedbed.seeding.core.random_stream import Ints
from seedbed.seeding.encoding.values import BINARY_NULL, add_length_prefix

_UNIX_DAYS = 10_957
"""Days from 1970 to 2000, the epoch of PostgreSQL's dates."""
_NUMPY_TYPES = {"int2": ">i2", "int4": ">i4", "int8": ">i8", "float4": ">f4", "float8": ">f8"}
_MAX_GROUPS = 6
_MAX_DECIMALS = 16
"""Four whole groups of decimals: shifting the fraction to fill its last group must not overflow 64 bits."""


@dataclass(frozen=True, eq=False)
class ColumnEncoding:
    """How to encode a column: `key` identifies it in caches, `encode_value` omits the length prefix."""

    key: str
    kind: ColumnType
    encode_value: Callable[[Any], bytes]


ByteColumn = npt.NDArray[Any]
"""Bytes for each row: a fixed-width dtype, or objects if the widths differ.

An array without dimensions holds the same bytes for every row.
"""


def encode_column(batch: Batch, encoding: ColumnEncoding) -> list[ByteColumn]:
    """Encode a column with length prefixes, as byte columns to be joined row by row."""
    match batch:
        case Numbers() if not _needs_big_numeric(batch.data, encoding.kind):
            return _add_length_prefixes(_encode_numbers(batch.data, encoding.kind), batch.nulls)
        case Uuids():
            return _add_length_prefixes(_view_rows_as_bytes(batch.data), batch.nulls)
        case Coded():
            key = f"{encoding.key} alone"
            return [batch.pool.encoded(key, _prefix_length(encoding), batch.codes, batch.nulls, BINARY_NULL)[0]]
        case Joined() if encoding.kind.is_text:
            return _encode_joined(batch, encoding)
    values = (value for value in batch.tolist() if value is not None) if batch.nulls is not None else batch.values()
    return [_insert_nulls([add_length_prefix(encoding.encode_value(value)) for value in values], batch.nulls)]


def list_rows(column: ByteColumn) -> list[bytes]:
    """List the bytes of each row."""
    return list((column if column.dtype == object else column.view(f"V{column.dtype.itemsize}")).tolist())


def combine_columns(columns: Sequence[ByteColumn], rows: int) -> ByteColumn:
    """Combine fixed-width columns into one."""
    combined = np.empty(rows, dtype=[(str(position), column.dtype) for position, column in enumerate(columns)])
    for position, column in enumerate(columns):
        combined[str(position)] = column
    return combined


def _add_length_prefixes(payload: ByteColumn, nulls: Bools | None) -> list[ByteColumn]:
    width = np.array(payload.dtype.itemsize, dtype=">i4")
    if nulls is None:
        return [width, payload]
    present = payload[~nulls]
    return [_insert_nulls(list_rows(combine_columns([width, present], len(present))), nulls)]


def _insert_nulls(present: list[bytes], nulls: Bools | None) -> Things:
    """Put NULL between the encoded rows that are not NULL."""
    if nulls is None:
        nulls = np.zeros(len(present), dtype=np.bool_)
    rows = np.empty(len(nulls), dtype=object)
    rows[nulls] = BINARY_NULL
    rows[~nulls] = present
    return rows


def _encode_numbers(data: npt.NDArray[Any], kind: ColumnType) -> ByteColumn:
    if kind.name in _NUMPY_TYPES:
        return data.astype(_NUMPY_TYPES[kind.name])
    if kind.name == "bool":
        return data.astype(np.uint8)
    if kind.name == "date":
        return (data - _UNIX_DAYS).astype(">i4")
    if kind.name in MOMENTS:
        return (data - EPOCH_MICROSECONDS).astype(">i8")
    if kind.name == "time":
        return data.astype(">i8")
    if kind.name == "interval":
        return combine_columns([data.astype(">i8"), np.array(0, dtype=">i8")], len(data))
    return _encode_numerics(data, kind)


def _encode_numerics(data: Ints, kind: ColumnType) -> ByteColumn:
    """Encode numerics with the most groups of digits that the type allows; the server strips leading zeros."""
    scale = kind.decimals
    fraction_groups = -(-scale // GROUP)
    whole_groups = _MAX_GROUPS - fraction_groups if kind.size is None else max(1, -(-(kind.size - scale) // GROUP))
    whole_groups = min(whole_groups, 5)
    encoded = np.zeros((len(data), 4 + whole_groups + fraction_groups), dtype=">i2")
    encoded[:, 0], encoded[:, 1], encoded[:, 3] = whole_groups + fraction_groups, whole_groups - 1, scale
    encoded[:, 2] = np.where(data < 0, 0x4000, 0)
    digits = np.abs(data)
    fraction, whole = digits % 10**scale * 10 ** (fraction_groups * GROUP - scale), digits // 10**scale
    for groups, number in ((range(fraction_groups), fraction), (range(whole_groups), whole)):
        start = 3 + whole_groups + fraction_groups if number is fraction else 3 + whole_groups
        for group in groups:
            encoded[:, start - group] = number // 10 ** (GROUP * group) % 10**GROUP
    return _view_rows_as_bytes(encoded)


def _needs_big_numeric(data: npt.NDArray[Any], kind: ColumnType) -> bool:
    """Whether numbers have too many digits for vectorized encoding."""
    return data.dtype == object or (kind.name == "numeric" and kind.decimals > _MAX_DECIMALS)


def _view_rows_as_bytes(table: npt.NDArray[Any]) -> ByteColumn:
    """View each row of a two-dimensional array as bytes."""
    rows, columns = table.shape
    return np.ascontiguousarray(table).view(f"V{columns * table.dtype.itemsize}").reshape(rows)


def _prefix_length(encoding: ColumnEncoding) -> Callable[[Any], bytes]:
    return lambda value: add_length_prefix(encoding.encode_value(value))


def _encode_joined(batch: Joined, encoding: ColumnEncoding) -> list[ByteColumn]:
    """Encode texts from their parts. A constant text is merged into the pool entry before it, which saves a column."""
    lengths = np.zeros(len(batch), dtype=np.int64)
    columns: list[ByteColumn] = []
    parts = list(batch.parts)
    while parts:
        part = parts.pop(0)
        if isinstance(part, Coded):
            suffix = parts.pop(0) if parts and isinstance(parts[0], str) else ""
            key, encode = f"{encoding.key} then {suffix}", _append_suffix(encoding, str(suffix))
            encoded, sizes = part.pool.encoded(key, encode, part.codes, batch.nulls, b"")
        elif isinstance(part, str):
            encoded, sizes = _repeat_bytes(part.encode(), batch)
        else:
            encoded, sizes = _encode_digits(part, batch)
        lengths += sizes
        columns.append(encoded)
    if batch.nulls is not None:
        lengths[batch.nulls] = -1
    return [lengths.astype(">i4"), *columns]


def _append_suffix(encoding: ColumnEncoding, suffix: str) -> Callable[[Any], bytes]:
    return lambda value: encoding.encode_value(value) + suffix.encode()


def _repeat_bytes(value: bytes, batch: Joined) -> tuple[Things, Ints]:
    repeated = np.empty(len(batch), dtype=object)
    repeated[:] = value
    sizes = np.full(len(batch), len(value), dtype=np.int64)
    if batch.nulls is not None:
        repeated[batch.nulls], sizes[batch.nulls] = b"", 0
    return repeated, sizes


def _encode_digits(numbers: Ints, batch: Joined) -> tuple[Things, Ints]:
    encoded, sizes = _repeat_bytes(b"", batch)
    is_present = numbers >= 0 if batch.nulls is None else (numbers >= 0) & ~batch.nulls
    for row in np.flatnonzero(is_present).tolist():
        encoded[row] = digits = str(numbers[row]).encode()
        sizes[row] = len(digits)
    return encoded, sizes
