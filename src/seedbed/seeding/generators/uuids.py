"""UUIDs that are the same in every run."""

import numpy as np

from seedbed.postgres.quoting import compile_expression
from seedbed.seeding.core.batch import Batch, Uuids
from seedbed.seeding.core.number_codec import DAY, microseconds
from seedbed.seeding.core.random_stream import Words
from seedbed.seeding.generators.column_generator import Filling, Wish


def uuids(wish: Wish) -> Filling:
    """UUIDs of version 4, and of version 7 where the model makes such: the same in every run."""
    default = wish.column.default
    maker = getattr(getattr(default, "arg", None), "__name__", "")
    server = compile_expression(getattr(wish.column.server_default, "arg", ""))
    if "7" in maker or "uuidv7" in server or "7" in _factory(wish):
        return _ordered_uuids(wish)
    high, low = wish.stream.part("high"), wish.stream.part("low")

    def make(rows: range) -> Batch:
        first, second = high.words(rows), low.words(rows)
        return _uuids(first & ~np.uint64(0xF000) | np.uint64(0x4000), second)

    return Filling(wish.name, "a random UUID", make)


def _ordered_uuids(wish: Wish) -> Filling:
    """Version 7 (RFC 9562): milliseconds first, one later for each row, and none after `as_of`."""
    table, stream = wish.table, wish.stream
    end, span = microseconds(table.as_of) // 1000, 730 * DAY // 1000
    low, high = stream.part("low"), stream.part("high")

    def make(rows: range) -> Batch:
        numbers = np.arange(rows.start, rows.stop, dtype=np.int64)
        each = max(1, span // max(table.count, 1))
        moments = (end - span + numbers * each).astype(np.uint64)
        chance = high.words(rows) & np.uint64(0x0FFF)
        return _uuids(moments << np.uint64(16) | np.uint64(0x7000) | chance, low.words(rows))

    return Filling(wish.name, "a UUID of version 7", make)


def _uuids(first: Words, second: Words) -> Uuids:
    variant = second & np.uint64(0x3FFF_FFFF_FFFF_FFFF) | np.uint64(0x8000_0000_0000_0000)
    words = np.stack([first, variant], axis=1).astype(">u8")
    return Uuids(None, np.ascontiguousarray(words).view(np.uint8).reshape(len(first), 16))


def _factory(wish: Wish) -> str:
    model = wish.table.model
    field = getattr(model, "model_fields", {}).get(wish.name)
    return getattr(getattr(field, "default_factory", None), "__name__", "") if field is not None else ""
