"""UUIDs that are the same in every run."""

import numpy as np

from seedbed.postgres.quoting import compile_expression
from seedbed.seeding.core.batch import Batch, Uuids
from seedbed.seeding.core.random_stream import Words
from seedbed.seeding.core.time_units import DAY, microseconds
from seedbed.seeding.generators.column_generator import ColumnGenerator, ColumnRequest


def generate_uuids(request: ColumnRequest) -> ColumnGenerator:
    """UUIDs of version 4, and of version 7 where the model makes such: the same in every run."""
    default = request.column.default
    maker = getattr(getattr(default, "arg", None), "__name__", "")
    server = compile_expression(getattr(request.column.server_default, "arg", ""))
    if "7" in maker or "uuidv7" in server or "7" in _factory(request):
        return _ordered_uuids(request)
    high, low = request.stream.substream("high"), request.stream.substream("low")

    def make(rows: range) -> Batch:
        first, second = high.words(rows), low.words(rows)
        return _uuids(first & ~np.uint64(0xF000) | np.uint64(0x4000), second)

    return ColumnGenerator(request.name, "a random UUID", make)


def _ordered_uuids(request: ColumnRequest) -> ColumnGenerator:
    """Version 7 (RFC 9562): milliseconds first, one later for each row, and none after `as_of`."""
    table, stream = request.table, request.stream
    end, span = microseconds(table.as_of) // 1000, 730 * DAY // 1000
    low, high = stream.substream("low"), stream.substream("high")

    def make(rows: range) -> Batch:
        numbers = np.arange(rows.start, rows.stop, dtype=np.int64)
        each = max(1, span // max(table.count, 1))
        moments = (end - span + numbers * each).astype(np.uint64)
        chance = high.words(rows) & np.uint64(0x0FFF)
        return _uuids(moments << np.uint64(16) | np.uint64(0x7000) | chance, low.words(rows))

    return ColumnGenerator(request.name, "a UUID of version 7", make)


def _uuids(first: Words, second: Words) -> Uuids:
    variant = second & np.uint64(0x3FFF_FFFF_FFFF_FFFF) | np.uint64(0x8000_0000_0000_0000)
    words = np.stack([first, variant], axis=1).astype(">u8")
    return Uuids(None, np.ascontiguousarray(words).view(np.uint8).reshape(len(first), 16))


def _factory(request: ColumnRequest) -> str:
    model = request.table.model
    field = getattr(model, "model_fields", {}).get(request.name)
    return getattr(getattr(field, "default_factory", None), "__name__", "") if field is not None else ""
